"""Kernels that make a picture a half or a quarter as large, by means of 2 x 2 pixels, once or twice."""

from mien.imaging.kernels import Instructions, kernel
from mien.types import Array

CHUNK = 16
"""Pixels that are taken at once: a row of them are 48 values, in three registers."""
_INSTRUCTIONS = "mien.imaging.shrink_instructions"
_halve, _quarter = (Instructions(name, _INSTRUCTIONS) for name in ("halve", "quarter"))


@kernel
def shrink(image: Array, result: Array, factor: int) -> None:
    """Write a BGR picture uint8 (h, w, 3) a half or a quarter as large; w is a multiple of `CHUNK`, h of `factor`."""
    rows, row = result.shape[0], 3 * image.shape[1]
    for y in range(rows):
        target = y * 3 * result.shape[1]
        for x in range(0, row, 3 * CHUNK):
            numbers = (factor * y * row + x, row, target + x // factor)
            if factor == 2:
                _halve(image, result, numbers)
            else:
                _quarter(image, result, numbers)
