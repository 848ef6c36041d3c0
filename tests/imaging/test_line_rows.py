"""Rows across a line: places, bilinear samples and what is black in a picture."""

import numpy as np
import pytest

from mien.imaging.line_rows import LineRows

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
