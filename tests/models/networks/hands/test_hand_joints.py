"""The network of a hand's joints: its turned square, and the way back to the picture."""

import numpy as np
import pytest

from mien.errors import ModelMismatch
from mien.models.format.ports import Shape
from mien.models.networks.hands.hand_joints import SIDE, HandJoints
from mien.models.networks.hands.palms import Palm
from mien.testing import FakeSession
from mien.types import Array, Floats, Hand, Image
from tests.support.parser_props import pose

INPUTS: dict[str, Shape] = {"image": (1, SIDE, SIDE, 3)}
MIDDLE = (SIDE / 2, SIDE / 2, 0.0)
"""The middle of the network's square, counted from the corner of its first pixel."""


def _answers(points: Floats, score: float = 0.9) -> dict[str, Array]:
    return {"points": points.reshape(1, 63).astype(np.float32), "score": np.array([[score]], np.float32)}


def _everywhere(spot: tuple[float, float, float]) -> Floats:
    return np.tile(np.array(spot, np.float32), (21, 1))


def _palm(angle: float = 0.0) -> Palm:
    """Return a palm with a box of 40 pixels around (100, 120) whose fingers point up, turned clockwise by `angle`."""
    turn = np.radians(angle)
    points = np.zeros((7, 2), np.float32)
    points[2] = 30 * np.sin(turn), -30 * np.cos(turn)
    return Palm(0.9, (80.0, 100.0, 120.0, 140.0), points + np.array([100, 130], np.float32))


def _fit(points: Floats, around: Palm | Hand, score: float = 0.9) -> Hand:
    image = np.zeros((240, 240, 3), np.uint8)
    return HandJoints(FakeSession(INPUTS, _answers(points, score))).fit(image, around)


@pytest.mark.parametrize(
    ("angle", "middle"), [(0.0, (100.0, 100.0)), (90.0, (120.0, 120.0)), (180.0, (100.0, 140.0)), (-90.0, (80.0, 120.0))]
)
def test_the_square_of_a_palm_is_moved_towards_the_fingers(angle: float, middle: tuple[float, float]) -> None:
    hand = _fit(_everywhere(MIDDLE), _palm(angle))
    assert hand.points[:, :2] == pytest.approx(np.tile(middle, (21, 1)), abs=1e-3)


@pytest.mark.parametrize(("angle", "up"), [(0.0, (0.0, -1.0)), (90.0, (1.0, 0.0)), (180.0, (0.0, 1.0))])
def test_joints_turn_back_with_the_square(angle: float, up: tuple[float, float]) -> None:
    points = _everywhere(MIDDLE)
    points[12] += (0, -56, 28)
    hand = _fit(points, _palm(angle))
    # 2.6 boxes of 40 pixels fill the square of 224.
    assert hand.points[12, :2] - hand.points[0, :2] == pytest.approx(np.array(up) * 26, abs=1e-2)
    assert hand.points[12, 2] == pytest.approx(13, abs=1e-2)


def test_the_network_sees_the_fingers_above_and_rgb() -> None:
    image: Image = np.zeros((240, 240, 3), np.uint8)
    image[:, 130:] = (250, 0, 0)
    session = FakeSession(INPUTS, _answers(_everywhere(MIDDLE)))
    HandJoints(session).fit(image, _palm(90.0))
    seen = session.calls[0]["image"][0]
    assert seen[: SIDE // 3, SIDE // 2] == pytest.approx(np.tile((0, 0, 250 / 255), (SIDE // 3, 1)), abs=0.01)
    assert not seen[-SIDE // 4 :, SIDE // 2].any()


def test_a_hand_is_found_again_where_it_was() -> None:
    """The square around known joints depends on the joints alone, in whatever direction they point."""
    before = Hand(pose((120.0, 170.0), 50.0), 0.9)
    upright = _fit(_everywhere(MIDDLE), before).points[0, :2]
    assert before.points[0, 1] > upright[1] > before.points[12, 1], "the middle lies between wrist and fingertips"
    flipped = Hand((before.points * (-1, -1, 1) + (240, 240, 0)).astype(np.float32), 0.9)
    assert _fit(_everywhere(MIDDLE), flipped).points[0, :2] == pytest.approx(240 - upright, abs=0.1)


def test_the_presence_is_the_networks() -> None:
    assert _fit(_everywhere(MIDDLE), _palm(), score=0.25).presence == pytest.approx(0.25)


def test_joints_in_one_spot_are_no_reason_to_fail() -> None:
    spot = Hand(_everywhere((60.0, 60.0, 0.0)), 0.9)
    assert np.isfinite(_fit(_everywhere(MIDDLE), spot).points).all()


@pytest.mark.parametrize(
    ("inputs", "answers", "message"),
    [
        ({"image": (1, 256, 256, 3)}, _answers(_everywhere(MIDDLE)), "256 x 256"),
        (INPUTS, {"points": np.zeros((1, 42), np.float32), "score": np.zeros((1, 1), np.float32)}, "1 x 42"),
        (INPUTS, {"points": np.zeros((1, 63), np.float32)}, "no output 'score'"),
    ],
)
def test_another_network_is_refused(inputs: dict[str, Shape], answers: dict[str, Array], message: str) -> None:
    with pytest.raises(ModelMismatch, match=message):
        HandJoints(FakeSession(inputs, answers))
