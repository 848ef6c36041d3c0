"""The inside of an outline leaves a mask, with a soft edge."""

import numpy as np

from mien.imaging.cut_out import cut_out

_SQUARE = np.array([[20, 20], [60, 20], [60, 60], [20, 60]], np.float32)


def test_inside_goes_outside_stays_and_the_edge_lies_where_it_was_grown_to() -> None:
    mask = np.full((80, 90), 200, np.uint8)
    cut_out(mask, _SQUARE, 5.0, 2.0)
    assert mask[40, 40] == 0
    assert (mask[:5] == 200).all()
    assert (mask[:, 75:] == 200).all()
    assert 60 < mask[40, 65] < 140


def test_an_outline_beside_the_mask_changes_nothing() -> None:
    mask = np.full((40, 40), 255, np.uint8)
    cut_out(mask, _SQUARE + np.float32(500), 5.0, 2.0)
    cut_out(mask, _SQUARE - np.float32(500), 5.0, 2.0)
    assert (mask == 255).all()
