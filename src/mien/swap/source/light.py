"""The light of a photo, taken out of a texture: its tint, its sides, its shade from above or below."""

from functools import cache
from importlib import resources

import cv2
import numpy as np

from mien.imaging.colour import LUMA
from mien.swap.source.regions import GRID, regions
from mien.types import Array, Floats, Image

_COARSE = 64
"""Side of the maps that hold light and tone."""
_UNLIT = 1.0
"""How much of the difference in light between the two sides is taken out, 0..1."""
_UNSHADED = 0.8
"""How much of the difference from a face lit from the front is taken out, 0..1."""
_OWN_SHADE, _MOST_SHADE = 0.08, 0.8
"""So much, as a logarithm, faces differ by themselves in the same light; and the most that is taken for light."""
_MOST_LIGHT, _MOST_COLOUR = 1.1, 0.15
"""The most, as logarithms, that two sides of a face are taken to differ in brightness and in colour."""
_SPREADS = (0.05, 1.0), (0.12, 0.02), (0.3, 0.0004)
"""Sigmas of the smoothing, as a share of the side, and what they count: wide ones only where narrow ones see nothing."""
_BLUE_OF_SKIN, _RED_OF_SKIN = (0.68, 0.93), (1.10, 1.31)
"""Blue and red of cheeks as a share of their luma: 104 portraits of 52 people in white light have 0.66..0.92 and 1.10..1.31."""
_MOST_BLUE = 0.78
"""Blue as a share of the luma, in a photo whose skin had too little of it."""
_DARK = 6.0
"""Added to brightnesses before their logarithm is taken, so that noise in the dark does not explode."""


def tint_of(small: Image) -> Array | None:
    """A matrix (3, 3) that takes away a tint that no skin has, from a texture BGR uint8 (grid, grid, 3); None without one.

    In strongly coloured light the weakest channel holds hardly anything, and what it holds would be blown up.
    """
    blue, green, red = np.median(small[regions().sample > 0].astype(np.float64), axis=0)
    luma = float(LUMA @ (blue, green, red)) + 1e-6
    shift_blue, shift_red = (
        min(max(value / luma, low), high) - value / luma for value, (low, high) in ((blue, _BLUE_OF_SKIN), (red, _RED_OF_SKIN))
    )
    if shift_blue == 0 == shift_red:
        return None
    shift = np.array([shift_blue, -(LUMA[0] * shift_blue + LUMA[2] * shift_red) / LUMA[1], shift_red])
    # In proportion to the brightness, not to the channel: black hair must stay black.
    return np.asarray(np.eye(3) + shift[:, None] * LUMA[None])


def untinted(picture: Image, tint: Array) -> Image:
    """A texture BGR uint8 without its tint. Brows and shadows, which are bluer than skin in warm light, keep to its tone."""
    even = np.asarray(cv2.transform(picture, tint), np.uint8)
    if tint[0, 2] > 0:
        most = cv2.transform(even, (_MOST_BLUE * LUMA)[None])
        even[:, :, 0] = np.minimum(even[:, :, 0], most)
    return even


def even_light(small: Image, skin: Floats) -> tuple[Floats, Floats]:
    """What texture and mirror picture are multiplied with, so that both sides are lit alike; float32 (grid, grid, 3) each."""
    picture = cv2.resize(small, (_COARSE, _COARSE), interpolation=cv2.INTER_AREA).astype(np.float32)
    bare = np.asarray(cv2.resize(skin, (_COARSE, _COARSE), interpolation=cv2.INTER_AREA), np.float32)
    difference, shade = _sides(picture, bare), _shade(picture, bare)
    own = np.exp(-0.5 * _UNLIT * difference - _UNSHADED * shade)
    other = np.exp((1 - 0.5 * _UNLIT) * difference - _UNSHADED * shade)
    return _spread(own), _spread(other)


def lit(small: Image, gain: Floats) -> Image:
    return np.asarray(np.clip(small * gain + 0.5, 0, 255), np.uint8)


def tone_towards(wanted: Image, picture: Image, weight: Floats) -> Floats:
    """What `picture` is multiplied with to have the coarse tone of `wanted`, judged where the weight is; (grid, grid, 3)."""
    first, second = (
        np.log(cv2.resize(each, (_COARSE, _COARSE), interpolation=cv2.INTER_AREA).astype(np.float32) + _DARK)
        for each in (wanted, picture)
    )
    small = np.asarray(cv2.resize(weight, (_COARSE, _COARSE), interpolation=cv2.INTER_AREA), np.float32)
    return _spread(np.exp(np.clip(_smooth(first - second, small), -_MOST_LIGHT, _MOST_LIGHT)))


def smooth_skin(small: Image, skin: Floats) -> Floats:
    """Smooth skin for what neither side shows, BGR float32 (grid, grid, 3)."""
    picture = cv2.resize(small, (_COARSE, _COARSE), interpolation=cv2.INTER_AREA).astype(np.float32)
    weight = cv2.resize(skin, (_COARSE, _COARSE), interpolation=cv2.INTER_AREA)
    both = picture * weight[:, :, None] + (picture * weight[:, :, None])[:, ::-1]
    weight = weight + weight[:, ::-1]
    return _spread(np.clip(_smooth(both / np.maximum(weight, 1e-6)[:, :, None], weight), 0, 255))


def _spread(coarse: Floats) -> Floats:
    return np.ascontiguousarray(cv2.resize(coarse, (GRID, GRID), interpolation=cv2.INTER_LINEAR), np.float32)


def _sides(picture: Floats, skin: Floats) -> Floats:
    """Low frequencies of how much brighter each texel is than its mirror image: logarithms, BGR float32 (h, w, 3)."""
    tone = np.log(picture + _DARK)
    luma = np.log(picture @ LUMA + _DARK)[:, :, None]
    both = skin * skin[:, ::-1]
    light = _smooth(luma - luma[:, ::-1], both)
    colour = _smooth(tone - luma - (tone - luma)[:, ::-1], both)
    return np.asarray(np.clip(light, -_MOST_LIGHT, _MOST_LIGHT) + np.clip(colour, -_MOST_COLOUR, _MOST_COLOUR), np.float32)


def _shade(picture: Floats, skin: Floats) -> Floats:
    """How much brighter both sides together are than a face lit from the front: logarithms, float32 (h, w, 1)."""
    luma = np.log(picture @ LUMA + _DARK)
    weight = 0.5 * (skin + skin[:, ::-1])
    both = (skin * luma + (skin * luma)[:, ::-1]) / np.maximum(2 * weight, 1e-6)
    usual = cv2.resize(_mean_shade(), luma.shape, interpolation=cv2.INTER_LINEAR)
    shade = _smooth((both - usual)[:, :, None], weight)
    middle = float((shade[:, :, 0] * weight).sum() / max(float(weight.sum()), 1e-6))
    shade = np.clip(shade - middle, -_MOST_SHADE, _MOST_SHADE)
    return np.asarray(np.sign(shade) * np.maximum(np.abs(shade) - _OWN_SHADE, 0), np.float32)


@cache
def _mean_shade() -> Floats:
    """The logarithm of how bright a face lit from the front is, against its cheeks; float32 (32, 32)."""
    text = resources.files("mien").joinpath("assets/mean_shade.csv").read_text("utf-8")
    rows = [line.split(",") for line in text.splitlines() if not line.startswith("#")]
    return np.array(rows, np.float32) / np.float32(1000)


def _smooth(picture: Floats, weight: Floats) -> Floats:
    """The picture's low frequencies, carried on smoothly where the weight is 0 (normalised convolution, coarse to fine)."""
    both = np.dstack([picture * weight[:, :, None], weight])
    blurred = [share * cv2.GaussianBlur(both, (0, 0), sigma * len(weight)) for sigma, share in _SPREADS]
    total = np.sum(blurred, axis=0)
    return np.asarray(total[:, :, :-1] / (total[:, :, -1:] + 1e-9), np.float32)
