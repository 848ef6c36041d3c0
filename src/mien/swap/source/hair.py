"""Hair on a photo's face: what a parser takes for it, without the shadows that it takes for hair, too."""

from dataclasses import dataclass

import cv2
import numpy as np

from mien.imaging.smoothstep import smoothstep
from mien.models.format.parsing import FaceClass
from mien.swap.source.regions import wide
from mien.types import Array, Floats


@dataclass(frozen=True, slots=True)
class HairTuning:
    """Signs that tell a shadow from hair; colours are natural logarithms against even light, as in `hard_light.EvenFace`."""

    shadow_red: tuple[float, float] = (0.04, 0.065)
    """Red between which a beard is a shadow: where a parser sees 0.25 to 0.6 of a beard, ten bearded men have -0.08 to 0.04,
    shadows of three bare faces 0.06 to 0.12. Hair is greyer than skin, and light within skin is red."""
    red_sigma: float = 3.0
    """Sigma of its smoothing, in texels of 256."""
    sure_beard: tuple[float, float] = (0.55, 0.75)
    """Share of a beard between which it is sure whatever its colour: ginger ones are red."""
    asymmetry: int = 5
    """Side in texels of the grid by which one half of a beard may lie otherwise than the other."""
    deep: tuple[float, float] = (2.5, 4.0)
    """Darkness, in deviations, between which a fold in hard light is surely deep."""
    deep_red: tuple[float, float] = (1.0, 3.0)
    """Red of a deep fold, in deviations, between which it is no hair: moustaches have -1.9 to 2.0, folds in the shadow 1.8
    to 7.5, in four photos."""
    deep_hair: float = 0.4
    """Share of hair that a parser sees in a deep fold without any: 0.3 to 0.6 in the shadow of a grin."""


TUNING = HairTuning()


def hair_share(classes: Array, well: Floats) -> Floats:
    """Return the share of hair, brows and beard in `classes`, uint8 (classes, grid, grid), as float32 (grid, grid).

    `well` (grid, grid) is how well the photo shows each texel.
    """
    others = classes[[FaceClass.BROW, FaceClass.HAIR]].sum(0) / np.float32(255)
    return np.asarray(others + beard_share(classes, well), np.float32)


def beard_share(classes: Array, well: Floats) -> Floats:
    """Return the share of a beard, float32 (grid, grid), 0..1: it grows on both sides, where the photo shows both."""
    share = classes[FaceClass.BEARD]
    other = cv2.dilate(share, np.ones((TUNING.asymmetry, TUNING.asymmetry), np.uint8))[:, ::-1]
    both = share - (share.astype(np.float32) - np.minimum(share, other)) * well[:, ::-1]
    return np.asarray(both / np.float32(255), np.float32)


def without_shadows(hairy: Floats, beard: Floats, apart: Floats) -> Floats:
    """Return a share of hair (256, 256) without what is redder than skin of the `beard` (grid, grid) in it.

    `apart` (256, 256, 3) is the difference from even light, as in `hard_light.EvenFace`.
    """
    red = cv2.GaussianBlur(np.ascontiguousarray(apart[:, :, 2]), (0, 0), TUNING.red_sigma)
    (low, high), (doubtful, sure) = TUNING.shadow_red, TUNING.sure_beard
    share = wide(beard)
    shadow = smoothstep((red - low) / (high - low)) * (1 - smoothstep((share - doubtful) / (sure - doubtful)))
    return np.asarray(np.maximum(hairy - share * shadow, 0), np.float32)


def without_deep_shadows(hairy: Floats, apart: Floats, deviation: Floats, light: float) -> Floats:
    """Return a share of hair (256, 256) without the deep, red folds of a face in hard `light`, 0..1.

    `apart` and its `deviation` (256, 256, 3) are as in `hard_light.EvenFace`.
    """
    off, red = -apart[:, :, 0] / deviation[:, :, 0], apart[:, :, 2] / deviation[:, :, 2]
    deep = smoothstep((off - TUNING.deep[0]) / (TUNING.deep[1] - TUNING.deep[0]))
    deep *= smoothstep((red - TUNING.deep_red[0]) / (TUNING.deep_red[1] - TUNING.deep_red[0]))
    return np.asarray(np.maximum(hairy - light * TUNING.deep_hair * deep, 0), np.float32)
