"""Kernels that carry detail, run as plain Python, which checks every index."""

from typing import Any

import numpy as np
import pytest

from mien.swap.stages.enhance.detail import KNOT, add_detail, drift, follow_detail
from mien.types import Array

_SIDE = 12
_SIZES = [1, 2, KNOT - 1, KNOT, KNOT + 1, 2 * KNOT, 2 * KNOT + 1]


def _python(kernel: Any) -> Any:
    return kernel.py_func


def _nowhere() -> Array:
    points = np.zeros((478, 2), np.float32)
    return drift(points, points, 1.0)


@pytest.mark.parametrize("width", _SIZES)
def test_detail_is_added_to_a_crop_of_every_width(width: int) -> None:
    detail = np.full((_SIDE, _SIDE, 3), 10 * 64, np.int16)
    to_square = np.array([[0.8 / width, 0, 0.1], [0, 0.8 / width, 0.1]], np.float32)
    shown = []
    for run in (add_detail, _python(add_detail)):
        crop = np.full((2, width, 3), 100, np.uint8)
        run(crop, np.full((2, width), 255, np.uint8), detail, _nowhere(), to_square, 1.0)
        shown.append(crop)
    assert (shown[0] == 110).all()
    assert (shown[1] == 110).all()


@pytest.mark.parametrize("side", _SIZES)
def test_shown_detail_fades_over_to_detail_of_every_side(side: int) -> None:
    shown, fresh = np.full((_SIDE, _SIDE, 3), 64, np.int16), np.full((side, side, 3), 192, np.int16)
    for run in (follow_detail, _python(follow_detail)):
        out = np.zeros_like(fresh)
        run(shown, _nowhere(), 0.5, fresh, out)
        assert (out == 128).all()
