"""Hard light and smiles on a photo's skin: what no face has that is calm and evenly lit is taken off.

Patches of sun, shine, shadows with an edge and folds of a smile are finer than what `light` removes.
"""

from dataclasses import dataclass, replace
from functools import cache
from importlib import resources

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.imaging.arrays import locked
from mien.imaging.colour import LUMA
from mien.imaging.smoothstep import smoothstep
from mien.swap.source.calm_lips import calm_corners, lips
from mien.swap.source.fill import HOLE_SIDE, filled
from mien.swap.source.hair import beard_share, hair_share, without_deep_shadows, without_shadows
from mien.swap.source.light import DARK
from mien.swap.source.natural_folds import natural
from mien.swap.source.patches import patches
from mien.swap.source.regions import GRID, area_of, features, regions, wide
from mien.types import Array, Floats, Image


@dataclass(frozen=True, slots=True)
class HardLightTuning:
    """Bounds of what counts as light; differences are in standard deviations of calm faces in even light."""

    hardness: tuple[float, float] = (1.2, 1.55)
    """Mean difference of the skin from where on and up to where it is evened: 100 London portraits reach 1.28, a third of
    everyday photos has more, up to 2.5."""
    near_hardness: tuple[float, float] = (2.6, 3.6)
    """The same around a texel, from where on and up to where it is evened there: 95 % of the skin of any London portrait have
    less than 2.6, hard shadows 3.0 to 4.2."""
    near: float = 8.0
    """Sigma of that mean, in texels of 256: as wide as a shadow beside the nose."""
    hue: tuple[float, float] = (1.25, 1.9)
    """The same of the colour, blue or red: London reaches 1.17, a quarter of everyday photos has more, up to 2.3."""
    paint: float = 0.35
    """Difference in colour from the middle of the skin, natural logarithm, that skin never has."""
    most: float = 6.0
    """The largest difference that counts in the mean."""
    kept: float = 1.5
    """Difference in brightness that stays. With 1.0 every face loses its own relief, too: 0.006 more distance to the source."""
    kept_colour: float = 0.75
    """Difference in colour that stays where the brightness is far off, or everywhere in light of several colours."""
    off: tuple[float, float] = (1.2, 2.4)
    """Difference in brightness between which colours are evened, too."""
    smile: tuple[float, float] = (0.60, 0.72)
    """Width of the mouth in eye distances between which folds beside it are evened: 0.46 to 0.66 at rest, up to 0.83."""
    kept_fold: float = 0.35
    """Difference in brightness and colour that stays in such folds."""
    fold_margin: float = 0.1
    """Width around the strip of folds that belongs to it, in eye distances."""
    line: tuple[float, float] = (1.0, 2.0)
    """Darkness between which a fold becomes a line that is filled from around."""
    lip_blur: float = 0.7
    """Sigma of the blur by which the corners of lips are judged, in texels of 256: they are thinner than patches of light."""
    line_side: int = 5
    """Side in texels of 256 by which such a line is widened."""
    steady: float = 0.12
    """Deviation of brightness, natural logarithm, up to which a texel is the same in all faces: hair, lips and eyes are not."""
    feature_margin: float = 0.05
    """Width around eyes, brows and lips that belongs to them, in eye distances."""
    hair_share: float = 0.3
    """Share of hair, beard and brows up to which a texel counts as skin."""
    hair_gain: float = 2.0
    """Factor on that share where dark texels are kept: a parser sees the middle of a beard better than its edge."""
    blur: float = 1.0
    """Sigma of the blur of the picture and of the change, in texels of 256: pores stay."""
    wide: float = 6.0
    """Sigma by which features take the change of the skin around them."""
    far_apart: float = 2.0
    """Difference in brightness of a texel from its mirror image that light from one side makes."""
    lopsided: tuple[float, float] = (0.11, 0.13)
    """Share of the skin so far apart, times the hardness from 1 on, from where on and up to where both sides are evened: of 50
    London people one, with spotted skin, has 0.11, the others at most 0.05; hard shadows have 0.12 to 0.7."""
    kept_side: float = 1.2
    """Difference of both sides in brightness that stays."""
    kept_side_colour: float = 0.5
    """The same in colour, where the brightness is off."""
    side_blur: float = 2.0
    """Sigma in texels of 256 of the blur by which it is told which side is off."""
    side_doubt: float = 2.0
    """Difference up to which both sides share the change."""
    edge: tuple[float, float] = (0.06, 0.12)
    """Step of the change from texel to texel, natural logarithm, between which it is the edge of a shadow."""
    edge_side: int = 3
    """Side in texels of 256 by which such an edge is widened."""
    edge_hair: tuple[float, float] = (0.3, 0.6)
    """Share of hair between which it is none."""
    blown: tuple[float, float] = (248.0, 253.0)
    """Levels of the second brightest channel between which skin is blown out."""
    green_gain: tuple[float, float] = (0.7, 1.4)
    """Bounds of the gain of green, which keeps the luma."""


TUNING = HardLightTuning()


@dataclass(frozen=True, slots=True)
class EvenFace:
    """Skin in even light at rest: `mean` and `deviation`, float32 (n, n, 3): logarithm of luma, of blue and red against it."""

    mean: Floats
    deviation: Floats


@dataclass(frozen=True, slots=True)
class Unevenness:
    """Difference of a photo's skin from even light: `hardness` of brightness and `hue` of colours, in standard deviations.

    `painted` is the share of the face that has colours which skin never has, `lopsided` the share of the skin that is lit
    otherwise than its mirror image. All are 0 where no skin is seen. `apart` float32 (256, 256, 3) is the difference as in
    `EvenFace` from `middle` float32 (3,) on, the photo's own skin; `hairy` float32 (256, 256) is the share of hair.
    """

    hardness: float
    hue: float
    painted: float
    lopsided: float
    apart: Floats
    middle: Floats
    hairy: Floats


def unevenness(
    own: Image, gain: Floats, skin: Floats, well: Floats, classes: Array | None, tuning: HardLightTuning = TUNING
) -> Unevenness:
    """Return how a texture `own`, BGR uint8 (n, n, 3), lit by `gain` (grid, grid, 3), differs from skin in even light.

    `well` (grid, grid), 0..1, is how well the photo shows each texel, `skin` the same where it is skin; `classes` as in
    `SourceFace`.
    """
    usual = even_face(HOLE_SIDE)
    apart = tones(_lit(own, gain), tuning.blur) - usual.mean
    hairy = np.zeros((GRID, GRID), np.float32)
    if classes is not None:
        hairy = hair_share(classes, well)
    free = (hairy < tuning.hair_share) & (features(tuning.feature_margin) < tuning.hair_share)
    steady = usual.deviation[:, :, 0] < tuning.steady
    sure, seen = (steady & (wide((each > 0.5) & free) > 0.5) for each in (skin, well))
    if not sure.any():
        return Unevenness(0.0, 0.0, 0.0, 0.0, np.zeros_like(apart), np.zeros(3, np.float32), wide(hairy))
    middle = np.median(apart[sure], axis=0)
    apart = np.asarray(apart - middle, np.float32)
    luma, blue, red = np.minimum(np.abs(apart[sure]) / usual.deviation[sure], tuning.most).mean(axis=0)
    painted = float((np.abs(apart[seen][:, 1:]).max(axis=1) > tuning.paint).mean()) if seen.any() else 0.0
    both, sides = sure & sure[:, ::-1], np.abs(apart - apart[:, ::-1])[:, :, 0] / usual.deviation[:, :, 0]
    lopsided = float((sides[both] > tuning.far_apart).mean()) if both.any() else 0.0
    hair = wide(hairy) if classes is None else without_shadows(wide(hairy), beard_share(classes, well), apart)
    return Unevenness(float(luma), float(max(blue, red)), painted, lopsided, apart, middle, hair)


def evened(
    own: Image,
    gain: Floats,
    well: Floats,
    found: Unevenness,
    mouth_width: float,
    tuning: HardLightTuning = TUNING,
    *,
    folds: bool = False,
) -> Image:
    """Return the texture `own` without patches of light, shadows of one side and, unless they stay, the `folds` of a smile.

    `well` (grid, grid) is how well the photo shows each texel; `mouth_width` is in eye distances.
    """
    seen, smile, whole = wide(well), _way(mouth_width, tuning.smile), found
    one_sided = _one_sided(found, seen, tuning)
    light = _way(found.hardness, tuning.hardness)
    hair = without_deep_shadows(found.hairy, found.apart, even_face(HOLE_SIDE).deviation, light)
    found = replace(found, apart=found.apart - one_sided, hairy=hair)
    near = np.maximum(light, _hard_near(found, seen, tuning))
    hue = np.full_like(near, _way(found.hue, tuning.hue))
    change = _change(found, near, hue, (tuning.kept, tuning.kept_colour), seen, tuning)
    change += patches(found.apart - change, _free_skin(found, seen, tuning), seen)
    change += cv2.GaussianBlur(one_sided, (0, 0), tuning.blur)
    edges = _edges(change, found, tuning)
    if folds:
        # What evens hard light would cut them to pieces.
        strip = smile * smile_folds() * (1 - wide(features(tuning.feature_margin)))
        change += strip[:, :, None] * (_unnatural(whole, seen, tuning) - change)
        edges, smile = edges * (1 - strip), 0.0
    if smile > 0:
        strip = smile * smile_folds()
        folded = _change(found, strip, strip, (tuning.kept_fold, tuning.kept_fold), seen, tuning)
        change = np.where(np.abs(folded) > np.abs(change), folded, change)
    if not change.any():
        return own
    size_wh = own.shape[1::-1]
    gains = cv2.resize(_gains(change, _lit(own, gain), tuning), size_wh, interpolation=cv2.INTER_LINEAR)
    even = np.asarray(np.clip(own * gains + 0.5, 0, 255), np.uint8)
    skin = well * (1 - features(tuning.feature_margin))
    even = filled(even, edges, skin)
    return _calm_mouth(filled(even, _lines(found, smile, tuning), skin), gain, found, smile, tuning) if smile > 0 else even


def blown_out(own: Image, tuning: HardLightTuning = TUNING) -> Floats:
    """Return the skin of a texture BGR uint8 (n, n, 3) whose colour the light has wiped out, float32 (256, 256), 0..1."""
    small = cv2.resize(own, (HOLE_SIDE, HOLE_SIDE), interpolation=cv2.INTER_AREA)
    low, high = tuning.blown
    # Red alone is clipped early, and green tells what it was.
    blue, green, red = cv2.split(small)
    second = np.maximum(np.minimum(blue, green), np.minimum(np.maximum(blue, green), red))
    if second.max() <= low:
        return np.zeros(second.shape, np.float32)
    inside = 1 - wide(np.maximum(features(tuning.feature_margin), regions().mouth))
    lost = smoothstep((second.astype(np.float32) - low) / (high - low)) * inside
    grown = cv2.dilate(lost, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (tuning.edge_side, tuning.edge_side)))
    return np.asarray(cv2.GaussianBlur(grown, (0, 0), tuning.blur), np.float32)


def mouth_width(points: Floats) -> float:
    """Return the width of the mouth in eye distances, of landmarks (478, 3)."""
    first, second = landmark_sets.OUTER_LIPS[0], landmark_sets.OUTER_LIPS[len(landmark_sets.OUTER_LIPS) // 2]
    eyes = points[list(landmark_sets.EYE_CORNERS)]
    return float(np.linalg.norm(points[first] - points[second]) / max(float(np.linalg.norm(eyes[0] - eyes[1])), 1e-6))


def tones(picture: Floats, blur: float) -> Floats:
    """Return the logarithms of luma, and of blue and red against it, of a picture BGR float32 (n, n, 3), smoothed."""
    smooth = cv2.GaussianBlur(picture, (0, 0), blur)
    luma = np.log(smooth @ LUMA + DARK)
    blue, red = (np.log(smooth[:, :, channel] + DARK) - luma for channel in (0, 2))
    return np.asarray(np.dstack([luma, blue, red]), np.float32)


@cache
def even_face(side: int) -> EvenFace:
    """Return calm faces in even light as a texture of `side` texels; its arrays are shared."""
    with resources.files("mien").joinpath("assets/even_face.npz").open("rb") as file, np.load(file) as stored:
        maps = (cv2.resize(stored[name].astype(np.float32), (side, side)) for name in ("mean", "deviation"))
        mean, deviation = (locked(np.asarray(each, np.float32)) for each in maps)
    return EvenFace(mean, deviation)


def _change(
    found: Unevenness, strength: Floats, hue: Floats, kept: tuple[float, float], well: Floats, tuning: HardLightTuning
) -> Floats:
    """Return the logarithms to take off, as in `EvenFace`, float32 (256, 256, 3).

    `strength` and `hue` (256, 256) are the shares of the excess in brightness and in colour; `kept` is what stays of both.
    """
    deviation = even_face(HOLE_SIDE).deviation
    bound = deviation * np.array([kept[0], kept[1], kept[1]], np.float32)
    excess = found.apart - np.clip(found.apart, -bound, bound)
    off = np.abs(found.apart[:, :, 0]) / deviation[:, :, 0]
    coloured = np.maximum(strength * smoothstep((off - tuning.off[0]) / (tuning.off[1] - tuning.off[0])), hue)
    # Beards, brows and hair are dark by themselves.
    skin = np.where(found.apart[:, :, 0] < 0, 1 - np.minimum(tuning.hair_gain * found.hairy, 1), 1)
    excess *= np.dstack([strength * skin, coloured * skin, coloured * skin])
    change = _over_features(excess, well * (1 - wide(features(tuning.feature_margin))), well, tuning)
    return np.asarray(cv2.GaussianBlur(change, (0, 0), tuning.blur), np.float32)


def _unnatural(found: Unevenness, seen: Floats, tuning: HardLightTuning) -> Floats:
    """Return what hard light adds to the folds of a smile, as in `EvenFace`, float32 (256, 256, 3); beards are dark in any."""
    bare = 1 - np.minimum(tuning.hair_gain * found.hairy, 1)
    excess = (found.apart - natural(found.apart, found.hardness)) * (bare * seen)[:, :, None]
    return np.asarray(cv2.GaussianBlur(excess, (0, 0), tuning.blur), np.float32)


def _hard_near(found: Unevenness, well: Floats, tuning: HardLightTuning) -> Floats:
    """Return how hard the light is around each texel, float32 (256, 256), 0..1."""
    off = np.minimum(np.abs(found.apart[:, :, 0]) / even_face(HOLE_SIDE).deviation[:, :, 0], tuning.most)
    skin = _free_skin(found, well, tuning)
    total = cv2.GaussianBlur(skin, (0, 0), tuning.near) + np.float32(1e-3)
    low, high = tuning.near_hardness
    return smoothstep((cv2.GaussianBlur(off * skin, (0, 0), tuning.near) / total - low) / (high - low))


def _one_sided(found: Unevenness, well: Floats, tuning: HardLightTuning) -> Floats:
    """Return what light adds on one side alone, as in `EvenFace`, float32 (256, 256, 3): faces are alike on both.

    Of a texel and its mirror image the one that is farther from even light gives way.
    """
    strength = _way(found.lopsided * max(1.0, found.hardness), tuning.lopsided)
    if strength <= 0:
        return np.zeros_like(found.apart)
    deviation = even_face(HOLE_SIDE).deviation
    off = np.abs(cv2.GaussianBlur(found.apart / deviation, (0, 0), tuning.side_blur)[:, :, 0])
    share = strength * smoothstep(0.5 + (off - off[:, ::-1]) / tuning.side_doubt)
    apart = found.apart - found.apart[:, ::-1]
    bound = deviation * np.array([tuning.kept_side, tuning.kept_side_colour, tuning.kept_side_colour], np.float32)
    excess = apart - np.clip(apart, -bound, bound)
    sides = np.abs(apart[:, :, 0]) / deviation[:, :, 0]
    coloured = share * smoothstep((sides - 0.6 * tuning.kept_side) / tuning.kept_side)
    skin = _free_skin(found, well, tuning)
    return _over_features(excess * np.dstack([share, coloured, coloured]), skin * skin[:, ::-1], well, tuning)


def _free_skin(found: Unevenness, well: Floats, tuning: HardLightTuning) -> Floats:
    """Return how surely a texel is seen and is neither hair nor a feature, float32 (256, 256), 0..1."""
    bare = 1 - np.minimum(tuning.hair_gain * found.hairy, 1)
    return np.asarray(well * (1 - wide(features(tuning.feature_margin))) * bare, np.float32)


def _over_features(excess: Floats, sure: Floats, well: Floats, tuning: HardLightTuning) -> Floats:
    """Return a change (256, 256, 3) where it is `sure`; eyes, brows and lips take that of the skin around them."""
    weight = sure[:, :, None]
    total = cv2.GaussianBlur(weight, (0, 0), tuning.wide)[:, :, None] + np.float32(0.05)
    around = cv2.GaussianBlur(excess * weight, (0, 0), tuning.wide) / total
    return np.asarray(excess * weight + around * (well * wide(features(tuning.feature_margin)))[:, :, None], np.float32)


def _edges(change: Floats, found: Unevenness, tuning: HardLightTuning) -> Floats:
    """Return the edges of shadows that `change` takes off, float32 (256, 256), 0..1: a gain leaves them as lines."""
    luma = np.ascontiguousarray(change[:, :, 0])
    across, down = cv2.Scharr(luma, cv2.CV_32F, 1, 0, scale=1 / 32), cv2.Scharr(luma, cv2.CV_32F, 0, 1, scale=1 / 32)
    low, high = tuning.edge
    steep = smoothstep((np.hypot(across, down) - low) / (high - low))
    few, many = tuning.edge_hair
    # Nostrils are dark in any light.
    kept = np.maximum(features(tuning.feature_margin), area_of(landmark_sets.NOSE_UNDERSIDE, tuning.feature_margin))
    steep *= (1 - wide(kept)) * (1 - smoothstep((found.hairy - few) / (many - few)))
    grown = cv2.dilate(steep, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (tuning.edge_side, tuning.edge_side)))
    return np.asarray(cv2.GaussianBlur(grown, (0, 0), tuning.blur), np.float32)


def _lines(found: Unevenness, smile: float, tuning: HardLightTuning) -> Floats:
    """Return the dark lines of a smile's folds, float32 (256, 256), 0..1: too fine for a gain, they are filled.

    Lips are darker than skin by themselves.
    """
    off = -found.apart[:, :, 0] / even_face(HOLE_SIDE).deviation[:, :, 0]
    low, high = tuning.line
    hairy = np.clip(2 * tuning.hair_gain * found.hairy, 0, 1)
    dark = smoothstep((off - low) / (high - low)) * (1 - hairy)
    grown = cv2.dilate(dark, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (tuning.line_side, tuning.line_side)))
    return np.asarray(smile * smile_folds() * (1 - lips()) * cv2.GaussianBlur(grown, (0, 0), tuning.blur), np.float32)


def _calm_mouth(own: Image, gain: Floats, found: Unevenness, smile: float, tuning: HardLightTuning) -> Image:
    """Return the texture `own` with the corners of its lips as they are at rest, as far as it smiles, 0..1."""
    usual = even_face(HOLE_SIDE)
    apart = np.asarray(tones(_lit(own, gain), tuning.lip_blur) - usual.mean - found.middle, np.float32)
    wanted, share = calm_corners(apart, usual.mean, usual.deviation)
    share *= smile * (1 - np.clip(tuning.hair_gain * found.hairy, 0, 1))
    picture = _picture(wanted + usual.mean + found.middle) / np.maximum(wide(gain), np.float32(1e-3))
    size_wh = own.shape[1::-1]
    wide_share = cv2.resize(share, size_wh, interpolation=cv2.INTER_LINEAR)
    left, top, width, height = cv2.boundingRect((wide_share > 1 / 255).view(np.uint8))
    part = np.s_[top : top + height, left : left + width]
    goal = cv2.resize(np.asarray(picture, np.float32), size_wh, interpolation=cv2.INTER_CUBIC)[part]
    calm = own.copy()
    calm[part] = np.clip(own[part] + (goal - own[part]) * wide_share[part][:, :, None] + 0.5, 0, 255)
    return calm


def _picture(found: Floats) -> Floats:
    """Return the picture, BGR float32 (n, n, 3), of which `tones` are `found`."""
    luma, blue, red = (
        np.exp(each) - DARK for each in (found[:, :, 0], found[:, :, 0] + found[:, :, 1], found[:, :, 0] + found[:, :, 2])
    )
    green = (luma - LUMA[0] * blue - LUMA[2] * red) / LUMA[1]
    return np.asarray(np.maximum(np.dstack([blue, green, red]), 0), np.float32)


def _gains(change: Floats, picture: Floats, tuning: HardLightTuning) -> Floats:
    """Return the gains BGR, float32 (256, 256, 3), that take off `change`; that of green keeps the luma."""
    whole = np.exp(-change[:, :, 0])
    blue, red = whole * np.exp(-change[:, :, 1]), whole * np.exp(-change[:, :, 2])
    shown = np.maximum(picture, 1)
    rest = whole * (shown @ LUMA) - LUMA[0] * blue * shown[:, :, 0] - LUMA[2] * red * shown[:, :, 2]
    low, high = tuning.green_gain
    green = np.clip(rest / (LUMA[1] * shown[:, :, 1]), low * whole, high * whole)
    return np.ascontiguousarray(np.dstack([blue, green, red]), np.float32)


def _way(value: float, span: tuple[float, float]) -> float:
    return float(smoothstep(np.array((value - span[0]) / (span[1] - span[0]))))


def _lit(own: Image, gain: Floats) -> Floats:
    small = cv2.resize(own, (HOLE_SIDE, HOLE_SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(small * wide(gain), np.float32)


@cache
def smile_folds() -> Floats:
    """Return where a smile makes folds, between cheeks and mouth, float32 (256, 256), 0..1, read-only."""
    return locked(wide(np.maximum(*(area_of(loop, TUNING.fold_margin) for loop in landmark_sets.SMILE_FOLDS))))
