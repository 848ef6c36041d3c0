"""Patches of light on a photo's skin round eyes, nose and mouth, where faces differ in lines and hardly in smooth shade."""

from dataclasses import dataclass

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.swap.source.regions import area_of, eyes_and_brows, wide
from mien.types import Floats


@dataclass(frozen=True, slots=True)
class PatchTuning:
    """Bounds of what counts as a patch; sigmas are in texels of 256."""

    kept: tuple[float, float, float] = (0.19, 0.045, 0.045)
    """Smooth difference in luma, blue and red, natural logarithm, that stays: 95 % of 38 London portraits have less than 0.07
    to 0.18 and 0.02 to 0.045 nearly everywhere; more at temples, chin and the underside of the nose. With 0.16 in luma the
    distance to the source grows by another 0.001."""
    nose: float = 1.7
    """Factor on it at the underside of the nose, where 95 % have less than 0.2 to 0.27."""
    sigma: float = 3.0
    """Sigma of that smoothing."""
    wide: float = 6.0
    """Sigma by which eyes and brows take the change of the skin around them."""
    margin: float = 0.05
    """Width around eyes, brows and nose that belongs to them, in eye distances."""


TUNING = PatchTuning()


def patches(apart: Floats, skin: Floats, seen: Floats) -> Floats:
    """Return the logarithms of luma, blue and red to take off, float32 (256, 256, 3): no skin in even light has them.

    `apart` (256, 256, 3) is the difference from even light, `skin` (256, 256) how surely a texel is bare skin, `seen`
    (256, 256) how well the photo shows it.
    """
    total = cv2.GaussianBlur(skin, (0, 0), TUNING.sigma)[:, :, None] + np.float32(1e-3)
    smooth = cv2.GaussianBlur(apart * skin[:, :, None], (0, 0), TUNING.sigma) / total
    underside = wide(area_of(landmark_sets.NOSE_UNDERSIDE, TUNING.margin))[:, :, None]
    bound = (1 + (TUNING.nose - 1) * underside) * np.array(TUNING.kept, np.float32)
    excess = (smooth - np.clip(smooth, -bound, bound)) * skin[:, :, None]
    total = cv2.GaussianBlur(skin, (0, 0), TUNING.wide)[:, :, None] + np.float32(0.05)
    around = cv2.GaussianBlur(excess, (0, 0), TUNING.wide) / total
    return np.asarray(excess + around * (seen * wide(eyes_and_brows(TUNING.margin)))[:, :, None], np.float32)
