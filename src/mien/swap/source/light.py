"""Removal of a photo's light from a texture: its tint, its light from one side, its shade from above or below."""

from dataclasses import dataclass
from functools import cache
from importlib import resources

import cv2
import numpy as np

from mien.imaging.colour import LUMA
from mien.imaging.smoothstep import smoothstep
from mien.swap.source.regions import GRID, regions
from mien.types import Floats, Image

DARK = 6.0  # levels added before the logarithm, so that noise in the dark does not explode


@dataclass(frozen=True, slots=True)
class LightTuning:
    """Light of photos; brightnesses are natural logarithms, colours shares of the luma."""

    side: int = 64
    """Texels on a side of the maps of light and tone."""
    unlit: float = 1.0
    """Share of the difference in light between the two sides that is removed."""
    unshaded: float = 0.8
    """Share of the difference from a face lit from the front that is removed."""
    own_shade: float = 0.08
    """Difference of faces by themselves in the same light."""
    max_shade: float = 0.8
    """The largest difference that is taken for light."""
    max_light: float = 1.1
    max_colour: float = 0.15
    """The largest difference of two sides of a face in brightness and in colour."""
    hard_light: float = 0.3
    """Mean difference in light of both halves, natural logarithm, from which the lit half is mirrored: 104 London portraits
    have at most 0.13."""
    ridge: float = 0.02
    """Width of the passage between both halves then, as a share of the side."""
    spreads: tuple[tuple[float, float], ...] = ((0.05, 1.0), (0.12, 0.02), (0.3, 0.0004))
    """Sigmas of the smoothing, as a share of the side, and their weights: wide ones only where narrow ones see nothing."""
    blue_of_skin: tuple[float, float] = (0.68, 0.93)
    red_of_skin: tuple[float, float] = (1.10, 1.31)
    """Blue and red of cheeks: 104 portraits of 52 people in white light have 0.66..0.92 and 1.10..1.31."""
    max_blue: float = 0.78
    """Blue in a photo whose skin had too little of it."""
    tint_blur: float = 1.5
    """Sigma in texels of the blur of the red, whose noise compression makes."""


TUNING = LightTuning()


@dataclass(frozen=True, slots=True)
class Tint:
    """Tint of a photo's light: `shift_bgr` (3,) takes it off, in shares of the luma; `red` is the skin's share with it."""

    shift_bgr: Floats
    red: float


def tint_of(small: Image) -> Tint | None:
    """Return a tint that skin never has; None without one. `small` is BGR uint8 (grid, grid, 3).

    In strongly coloured light the weakest channel holds hardly anything, and what it holds would be blown up.
    """
    blue, green, red = np.median(small[regions().sample > 0].astype(np.float64), axis=0)
    luma = float(LUMA @ (blue, green, red)) + 1e-6
    bounds = (blue, TUNING.blue_of_skin), (red, TUNING.red_of_skin)
    shift_blue, shift_red = (min(max(value / luma, low), high) - value / luma for value, (low, high) in bounds)
    if shift_blue == 0 == shift_red:
        return None
    shift = np.array([shift_blue, -(LUMA[0] * shift_blue + LUMA[2] * shift_red) / LUMA[1], shift_red], np.float32)
    return Tint(shift, red / luma)


def untinted(picture: Image, tint: Tint) -> Image:
    """Remove the tint from a texture BGR uint8. Brows and shadows, bluer than skin in warm light, keep to its tone."""
    # In proportion to the brightness, not to the channel: black hair must stay black.
    luma = cv2.transform(picture, LUMA[None]).astype(np.float32)
    amount = luma
    if tint.shift_bgr[2] < 0:
        # A highlight shows the lamp's own colour: what is less red than the skin would turn green.
        red = cv2.GaussianBlur(picture[:, :, 2].astype(np.float32) / np.maximum(luma, 1), (0, 0), TUNING.tint_blur)
        amount = luma * np.clip((red - 1) / (tint.red - 1), 0, 1)
    even = np.asarray(np.clip(picture + amount[:, :, None] * tint.shift_bgr + 0.5, 0, 255), np.uint8)
    if tint.shift_bgr[0] > 0:
        most = cv2.transform(even, (TUNING.max_blue * LUMA)[None])
        even[:, :, 0] = np.minimum(even[:, :, 0], most)
    return even


def even_light(small: Image, skin: Floats) -> tuple[Floats, Floats]:
    """Return the gains that light both sides alike, of the texture and of its mirror picture; float32 (grid, grid, 3) each."""
    picture = cv2.resize(small, (TUNING.side, TUNING.side), interpolation=cv2.INTER_AREA).astype(np.float32)
    bare = np.asarray(cv2.resize(skin, (TUNING.side, TUNING.side), interpolation=cv2.INTER_AREA), np.float32)
    difference, shade = _sides(picture, bare), _shade(picture, bare)
    own = np.exp(-0.5 * TUNING.unlit * difference - TUNING.unshaded * shade)
    other = np.exp((1 - 0.5 * TUNING.unlit) * difference - TUNING.unshaded * shade)
    return _spread(own), _spread(other)


def side_light(small: Image, skin: Floats) -> float:
    """Return the mean difference in light of both halves of a face, natural logarithm; `small` is BGR uint8 (grid, grid, 3)."""
    picture = cv2.resize(small, (TUNING.side, TUNING.side), interpolation=cv2.INTER_AREA).astype(np.float32)
    bare = np.asarray(cv2.resize(skin, (TUNING.side, TUNING.side), interpolation=cv2.INTER_AREA), np.float32)
    both = bare * bare[:, ::-1]
    return float((np.abs(_sides(picture, bare) @ LUMA) * both).sum() / max(float(both.sum()), 1e-6))


def shaded_half(small: Image, skin: Floats) -> Floats | None:
    """Return the half of a texture that hard light leaves in shadow, float32 (grid, grid), 0..1; None in even light.

    Its gain would raise noise and colours that are hardly there: the lit half is mirrored instead.
    """
    if side_light(small, skin) < TUNING.hard_light:
        return None
    luma, middle = small @ LUMA, GRID // 2
    both = skin * skin[:, ::-1] > 0.25
    if not both.any():
        return None
    left, right = float(luma[:, :middle][both[:, :middle]].mean()), float(luma[:, middle:][both[:, middle:]].mean())
    across = (np.arange(GRID, dtype=np.float32) - (GRID - 1) / 2) / GRID
    half = smoothstep(0.5 + across * (1 if left > right else -1) / TUNING.ridge)
    return np.ascontiguousarray(np.broadcast_to(half, (GRID, GRID)), np.float32)


def lit(small: Image, gain: Floats) -> Image:
    """Multiply a texture BGR uint8 (grid, grid, 3) by a gain."""
    return np.asarray(np.clip(small * gain + 0.5, 0, 255), np.uint8)


def tone_towards(wanted: Image, picture: Image, weight: Floats) -> Floats:
    """Return the gain that gives `picture` the coarse tone of `wanted`, judged where the weight is; (grid, grid, 3)."""
    first, second = (
        np.log(cv2.resize(each, (TUNING.side, TUNING.side), interpolation=cv2.INTER_AREA).astype(np.float32) + DARK)
        for each in (wanted, picture)
    )
    small = np.asarray(cv2.resize(weight, (TUNING.side, TUNING.side), interpolation=cv2.INTER_AREA), np.float32)
    return _spread(np.exp(np.clip(_smooth(first - second, small), -TUNING.max_light, TUNING.max_light)))


def smooth_skin(small: Image, skin: Floats) -> Floats:
    """Return smooth skin for what neither side shows, BGR float32 (grid, grid, 3)."""
    picture = cv2.resize(small, (TUNING.side, TUNING.side), interpolation=cv2.INTER_AREA).astype(np.float32)
    weight = cv2.resize(skin, (TUNING.side, TUNING.side), interpolation=cv2.INTER_AREA)
    both = picture * weight[:, :, None] + (picture * weight[:, :, None])[:, ::-1]
    weight = weight + weight[:, ::-1]
    return _spread(np.clip(_smooth(both / np.maximum(weight, 1e-6)[:, :, None], weight), 0, 255))


def _spread(coarse: Floats) -> Floats:
    return np.ascontiguousarray(cv2.resize(coarse, (GRID, GRID), interpolation=cv2.INTER_LINEAR), np.float32)


def _sides(picture: Floats, skin: Floats) -> Floats:
    """Return the low frequencies of each texel against its mirror image: logarithms, BGR float32 (h, w, 3)."""
    tone = np.log(picture + DARK)
    luma = np.log(picture @ LUMA + DARK)[:, :, None]
    both = skin * skin[:, ::-1]
    light = np.clip(_smooth(luma - luma[:, ::-1], both), -TUNING.max_light, TUNING.max_light)
    colour = _smooth(tone - luma - (tone - luma)[:, ::-1], both)
    return np.asarray(light + np.clip(colour, -TUNING.max_colour, TUNING.max_colour), np.float32)


def _shade(picture: Floats, skin: Floats) -> Floats:
    """Return the brightness of both sides together against a face lit from the front: logarithms, float32 (h, w, 1)."""
    luma = np.log(picture @ LUMA + DARK)
    weight = 0.5 * (skin + skin[:, ::-1])
    both = (skin * luma + (skin * luma)[:, ::-1]) / np.maximum(2 * weight, 1e-6)
    usual = cv2.resize(_mean_shade(), luma.shape, interpolation=cv2.INTER_LINEAR)
    shade = _smooth((both - usual)[:, :, None], weight)
    middle = float((shade[:, :, 0] * weight).sum() / max(float(weight.sum()), 1e-6))
    shade = np.clip(shade - middle, -TUNING.max_shade, TUNING.max_shade)
    return np.asarray(np.sign(shade) * np.maximum(np.abs(shade) - TUNING.own_shade, 0), np.float32)


@cache
def _mean_shade() -> Floats:
    """The logarithm of the brightness of a face lit from the front, against its cheeks; float32 (32, 32)."""
    text = resources.files("mien").joinpath("assets/mean_shade.csv").read_text("utf-8")
    rows = [line.split(",") for line in text.splitlines() if not line.startswith("#")]
    return np.array(rows, np.float32) / np.float32(1000)


def _smooth(picture: Floats, weight: Floats) -> Floats:
    """Return the picture's low frequencies, smooth where the weight is 0 (normalised convolution, coarse to fine)."""
    both = np.dstack([picture * weight[:, :, None], weight])
    blurred = [share * cv2.GaussianBlur(both, (0, 0), sigma * len(weight)) for sigma, share in TUNING.spreads]
    total = np.sum(blurred, axis=0)
    return np.asarray(total[:, :, :-1] / (total[:, :, -1:] + 1e-9), np.float32)
