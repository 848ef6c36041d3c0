"""Two appearances of one face compared: which of them is the face, and where only the light has changed."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from mien.face.lighting import skin_prior
from mien.imaging.arrays import locked
from mien.swap.memory.occlusion.light_fit import basis, fitted_light, tones
from mien.swap.memory.occlusion.regions import SMALL, inside_small
from mien.types import Array, Floats, Image

PERSON_SPREADS = np.array([0.22, 0.08, 0.12], np.float32)
"""Differences of brightness and colours from one person to the next, in natural logarithms."""


@dataclass(frozen=True, slots=True)
class AppearanceTuning:
    """Comparison of two appearances in a texture of 64 x 64 texels."""

    feature_texels: int = 7
    """Side of the window against which a feature is seen."""
    neighbourhood_texels: int = 15
    """Side of the window in which features are compared."""
    broad: float = 0.5
    """Least share of a neighbourhood that is unusual when the light has changed."""
    featureless: float = 0.02
    """Logarithm of brightness that is noise rather than a feature."""
    alike: float = 0.6
    """Correlation from which features are the face's own; in front of them stands an occluder: 0.45 at most."""
    misfit_floor: float = 0.15
    """Squared misfit added to both sides of the comparison: below it, neither appearance is better."""
    misfit_max: float = 9.0
    """Bound of a texel's squared misfit, in spreads."""
    nearby_texels: int = 11
    """Side of the window in which two appearances are compared."""
    better: float = 0.7
    """Share of the other's misfit below which an appearance is the face; objects that come in have 1.1 and more."""


TUNING = AppearanceTuning()


def explain(
    found: Floats, strange: Array, now: Image, usual: Image, visible: Floats, tuning: AppearanceTuning = TUNING
) -> tuple[Array, Array]:  # fmt: skip
    """Find which of the unusual texels are not occluders.

    `found` float32 (SIDE, SIDE) marks what has changed, `strange` (64, 64) what cannot be skin. The first result, bool (SIDE,
    SIDE), marks where the usual appearance was an occluder and the face shows now: both appearances are compared with people
    on average, each in its own light. The second, bool (64, 64), marks where the face's own features still show, in another
    light.
    """
    if not found.any() and not strange.any():
        return np.zeros(found.shape, np.bool_), np.zeros((SMALL, SMALL), np.bool_)
    size_wh = SMALL, SMALL
    unusual = np.asarray(cv2.resize(found, size_wh, interpolation=cv2.INTER_AREA) * inside_small(), np.float32)
    seen = np.asarray(cv2.resize(visible, size_wh, interpolation=cv2.INTER_AREA) * inside_small(), np.float32)
    free = seen * (unusual < 0.1)
    appearances = [
        tones(np.asarray(cv2.resize(texture, size_wh, interpolation=cv2.INTER_AREA), np.uint8)) for texture in (now, usual)
    ]
    nearby, neighbourhood = tuning.nearby_texels, tuning.neighbourhood_texels
    misfits = [_sum(_misfit(each, free, tuning) * unusual, nearby) for each in appearances]
    floor = tuning.misfit_floor * _sum(unusual, nearby)
    better = misfits[0] + floor < tuning.better * (misfits[1] + floor)
    stale = cv2.resize((better & (unusual > 0)).astype(np.uint8), found.shape[::-1], interpolation=cv2.INTER_NEAREST)
    either = np.asarray(np.maximum(unusual, strange), np.float32)
    features = [_features(each, seen, tuning) for each in appearances]
    alike = _correlation(features[0], features[1], either, tuning) > tuning.alike
    broad = _sum(either, neighbourhood) > tuning.broad * _sum(seen, neighbourhood)
    return (stale > 0) & (found > 0), alike & broad


def _sum(values: Floats, side: int) -> Floats:
    return np.asarray(cv2.boxFilter(values, -1, (side, side), normalize=False), np.float32)


def _features(appearance: Floats, seen: Floats, tuning: AppearanceTuning) -> Floats:
    """The brightness of an appearance against that of its surroundings; float32 (64, 64)."""
    known = (seen > 0.6).astype(np.float32)
    around = _sum(appearance[:, :, 0] * known, tuning.feature_texels) / np.maximum(_sum(known, tuning.feature_texels), 1)
    return np.asarray(np.clip(appearance[:, :, 0] - around, -0.5, 0.5) * known, np.float32)


def _correlation(one: Floats, other: Floats, where: Floats, tuning: AppearanceTuning) -> Floats:
    """The correlation of two appearances' features near each texel, about 0 where there are none; float32 (64, 64)."""
    side = tuning.neighbourhood_texels
    noise = np.square(np.float32(tuning.featureless)) * _sum(where, side) + np.float32(1e-9)
    product, first, second = (_sum(a * b * where, side) for a, b in ((one, other), (one, one), (other, other)))
    return np.asarray(product / np.sqrt((first + noise) * (second + noise)), np.float32)


def _misfit(appearance: Floats, free: Floats, tuning: AppearanceTuning) -> Floats:
    """The squared distance of each texel from the mean face, in spreads, bounded; float32 (64, 64)."""
    off = appearance - _prior_tones()
    light = fitted_light(off, free, np.zeros((6, 3), np.float32))
    rest = (off - (basis(SMALL) @ light).reshape(SMALL, SMALL, 3)) / PERSON_SPREADS
    own = np.square(rest).sum(2)
    # A face may be unlike others on both sides: a beard, a shining chin.
    other = np.where(free[:, ::-1] > 0.5, np.square(rest - rest[:, ::-1]).sum(2), own)
    return np.asarray(np.minimum(np.minimum(own, other), tuning.misfit_max), np.float32)


@cache
def _prior_tones() -> Floats:
    """Tones of people on average, float32 (64, 64, 3)."""
    return locked(tones(np.asarray(np.clip(skin_prior() * 128, 0, 255), np.uint8)))
