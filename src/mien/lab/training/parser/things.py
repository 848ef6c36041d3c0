"""Other occluders: microphones, cups, phones, bars, cloths, masks, caps; and the backdrop behind the person."""

import math
from collections.abc import Sequence

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.lab.training.parser.canvas import Canvas
from mien.lab.training.parser.portraits import CANVAS
from mien.lab.training.parser.shadows import OF_THINGS, cast_shadow
from mien.lab.training.parser.shapes import Solid, noise, outline, shifted, soft, surface
from mien.models.format.parsing import FaceClass
from mien.types import Floats, Image

_LOWER_BORDER = landmark_sets.FACE_OVAL[7:30]
"""Landmarks of the oval from one cheek over the chin to the other."""


def add_thing(canvas: Canvas, draw: np.random.Generator, pictures: Sequence[Image]) -> None:
    """Lay a microphone, bar, cup, phone, sheet of paper or blob of any surface over the face."""
    eyes = canvas.eyes
    x, y = canvas.middle + np.array([draw.normal(0, 0.8), draw.normal(0.7, 0.8)]) * eyes
    kind = draw.random()
    if kind < 0.25:
        alpha, light = _microphone(x, y, eyes, draw)
    elif kind < 0.45:
        alpha, light = _bars(x, y, eyes, draw)
    elif kind < 0.75:
        alpha, light = _box(x, y, eyes, draw)
    else:
        turns = np.linspace(0, 2 * math.pi, 12, endpoint=False)
        radius = eyes * draw.uniform(0.2, 1.3, 2) * draw.uniform(0.6, 1.2, (12, 1))
        alpha = outline(np.array([x, y]) + radius * np.stack([np.cos(turns), np.sin(turns)], axis=1), smooth=3)
        light = 1 + draw.uniform(0, 0.25) * noise(draw, ((20, 1.0),))
    alpha = soft(alpha, draw)
    _cast_at_times(canvas, alpha, draw)
    canvas.lay(FaceClass.THING, alpha, surface(draw, pictures) * light[:, :, None])
    canvas.kinds.append("thing")


def _microphone(x: float, y: float, eyes: float, draw: np.random.Generator) -> tuple[Floats, Floats]:
    """Return alpha and light of a microphone whose head is at (x, y)."""
    radius, turn = eyes * draw.uniform(0.2, 0.6), draw.normal(math.pi / 2, 0.5)
    solid, far = Solid(), 3 * CANVAS
    end = np.array([x + math.cos(turn) * far, y + math.sin(turn) * far, 0])
    solid.capsule(np.array([x, y, 0]), end, radius * 0.55, radius * 0.7, 2)
    ball = np.array([x, y, 5])
    solid.capsule(ball, ball, radius, radius)
    return solid.shaded(draw, 1.2)


def _bars(x: float, y: float, eyes: float, draw: np.random.Generator) -> tuple[Floats, Floats]:
    """Return alpha and light of a pen, straw, arm or bar, or of several bars as of a fence."""
    solid = Solid()
    turn, radius = draw.uniform(0, math.pi), eyes * draw.uniform(0.03, 0.5)
    along = np.array([math.cos(turn), math.sin(turn), 0]) * CANVAS * 2
    count = int(draw.integers(2, 5)) if radius < 0.12 * eyes and draw.random() < 0.4 else 1
    aside = np.array([-along[1], along[0], 0]) / (2 * CANVAS) * eyes * draw.uniform(0.4, 1.0)
    back = float(draw.random() < 0.6)
    for number in range(count):
        place = np.array([x, y, 0]) + aside * (number - (count - 1) / 2)
        solid.capsule(place - back * along, place + along, radius, radius)
    return solid.shaded(draw, 1.2)


def _box(x: float, y: float, eyes: float, draw: np.random.Generator) -> tuple[Floats, Floats]:
    """Return alpha and light of a quadrangle, at times with the opening of a cup on top."""
    wide, high, turn = eyes * draw.uniform(0.3, 1.4), eyes * draw.uniform(0.4, 1.6), draw.normal(0, 0.4)
    foot_right, foot_left = wide * draw.uniform(0.6, 1), -wide * draw.uniform(0.6, 1)
    corners = np.array([(-wide, -high), (wide, -high), (foot_right, high), (foot_left, high)])
    cos, sin = math.cos(turn), math.sin(turn)
    corners = corners / 1.6 @ np.array([[cos, -sin], [sin, cos]]) + (x, y)
    alpha, light = outline(corners), np.ones((CANVAS, CANVAS), np.float32)
    if draw.random() < 0.5:
        middle = (corners[0] + corners[1]) / 2
        axes = 2 * wide / 1.6, 2 * wide / 5
        cv2.ellipse(alpha, ((float(middle[0]), float(middle[1])), axes, math.degrees(turn)), 1.0, -1, cv2.LINE_AA)
        columns = np.arange(CANVAS, dtype=np.float32)[None, :] - np.float32(x + draw.normal(0, 8))
        light = np.broadcast_to((0.6 + 0.4 * np.cos(columns / (wide + 4))).astype(np.float32), (CANVAS, CANVAS))
    return alpha, light


def add_cloth(canvas: Canvas, draw: np.random.Generator, pictures: Sequence[Image]) -> None:
    """Lay a mask over mouth and nose, or a scarf or collar over the chin."""
    points = canvas.points
    lower = points[list(_LOWER_BORDER), :2]
    top = points[[454, 6, 234], :2] if draw.random() < 0.6 else points[[361, 2, 132], :2]
    top = top + (points[4, :2] - points[6, :2]) * draw.uniform(0.1, 0.85)
    alpha = outline(np.concatenate([lower, top[::-1]]))
    if draw.random() < 0.5:
        alpha = np.asarray(cv2.dilate(alpha, np.ones((3, 3), np.uint8)), np.float32)
    alpha = soft(alpha, draw)
    columns = np.arange(CANVAS, dtype=np.float32)[None, :]
    slope = np.clip((columns - points[4, 0]) / canvas.eyes * draw.normal(0, 0.5), -1, 1)
    folds = draw.uniform(0.02, 0.2) * noise(draw, ((7, 0.7), (20, 0.7)))
    base = surface(draw, pictures) if draw.random() < 0.35 else np.broadcast_to(draw.uniform(10, 245, 3), canvas.image.shape)
    _cast_at_times(canvas, alpha, draw)
    canvas.lay(FaceClass.THING, alpha, base * (1 + 0.2 * slope + folds)[:, :, None])
    canvas.kinds.append("cloth")


def add_cap(canvas: Canvas, draw: np.random.Generator, pictures: Sequence[Image]) -> None:
    """Put on a cap, a hat or a hood down to the forehead or the brows, with a shadow below it."""
    eyes, (x, y) = canvas.eyes, canvas.middle
    roll = canvas.points[263, :2] - canvas.points[33, :2]
    slope = float(roll[1] / max(float(roll[0]), 1e-3))
    edge = y - draw.uniform(0.25, 0.95) * eyes
    sag = draw.normal(-0.05, 0.18) * eyes
    columns = np.linspace(-20, CANVAS + 20, 25)
    across = (columns - x) / (1.1 * eyes)
    line = edge + slope * (columns - x) + sag * across**2 + draw.normal(0, 0.012, 25) * eyes
    wide = eyes * draw.uniform(1.15, 2.2)
    inside = np.abs(columns - x) <= wide
    corners = np.concatenate([np.stack([columns, line], axis=1)[inside], [(x + wide, -40), (x - wide, -40)]])
    alpha = soft(outline(corners), draw)
    shade = cv2.GaussianBlur(shifted(alpha, int(draw.integers(1, max(2, int(0.35 * eyes)))), 0), (0, 0), draw.uniform(1, 5))
    canvas.image *= (1 - draw.uniform(0.1, 0.6) * shade)[:, :, None]
    weave = 1 + draw.uniform(0.02, 0.3) * noise(draw, ((3, 0.6), (9, 0.5), (25, 0.6)))
    base = surface(draw, pictures) if draw.random() < 0.4 else np.broadcast_to(draw.uniform(8, 245, 3), canvas.image.shape)
    canvas.lay(FaceClass.THING, alpha, base * weave[:, :, None])
    canvas.kinds.append("cap")


def _cast_at_times(canvas: Canvas, alpha: Floats, draw: np.random.Generator) -> None:
    if draw.random() < 0.6:
        cast_shadow(canvas, alpha, draw, OF_THINGS)


def replace_backdrop(canvas: Canvas, draw: np.random.Generator, pictures: Sequence[Image]) -> None:
    """Put another backdrop behind the person, as far as the portrait's own is known."""
    behind = cv2.GaussianBlur(surface(draw, pictures), (0, 0), draw.uniform(0.4, 4))
    canvas.paint(canvas.backdrop, behind)
