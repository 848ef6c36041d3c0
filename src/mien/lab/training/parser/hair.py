"""Hair in front of the face: single strands, locks, fringes, long hair at the sides."""

import cv2
import numpy as np

from mien.lab.training.parser.canvas import Canvas
from mien.lab.training.parser.portraits import CANVAS
from mien.lab.training.parser.shadows import OF_HAIR, cast_shadow
from mien.lab.training.parser.shapes import hair_colour, noise
from mien.models.format.parsing import FaceClass
from mien.types import Array, Floats

_FINE = 2  # strands are drawn at this multiple of the canvas
_STEPS = 16  # points of a strand


class _Brush:
    """Strands drawn at twice the canvas's size, each with its own tone."""

    def __init__(self, colour: Floats) -> None:
        self._alpha = np.zeros((CANVAS * _FINE, CANVAS * _FINE), np.float32)
        self._colour = np.zeros((CANVAS * _FINE, CANVAS * _FINE, 3), np.float32)
        self._colour += colour
        self._tone = colour

    def strand(self, path: Array, width: int, opacity: float, tone: float) -> None:
        """Draw a strand along `path` (n, 2), in pixels of the canvas."""
        line = [(path * _FINE).round().astype(np.int32)]
        cv2.polylines(self._alpha, line, False, opacity, width, cv2.LINE_AA)
        b, g, r = (float(value) for value in self._tone * tone)
        cv2.polylines(self._colour, line, False, (b, g, r), width + 1)

    def area(self, corners: Array, opacity: float) -> None:
        """Fill an area with dense hair; `corners` (n, 2) in pixels of the canvas."""
        cv2.fillPoly(self._alpha, [(corners * _FINE).round().astype(np.int32)], opacity, cv2.LINE_AA)

    def made(self) -> tuple[Floats, Floats]:
        """Return alpha float32 (128, 128) and colours float32 (128, 128, 3)."""
        size = CANVAS, CANVAS
        alpha = cv2.resize(self._alpha, size, interpolation=cv2.INTER_AREA)
        colour = cv2.resize(self._colour, size, interpolation=cv2.INTER_AREA)
        return np.asarray(alpha, np.float32), np.asarray(colour, np.float32)


def add_hair(canvas: Canvas, draw: np.random.Generator) -> None:
    """Lay hair of a random kind over the face."""
    colour = _own_colour(canvas) if draw.random() < 0.5 else hair_colour(draw)
    brush = _Brush(colour)
    kind = draw.random()
    if kind < 0.3:
        _strands(brush, canvas, draw)
    elif kind < 0.55:
        _locks(brush, canvas, draw)
    elif kind < 0.8:
        _fringe(brush, canvas, draw)
    else:
        _curtain(brush, canvas, draw, -1)
        if draw.random() < 0.6:
            _curtain(brush, canvas, draw, 1)
    alpha, colours = brush.made()
    shine = 1 + draw.uniform(0, 0.35) * noise(draw, ((24, 0.8), (4, 0.4)))
    colours = colours * np.clip(shine, 0.4, 1.9)[:, :, None]
    if draw.random() < 0.6:
        cast_shadow(canvas, alpha, draw, OF_HAIR)
    canvas.lay(FaceClass.HAIR, alpha, colours)
    canvas.kinds.append("hair")


def _own_colour(canvas: Canvas) -> Floats:
    """Return the colour of the person's own hair, BGR float32 (3,); a dark tone of the skin where little hair is known."""
    own = cv2.resize(canvas.truth[:, :, FaceClass.HAIR], (CANVAS, CANVAS)) > 0.9
    if own.sum() < 60:
        return canvas.skin() * np.float32(0.35)
    colour: Floats = np.median(canvas.image[own], axis=0).astype(np.float32)
    return colour


def _path(root: Array, tip: Array, bend: float, curl: float, draw: np.random.Generator) -> Array:
    """Return a strand from root to tip that bends aside and may curl, (16, 2)."""
    t = np.linspace(0, 1, _STEPS)[:, None]
    along = tip - root
    aside = np.array([-along[1], along[0]]) / max(float(np.hypot(*along)), 1e-6)
    wave = bend * np.sin(np.pi * t * draw.uniform(0.7, 1.3)) + curl * np.sin(2 * np.pi * t * draw.uniform(1.0, 2.5))
    path: Array = root + along * t + aside * wave
    return path


def _strands(brush: _Brush, canvas: Canvas, draw: np.random.Generator) -> None:
    """Draw single strands that fall into the face from above or from a side."""
    eyes, (x, y) = canvas.eyes, canvas.middle
    middle, wide = x + draw.normal(0, 0.7) * eyes, draw.uniform(0.1, 1.2) * eyes
    fall = np.array([draw.normal(0, 0.6), draw.uniform(0.5, 2.8)]) * eyes
    bend, curl = draw.normal(0, 0.3) * eyes, abs(draw.normal(0, 0.05)) * eyes
    for _ in range(int(draw.integers(2, 40))):
        root = np.array([middle + draw.normal(0, 0.6) * wide, y - draw.uniform(0.9, 1.6) * eyes])
        tip = root + fall * draw.uniform(0.6, 1.1) + draw.normal(0, 0.1, 2) * eyes
        path = _path(root, tip, bend + draw.normal(0, 0.08) * eyes, curl, draw)
        width = int(draw.integers(1, 3)) if draw.random() < 0.75 else int(draw.integers(3, 7))
        brush.strand(path, width, draw.uniform(0.45, 1), draw.uniform(0.6, 1.6))


def _locks(brush: _Brush, canvas: Canvas, draw: np.random.Generator) -> None:
    """Draw bundles of strands that run together to a tip."""
    eyes, (x, y) = canvas.eyes, canvas.middle
    for _ in range(int(draw.integers(1, 7))):
        root = np.array([x + draw.normal(0, 0.8) * eyes, y - draw.uniform(0.8, 1.4) * eyes])
        tip = root + np.array([draw.normal(0, 0.55), draw.uniform(0.35, 1.6)]) * eyes
        wide, bend, curl = draw.uniform(0.06, 0.3) * eyes, draw.normal(0, 0.25) * eyes, abs(draw.normal(0, 0.06)) * eyes
        for _ in range(int(draw.integers(10, 40))):
            aside = draw.normal(0, wide, 2) * (1, 0.3)
            path = _path(root + aside, tip + 0.25 * aside + draw.normal(0, 1, 2), bend + 0.3 * aside[0], curl, draw)
            brush.strand(path, int(draw.integers(1, 4)), draw.uniform(0.6, 1), draw.uniform(0.6, 1.5))


def _fringe(brush: _Brush, canvas: Canvas, draw: np.random.Generator) -> None:
    """Draw a fringe over the forehead: straight, swept aside or parted, down to brows or eyes, dense or thin."""
    eyes, (x, y) = canvas.eyes, canvas.middle
    length = draw.uniform(0.25, 1.25)
    lean, part = draw.normal(0, 0.35), draw.uniform(-0.8, 0.8)
    parted = draw.random() < 0.4
    left, right = (x - draw.uniform(0.2, 1.1) * eyes, x + draw.uniform(0.2, 1.1) * eyes)
    top = y - draw.uniform(1.15, 1.5) * eyes
    if draw.random() < 0.6:
        bottom = top + (0.3 + 0.55 * length) * eyes
        edge = [(px, bottom + draw.normal(0, 0.1) * eyes) for px in np.linspace(right, left, 9)]
        brush.area(np.array([(left, top - 20), (right, top - 20), *edge]), draw.uniform(0.7, 1))
    for _ in range(int(draw.integers(60, 260))):
        px = draw.uniform(left, right)
        root = np.array([px + draw.normal(0, 0.05) * eyes, top + draw.normal(-0.15, 0.1) * eyes])
        away = np.sign(px - x - part * eyes) * draw.uniform(0.1, 0.6) if parted else lean
        tip = np.array([px + away * eyes, top + length * draw.uniform(0.8, 1.15) * eyes])
        path = _path(root, tip, draw.normal(0, 0.06) * eyes, 0.0, draw)
        brush.strand(path, int(draw.integers(1, 4)), draw.uniform(0.55, 1), draw.uniform(0.55, 1.5))


def _curtain(brush: _Brush, canvas: Canvas, draw: np.random.Generator, side: int) -> None:
    """Draw long hair down one side, over a part of temple and cheek."""
    eyes, (x, y) = canvas.eyes, canvas.middle
    border = canvas.points[127 if side < 0 else 356, :2]
    inner = border[0] - side * draw.uniform(-0.05, 0.45) * eyes
    bend = -side * draw.uniform(-0.1, 0.3) * eyes
    wave = abs(draw.normal(0, 0.06)) * eyes
    low = y + draw.uniform(1.0, 3.0) * eyes
    outer = x + side * draw.uniform(1.3, 2.2) * eyes
    top = np.array([x + side * draw.uniform(0.1, 0.9) * eyes, y - 1.45 * eyes])
    edge = _path(top, np.array([inner, low]), bend, wave, draw)
    if draw.random() < 0.8:
        brush.area(np.concatenate([edge, [(outer, low), (outer, y - 1.6 * eyes)]]), draw.uniform(0.85, 1))
    for _ in range(int(draw.integers(40, 160))):
        share = draw.uniform(0, 1) ** 1.5
        shift = np.array([share * (outer - inner), 0])
        start = top + shift * 0.6 + draw.normal(0, 0.06, 2) * eyes
        path = _path(start, np.array([inner, low]) + shift + draw.normal(0, 0.07, 2) * eyes, bend, wave, draw)
        brush.strand(path, int(draw.integers(1, 4)), draw.uniform(0.6, 1), draw.uniform(0.6, 1.5))
