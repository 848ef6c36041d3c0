"""Hard light and smiles on a photo's skin: what no face has that is calm and evenly lit is taken off.

Patches of sun, shine, shadows with an edge and folds of a smile are finer than what `light` removes.
"""

from dataclasses import dataclass
from functools import cache
from importlib import resources

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.imaging.arrays import locked
from mien.imaging.colour import LUMA
from mien.imaging.smoothstep import smoothstep
from mien.models.format.parsing import FaceClass
from mien.swap.source.fill import HOLE_SIDE, filled
from mien.swap.source.light import DARK
from mien.swap.source.regions import GRID, area_of
from mien.types import Array, Floats, Image


@dataclass(frozen=True, slots=True)
class HardLightTuning:
    """Bounds of what counts as light; differences are in standard deviations of calm faces in even light."""

    hardness: tuple[float, float] = (1.2, 1.55)
    """Mean difference of the skin from where on and up to where it is evened: 100 London portraits reach 1.28, a third of
    everyday photos has more, up to 2.5."""
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
    smile: tuple[float, float] = (0.66, 0.78)
    """Width of the mouth in eye distances between which folds beside it are evened: 0.46 to 0.66 at rest, up to 0.83."""
    kept_fold: float = 0.7
    """Difference in brightness and colour that stays in such folds."""
    fold_margin: float = 0.1
    """Width around the strip of folds that belongs to it, in eye distances."""
    line: tuple[float, float] = (1.0, 2.0)
    """Darkness between which a fold becomes a line that is filled from around."""
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

    `painted` is the share of the face that has colours which skin never has. All are 0 where no skin is seen. `apart` float32
    (256, 256, 3) is the difference as in `EvenFace`, `hairy` float32 (256, 256) the share of hair.
    """

    hardness: float
    hue: float
    painted: float
    apart: Floats
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
        hairy = classes[[FaceClass.BEARD, FaceClass.BROW, FaceClass.HAIR]].sum(0) / np.float32(255)
    free = (hairy < tuning.hair_share) & (_features(tuning.feature_margin) < tuning.hair_share)
    steady = usual.deviation[:, :, 0] < tuning.steady
    sure, seen = (steady & (_wide((each > 0.5) & free) > 0.5) for each in (skin, well))
    if not sure.any():
        return Unevenness(0.0, 0.0, 0.0, np.zeros_like(apart), _wide(hairy))
    apart = np.asarray(apart - np.median(apart[sure], axis=0), np.float32)
    luma, blue, red = np.minimum(np.abs(apart[sure]) / usual.deviation[sure], tuning.most).mean(axis=0)
    painted = float((np.abs(apart[seen][:, 1:]).max(axis=1) > tuning.paint).mean()) if seen.any() else 0.0
    return Unevenness(float(luma), float(max(blue, red)), painted, apart, _wide(hairy))


def evened(
    own: Image, gain: Floats, well: Floats, found: Unevenness, mouth_width: float, tuning: HardLightTuning = TUNING
) -> Image:
    """Return the texture `own` without patches of light and without the folds of a smile.

    `well` (grid, grid) is how well the photo shows each texel; `mouth_width` is in eye distances.
    """
    light, hue, smile = _way(found.hardness, tuning.hardness), _way(found.hue, tuning.hue), _way(mouth_width, tuning.smile)
    if max(light, hue, smile) <= 0:
        return own
    wide, none = _wide(well), np.zeros((HOLE_SIDE, HOLE_SIDE), np.float32)
    change = _change(found, light + none, hue + none, (tuning.kept, tuning.kept_colour), wide, tuning)
    if smile > 0:
        folds = smile * _folds()
        folded = _change(found, folds, folds, (tuning.kept_fold, tuning.kept_fold), wide, tuning)
        change = np.where(np.abs(folded) > np.abs(change), folded, change)
    size_wh = own.shape[1::-1]
    gains = cv2.resize(_gains(change, _lit(own, gain), tuning), size_wh, interpolation=cv2.INTER_LINEAR)
    even = np.asarray(np.clip(own * gains + 0.5, 0, 255), np.uint8)
    return filled(even, _lines(found, smile, tuning), well) if smile > 0 else even


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
    features = _wide(_features(tuning.feature_margin))
    sure = (well * (1 - features))[:, :, None]
    total = cv2.GaussianBlur(sure, (0, 0), tuning.wide)[:, :, None] + np.float32(0.05)
    around = cv2.GaussianBlur(excess * sure, (0, 0), tuning.wide) / total
    change = excess * sure + around * (well * features)[:, :, None]
    return np.asarray(cv2.GaussianBlur(change, (0, 0), tuning.blur), np.float32)


def _lines(found: Unevenness, smile: float, tuning: HardLightTuning) -> Floats:
    """Return the dark lines of a smile's folds, float32 (256, 256), 0..1: too fine for a gain, they are filled."""
    off = -found.apart[:, :, 0] / even_face(HOLE_SIDE).deviation[:, :, 0]
    low, high = tuning.line
    dark = smoothstep((off - low) / (high - low)) * (1 - np.minimum(2 * tuning.hair_gain * found.hairy, 1))
    grown = cv2.dilate(dark, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (tuning.line_side, tuning.line_side)))
    return np.asarray(smile * _folds() * cv2.GaussianBlur(grown, (0, 0), tuning.blur), np.float32)


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
    return np.asarray(small * _wide(gain), np.float32)


def _wide(grid: Array) -> Floats:
    """Return a map (grid, grid) or (grid, grid, n) as float32 of 256 texels."""
    return np.asarray(cv2.resize(grid.astype(np.float32), (HOLE_SIDE, HOLE_SIDE), interpolation=cv2.INTER_LINEAR), np.float32)


@cache
def _features(margin: float) -> Floats:
    """Return the parts that are no skin, float32 (grid, grid), 0..1, read-only."""
    loops = (
        landmark_sets.RIGHT_EYE, landmark_sets.LEFT_EYE, landmark_sets.RIGHT_BROW, landmark_sets.LEFT_BROW,
        landmark_sets.OUTER_LIPS,
    )  # fmt: skip
    return locked(np.maximum.reduce([area_of(loop, margin) for loop in loops]))


@cache
def _folds() -> Floats:
    """Return where a smile makes folds, between cheeks and mouth, float32 (256, 256), 0..1, read-only."""
    return locked(_wide(np.maximum(*(area_of(loop, TUNING.fold_margin) for loop in landmark_sets.SMILE_FOLDS))))
