"""Transfer of the picture's tone to a network's face: mean and contrast of each channel, within small bounds."""

from dataclasses import dataclass

import cv2
import numpy as np

from mien.types import Image, Mask


@dataclass(frozen=True, slots=True)
class ToneTuning:
    """Bounds of the transfer."""

    max_gain: float = 1.25  # of contrast, up or down: more would change features
    max_shift: float = 32.0  # levels of a mean; networks nearly preserve the target's light by themselves
    min_pixels: int = 64  # of the face that must be visible to estimate its colour
    noise_deviation: float = 4.0  # levels of deviation that noise alone has
    coarse_side: int = 32  # pixels of the map in which occluders are found
    occluder_levels: float = 60.0  # from the usual difference; a dark occluder would otherwise darken the whole face


TUNING = ToneTuning()


def matched(image: Image, target: Image, where: Mask, strength: float, tuning: ToneTuning = TUNING) -> Image:
    """Return `image` with the mean and deviation of `target` where the mask is more than half; both BGR uint8, one size.

    Strength 0 changes nothing, 1 transfers all (Reinhard et al. 2001, without their colour space). Places where the two
    differ unusually do not count.
    """
    sure = _alike(image, target, (where > 127).view(np.uint8), tuning)
    if strength <= 0 or cv2.countNonZero(sure) < tuning.min_pixels:
        return image
    (own, own_spread), (wanted, wanted_spread) = (cv2.meanStdDev(each, mask=sure) for each in (image, target))
    gain = np.clip(
        (wanted_spread + tuning.noise_deviation) / (own_spread + tuning.noise_deviation), 1 / tuning.max_gain, tuning.max_gain
    )
    shift = np.clip(wanted - own, -tuning.max_shift, tuning.max_shift)
    levels = np.arange(256, dtype=np.float64)
    moved = (levels - own) * (1 + strength * (gain - 1)) + own + strength * shift
    table = np.ascontiguousarray(np.clip(moved.T + 0.5, 0, 255).astype(np.uint8))
    return np.asarray(cv2.LUT(image, table.reshape(256, 1, 3)), np.uint8)


def _alike(image: Image, target: Image, sure: Mask, tuning: ToneTuning) -> Mask:
    """Return `sure`, 0 or 1, without the places where the difference of the pictures is unusual."""
    size = tuning.coarse_side, tuning.coarse_side
    seen = cv2.resize(sure, size, interpolation=cv2.INTER_NEAREST) > 0
    own, wanted = (cv2.resize(each, size, interpolation=cv2.INTER_AREA).astype(np.float32) for each in (image, target))
    if not seen.any():
        return sure
    apart = wanted - own
    alike = (np.abs(apart - np.median(apart[seen], axis=0)).max(axis=2) < tuning.occluder_levels).view(np.uint8)
    # A neighbour of such a place may hold a part of the occluder.
    alike = np.asarray(cv2.erode(alike, np.ones((3, 3), np.uint8)), np.uint8)
    wide = cv2.resize(alike, sure.shape[::-1], interpolation=cv2.INTER_NEAREST)
    return np.asarray(cv2.min(sure, wide), np.uint8)
