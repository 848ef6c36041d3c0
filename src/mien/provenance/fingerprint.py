"""Fingerprints: perceptual hashes that stay nearly the same when a picture is scaled, re-encoded or brightened a little.

The lowest frequencies of the grey picture's cosine transform, each against their median (after C. Zauner,
"Implementation and Benchmarking of Perceptual Image Hash Functions", 2010).
"""

import cv2
import numpy as np

from mien.types import Image

FRAME_FREQUENCIES = 8  # 63 bits: enough to tell scenes apart, small enough to keep one for each second
FACE_FREQUENCIES = 16  # 255 bits: faces in their crops differ little in the coarse
_OVERSAMPLING = 4  # pixels a frequency, as pHash has (32 pixels for 8)


def fingerprint(image: Image, frequencies: int = FRAME_FREQUENCIES) -> int:
    """Return `frequencies`² - 1 bits of a BGR picture, uint8 (h, w, 3), as a non-negative integer."""
    side = frequencies * _OVERSAMPLING
    # The coarse step first: converting the whole picture to grey would cost more than all the rest.
    small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY).astype(np.float32)
    lowest = cv2.dct(grey)[:frequencies, :frequencies].ravel()[1:]
    bits = lowest > np.median(lowest)
    return int.from_bytes(np.packbits(bits).tobytes(), "big") >> int(-bits.size % 8)


def distance(one: int, other: int) -> int:
    """Return the number of bits that differ."""
    return (one ^ other).bit_count()
