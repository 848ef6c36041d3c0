"""The guided filter."""

import numpy as np

from mien.imaging.guided_filter import refined


def test_a_rough_mask_moves_to_the_edge() -> None:
    guide = np.full((80, 100, 3), (120, 150, 200), np.uint8)
    guide[:, 50:] = (60, 60, 60)
    rough = np.zeros((80, 100), np.uint8)
    rough[10:70, 46:95] = 255
    found = refined(rough, guide, 6, 2)
    assert (found[20:60, 52:90] > 200).all()
    assert (found[20:60, :48] < 80).all()
