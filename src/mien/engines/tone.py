"""Leads the colours of a network's face over to the picture's: mean and contrast of each channel, within small bounds."""

import cv2
import numpy as np

from mien.types import Image, Mask

_GAIN = 1.25
"""Most that contrast grows or shrinks: more would change features."""
_SHIFT = 32.0
"""Most levels that a mean moves; networks keep the target's light by themselves, nearly."""
_LEAST = 64
"""Pixels that must be seen to tell a face's colour."""
_FLAT = 4.0
"""Levels of deviation that noise alone has."""


def matched(image: Image, target: Image, where: Mask, strength: float) -> Image:
    """`image` with the mean and deviation that `target` has where the mask is more than half; both BGR uint8, one size.

    strength 0 changes nothing, 1 goes the whole way (Reinhard et al. 2001, without their colour space).
    """
    sure = (where > 127).view(np.uint8)
    if strength <= 0 or cv2.countNonZero(sure) < _LEAST:
        return image
    (own, own_spread), (wanted, wanted_spread) = (cv2.meanStdDev(each, mask=sure) for each in (image, target))
    gain = np.clip((wanted_spread + _FLAT) / (own_spread + _FLAT), 1 / _GAIN, _GAIN)
    shift = np.clip(wanted - own, -_SHIFT, _SHIFT)
    levels = np.arange(256, dtype=np.float64)
    led = (levels - own) * (1 + strength * (gain - 1)) + own + strength * shift
    table = np.ascontiguousarray(np.clip(led.T + 0.5, 0, 255).astype(np.uint8))
    return np.asarray(cv2.LUT(image, table.reshape(256, 1, 3)), np.uint8)
