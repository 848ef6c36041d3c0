"""The canvas: portraits in place, right and left when mirrored, and layers that keep the truth whole."""

from dataclasses import replace

import numpy as np
import pytest

from mien.lab.training.parser.canvas import Canvas, before, canvas_of
from mien.lab.training.parser.portraits import CANVAS
from mien.models.format.parsing import SIDE, FaceClass
from tests.support.parser_props import sitters

RIGHT_CHEEK, LEFT_CHEEK, RIGHT_EYE, LEFT_EYE = 50, 280, 33, 263
GREEN = np.array([0, 255, 0], np.uint8)


def _canvas(seed: int) -> Canvas:
    return canvas_of(sitters()[0], np.random.default_rng(seed))


def test_a_mirrored_canvas_keeps_right_and_left() -> None:
    given = sitters()[0]
    image = given.image.copy()
    x, y = given.points[RIGHT_CHEEK, :2].round().astype(int)
    image[y - 4 : y + 5, x - 4 : x + 5] = GREEN
    marked = replace(given, image=image)
    sides = set()
    for seed in range(6):
        made = canvas_of(marked, np.random.default_rng(seed))
        assert made.points[RIGHT_EYE, 0] < made.points[LEFT_EYE, 0]
        spots = made.points[[RIGHT_CHEEK, LEFT_CHEEK], :2].round().astype(int)
        greens = [float(np.abs(made.image[y, x] - GREEN).max()) for x, y in spots]
        assert min(greens) < 60 < max(greens)
        sides.add(int(np.argmin(greens)))
        right, left = (made.normals[y, x, 0] for x, y in spots)
        assert right < 0 < left
        eye = (made.points[[33, 133], :2].mean(0) * SIDE / CANVAS).astype(int)
        assert made.truth[eye[1], eye[0], FaceClass.EYE] > 0.9
    assert sides == {0, 1}, "mirrored and not"


def test_the_truth_of_known_pixels_sums_to_one() -> None:
    made = _canvas(1)
    assert made.truth.sum(axis=2)[made.judged > 0.999] == pytest.approx(1, abs=1e-5)
    assert made.truth.sum(axis=2).max() < 1 + 1e-5


def test_a_layer_takes_what_it_covers_from_the_other_classes() -> None:
    made = _canvas(2)
    alpha = np.zeros((CANVAS, CANVAS), np.float32)
    alpha[40:90, 40:64], alpha[40:90, 64:90] = 1.0, 0.5
    made.lay(FaceClass.THING, alpha, np.full((CANVAS, CANVAS, 3), 250, np.uint8))
    whole, half = made.truth[40, 38], made.truth[40, 56]
    assert whole[FaceClass.THING] == pytest.approx(1)
    assert half[FaceClass.THING] == pytest.approx(0.5)
    assert whole.sum() == pytest.approx(1)
    assert half.sum() == pytest.approx(1)
    assert made.image[60, 50] == pytest.approx(250)


def test_paint_leaves_the_truth_alone() -> None:
    made = _canvas(3)
    truth = made.truth.copy()
    made.paint(np.ones((CANVAS, CANVAS), np.float32), np.zeros(3))
    assert np.array_equal(made.truth, truth)
    assert not made.image.any()


def test_a_bare_portrait_has_no_occluder_but_hair() -> None:
    for seed in range(4):
        made = _canvas(seed)
        assert before(made.truth) == pytest.approx(made.truth[:, :, FaceClass.HAIR])
        assert (before(made.truth)[made.oval > 0.999] < 0.5).mean() > 0.9


def test_an_example_has_bytes_of_the_parsers_size() -> None:
    made = _canvas(4).example()
    assert made.kind == "bare"
    assert made.image.shape == (SIDE, SIDE, 3)
    assert made.truth.shape == (SIDE, SIDE, len(FaceClass))
    assert {each.dtype for each in (made.image, made.truth, made.known, made.judged)} == {np.dtype(np.uint8)}
