"""Kernels that carry detail, compiled and as plain Python, which raises where an index lies beyond its array."""

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from mien.swap.stages.enhance import detail
from mien.swap.stages.enhance.detail import KNOT, drift
from mien.types import Array

_SIDE = 12
_SIZES = [1, 2, KNOT - 1, KNOT, KNOT + 1, 2 * KNOT, 2 * KNOT + 1]


@pytest.fixture(params=["compiled", "python"])
def kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the module, with all its kernels as plain Python in the second case."""
    if request.param == "python":
        for name in ("_between", "_look_up", "add_detail", "follow_detail"):
            compiled: Any = getattr(detail, name)
            monkeypatch.setattr(detail, name, compiled.py_func)
    return detail


def _nowhere() -> Array:
    points = np.zeros((478, 2), np.float32)
    return drift(points, points, 1.0)


def _ramp(side: int, slope: float) -> Array:
    """Detail that rises from left to right, in 1/64 levels, with the centre of the square at 640."""
    row = 640 + slope * ((np.arange(side) + 0.5) / side - 0.5)
    return np.broadcast_to(np.rint(row)[None, :, None], (side, side, 3)).astype(np.int16)


@pytest.mark.parametrize("width", _SIZES)
def test_detail_is_added_to_a_crop_of_every_width(kernels: ModuleType, width: int) -> None:
    # Crop pixels lead to the middle 80 % of the square, from left to right.
    to_square = np.array([[0.8 / width, 0, 0.1 + 0.4 / width], [0, 0.2, 0.4]], np.float32)
    crop = np.full((2, width, 3), 100, np.uint8)
    kernels.add_detail(crop, np.full((2, width), 255, np.uint8), _ramp(_SIDE, 640), _nowhere(), to_square, 1.0)
    places = 0.1 + 0.8 * (np.arange(width) + 0.5) / width
    wanted = 110 + 10 * (places - 0.5)
    assert np.abs(crop.astype(float) - wanted[None, :, None]).max() <= 0.6


@pytest.mark.parametrize("side", _SIZES)
def test_shown_detail_fades_over_to_detail_of_every_side(kernels: ModuleType, side: int) -> None:
    fresh = np.full((side, side, 3), 192, np.int16)
    out = np.zeros_like(fresh)
    kernels.follow_detail(_ramp(_SIDE, 640), _nowhere(), 0.5, fresh, out)
    # The shown detail has no value beyond its outermost centres.
    places = np.clip((np.arange(side) + 0.5) / side, 0.5 / _SIDE, 1 - 0.5 / _SIDE)
    wanted = (192 + 640 + 640 * (places - 0.5)) / 2
    assert np.abs(out.astype(float) - wanted[None, :, None]).max() <= 1.1
