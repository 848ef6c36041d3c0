"""Texels whose colour skin never has: occluders found in one picture, without knowledge of the frames before."""

from dataclasses import dataclass

import cv2
import numpy as np

from mien.swap.memory.occlusion.light_fit import FIT_ROUNDS, TONE_SPREADS, basis, tones
from mien.swap.memory.occlusion.regions import (
    SMALL,
    border_small,
    cheeks,
    eyes_and_brows,
    forehead,
    inside_small,
    shining,
    tolerance,
)
from mien.types import Array, Floats, Image

_SHADE_STEPS = np.array([0.2, 0.06, 0.09], np.float32)
"""Steps of brightness and colour, in natural logarithms, of the histograms of an occluder and of the face behind it."""
_LINEAR_STIFFNESS = np.diag([4, 120, 120]).astype(np.float32)


@dataclass(frozen=True, slots=True)
class SkinTuning:
    """Colours that skin has, against smoothly lit cheeks, in natural logarithms: in its shadows it is redder, never paler."""

    darker: float = 0.35
    less_red: float = 0.10
    redder: float = 0.25
    bluer: float = 0.16
    less_blue: float = 0.30
    """Harmless differences in each direction."""
    shade: float = 0.15
    """Darker than a cheek by this much is still skin."""
    pale_from: float = 0.15
    pale: float = 0.12
    """Excess brightness over the cheeks at which a chin becomes suspect, and its step."""
    gloss: float = 0.05
    gloss_gain: float = 3.0
    """Brighter than a cheek by this much, skin begins to shine; its colour means less then."""


@dataclass(frozen=True, slots=True)
class NonSkinTuning:
    """Growth of non-skin colours into occluders, in a texture of 64 x 64 texels."""

    least: float = 2.0
    grow: float = 1.3
    """Distance from skin, in harmless differences, that gives evidence, and that joins texels to an object."""
    mass: float = 35.0
    """Evidence that makes an object; of 92 faces four have more, all of hair over the face or hard side light."""
    seed_texels: int = 60
    """Size of an object below the brows from which the rest of it is sought."""
    strange: float = 1.5
    """Distance from skin that suffices next to it."""
    histogram_bins: int = 17
    """Bins of each colour axis."""
    growth_rounds: int = 6
    """Rounds in which an object grows, by two texels each."""
    margin_texels: int = 13
    """Width around it that is not surely face."""
    face_texels: int = 200
    """Texels of sure face that make a histogram of its colours."""
    likely: float = 0.75
    rare: float = 2e-3
    """Likelihood from which a colour is the object's, and the share of both that a colour must exceed to count."""
    gain_texels: int = 3
    """An object that grows by no more is whole."""
    hair: float = 2.2
    hair_sure: float = 3.2
    hair_darkness: float = -0.3
    hair_texels: int = 15
    """Dark hair on the forehead: distance from skin, of which half of it must be sure, logarithm of brightness, and size."""


SKIN, TUNING = SkinTuning(), NonSkinTuning()


def non_skin(now: Image, visible: Floats, before: Array, tuning: NonSkinTuning = TUNING, skin: SkinTuning = SKIN) -> Array:
    """Find colours that skin never has, and dark hair or a hat over the forehead: 0 or 1, uint8 (64, 64).

    `now` is a texture BGR uint8 (SIDE, SIDE, 3), `visible` 0..1 float32 (SIDE, SIDE), `before` the result of a frame ago.
    """
    small = np.asarray(cv2.resize(now, (SMALL, SMALL), interpolation=cv2.INTER_AREA), np.uint8)
    seen = (cv2.resize(visible, (SMALL, SMALL), interpolation=cv2.INTER_AREA) > 0.9) & (inside_small() > 0)
    toned = tones(small)
    off = _off_skin(toned, seen)
    if off is None:
        return np.zeros((SMALL, SMALL), np.uint8)
    colour, pale = _colour_distance(off, skin), _paleness(off, skin)
    shade = np.square(np.minimum(off[:, :, 0] + skin.shade, 0) / skin.darker)
    # Brightness alone is light, and gloss takes the colour out of skin.
    gloss = 1 + np.clip((off[:, :, 0] - skin.gloss) * skin.gloss_gain, 0, 1) * shining()
    share = np.sqrt((colour + np.minimum(shade, 2 * colour)) / np.square(gloss) + pale) * seen / tolerance()
    found = _massive(share, before, tuning)
    if np.count_nonzero(found & (forehead() == 0)) >= tuning.seed_texels:
        # Lips are redder than cheeks, so what is paler there is not a lip.
        paler = _colour_distance(np.dstack([off[:, :, 0], np.minimum(off[:, :, 1], 0), off[:, :, 2]]), skin)
        strange = np.sqrt(paler / np.square(gloss) + pale) > tuning.strange * eyes_and_brows()
        found = _grown(found, before, toned, strange, seen, tuning)
    return _with_hair(found, np.sqrt(colour + shade) * forehead() * seen, off, tuning)


def _with_hair(found: Array, hair: Floats, off: Floats, tuning: NonSkinTuning) -> Array:
    """Add dark hair that hangs into the forehead from the border of the face."""
    dark = hair * (off[:, :, 0] < tuning.hair_darkness)
    if np.count_nonzero(dark > tuning.hair_sure) >= tuning.hair_texels // 2:
        count, parts = cv2.connectedComponents((dark > tuning.hair).astype(np.uint8), connectivity=8)
        large = np.bincount(parts.ravel(), minlength=count) >= tuning.hair_texels
        sure = np.bincount(parts[dark > tuning.hair_sure], minlength=count) >= tuning.hair_texels // 2
        bordering = np.bincount(parts[border_small()], minlength=count) > 0
        found |= (large & sure & bordering & (np.arange(count) > 0))[parts].astype(np.uint8)
    return found


def _grown(seed: Array, before: Array, toned: Floats, strange: Array, seen: Array, tuning: NonSkinTuning) -> Array:
    """Grow `seed`, 0 or 1, uint8 (64, 64), over texels that are `strange` or have a colour of the object and not of the face.

    Where the object was a frame ago, `before`, it is sought at once.
    """
    bins, margin = tuning.histogram_bins, (tuning.margin_texels, tuning.margin_texels)
    middle = np.median(toned[seen], axis=0)
    steps = np.clip(np.round((toned - middle) / _SHADE_STEPS) + bins // 2, 0, bins - 1).astype(np.int32)
    shade = (steps[:, :, 0] * bins + steps[:, :, 1]) * bins + steps[:, :, 2]
    found, reach = seed, before > 0
    for _ in range(tuning.growth_rounds):
        away = seen & (cv2.dilate(found, np.ones(margin, np.uint8)) == 0)
        if np.count_nonzero(away) < tuning.face_texels:
            break
        own, other = _histogram(shade[seen & (found > 0)], bins), _histogram(shade[away], bins)
        likely = cv2.blur((own / (own + other + tuning.rare))[shade], (3, 3)) > tuning.likely
        reach |= cv2.dilate(found, np.ones((5, 5), np.uint8)) > 0
        grown = found | (reach & (likely | strange) & seen).astype(np.uint8)
        gained = np.count_nonzero(grown) - np.count_nonzero(found)
        found = grown
        if gained <= tuning.gain_texels:
            break
    return np.asarray(cv2.morphologyEx(found, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)), np.uint8)


def _histogram(chosen: Array, bins: int) -> Floats:
    """The share of the texels in each colour bin or one next to it, float32 (bins ** 3,)."""
    counted = np.bincount(chosen, minlength=bins**3).reshape(bins, bins, bins).astype(np.float32)
    for axis in range(3):
        lower, upper = ([slice(None)] * 3 for _ in range(2))
        lower[axis], upper[axis] = slice(None, -1), slice(1, None)
        plain = counted.copy()
        counted[tuple(upper)] += plain[tuple(lower)] / 2
        counted[tuple(lower)] += plain[tuple(upper)] / 2
    return np.asarray(counted.ravel() / max(1, len(chosen)), np.float32)


def _colour_distance(off: Floats, skin: SkinTuning) -> Floats:
    """The squared distance of a colour from skin, in harmless differences, float32 (64, 64)."""
    red, blue = off[:, :, 1], off[:, :, 2]
    across = np.where(red < 0, red / skin.less_red, red / skin.redder)
    along = np.where(blue < 0, blue / skin.less_blue, blue / skin.bluer)
    return np.asarray(np.square(across) + np.square(along), np.float32)


def _paleness(off: Floats, skin: SkinTuning) -> Floats:
    """The square of how much brighter than a cheek the chin is; a bare chin never is by much."""
    return np.asarray(np.square(np.maximum(off[:, :, 0] - skin.pale_from, 0) / skin.pale) * (1 - shining()), np.float32)


def _massive(share: Floats, before: Array, tuning: NonSkinTuning) -> Array:
    """Connected texels of distance `share` from skin whose evidence adds up to an object; uint8 (64, 64)."""
    beyond = np.clip(share - tuning.least, 0, 2)
    if float(beyond.sum()) < tuning.mass / 2:
        return np.zeros((SMALL, SMALL), np.uint8)
    count, parts = cv2.connectedComponents((share > tuning.grow).astype(np.uint8), connectivity=4)
    sums = np.bincount(parts.ravel(), beyond.ravel(), count)
    known = np.bincount(parts[before > 0], minlength=count) > 0
    kept = (sums >= np.where(known, tuning.mass / 2, tuning.mass)) & (np.arange(count) > 0)
    found = kept[parts].astype(np.uint8)
    return np.asarray(cv2.morphologyEx(found, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)), np.uint8)


def _off_skin(toned: Floats, seen: Array) -> Floats | None:
    """The difference of each texel from the colour of the cheeks, lit as they are; None when they are not seen."""
    chosen = (cheeks() & seen).ravel()
    if int(chosen.sum()) < 120:
        return None
    rows, wanted = basis(SMALL)[chosen, :3], toned.reshape(-1, 3)[chosen]
    light = np.zeros((3, 3), np.float32)
    light[0] = np.median(wanted, axis=0)
    for _ in range(FIT_ROUNDS):
        rest = wanted - rows @ light
        heavy = rows * (1 / (1 + np.square(rest / TONE_SPREADS).sum(1)))[:, None]
        light = (light + np.linalg.solve(heavy.T @ rows + _LINEAR_STIFFNESS, heavy.T @ rest)).astype(np.float32)
    off = toned - (basis(SMALL)[:, :3] @ light).reshape(SMALL, SMALL, 3)
    return np.asarray(cv2.blur(off, (2, 2)), np.float32)
