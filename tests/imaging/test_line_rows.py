"""Rows across a line: places, bilinear samples and what is black in a picture."""

import numpy as np
import pytest

from mien.imaging.line_rows import LineRows, closed_rows
from mien.types import Array

_ROWS = LineRows(
    np.array([[2.0, 3.0], [4.0, 5.0]], np.float32),
    np.array([[1.0, 0.0], [0.0, 1.0]], np.float32),
)


def test_bounds_are_those_of_the_ends() -> None:
    assert _ROWS.bounds(np.array([1, 1], np.float32), 2.0) == (1.0, 3.0, 5.0, 8.0)


def test_moved_rows_have_the_moved_places() -> None:
    transform = np.array([[0.5, -2.0, 7.0], [2.0, 0.5, -3.0]])
    distances = np.array([[0, 1.5], [-2, 4]], np.float32)
    x, y = _ROWS.places(distances).transpose(2, 0, 1)
    wanted = np.stack([0.5 * x - 2 * y + 7, 2 * x + 0.5 * y - 3], axis=2)
    np.testing.assert_allclose(_ROWS.moved(transform).places(distances), wanted, atol=1e-5)


def test_samples_are_bilinear_and_black_beyond_the_picture() -> None:
    y, x = np.mgrid[:10, :10]
    picture = np.stack([10 * x, 10 * y, np.full_like(x, 77)], axis=2).astype(np.uint8)
    found = _ROWS.sample(picture, np.array([0.5, -1.0], np.float32), 2.0, 5)
    assert found.shape == (2, 5, 3)
    assert found[0].tolist() == [[25, 30, 77], [45, 30, 77], [65, 30, 77], [85, 30, 77], [0, 0, 0]]
    assert found[1].tolist() == [[40, 40, 77], [40, 60, 77], [40, 80, 77], [0, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize("angle", range(0, 360, 24))
def test_samples_of_a_slope_are_exact_at_any_angle(angle: int) -> None:
    turn = np.radians(angle)
    rows = LineRows(np.array([[15, 15]], np.float32), np.array([[np.cos(turn), np.sin(turn)]], np.float32))
    y, x = np.mgrid[:31, :31]
    picture = np.repeat((4 * x + 3 * y).astype(np.uint8)[:, :, None], 3, axis=2)
    found = rows.sample(picture, np.array([-10], np.float32), 1.0, 21)[0, :, 0]
    along = np.arange(-10, 11)
    wanted = 4 * (15 + along * np.cos(turn)) + 3 * (15 + along * np.sin(turn))
    np.testing.assert_allclose(found, wanted, atol=0.51)


def test_black_counts_where_the_mask_sees_it() -> None:
    target, crop, mask = np.full((10, 10, 3), 20, np.uint8), np.full((10, 10, 3), 100, np.uint8), np.zeros((10, 10), np.uint8)
    mask[3, 4:] = 255
    target[6:, 4] = 90
    share = _ROWS.black_share(target, crop, mask, np.zeros(2, np.float32), 1.0, 4, (0.4, 200.0))
    assert share.tolist() == [0.5, 0.25]


@pytest.mark.parametrize("longest_gap", [0, 1, 2, 3, 8])
def test_gaps_of_a_closed_line_are_filled_as_by_a_closing(longest_gap: int) -> None:
    shares = np.random.default_rng(longest_gap).random(60).astype(np.float32)
    shares[:3] = 0
    for turn in range(0, 60, 7):
        rolled = np.roll(shares, turn)
        wide = np.tile((rolled > 0.7).astype(np.uint8), 3)[None]
        wanted = np.array([_is_filled(wide[0], 60 + row, longest_gap) for row in range(60)])
        np.testing.assert_array_equal(closed_rows(rolled, 0.7, longest_gap) > 0, wanted)


def _is_filled(seen: Array, row: int, longest_gap: int) -> bool:
    """Return True for a row that is seen, or lies in a gap of `longest_gap` rows at most."""
    after, before = np.flatnonzero(seen[row:]), np.flatnonzero(seen[: row + 1])
    return bool(seen[row]) or int(after[0]) + row - int(before[-1]) - 1 <= longest_gap


def test_a_line_without_black_has_none() -> None:
    assert not closed_rows(np.zeros(12, np.float32), 0.3, 4).any()
