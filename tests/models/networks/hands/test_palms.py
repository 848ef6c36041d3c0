"""The palm detector: anchors, scores, merged candidates, and coordinates of the picture."""

import numpy as np
import pytest

from mien.errors import ModelMismatch
from mien.imaging import geometry
from mien.models.format.ports import Shape
from mien.models.networks.hands.palms import SIDE, Palm, PalmDetector, square_around
from mien.testing import FakeSession
from mien.types import Affine, Array, Image

INPUTS: dict[str, Shape] = {"image": (1, SIDE, SIDE, 3)}
WHOLE: Affine = np.array([[1.0, 0, 0], [0, 1, 0]])
"""A square that is the picture itself."""
COARSE = 24 * 24 * 2
"""Anchors of the fine grid, which come first: 2 a cell; the coarse grid has 6 a cell."""


def _answers(*candidates: tuple[int, float, tuple[float, ...]]) -> dict[str, Array]:
    """Return answers with candidates: the number of an anchor, a score before the sigmoid, and the row (18,) in pixels."""
    boxes, scores = np.zeros((1, 2016, 18), np.float32), np.full((1, 2016, 1), -10, np.float32)
    for anchor, score, row in candidates:
        scores[0, anchor, 0] = score
        boxes[0, anchor, : len(row)] = row
    return {"boxes": boxes, "scores": scores}


def _palms(*candidates: tuple[int, float, tuple[float, ...]], square: Affine = WHOLE) -> list[Palm]:
    return PalmDetector(FakeSession(INPUTS, _answers(*candidates))).detect(_image(), square)


def _image(side: int = SIDE) -> Image:
    return np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)


def _coarse(row: int, column: int) -> int:
    return COARSE + 6 * (12 * row + column)


def test_it_is_fed_rgb_from_0_to_1() -> None:
    session, image = FakeSession(INPUTS, _answers()), _image()
    assert PalmDetector(session).detect(image, WHOLE) == []
    assert np.abs(session.calls[0]["image"][0] - image[:, :, ::-1] / 255.0).max() < 1e-5


def test_a_candidate_lies_where_its_anchor_and_its_row_say() -> None:
    (palm,) = _palms((_coarse(3, 5), 2.0, (8.0, -4.0, 40.0, 20.0, 8.0, 6.0)))
    # The middle of cell (3, 5) of 12 x 12 cells on 192 pixels is at (88, 56); pixels count from their centres.
    assert palm.box_xyxy == pytest.approx((88 + 8 - 20 - 0.5, 56 - 4 - 10 - 0.5, 88 + 8 + 20 - 0.5, 56 - 4 + 10 - 0.5))
    assert palm.points[0] == pytest.approx((88 + 8 - 0.5, 56 + 6 - 0.5))
    assert palm.points.shape == (7, 2)
    assert palm.score == pytest.approx(1 / (1 + np.exp(-2.0)))


def test_the_fine_grid_comes_first() -> None:
    (palm,) = _palms((2 * (24 * 10 + 7), 2.0, (0.0, 0.0, 10.0, 10.0)))
    assert palm.points[0] == pytest.approx((7 * 8 + 4 - 0.5, 10 * 8 + 4 - 0.5))


@pytest.mark.parametrize(("score", "count"), [(0.29, 0), (0.31, 1)])
def test_scores_below_three_tenths_are_left_out(score: float, count: int) -> None:
    logit = float(np.log(score / (1 - score)))
    assert len(_palms((_coarse(3, 5), logit, (0.0, 0.0, 20.0, 20.0)))) == count


def test_candidates_of_one_palm_become_their_weighted_mean() -> None:
    (palm,) = _palms(
        (_coarse(3, 5), float(np.log(3)), (0.0, 0.0, 40.0, 40.0)),
        (_coarse(3, 5) + 1, 0.0, (4.0, 0.0, 40.0, 40.0)),
    )
    # Scores 0.75 and 0.5 weigh 0.6 and 0.4.
    assert palm.box_xyxy[0] == pytest.approx(88 + 0.4 * 4 - 20 - 0.5, abs=1e-3)
    assert palm.score == pytest.approx(0.75)


def test_two_palms_stay_two_and_the_best_comes_first() -> None:
    palms = _palms(
        (_coarse(3, 3), 1.0, (0.0, 0.0, 30.0, 30.0)),
        (_coarse(3, 9), 3.0, (0.0, 0.0, 30.0, 30.0)),
    )
    assert [round(palm.points[0][0]) for palm in palms] == [152, 56]
    assert palms[0].score > palms[1].score


def test_palms_are_in_pixels_of_the_picture() -> None:
    square = square_around((300.0, 200.0), 384.0)
    (palm,) = _palms((_coarse(6, 6), 2.0, (-8.0, -8.0, 20.0, 20.0)), square=square)
    # 96 of 192 pixels is the middle of the square, and a pixel of the square is two of the picture.
    assert (np.array(palm.box_xyxy).reshape(2, 2).mean(0)) == pytest.approx((300.0, 200.0), abs=1e-3)
    assert palm.box_xyxy[2] - palm.box_xyxy[0] == pytest.approx(40, abs=1e-3)


def test_a_square_is_around_its_middle() -> None:
    square = square_around((50.0, 70.0), 30.0)
    corners = geometry.apply(geometry.invert(square), np.array([[-0.5, -0.5], [SIDE - 0.5, SIDE - 0.5]]))
    assert corners == pytest.approx(np.array([[35.0, 55.0], [65.0, 85.0]]), abs=0.1)


@pytest.mark.parametrize(
    ("inputs", "answers", "message"),
    [
        ({"image": (1, 128, 128, 3)}, _answers(), "128 x 128"),
        (INPUTS, {**_answers(), "boxes": np.zeros((1, 896, 18), np.float32)}, "1 x 896 x 18"),
        (INPUTS, {"boxes": _answers()["boxes"]}, "no output 'scores'"),
    ],
)
def test_another_network_is_refused(inputs: dict[str, Shape], answers: dict[str, Array], message: str) -> None:
    with pytest.raises(ModelMismatch, match=message):
        PalmDetector(FakeSession(inputs, answers))
