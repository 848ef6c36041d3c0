"""Shapes and textures of occluders: noise, solids of capsules under a lamp, patches of pictures."""

import math
from collections.abc import Sequence

import cv2
import numpy as np

from mien.lab.training.parser.portraits import CANVAS
from mien.types import Array, Floats, Image

_ROUGH = ((3.0, 0.6), (10.0, 0.6), (30.0, 0.5))
"""Sizes, in pixels, and strengths of the waves of plain noise."""


def noise(draw: np.random.Generator, waves: Sequence[tuple[float, float]] = _ROUGH) -> Floats:
    """Return smooth noise, float32 (128, 128): a sum of waves of given sizes, in pixels, and strengths."""
    total = np.zeros((CANVAS, CANVAS), np.float32)
    for size, strength in waves:
        cells = max(2, int(CANVAS / size))
        coarse = draw.standard_normal((cells, cells)).astype(np.float32)
        total += np.float32(strength) * cv2.resize(coarse, (CANVAS, CANVAS), interpolation=cv2.INTER_CUBIC)
    return total


class Solid:
    """A height field into which capsules are drawn; the nearest surface wins."""

    def __init__(self) -> None:
        self._z = np.full((CANVAS, CANVAS), -1e3, np.float32)
        self.part = np.zeros((CANVAS, CANVAS), np.uint8)
        """Number of the visible part at each pixel, 0 = none."""

    def capsule(self, a: Array, b: Array, radius_a: float, radius_b: float, part: int = 1) -> None:
        """Add a capsule from `a` to `b`, (x, y, z towards the camera) in pixels, with a radius at each end."""
        reach = max(radius_a, radius_b) + 1
        x0, x1 = int(max(0, min(a[0], b[0]) - reach)), int(min(CANVAS, max(a[0], b[0]) + reach + 1))
        y0, y1 = int(max(0, min(a[1], b[1]) - reach)), int(min(CANVAS, max(a[1], b[1]) + reach + 1))
        if x0 >= x1 or y0 >= y1:
            return
        x = np.arange(x0, x1, dtype=np.float32)[None, :] - np.float32(a[0])
        y = np.arange(y0, y1, dtype=np.float32)[:, None] - np.float32(a[1])
        along_x, along_y = float(b[0] - a[0]), float(b[1] - a[1])
        t = np.clip((x * along_x + y * along_y) / (along_x**2 + along_y**2 + 1e-6), 0, 1)
        radius = radius_a + t * (radius_b - radius_a)
        squared = radius * radius - (x - t * along_x) ** 2 - (y - t * along_y) ** 2
        z = np.where(squared > 0, np.sqrt(np.maximum(squared, 0)) + a[2] + t * (b[2] - a[2]), -1e3).astype(np.float32)
        nearer = z > self._z[y0:y1, x0:x1]
        self._z[y0:y1, x0:x1][nearer] = z[nearer]
        self.part[y0:y1, x0:x1][nearer] = part

    def shaded(self, draw: np.random.Generator, smooth: float) -> tuple[Floats, Floats]:
        """Return alpha and light on the surface under a random lamp, float32 (128, 128) each."""
        alpha = (self._z > -500).astype(np.float32)
        z = np.where(alpha > 0, self._z, 0).astype(np.float32)
        weight = cv2.GaussianBlur(alpha, (0, 0), smooth) + 1e-3
        even = cv2.GaussianBlur(z, (0, 0), smooth) / weight
        slope_x = cv2.Sobel(even, cv2.CV_32F, 1, 0, ksize=3) / 8
        slope_y = cv2.Sobel(even, cv2.CV_32F, 0, 1, ksize=3) / 8
        towards = 1 / np.sqrt(slope_x * slope_x + slope_y * slope_y + 1)
        turn, tilt = draw.uniform(-math.pi, math.pi), draw.uniform(0.2, 1.1)
        lamp = math.cos(turn) * math.sin(tilt), -abs(math.sin(turn)) * math.sin(tilt), math.cos(tilt)
        lambert = np.clip((-slope_x * lamp[0] - slope_y * lamp[1] + lamp[2]) * towards, 0, 1)
        ambient = draw.uniform(0.35, 0.75)
        wide = cv2.GaussianBlur(z, (0, 0), 4) / (cv2.GaussianBlur(alpha, (0, 0), 4) + 1e-3)
        creases = np.clip(1 - draw.uniform(0, 0.05) * np.clip(wide - z, 0, 12), 0.4, 1)
        light = (ambient + (1 - ambient) * lambert) * creases * (0.85 + 0.15 * towards)
        return alpha, light.astype(np.float32)


def surface(draw: np.random.Generator, pictures: Sequence[Image]) -> Floats:
    """Return a random surface, float32 (128, 128, 3): plain, striped, or a piece of a picture, BGR uint8."""
    kind = draw.random()
    base = draw.uniform(5, 250, 3).astype(np.float32)
    if kind < 0.4:
        made = base * (1 + 0.12 * noise(draw))[:, :, None]
    elif kind < 0.58:
        y, x = np.mgrid[0:CANVAS, 0:CANVAS].astype(np.float32)
        pitch, turn = draw.uniform(0.15, 1.2), draw.uniform(0, math.pi)
        wave = 0.5 + 0.5 * np.sin(pitch * (x * math.cos(turn) + y * math.sin(turn)))
        wave = (wave > 0.5).astype(np.float32) if draw.random() < 0.5 else wave
        made = base * wave[:, :, None] + draw.uniform(5, 250, 3).astype(np.float32) * (1 - wave)[:, :, None]
    else:
        picture = pictures[int(draw.integers(len(pictures)))]
        side = int(draw.integers(40, min(picture.shape[:2])))
        y0, x0 = (int(draw.integers(0, length - side + 1)) for length in picture.shape[:2])
        piece = picture[y0 : y0 + side, x0 : x0 + side]
        piece = np.rot90(piece, int(draw.integers(4)))
        made = cv2.resize(np.ascontiguousarray(piece), (CANVAS, CANVAS), interpolation=cv2.INTER_AREA).astype(np.float32)
        made = made * np.float32(draw.uniform(0.5, 1.3))
    return np.clip(made, 0, 255).astype(np.float32)


def outline(corners: Array, *, smooth: float = 0.0) -> Floats:
    """Return the area inside corners (n, 2) as alpha, float32 (128, 128); `smooth` rounds it, in pixels."""
    area = np.zeros((CANVAS, CANVAS), np.float32)
    cv2.fillPoly(area, [(np.asarray(corners) * 8).round().astype(np.int32)], 1.0, cv2.LINE_AA, 3)
    if smooth > 0:
        area = (cv2.GaussianBlur(area, (0, 0), smooth) > 0.5).astype(np.float32)
    return np.asarray(area, np.float32)


def shifted(values: Array, rows: int, columns: int) -> Floats:
    """Return a plane moved down by `rows` and to the right by `columns`, 0 where nothing was."""
    move = np.array([[1, 0, columns], [0, 1, rows]], np.float64)
    return np.asarray(cv2.warpAffine(values, move, (CANVAS, CANVAS), flags=cv2.INTER_NEAREST), np.float32)


def soft(alpha: Floats, draw: np.random.Generator) -> Floats:
    """Return alpha with its edge blurred as a camera's lens blurs it."""
    return np.asarray(cv2.GaussianBlur(alpha, (0, 0), draw.uniform(0.3, 0.8)), np.float32)


def hair_colour(draw: np.random.Generator, *, dyed: bool = True) -> Floats:
    """Return a colour of hair, BGR float32 (3,): black to blond, red, grey, rarely dyed."""
    kind = draw.random()
    if kind < 0.12:
        grey = draw.uniform(90, 215)
        return np.array([grey * draw.uniform(0.95, 1.06), grey, grey * draw.uniform(0.95, 1.03)], np.float32)
    if kind < 0.16 and dyed:
        return draw.uniform(20, 220, 3).astype(np.float32)
    blue = draw.uniform(6, 125) if kind < 0.6 else draw.uniform(6, 45)
    green = blue * draw.uniform(1.02, 1.45)
    return np.array([blue, green, green * draw.uniform(1.05, 1.5)], np.float32)
