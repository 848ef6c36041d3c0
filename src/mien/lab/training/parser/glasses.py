"""Glasses in space, fitted to the landmarks of a head: rims of many shapes, bridge, side arms, clear and dark lenses."""

from dataclasses import dataclass

import cv2
import numpy as np

from mien.lab.training.parser.canvas import Canvas
from mien.lab.training.parser.portraits import CANVAS
from mien.lab.training.parser.shadows import OF_GLASSES, cast_shadow
from mien.lab.training.parser.shapes import noise
from mien.models.format.parsing import FaceClass
from mien.types import Array, Floats

_FINE = 4  # rims are drawn at this multiple of the canvas: they are thin
_ROUND = np.linspace(0, 2 * np.pi, 41)[:-1]
_CLEAR_RIM_SHARE = 0.25  # of the rims; the face shows through them


@dataclass(frozen=True, slots=True)
class _Frame:
    """The shape of a pair of glasses, in eye distances.

    A lens reaches `up`, `down` and `wide` from its middle, which lies `lift` below the eye's; `power` 2 makes it an ellipse,
    5 nearly a rectangle; `droop` lowers its outer end; `wrap` bends it around the head. `thick` is the rim's width.
    """

    up: float
    down: float
    wide: float
    power: float
    lift: float
    wrap: float
    thick: float
    droop: float


def add_glasses(canvas: Canvas, draw: np.random.Generator) -> None:
    """Put on a random pair of glasses."""
    frame = _Frame(
        draw.uniform(0.13, 0.25), draw.uniform(0.17, 0.38), draw.uniform(0.25, 0.37), draw.uniform(2, 5),
        draw.normal(0.02, 0.04), draw.uniform(0.0, 0.25), _thickness(draw), draw.normal(0, 0.06),
    )  # fmt: skip
    rims, lenses = _drawn(canvas, frame, draw)
    dark = draw.random() < 0.3
    rim = _rim_colour(draw)
    if draw.random() < 0.6:
        cast_shadow(canvas, np.maximum(rims, lenses * np.float32(0.6 if dark else 0.05)), draw, OF_GLASSES)
    if dark:
        _dark_lenses(canvas, lenses, draw)
    else:
        _clear_lenses(canvas, lenses, draw)
    tone = 1 + draw.uniform(0.05, 0.35) * noise(draw, ((15, 0.6), (5, 0.3)))
    opacity = rims * (draw.uniform(0.4, 0.85) if draw.random() < _CLEAR_RIM_SHARE else 1.0)
    colours = rim * np.clip(tone, 0.3, 2.2)[:, :, None]
    canvas.lay(FaceClass.RIM, rims, colours, np.asarray(opacity, np.float32))
    canvas.kinds.append("shades" if dark else "glasses")


def _thickness(draw: np.random.Generator) -> float:
    """Return the thickness of the rims in eye distances; half are thin metal."""
    return float(draw.uniform(0.012, 0.03) if draw.random() < 0.5 else draw.uniform(0.03, 0.085))


def _rim_colour(draw: np.random.Generator) -> Floats:
    """Return the colour of rims, BGR float32 (3,): four in ten are black or dark, as many pale."""
    kind = draw.random()
    if kind < 0.4:
        return draw.uniform(5, 70, 3).astype(np.float32)
    if kind < 0.7:  # gold or silver
        grey = draw.uniform(90, 230)
        return np.array([grey * draw.uniform(0.5, 1.05), grey * draw.uniform(0.85, 1.02), grey], np.float32)
    if kind < 0.78:  # clear or milky plastic
        return np.asarray(draw.uniform(150, 235) * draw.uniform(0.9, 1.05, 3), np.float32)
    if kind < 0.9:  # tortoise, brown
        blue = draw.uniform(10, 60)
        return np.array([blue, blue * 1.6, blue * 2.4], np.float32)
    return draw.uniform(20, 240, 3).astype(np.float32)


def _drawn(canvas: Canvas, frame: _Frame, draw: np.random.Generator) -> tuple[Floats, Floats]:
    """Return rims and lenses as alpha, float32 (128, 128) each."""
    points, eyes = canvas.points, canvas.eyes
    across = _unit(points[263] - points[33])
    down = points[152] - points[10]
    down = _unit(down - across * float(down @ across))
    front = np.cross(across, down)  # away from the camera for a face that looks at it, as z grows
    centres = [points[[33, 133]].mean(0), points[[263, 362]].mean(0)]
    rims = np.zeros((CANVAS * _FINE, CANVAS * _FINE), np.float32)
    lenses = np.zeros_like(rims)
    width = max(1, round(_FINE * eyes * frame.thick))
    bare, half = draw.random() < 0.08, draw.random() < 0.12
    inner = []
    for side, centre in zip((-1, 1), centres, strict=True):
        # The lens is in front of the eye, about as far out as the bridge of the nose.
        base = centre - front * 0.12 * eyes + down * frame.lift * eyes + across * side * 0.02 * eyes
        x, y = np.cos(_ROUND), np.sin(_ROUND)
        aside = frame.wide * np.sign(x) * np.abs(x) ** (2 / frame.power)
        below = np.where(y > 0, frame.down, frame.up) * np.sign(y) * np.abs(y) ** (2 / frame.power)
        below = below + frame.droop * aside * side
        outward = np.maximum(aside * side, 0)
        bent = frame.wrap * outward**2 / 0.3
        loop = base + eyes * (aside[:, None] * across + below[:, None] * down + bent[:, None] * front)
        flat = [(loop[:, :2] * _FINE).round().astype(np.int32)]
        cv2.fillPoly(lenses, flat, 1.0, cv2.LINE_AA)
        if not bare:
            upper = [(loop[y < 0.15, :2] * _FINE).round().astype(np.int32)]
            cv2.polylines(rims, upper if half else flat, not half, 1.0, width, cv2.LINE_AA)
        hinge = base + eyes * (side * frame.wide * across - 0.5 * frame.up * down + frame.wrap * 0.3 * front)
        ear = points[127 if side < 0 else 356] + eyes * (0.1 * side * across + 0.35 * front - 0.03 * down)
        if side * (ear - hinge)[0] > -0.25 * eyes:
            _line(rims, hinge, ear, width)
        inner.append(base - eyes * (side * frame.wide * across + 0.25 * frame.up * down))
    bridge = (inner[0] + inner[1]) / 2 - down * draw.uniform(0, 0.06) * eyes
    _line(rims, inner[0], bridge, width)
    _line(rims, bridge, inner[1], width)
    return _shrunk(rims), _shrunk(lenses)


def _dark_lenses(canvas: Canvas, lenses: Floats, draw: np.random.Generator) -> None:
    """Lay dark or mirroring lenses over the eyes."""
    tint = draw.uniform(3, 70, 3).astype(np.float32)
    gradient = np.linspace(draw.uniform(0.5, 1.2), draw.uniform(0.8, 2.0), CANVAS, dtype=np.float32)[:, None]
    shown = tint * np.clip((1 + draw.uniform(0, 0.7) * noise(draw, ((25, 1.0),))) * gradient, 0.1, 6)[:, :, None]
    if draw.random() < 0.4:
        spots = np.clip(noise(draw, ((30, 1.0),)) - 0.6, 0, 1)[:, :, None]
        shown = shown + (draw.uniform(120, 255, 3) - shown) * spots * draw.uniform(0.3, 1)
    canvas.lay(FaceClass.SHADE, lenses, shown, np.asarray(lenses * draw.uniform(0.78, 1), np.float32))


def _clear_lenses(canvas: Canvas, lenses: Floats, draw: np.random.Generator) -> None:
    """Lay clear or lightly tinted lenses over the eyes, with some reflections."""
    if draw.random() < 0.35:
        tint = np.exp(draw.normal(-0.12, 0.12, 3)).astype(np.float32)
        canvas.image *= 1 + (tint - 1) * lenses[:, :, None]
    veil = draw.uniform(0, 0.3) * np.clip(noise(draw, ((30, 1.0), (12, 0.4))) + draw.uniform(-0.6, 0.6), 0, 1)
    colour = draw.uniform(120, 255, 3)
    if draw.random() < 0.35:  # the reflection of a window or a screen
        x, y = canvas.middle + draw.normal(0, 0.4, 2) * canvas.eyes
        wide, high = draw.uniform(0.03, 0.2, 2) * canvas.eyes
        spot = np.zeros((CANVAS, CANVAS), np.float32)
        cv2.ellipse(spot, ((float(x), float(y)), (2 * float(wide), 2 * float(high)), float(draw.uniform(0, 180))), 1.0, -1)
        veil = np.maximum(veil, draw.uniform(0.3, 0.9) * cv2.GaussianBlur(spot, (0, 0), draw.uniform(0.5, 2)))
    canvas.lay(FaceClass.LENS, lenses, np.broadcast_to(colour, canvas.image.shape), np.asarray(lenses * veil, np.float32))


def _shrunk(area: Floats) -> Floats:
    return np.asarray(cv2.resize(area, (CANVAS, CANVAS), interpolation=cv2.INTER_AREA), np.float32)


def _line(area: Floats, a: Array, b: Array, width: int) -> None:
    ends = (np.stack([a, b])[:, :2] * _FINE).round().astype(np.int32).tolist()
    cv2.line(area, ends[0], ends[1], 1.0, width, cv2.LINE_AA)


def _unit(vector: Array) -> Array:
    unit: Array = vector / max(float(np.linalg.norm(vector)), 1e-6)
    return unit
