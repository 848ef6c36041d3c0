"""Lines in strips of a picture: seen on both sides, and followed where they fade."""

import numpy as np

from mien.imaging.line_path import best_way, line_strength, sampled
from mien.types import Image

_ROWS, _COLUMNS = 40, 30


def _strip(*, dark: bool = True) -> tuple[Image, list[int]]:
    """Return a strip with a line that sways, and its column in each row."""
    strip = np.full((_ROWS, _COLUMNS, 3), 140, np.uint8)
    way = [round(14 + 6 * np.sin(2 * np.pi * row / _ROWS)) for row in range(_ROWS)]
    for row, column in enumerate(way):
        strip[row, column] = 60 if dark else 220
    return strip, way


def test_dark_and_pale_lines_are_strong_and_edges_are_not() -> None:
    for dark in (True, False):
        strip, way = _strip(dark=dark)
        strength = line_strength(strip, (2, 4), (1.0, 0.6))
        assert all(strength[row, column] > 70 for row, column in enumerate(way))
    edge = np.full((_ROWS, _COLUMNS, 3), 140, np.uint8)
    edge[:, 15:] = 20
    assert line_strength(edge, (2, 4), (1.0, 0.6)).max() == 0


def test_the_best_way_goes_on_where_a_line_is_hidden() -> None:
    strip, way = _strip()
    strip[12:16] = 140
    strength = line_strength(strip, (2, 4), (1.0, 0.6))
    found = best_way(strength / (strength + 20), closed=True)
    assert np.abs(found - np.array(way)).max() <= 2
    assert abs(int(found[0]) - int(found[-1])) <= 2


def test_nothing_is_sampled_beyond_the_picture() -> None:
    picture = np.full((4, 4), 200, np.uint8)
    places = np.array([[[1.5, 1.5], [-3, 1], [9, 9]]], np.float32)
    assert sampled(picture, places).tolist() == [[200, 0, 0]]
