"""Print of a frame: the same for the same picture, another one for another."""

import numpy as np

from mien.swap.hiding.frame_print import print_of


def test_the_same_picture_has_the_same_print_and_another_one_has_not() -> None:
    image = np.random.default_rng(3).integers(0, 256, (45, 70, 3)).astype(np.uint8)
    wide = np.zeros((45, 140, 3), np.uint8)
    wide[:, ::2] = image
    assert print_of(image) == print_of(image.copy()) == print_of(wide[:, ::2])
    for row in range(41):
        other = image.copy()
        other[row : row + 4, 3] ^= 1
        assert print_of(other) != print_of(image)
