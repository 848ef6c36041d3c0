"""The finder of hands: doubtful ones are left out, and real ones are found and followed."""

from pathlib import Path

import numpy as np
import pytest

from mien.assembly.embedded_networks import open_hand_finder
from mien.contracts import HandFinder
from mien.models.library.store import Store
from mien.models.networks.hands.finder import HandNets
from mien.models.networks.hands.hand_joints import HandJoints
from mien.models.networks.hands.palms import PalmDetector
from mien.testing import FakeSession
from mien.types import Hand, Image
from tests.support.parser_props import pose
from tests.support.portraits import COLLINS, portrait
from tests.support.video_files import read_frames

BLACK: Image = np.zeros((200, 200, 3), np.uint8)


def _nets(*, palm: float = 3.0, presence: float = 0.9) -> HandNets:
    boxes, scores = np.zeros((1, 2016, 18), np.float32), np.full((1, 2016, 1), -10, np.float32)
    boxes[0, 1500, 2:4] = 40
    boxes[0, 1500, 9] = -30
    scores[0, 1500] = palm
    palms = FakeSession({"image": (1, 192, 192, 3)}, {"boxes": boxes, "scores": scores})
    answers = {"points": pose((112.0, 160.0), 60.0).reshape(1, 63), "score": np.array([[presence]], np.float32)}
    return HandNets(PalmDetector(palms), HandJoints(FakeSession({"image": (1, 224, 224, 3)}, answers)))


def test_it_keeps_the_contract() -> None:
    assert isinstance(_nets(), HandFinder)


@pytest.mark.parametrize(("palm", "presence", "count"), [(3.0, 0.9, 1), (3.0, 0.5, 1), (3.0, 0.49, 0), (-3.0, 0.9, 0)])
def test_a_doubtful_palm_or_hand_is_left_out(palm: float, presence: float, count: int) -> None:
    assert len(_nets(palm=palm, presence=presence).search(BLACK, (100.0, 100.0), 200.0)) == count


@pytest.mark.parametrize(("presence", "stays"), [(0.9, True), (0.49, False)])
def test_a_hand_is_followed_while_it_is_there(presence: float, stays: bool) -> None:
    found = _nets(presence=presence).follow(BLACK, Hand(pose((100.0, 150.0), 50.0), 0.9))
    assert (found is not None) == stays


def test_a_bare_face_has_no_hands() -> None:
    face = portrait(COLLINS)
    x, y = face.landmarks.points[:, :2].mean(0)
    high = float(np.ptp(face.landmarks.points[:, 1]))
    finder = open_hand_finder(Store())
    assert finder.search(face.image, (float(x), float(y) + 0.35 * high), 3.2 * high) == []


def test_a_real_hand_is_found_and_followed(media: Path) -> None:
    frames = read_frames(media / "clips" / "sign_no.mkv")
    finder = open_hand_finder(Store())
    found = finder.search(frames[36].image, (310.0, 160.0), 300.0)
    assert found
    again = finder.follow(frames[37].image, found[0])
    assert again is not None
    assert again.presence > 0.8
    high = float(np.ptp(found[0].points[:, 1]))
    assert np.linalg.norm(again.points - found[0].points, axis=1).mean() < 0.3 * high
