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
_COARSE = 32
"""Pixels a side at which it is told what of the crop is the face."""
_ODD = 60.0
"""Levels by which a place differs otherwise than most of the face, from which on it is not taken for it: a dark thing that
passes before the face would darken all of it."""


def matched(image: Image, target: Image, where: Mask, strength: float) -> Image:
    """`image` with the mean and deviation that `target` has where the mask is more than half; both BGR uint8, one size.

    strength 0 changes nothing, 1 goes the whole way (Reinhard et al. 2001, without their colour space). Where the two show
    different things nothing is learned.
    """
    sure = _alike(image, target, (where > 127).view(np.uint8))
    if strength <= 0 or cv2.countNonZero(sure) < _LEAST:
        return image
    (own, own_spread), (wanted, wanted_spread) = (cv2.meanStdDev(each, mask=sure) for each in (image, target))
    gain = np.clip((wanted_spread + _FLAT) / (own_spread + _FLAT), 1 / _GAIN, _GAIN)
    shift = np.clip(wanted - own, -_SHIFT, _SHIFT)
    levels = np.arange(256, dtype=np.float64)
    led = (levels - own) * (1 + strength * (gain - 1)) + own + strength * shift
    table = np.ascontiguousarray(np.clip(led.T + 0.5, 0, 255).astype(np.uint8))
    return np.asarray(cv2.LUT(image, table.reshape(256, 1, 3)), np.uint8)


def _alike(image: Image, target: Image, sure: Mask) -> Mask:
    """`sure`, 0 or 1, without the places where the pictures differ otherwise than they mostly do."""
    size = _COARSE, _COARSE
    seen = cv2.resize(sure, size, interpolation=cv2.INTER_NEAREST) > 0
    own, wanted = (cv2.resize(each, size, interpolation=cv2.INTER_AREA).astype(np.float32) for each in (image, target))
    if not seen.any():
        return sure
    apart = wanted - own
    alike = (np.abs(apart - np.median(apart[seen], axis=0)).max(axis=2) < _ODD).view(np.uint8)
    # A neighbour of what is odd may hold a part of it.
    alike = np.asarray(cv2.erode(alike, np.ones((3, 3), np.uint8)), np.uint8)
    wide = cv2.resize(alike, sure.shape[::-1], interpolation=cv2.INTER_NEAREST)
    return np.asarray(cv2.min(sure, wide), np.uint8)
