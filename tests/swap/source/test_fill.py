"""Filling of holes in a texture."""

import cv2
import numpy as np
import pytest

from mien.swap.source.fill import HOLE_SIDE, filled
from mien.types import Floats, Image

_WELL = np.ones((128, 128), np.float32)


def _skin(side: int) -> Image:
    """A smooth texture that grows brighter to the right, with a little noise."""
    noise = np.random.default_rng(2).normal(0, 2, (side, side, 1))
    ramp = np.linspace(100, 140, side)[None, :, None] * np.array([0.8, 0.9, 1.1])
    return np.asarray(np.clip(ramp + noise, 0, 255), np.uint8)


def _line() -> Floats:
    holes = np.zeros((HOLE_SIDE, HOLE_SIDE), np.float32)
    cv2.line(holes, (60, 120), (200, 140), 1.0, 9)
    return holes


@pytest.mark.parametrize("side", [128, 256, 640])
def test_a_line_is_filled_with_the_colours_beside_it(side: int) -> None:
    clean, holes = _skin(side), _line()
    share = cv2.resize(holes, (side, side), interpolation=cv2.INTER_LINEAR)
    drawn = clean.copy()
    drawn[share > 0.9] = (10, 10, 10)
    found = filled(drawn, holes, _WELL)
    sure = share == 1
    apart = np.abs(found.astype(int) - clean.astype(int))[sure]
    assert float(apart.mean()) < 4
    assert float(apart.max()) < 20
    assert np.array_equal(found[share == 0], drawn[share == 0])


def test_what_is_filled_has_grain_as_around_it() -> None:
    clean, holes = _skin(256), _line()
    found = filled(clean, holes, _WELL)

    def fine(picture: Image) -> float:
        grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32)
        return float(np.median(np.abs(grey - cv2.GaussianBlur(grey, (0, 0), 1.5))[holes == 1]))

    assert 0.5 * fine(clean) < fine(found) < 1.5 * fine(clean)


def test_colours_come_from_where_the_photo_shows_the_face_well() -> None:
    picture, holes = _skin(256), np.zeros((HOLE_SIDE, HOLE_SIDE), np.float32)
    picture[:, :128] = (255, 0, 0)
    holes[100:150, 122:140] = 1
    well = _WELL.copy()
    well[:, :64] = 0
    found = filled(picture, holes, well)
    assert float(found[105:145, 130:138, 0].mean()) < 130


def test_without_holes_the_texture_is_handed_on() -> None:
    picture = _skin(128)
    assert filled(picture, np.zeros((HOLE_SIDE, HOLE_SIDE), np.float32), _WELL) is picture
