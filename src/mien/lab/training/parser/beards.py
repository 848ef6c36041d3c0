"""Beards and stubble, which belong to the face: areas of the lower face, filled with short hairs."""

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.lab.beards import BEARD_SHAPES, short_hairs
from mien.lab.training.parser.canvas import Canvas
from mien.lab.training.parser.portraits import CANVAS, filled
from mien.lab.training.parser.shapes import hair_colour, noise, shifted
from mien.models.format.parsing import FaceClass


def add_beard(canvas: Canvas, draw: np.random.Generator) -> None:
    """Give the face a beard of a random shape and length, or stubble."""
    area = np.zeros((CANVAS, CANVAS), np.float32)
    for loop in BEARD_SHAPES[int(draw.integers(len(BEARD_SHAPES)))]:
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
    hairs, tones = short_hairs(rough, canvas.points, canvas.eyes, draw, length)
    base = draw.uniform(0.15, 0.55) if length < 0.15 else draw.uniform(0.45, 1.0)
    uneven = base * (1 + 0.25 * noise(draw, ((5, 0.6), (12, 0.5))))
    alpha = np.clip(rough * uneven + hairs * rough, 0, 1).astype(np.float32)
    canvas.paint(alpha, colour * tones[:, :, None])
    canvas.mark(FaceClass.BEARD, np.asarray((rough > 0.5) * (alpha > 0.12), np.float32))
    canvas.kinds.append("beard")
