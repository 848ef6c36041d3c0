"""Covers: solid or coarsely blurred heads, in place, so that nobody can be told from what is left.

A cover needs no look ahead: files and live frames use it alike. It comes first; whatever is drawn on top of it may fail
without showing skin.
"""

import math
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from mien.imaging import geometry
from mien.imaging.blend import blend
from mien.types import Array, Floats, Image, Mask

SOLID, BLUR = "solid", "blur"
STYLES = (SOLID, BLUR)
"""Solid leaves nothing of a face. Blur leaves 6 x 8 noisy colours of a head: skin tone and hair colour can be guessed."""


@dataclass(frozen=True, slots=True)
class CoverTuning:
    """Shape and content of a cover; chosen by eye on 26 faces unless a reason is given."""

    scale: float = 1.4
    """Width and height in boxes of the face: the ellipse just holds the corners of the box."""
    above: float = 0.3
    """Height in boxes that is added at the top, for forehead and hair."""
    margin_pixels: float = 2.0
    """Added on all sides: a box is off by a pixel or two, which is much of a small face."""
    blocks_wh: tuple[int, int] = (6, 8)
    """Colours across and down a blurred head; its face has about 4 x 5 of them."""
    least_block_pixels: int = 4
    noise_levels: float = 12.0
    """Standard deviation of the noise of a block, by which a picture of a moving head cannot be averaged back."""
    grey: int = 72
    """Level of a solid cover, the same for all: no skin tone. Dark enough to be seen as a cover, light enough for the mark."""


TUNING = CoverTuning()


@dataclass(frozen=True, slots=True)
class HeadRegion:
    """Ellipse over a head, in frame pixels: middle, half axes across and along the head, and roll in degrees."""

    x: float
    y: float
    half_across: float
    half_along: float
    roll: float = 0.0

    @property
    def box_xyxy(self) -> tuple[float, float, float, float]:
        """The level box around the ellipse."""
        cosine, sine = math.cos(math.radians(self.roll)), math.sin(math.radians(self.roll))
        half_w = math.hypot(self.half_across * cosine, self.half_along * sine)
        half_h = math.hypot(self.half_across * sine, self.half_along * cosine)
        return self.x - half_w, self.y - half_h, self.x + half_w, self.y + half_h

    def grown(self, pixels: float) -> "HeadRegion":
        """Return the region larger by this many pixels on all sides."""
        return HeadRegion(self.x, self.y, self.half_across + pixels, self.half_along + pixels, self.roll)

    def holds(self, x: float, y: float) -> bool:
        """Return True for a place inside the ellipse."""
        cosine, sine = math.cos(math.radians(self.roll)), math.sin(math.radians(self.roll))
        across, along = cosine * (x - self.x) + sine * (y - self.y), cosine * (y - self.y) - sine * (x - self.x)
        return math.hypot(across / max(self.half_across, 1e-6), along / max(self.half_along, 1e-6)) <= 1


def region_of_box(box_xyxy: tuple[float, float, float, float], roll: float | None = 0.0) -> HeadRegion:
    """Return the head around a face box in frame pixels.

    `roll` in degrees, clockwise in the picture, says where the top of the head is; None = unknown: room on all sides. The box
    of a detection stays level, so with a roll it is taken as a square of its size.
    """
    x1, y1, x2, y2 = box_xyxy
    x, y, width, height = (x1 + x2) / 2, (y1 + y2) / 2, abs(x2 - x1), abs(y2 - y1)
    if roll is None:
        half = (TUNING.scale / 2 + TUNING.above) * max(width, height) + TUNING.margin_pixels
        return HeadRegion(x, y, half, half)
    if abs(math.sin(math.radians(roll))) > 0.25:
        width = height = max(width, height)
    return _head(x, y, width, height, roll)


def region_of_points(points: Floats) -> HeadRegion:
    """Return the head around the landmarks of a face, float32 (478, 3) or more of their columns, in frame pixels."""
    flat = np.asarray(points[:, :2], np.float64)
    roll = _roll(flat)
    cosine, sine = math.cos(math.radians(roll)), math.sin(math.radians(roll))
    level = np.stack([cosine * flat[:, 0] + sine * flat[:, 1], cosine * flat[:, 1] - sine * flat[:, 0]], axis=1)
    x1, y1, x2, y2 = geometry.box_of(level)
    middle_x, middle_y = (x1 + x2) / 2, (y1 + y2) / 2
    x, y = cosine * middle_x - sine * middle_y, sine * middle_x + cosine * middle_y
    # A turned face is narrow, its head is not.
    return _head(x, y, max(x2 - x1, _LEAST_WIDTH * (y2 - y1)), y2 - y1, roll)


_LEAST_WIDTH = 0.75
"""Width of a frontal face in heights; the mesh of a profile has 0.5."""


def _roll(flat: Array) -> float:
    """Return the roll of landmarks by the outer corners of the eyes and the line from them to the chin."""
    right, down = flat[263] - flat[33], flat[152] - flat[10]
    return math.degrees(math.atan2(float(right[1] - down[0]), float(right[0] + down[1])))


def _head(x: float, y: float, width: float, height: float, roll: float) -> HeadRegion:
    half_across = TUNING.scale / 2 * width + TUNING.margin_pixels
    half_along = (TUNING.scale + TUNING.above) / 2 * height + TUNING.margin_pixels
    up = TUNING.above / 2 * height
    angle = math.radians(roll)
    return HeadRegion(x + up * math.sin(angle), y - up * math.cos(angle), half_across, half_along, roll)


class Cover:
    """Draws covers of one style. The noise of a blur is drawn from a secret of this object, so that it cannot be taken off.

    `secret` fixes it, for tests.
    """

    def __init__(self, style: str, secret: int | None = None) -> None:
        if style not in STYLES:
            raise ValueError(f"no cover is called {style!r}")
        self.style = style
        self._secret = secrets.randbits(128) if secret is None else secret

    def draw(self, image: Image, regions: Iterable[tuple[int, HeadRegion]]) -> None:
        """Cover the regions of `image`, BGR uint8, in place. Each comes with a number, such as that of its track.

        Small ones come first: of a head behind another, the blocks must not be finer than those of the head in front.
        """
        for number, region in sorted(regions, key=lambda each: each[1].half_across * each[1].half_along):
            self._draw_one(image, number, region)

    def _draw_one(self, image: Image, number: int, region: HeadRegion) -> None:
        height, width = image.shape[:2]
        x1, y1, x2, y2 = region.box_xyxy
        left, top, right, bottom = geometry.clipped_box((x1 - 1, y1 - 1, x2 + 1, y2 + 1), width, height, after=1)
        if right <= left or bottom <= top:
            return
        mask = mask_of(region, left, top, right - left, bottom - top)
        if self.style == SOLID:
            crop = np.full((bottom - top, right - left, 3), TUNING.grey, np.uint8)
        else:
            crop = self._blurred(image[top:bottom, left:right], number, (x2 - x1, y2 - y1))
        blend(image, crop, mask, left, top, 256)

    def _blurred(self, part: Image, number: int, size_wh: tuple[float, float]) -> Image:
        """Return the part of a picture as a few colours with noise; `size_wh` is the whole region."""
        rows, columns = part.shape[:2]
        across, down = (
            max(1, min(round(blocks * length / max(whole, 1.0)), blocks, length // TUNING.least_block_pixels))
            for blocks, length, whole in zip(TUNING.blocks_wh, (columns, rows), size_wh, strict=True)
        )
        blocks = cv2.resize(np.ascontiguousarray(part), (across, down), interpolation=cv2.INTER_AREA).reshape(down, across, 3)
        # One noise for a track: noise that changes from frame to frame averages out.
        drawn = np.random.default_rng([self._secret, number & 0xFFFFFFFF]).normal(
            0, TUNING.noise_levels, (*TUNING.blocks_wh[::-1], 3)
        )
        noisy = np.clip(blocks + drawn[:down, :across], 0, 255).astype(np.uint8)
        return np.asarray(cv2.resize(noisy, (columns, rows), interpolation=cv2.INTER_LINEAR), np.uint8)


def mask_of(region: HeadRegion, left: int, top: int, width: int, height: int) -> Mask:
    """Return the region as opacity, uint8 (height, width): all of the ellipse is opaque, its edge lies outside."""
    mask = np.zeros((height, width), np.uint8)
    parts = 1 << _SHIFT
    middle = round((region.x - left) * parts), round((region.y - top) * parts)
    axes = round((region.half_across + 1) * parts), round((region.half_along + 1) * parts)
    cv2.ellipse(mask, middle, axes, region.roll, 0, 360, 255, -1, cv2.LINE_AA, _SHIFT)
    return mask


_SHIFT = 4  # binary digits of a sixteenth of a pixel, for OpenCV
