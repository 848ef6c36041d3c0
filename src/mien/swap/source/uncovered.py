"""A texture without what hides the face: holes get the relief of the usual face, in this face's own tones."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.face.mean_face import texture_per_eye_distance
from mien.imaging.arrays import locked
from mien.imaging.colour import LUMA
from mien.imaging.push_pull import grown
from mien.imaging.smoothstep import smoothstep
from mien.swap.source.fill import HOLE_SIDE, filled
from mien.swap.source.light import DARK
from mien.swap.source.regions import GRID, area_of, eyes_and_brows, features, regions, wide
from mien.swap.source.usual_face import usual_face, usual_skin
from mien.types import Floats, Image


@dataclass(frozen=True, slots=True)
class UncoveredTuning:
    """Lengths in eye distances, differences in brightness as natural logarithms.

    Judged on ten London portraits with four pairs of drawn glasses each, worn, against the same portraits bare.
    """

    feature_margin: float = 0.03
    """Width around eyes, brows and lips whose colours do not grow into what is filled; chosen by eye."""
    dark_share: tuple[float, float] = (0.4, 0.7)
    """Of the brightness of the cheeks, between which a texel may be bare skin whose colour grows."""
    shade_reach: float = 0.09
    """Distance from rims within which their shadow is sought."""
    shade: tuple[float, float] = (0.04, 0.1)
    """Darkness against the skin farther away between which skin beside rims lies in their shadow."""
    nose_margin: float = 0.06
    """Width around the underside of the nose in which no shadow of rims is sought."""
    shade_edge: float = 0.02
    """Sigma of the soft border of that distance."""
    brow_margin: float = 0.08
    """Width around the usual brow in which this face's brow is compared with it."""
    brow_shift: float = 0.08
    """Most of the way by which a brow lies higher or lower than the usual one."""
    prior: float = 0.03
    """Weight of the usual strength and place, as a share of that of a brow that is wholly seen."""
    hairs: float = 0.35
    """Contrast of the hairs of a filled brow as a share of its own: without them it looks painted. The error stays as it is."""
    most_strength: float = 2.5
    """Darkness of a brow as a multiple of the usual one's, at most."""


TUNING = UncoveredTuning()
_SIZES = 4  # of textures whose hairs are kept, at most 4 MB each
_HAIR_LENGTH = 0.03  # of the texture's side; chosen by eye, as the two below
_HAIR_RISE = np.radians(28.0)  # of brow hairs above the horizontal
_HAIR_SIGMAS = 0.8, 4.0  # texels between which hairs are drawn
_BROWS = landmark_sets.RIGHT_BROW, landmark_sets.LEFT_BROW


def uncovered(
    own: Image, holes: Floats, rims: Floats, well: Floats, unknown: Floats, tuning: UncoveredTuning = TUNING
) -> Image:
    """Return the texture `own`, BGR uint8 (n, n, 3), with its `holes`, float32 (256, 256), 0..1, filled.

    Skin is filled with skin alone; brows go on as the usual brow does, as dark as what is seen of them. Of brows that are
    `unknown`, float32 (grid, grid), nothing is left. `rims`, float32 (256, 256), are holes that throw a shadow; `well`
    (grid, grid) is how well the photo shows each texel.
    """
    if not holes.any():
        return own
    small = np.asarray(cv2.resize(own, (HOLE_SIDE, HOLE_SIDE), interpolation=cv2.INTER_AREA), np.float32)
    skin = np.asarray(well * (1 - features(tuning.feature_margin)) * _not_dark(own, tuning), np.float32)
    if rims.any():
        holes = np.maximum(holes, _shade(small, holes, rims, wide(skin), tuning))
    with_brows = usual_skin() * _brows(small, holes, wide(skin), wide(well * (1 - unknown)), tuning)
    bare, whole = filled(own, holes, skin, usual_skin()), filled(own, holes, well, with_brows)
    brows = np.maximum(*(area_of(loop, tuning.feature_margin) for loop in _BROWS)) * (1 - unknown)
    haired = _haired(whole, with_brows, holes, tuning)
    share = cv2.resize(brows, own.shape[1::-1], interpolation=cv2.INTER_LINEAR)[:, :, None]
    return np.asarray(np.clip(bare + (haired - bare) * share + 0.5, 0, 255), np.uint8)


def _haired(whole: Image, with_brows: Floats, holes: Floats, tuning: UncoveredTuning) -> Floats:
    """Return a filled texture as float32 with hairs in the `holes`, the stronger the darker the brow is against skin."""
    dark = np.abs(np.log(with_brows / usual_skin()) @ LUMA) * holes
    gains = np.exp(tuning.hairs * _hairs(len(whole)) * cv2.resize(dark, whole.shape[1::-1], interpolation=cv2.INTER_LINEAR))
    return np.asarray(whole * gains[:, :, None], np.float32)


@lru_cache(_SIZES)
def _hairs(side: int) -> Floats:
    """Return noise of strength 1 in short lines that rise outwards, as brows do, float32 (n, n); always the same, read-only."""
    noise = np.random.default_rng(0).standard_normal((side, side)).astype(np.float32)
    reach = max(2, round(_HAIR_LENGTH * side / 2))
    across, up = (round(float(way) * reach) for way in (np.cos(_HAIR_RISE), np.sin(_HAIR_RISE)))
    halves = []
    for way in (1, -1):
        line = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
        cv2.line(line, (reach - across, reach - way * up), (reach + across, reach + way * up), 1.0, 1, cv2.LINE_AA)
        drawn = cv2.filter2D(noise, -1, line)
        band = cv2.GaussianBlur(drawn, (0, 0), _HAIR_SIGMAS[0]) - cv2.GaussianBlur(drawn, (0, 0), _HAIR_SIGMAS[1])
        halves.append(band / band.std())
    return locked(np.asarray(np.where(np.arange(side)[None] < side / 2, *halves), np.float32))


def _shade(small: Floats, holes: Floats, rims: Floats, skin: Floats, tuning: UncoveredTuning) -> Floats:
    """Return the shadow of `rims` beside them, float32 (256, 256), 0..1: there skin is darker than farther away."""
    eye = HOLE_SIDE * texture_per_eye_distance()
    side = 2 * round(tuning.shade_reach * eye) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    near = cv2.GaussianBlur(cv2.dilate(rims, disc), (0, 0), tuning.shade_edge * eye)
    even = _skin_around(small, np.maximum(holes, near), skin)
    darker = cv2.GaussianBlur(_brightness(even) - _brightness(small), (0, 0), 1.0)
    low, high = tuning.shade
    # Nostrils are dark in any light.
    kept = np.maximum(eyes_and_brows(tuning.feature_margin), area_of(landmark_sets.NOSE_UNDERSIDE, tuning.nose_margin))
    free = 1 - wide(kept)
    return np.asarray(smoothstep((darker - low) / (high - low)) * near * free, np.float32)


def _brows(small: Floats, holes: Floats, skin: Floats, seen: Floats, tuning: UncoveredTuning) -> Floats:
    """Return the gains by which this face's brows are darker than skin, BGR float32 (256, 256, 3).

    `seen`, float32 (256, 256), 0..1, is how well the photo shows each texel beside the holes.
    """
    darker = _brightness(small) - _brightness(_skin_around(small, holes, skin))
    free = np.clip(1 - holes, 0, 1) * seen
    gains = np.ones_like(small)
    for loop in _BROWS:
        area = wide(area_of(loop, tuning.brow_margin))
        gains *= np.exp(_fitted_brow(darker, np.asarray(free * area, np.float32), area, tuning) * area[:, :, None])
    return gains


def _fitted_brow(darker: Floats, weight: Floats, area: Floats, tuning: UncoveredTuning) -> Floats:
    """Return the usual brow in `area`, logarithms of gains (256, 256, 3), moved and strengthened until it fits `darker`."""
    most = round(tuning.brow_shift * HOLE_SIDE * texture_per_eye_distance())
    usual = np.asarray(np.log(usual_face() / usual_skin()), np.float32)
    x, y, width, height = cv2.boundingRect((area > 0).view(np.uint8))
    wanted, weight = (each[y : y + height, x : x + width] for each in (darker, weight))
    prior = tuning.prior * float((np.square(usual @ LUMA) * area).sum())
    best, found = np.inf, np.zeros_like(usual)
    for shift in range(-most, most + 1):
        moved = usual[y - shift : y - shift + height, x : x + width]
        dark = moved @ LUMA
        strength = (float((dark * wanted * weight).sum()) + prior) / (float((dark * dark * weight).sum()) + prior)
        strength = min(max(strength, 0.0), tuning.most_strength)
        rest = float((np.square(wanted - strength * dark) * weight).sum()) + prior * (shift / most) ** 2
        if rest < best:
            best, found[y : y + height, x : x + width] = rest, strength * moved
    return found


def _skin_around(small: Floats, holes: Floats, skin: Floats) -> Floats:
    """Return the picture of bare skin that grows into all that is a hole or no skin, BGR float32 (256, 256, 3)."""
    weight = np.asarray(np.clip(1 - holes, 0, 1) ** 2 * skin, np.float32)
    return np.asarray(grown(np.asarray(small / usual_skin(), np.float32), weight) * usual_skin(), np.float32)


def _brightness(picture: Floats) -> Floats:
    return np.asarray(np.log(picture @ LUMA + np.float32(DARK)), np.float32)


def _not_dark(own: Image, tuning: UncoveredTuning) -> Floats:
    """Return 0 where a texture is much darker than its cheeks, float32 (grid, grid), 0..1: what is left of rims and strands."""
    grey = cv2.cvtColor(cv2.resize(own, (GRID, GRID), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY).astype(np.float32)
    low, high = tuning.dark_share
    return smoothstep((grey / max(float(np.median(grey[regions().sample > 0])), 1.0) - low) / (high - low))
