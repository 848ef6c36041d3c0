"""A line kept before a crop: whole where it stands out, nothing of the skin beside it."""

import numpy as np
import pytest

from mien.imaging.line_matte import Strip, lay_line
from mien.types import Image, Mask

_SIDE, _SKIN, _NEW = 40, 150, 90


def _laid(line: int, *, sure: float = 0.0, band: float = 1.0) -> tuple[Image, Mask]:
    """Lay an upright line of two pixels and a faint shadow beside it before a darker crop."""
    target = np.full((_SIDE, _SIDE, 3), _SKIN, np.uint8)
    target[:, 20:22] = line
    crop, mask = np.full_like(target, _NEW), np.full((_SIDE, _SIDE), 255, np.uint8)
    # x runs down the picture, y to the right of column 20.5.
    strip = Strip(np.array([[0, 1 / (_SIDE - 1), 0], [1, 0, -20.5]]), False, -10.0, 1.0)
    rows = np.full((4, 8), 10, np.float32)
    rows[1], rows[2], rows[3] = sure, band, 0
    profile = np.ascontiguousarray(target[:8, 13:29])[:, :15]
    lay_line(target, crop, mask, strip, rows, (1.0, 3.0, 6.0), profile)
    return crop, mask


def test_dark_and_pale_lines_stay_and_skin_does_not() -> None:
    for line in (20, 230):
        crop, mask = _laid(line)
        assert mask[:, 20:22].max() < 40
        assert mask[:, :16].min() == mask[:, 27:].min() == 255
        assert (crop[:, :16] == _NEW).all()


def test_a_line_that_looks_like_skin_stays_only_where_it_is_sure() -> None:
    assert _laid(_SKIN)[1].min() == 255
    assert _laid(_SKIN, sure=1.0)[1][:, 20:22].max() == 0
    assert _laid(20, band=0.0)[1].min() == 255


def test_what_is_not_wholly_of_the_line_shades_the_new_face() -> None:
    crop, mask = _laid(_SKIN - 12)
    assert mask[20, 20] > 60
    assert _NEW - 14 < crop[20, 20, 0] < _NEW - 3


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("seen", [100, 255])
def test_black_outside_of_a_closed_line_is_a_thick_rim(seen: int, kept: bool) -> None:
    """The line lies on the inner edge of a black ring of five pixels, and stands out from nothing."""
    y, x = np.mgrid[:60, :60] - np.float32(30)
    away = np.sqrt(x**2 + y**2)
    target = np.where(((away > 16) & (away < 21))[:, :, None], np.uint8(20), np.uint8(_SKIN)) * np.ones(3, np.uint8)
    crop, mask = np.full_like(target, 140), np.full((60, 60), seen, np.uint8)
    strip = Strip(np.array([[1.0, 0, -30], [0, 1.0, -30]]), True, 0.0, 1.0)
    given = np.stack([np.full(48, value, np.float32) for value in (15, 0, 0, kept)])
    lay_line(target, crop, mask, strip, given, (1.0, 1.0, 8.0), np.full((48, 21, 3), _SKIN, np.uint8))
    ring = (away > 17) & (away < 20)
    assert bool(mask[ring].max() == 0) is kept
    assert (mask[away > 23] == seen).all()
    assert (mask[away < 12] == seen).all()
