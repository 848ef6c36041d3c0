"""Percentiles: the very numbers that NumPy returns."""

import numpy as np
import pytest

from mien.imaging.percentiles import percentile_of, percentiles_of


@pytest.mark.parametrize("size", [1, 2, 3, 10, 257, 4000])
@pytest.mark.parametrize("percent", [0, 1, 10, 35.0, 50, 85, 99.5, 100])
def test_one_percentile_is_numpys(size: int, percent: float) -> None:
    draw = np.random.default_rng(size)
    for _ in range(20):
        values = (200 * draw.random(size)).astype(np.float32)
        assert percentile_of(values, percent) == float(np.percentile(values, percent))


@pytest.mark.parametrize("size", [1, 2, 3, 10, 257, 4000])
def test_several_percentiles_are_numpys(size: int) -> None:
    draw = np.random.default_rng(size)
    for _ in range(20):
        values = (200 * draw.random(size)).astype(np.float32)
        assert percentiles_of(values, (1, 50, 99)) == tuple(np.percentile(values, (1, 50, 99)).tolist())


def test_a_picture_is_read_as_one_row_and_stays_as_it_is() -> None:
    picture = np.random.default_rng(0).random((40, 30)).astype(np.float32)
    before = picture.copy()
    assert percentile_of(picture[::2, ::3], 85) == float(np.percentile(picture[::2, ::3], 85))
    assert np.array_equal(picture, before)
