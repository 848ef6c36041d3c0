"""Beards and stubble, which belong to the face: areas of the lower face, filled with short hairs."""

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.lab.training.parser.canvas import Canvas
from mien.lab.training.parser.portraits import CANVAS, filled
from mien.lab.training.parser.shapes import hair_colour, noise, shifted
from mien.models.format.parsing import FaceClass
from mien.types import Array, Floats

# Loops of landmarks, clockwise in the picture; rough, because beards are.
_MOUSTACHE = (61, 92, 206, 203, 98, 2, 327, 423, 426, 322, 291, 270, 269, 267, 0, 37, 39, 40)
# The same for a goatee.
_CHIN = (61, 91, 181, 84, 17, 314, 405, 321, 291, 287, 432, 430, 394, 395, 369, 396, 175, 171, 140, 170, 169, 210, 212, 57)
# From ear to ear, with the upper lip.
_FULL = (93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 323, 376, 411, 427, 436, 426,
         423, 327, 2, 98, 203, 206, 216, 207, 187, 147)  # fmt: skip
# From ear to ear along the jaw, without the upper lip.
_JAW = (93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 323, 433, 416, 434, 430, 394,
        395, 369, 396, 175, 171, 140, 170, 169, 210, 214, 192, 213)  # fmt: skip
_SHAPES = ((_MOUSTACHE,), (_CHIN,), (_MOUSTACHE, _CHIN), (_FULL,), (_FULL,), (_JAW,), (_MOUSTACHE, _JAW))
"""Loops of each shape of beard; the full beard twice, because it is the commonest."""


def add_beard(canvas: Canvas, draw: np.random.Generator) -> None:
    """Give the face a beard of a random shape and length, or stubble."""
    area = np.zeros((CANVAS, CANVAS), np.float32)
    for loop in _SHAPES[int(draw.integers(len(_SHAPES)))]:
        area = np.maximum(area, filled(loop, canvas.points, CANVAS).astype(np.float32) / 255)
    length = draw.uniform(0.0, 1.0) ** 1.5 if draw.random() < 0.8 else 0.0
    longer = round(float(draw.uniform(0, 0.5) * length * canvas.eyes))
    if longer > 1:
        # A longer beard reaches below the jaw and over the lower edge of the cheeks.
        area = np.maximum(area, shifted(cv2.dilate(area, np.ones((3, 3), np.uint8)), longer // 2, 0))
        area = np.asarray(cv2.dilate(area, np.ones((longer, longer), np.uint8)), np.float32)
    lips = filled(landmark_sets.OUTER_LIPS, canvas.points, CANVAS).astype(np.float32) / 255
    edge = cv2.GaussianBlur(area, (0, 0), 1.5) - 0.5 + 0.25 * noise(draw, ((6, 0.6), (14, 0.6)))
    rough = np.asarray(np.clip(edge * 3 + 0.5, 0, 1) * (1 - lips * draw.uniform(0.6, 1.0)), np.float32)
    colour = hair_colour(draw, dyed=False) if draw.random() < 0.6 else canvas.skin() * np.float32(draw.uniform(0.15, 0.6))
    hairs, tones = _hairs(rough, canvas, draw, length)
    base = draw.uniform(0.15, 0.55) if length < 0.15 else draw.uniform(0.45, 1.0)
    uneven = base * (1 + 0.25 * noise(draw, ((5, 0.6), (12, 0.5))))
    alpha = np.clip(rough * uneven + hairs * rough, 0, 1).astype(np.float32)
    canvas.paint(alpha, colour * tones[:, :, None])
    canvas.mark(FaceClass.BEARD, np.asarray((rough > 0.5) * (alpha > 0.12), np.float32))
    canvas.kinds.append("beard")


def _hairs(rough: Floats, canvas: Canvas, draw: np.random.Generator, length: float) -> tuple[Floats, Floats]:
    """Return opacity and tone of short hairs that grow away from the mouth and downwards, float32 (128, 128) each."""
    opacity, tones = np.zeros((CANVAS, CANVAS), np.float32), np.ones((CANVAS, CANVAS), np.float32)
    spots: Array = np.argwhere(rough > 0.3)
    if not len(spots):
        return opacity, tones
    mouth = canvas.points[[13, 14], :2].mean(0)
    for y, x in spots[draw.integers(0, len(spots), int(draw.integers(60, 320)))]:
        away = np.array([x, y], np.float64) - mouth
        away = away / max(float(np.hypot(*away)), 1e-6) + np.array([0, draw.uniform(0.2, 1.2)]) + draw.normal(0, 0.3, 2)
        reach = (0.02 + 0.2 * length) * canvas.eyes * draw.uniform(0.5, 1.5)
        ends = np.array([[x, y], [x, y] + away * reach])
        a, b = ((ends * 8).round().astype(np.int32)).tolist()
        cv2.line(opacity, a, b, float(draw.uniform(0.2, 0.8)), 1, cv2.LINE_AA, 3)
        cv2.line(tones, a, b, float(draw.uniform(0.5, 1.7)), 1, cv2.LINE_AA, 3)
    return opacity, tones
