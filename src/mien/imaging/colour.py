"""Light and tone: pure functions of pictures. Pictures are BGR uint8, coarse maps float32."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from mien.imaging.area_kernels import gather_cells
from mien.imaging.arrays import locked
from mien.imaging.cie_lab import bgr_to_lab
from mien.imaging.percentiles import percentiles_of
from mien.imaging.tone_kernels import add_rest, skin_base, sum_tones, weigh_skin, write_light
from mien.types import Array, Floats, Image, Mask

LUMA = locked(np.array([0.114, 0.587, 0.299], np.float32))
"""Weights of blue, green and red in luma (BT.601); float32 (3,), read-only."""

_SUBPIXEL_BITS = 4  # of the fraction of a cell in which outlines are drawn


@dataclass(frozen=True, slots=True)
class ToneTuning:
    """Numbers of relighting and softening; sigmas are shares of the width of the map or picture."""

    map_cells: int = 40  # along the longer side of the coarse maps; chosen by eye
    mean_sigma: float = 0.25  # wide enough to leave a nose or a brow to the source
    skin_sigma: float = 0.1  # of the skin's own lightness: with 0.07 the shape of cheeks becomes the target's, too
    unlike_share: float = 0.2  # skin is seldom darker than its surroundings by more; brows, lips and beards are
    brighter_share: float = 0.6  # the same for brighter skin: most shine is the lamp's, and goes over with the light
    darker_skin: float = 1.5  # times as bright a target up to which the photo is taken for a darker exposure
    shadow_power: float = 0.05  # beyond it, of the rest of that ratio in shadows, where no parts are known, in lips and beards
    skin_power: float = -1.8  # the same on bare skin: dark skin is darker round eyes and nose by itself
    hair_power: float = 1.0  # the same between lids: lashes and pupils are as dark on any skin
    brow_power: float = 1.4  # the same in brows: black ones stay black; with 1.7 the distance grows by 0.011, dark on light
    parts_sigma: float = 0.04  # of the passage from lips and beards to bare skin; chosen by eye
    highlight_white: float = 0.6  # colour of highlights: 0 = the skin's, 1 = the lamp's
    black_level: float = 6.0  # added to both sides of a ratio of brightnesses, so that noise in the dark does not explode
    single_tone: float = 1.0  # levels by which colours leave the line of one tone: faces in colour 3.5 and more, sepia 0.5
    plain_luma: float = 100.0  # mean brightness of a face up to which that bound falls with it
    clear_floor: float = 0.58  # the darkest of a face as a share of its middle: 0.15 to 0.6 in clear pictures
    hazy_floor: float = 0.7  # the same in hazy pictures: 0.65 to 0.8
    upper_face: float = 0.6  # share of the face's height above the mouth
    fine_sigma: float = 0.025  # parts fine from coarse detail
    towards_target: float = 0.7  # share by which fine detail follows the target
    rim: float = 0.17  # of the longer side: width of the border in which what the crop lacks of the target's tone is added
    rim_sigma: float = 0.07  # of its smoothing: with 0.04 the shading by which cheeks and jaws are told apart goes, too


_DEFAULT = ToneTuning()
_FEWEST_CELLS = 16  # of which the colours can be told
_WHOLLY = 0.98  # share of a cell's pixels from which it lies inside


@dataclass(frozen=True, slots=True)
class FacialParts:
    """Hulls of points (n, 2) in the pixels of a crop: `brows` and `eyes` are as dark on any skin, lips and beards `rough`."""

    brows: Sequence[Array]
    eyes: Sequence[Array]
    rough: Sequence[Array]


def light_map(
    crop: Image,
    mask: Mask,
    target: Image,
    strength: float,
    parts: FacialParts | None = None,
    dimmed: float = 1.0,
    tuning: ToneTuning = _DEFAULT,
) -> Floats:
    """Return the map with which `blend.relight` gives `crop` the light of `target`; float32 (gh, gw, 13).

    crop and target are the same rectangle; mask (uint8) is the opacity of the crop. strength 0 changes nothing, 1 takes the
    target's light and tone wholly. `parts` None = nothing is known of them. `dimmed` is
    the factor by which the crop was darkened before.
    """
    height, width = mask.shape
    cells = tuning.map_cells / max(height, width)
    size_wh = max(4, round(width * cells)), max(4, round(height * cells))
    gathered = np.empty((size_wh[1], size_wh[0], 8), np.float32)
    rows, target_rows = (np.ascontiguousarray(each).reshape(len(mask), -1) for each in (crop, target))
    gather_cells(rows, target_rows, mask, gathered)
    weight, inside = _weights(gathered)
    both = np.ascontiguousarray(gathered[:, :, :6])
    own, wanted = both[:, :, :3], both[:, :, 3:]
    base, contrast = _skin_base(both, weight, inside, tuning)
    clear = _clearness(own @ LUMA, wanted @ LUMA, inside, tuning)
    # On a black and white picture, or one in sepia, nothing of the source's colours may stay.
    white = -1.0 if _is_one_tone(both, 3, inside, tuning) else tuning.highlight_white
    light, lacks = np.empty((*weight.shape, 13), np.float32), np.empty((*weight.shape, 4), np.float32)
    numbers = np.array((tuning.black_level, tuning.darker_skin / dimmed, tuning.unlike_share), np.float32)
    powers, brows = _shadow_powers(parts, width, size_wh, tuning)
    write_light(both, base, weight, powers, brows, clear * contrast, clear, white, strength, numbers, light, lacks)
    # A step near the border of the mask is seen even where both are right in the mean: what still lacks there is added.
    rest = _blurred(lacks, tuning.rim_sigma * size_wh[0])
    add_rest(rest, _inside_border(weight), tuning.rim * max(weight.shape), strength, light)
    return light


def _shadow_powers(
    parts: FacialParts | None, width: int, size_wh: tuple[int, int], tuning: ToneTuning
) -> tuple[Floats, Floats]:
    """Return the power by which shadows grow in each cell of a crop `width` pixels wide, and the share of brows in it.

    Both are float32 (gh, gw).
    """
    usual = np.full(size_wh[::-1], tuning.shadow_power, np.float32)
    if parts is None:
        return usual, np.zeros_like(usual)
    rough, eyes, brows = (_covered(each, width, size_wh) for each in (parts.rough, parts.eyes, parts.brows))
    powers = usual + (tuning.skin_power - usual) * (1 - _blurred(rough, tuning.parts_sigma * size_wh[0]))
    powers += (tuning.hair_power - powers) * eyes
    return np.asarray(powers + (tuning.brow_power - powers) * brows, np.float32), brows


def _covered(outlines: Sequence[Array], width: int, size_wh: tuple[int, int]) -> Floats:
    """Return the share of each cell that lies in convex hulls of points in a picture `width` pixels wide; float32 (gh, gw)."""
    cover = np.zeros(size_wh[::-1], np.uint8)
    scale = size_wh[0] / width
    for outline in outlines:
        places = ((outline + 0.5) * scale - 0.5) * (1 << _SUBPIXEL_BITS)
        hull = cv2.convexHull(places.round().astype(np.int32))
        cv2.fillConvexPoly(cover, hull, 255, cv2.LINE_AA, _SUBPIXEL_BITS)
    return np.asarray(cover, np.float32) * np.float32(1 / 255)


def _inside_border(weight: Floats) -> Floats:
    """Return how far in the cells with a weight lie, in cells, 1 on their outline; holes in it, as eyes, have no border.

    float32 (gh + 2, gw + 2): there is a frame of zeros around.
    """
    outlines = cv2.findContours((weight > 0).view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]
    area = np.zeros((weight.shape[0] + 2, weight.shape[1] + 2), np.uint8)
    cv2.drawContours(area, outlines, -1, 1, cv2.FILLED, offset=(1, 1))
    return np.asarray(cv2.distanceTransform(area, cv2.DIST_L2, 3), np.float32)


def is_monochrome(pixels: Floats) -> bool:
    """Return True when the colours of `pixels`, float32 (n, 3), BGR, follow from their brightness: black and white, sepia."""
    return _is_one_tone(np.ascontiguousarray(pixels, np.float32)[None], 0, np.ones((1, len(pixels)), np.bool_), _DEFAULT)


def _is_one_tone(cells: Floats, first: int, inside: Array, tuning: ToneTuning) -> bool:
    """Return True when the colours of the cells `inside`, the channels from the `first` on, follow from their brightness."""
    sums = np.empty(4)
    sum_tones(cells, first, inside, sums)
    count, luma, *rests = sums.tolist()
    if count < _FEWEST_CELLS:
        return False
    # In a dim picture colours are as weak as the light.
    bound = tuning.single_tone * min(1.0, luma / tuning.plain_luma)
    return math.sqrt(max(rests)) < bound


def _weights(cells: Floats) -> tuple[Floats, Array]:
    """Return the weight of each cell in the mean, and the cells that lie wholly inside."""
    sure, inside = cells[:, :, 6], cells[:, :, 7] > _WHOLLY
    # The feathered border counts a little: it is there that both pictures must meet.
    weight = np.where(inside, 0.1 + sure * (0.9 / 255), 0).astype(np.float32)
    return weight, inside & (sure > 200)


def _halved(picture: Image) -> Image:
    """Return the means of 2 x 2 pixels, without the last of an odd number: OpenCV is ten times as fast without a remainder."""
    half_wh = max(1, picture.shape[1] // 2), max(1, picture.shape[0] // 2)
    even = picture[: 2 * half_wh[1], : 2 * half_wh[0]]
    return np.asarray(cv2.resize(even, half_wh, interpolation=cv2.INTER_AREA), np.uint8)


def _blurred(cells: Floats, sigma: float) -> Floats:
    return np.asarray(cv2.GaussianBlur(cells, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT), np.float32)


def _skin_base(both: Floats, weight: Floats, inside: Array, tuning: ToneTuning) -> tuple[Floats, float]:
    """Return the light on the skin itself, in which brows, lips and beard hardly count, and the gain of contrast.

    `both` is the crop (3) and the target (3), float32 (gh, gw, 6), as is the light. The gain is half way, in proportion, to
    the target's contrast, bounded: the source's features must stay its own.
    """
    columns = weight.shape[1]
    blurred = _blurred(np.dstack([both * weight[:, :, None], weight]), tuning.mean_sigma * columns)
    mean, weighed = np.empty_like(both), np.empty((*weight.shape, 8), np.float32)
    weigh_skin(both, blurred, weight, tuning.black_level, tuning.brighter_share, tuning.unlike_share, mean, weighed)
    base, energy = np.empty_like(both), np.empty(2)
    skin_base(both, mean, _blurred(weighed, tuning.skin_sigma * columns), inside, tuning.black_level, base, energy)
    values = 3 * np.count_nonzero(inside)
    if not values:
        return base, 1.0
    own, wanted = (float(each) / values for each in energy)
    return base, min(max(math.sqrt((wanted + 1) / (own + 1)), 0.75), 1.25) ** 0.5


def _clearness(own: Floats, wanted: Floats, inside: Array, tuning: ToneTuning) -> float:
    """Return the share of contrast that haze or a flat exposure leaves in the target, 0..1: there nothing is dark."""
    # An open mouth is dark in every haze; brows, lashes and nostrils tell.
    upper = inside.copy()
    upper[round(tuning.upper_face * len(upper)) :] = False
    if not upper.any():
        return 1.0
    black = tuning.black_level
    own_dark, own_middle = (level + black for level in percentiles_of(own[upper], (1, 50)))
    dark, middle = (level + black for level in percentiles_of(wanted[upper], (1, 50)))
    floor, own_floor = dark / middle, own_dark / own_middle
    haze = min(max((floor - tuning.clear_floor) / (tuning.hazy_floor - tuning.clear_floor), 0.0), 1.0)
    return float(1 - haze * (1 - min(1.0, (1 - floor) / max(1 - own_floor, 1e-3))))


def soften(crop: Image, mask: Mask, target: Image, tuning: ToneTuning = _DEFAULT) -> Image:
    """Return `crop` with its fine detail lowered towards the target's, never raised: missing detail cannot be sharpened.

    Both are the same rectangle, BGR uint8; the crop is already lit like the target. A photo that was sharpened or lit
    harshly would otherwise stand out in a soft picture.
    """
    small, other = _halved(crop), _halved(target)
    inside = (cv2.resize(mask, small.shape[1::-1], interpolation=cv2.INTER_NEAREST) > 200).view(np.uint8)
    if not inside.any():
        return crop
    sigma = max(0.8, tuning.fine_sigma * small.shape[1])
    smooth, other_smooth = _smooth(small, sigma), _smooth(other, sigma)
    own, wanted = (
        sum(cv2.mean(cv2.absdiff(each, coarse), inside)[:3]) / 3 for each, coarse in ((small, smooth), (other, other_smooth))
    )
    keep = float(np.clip((wanted + 0.5) / (own + 0.5), 0.3, 1.0)) ** tuning.towards_target
    if keep > 0.97:
        return crop
    coarse = cv2.resize(smooth, (crop.shape[1], crop.shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.addWeighted(crop, keep, coarse, 1 - keep, 0), np.uint8)


def _smooth(picture: Image, sigma: float) -> Image:
    # Of float32: wide kernels over uint8 take three times as long.
    return cv2.convertScaleAbs(cv2.GaussianBlur(np.asarray(picture, np.float32), (0, 0), sigma)).astype(np.uint8, copy=False)


def sharpened(crop: Image, strength: float) -> Image:
    """Return `crop`, BGR uint8, with its fine detail raised by the share `strength`."""
    soft = cv2.GaussianBlur(crop, (0, 0), max(0.8, 0.006 * max(crop.shape[:2])))
    return np.asarray(cv2.addWeighted(crop, 1 + strength, soft, -strength, 0), np.uint8)


def skin_confidence(image: Image, sample: Mask, spread: float) -> Mask:
    """Return the likeness of each pixel to the skin under `sample`; uint8 (h, w), 255 = skin, 0 = hair or background.

    The distance is Mahalanobis' in CIE Lab; `spread` is the sigma in pixels of the smoothing.
    """
    lab = bgr_to_lab(image).astype(np.float32)
    pixels = lab[sample > 0]
    if len(pixels) < 64:
        return np.full(image.shape[:2], 255, np.uint8)
    middle = np.median(pixels, axis=0)
    core = pixels[np.abs(pixels - middle).sum(1) <= np.percentile(np.abs(pixels - middle).sum(1), 80)]
    covariance = np.cov(core.T) + np.diag([60.0, 6.0, 6.0])
    difference = lab - core.mean(0)
    inverse = np.linalg.inv(covariance).astype(np.float32)
    distance = np.sqrt(np.einsum("hwi,ij,hwj->hw", difference, inverse, difference, optimize=True))
    sure = np.clip((7.5 - distance) / 2.5, 0, 1).astype(np.float32)
    # Thin strands are hair: widen what is not skin before the edge is smoothed.
    size = 2 * max(1, round(spread / 2)) + 1
    sure = cv2.erode(cv2.medianBlur((sure * 255).astype(np.uint8), 5), np.ones((size, size), np.uint8))
    return np.asarray(cv2.GaussianBlur(sure, (0, 0), max(spread, 0.5)), np.uint8)
