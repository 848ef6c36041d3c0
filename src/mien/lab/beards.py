"""Beards drawn over bare faces: their shapes and their hairs, for training and for truth that is known."""

import cv2
import numpy as np

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
BEARD_SHAPES = ((_MOUSTACHE,), (_CHIN,), (_MOUSTACHE, _CHIN), (_FULL,), (_FULL,), (_JAW,), (_MOUSTACHE, _JAW))
"""Loops of each shape of beard; the full beard twice, because it is the commonest."""


def short_hairs(
    rough: Floats, points: Floats, eyes: float, draw: np.random.Generator, length: float, density: int = 1
) -> tuple[Floats, Floats]:
    """Return opacity and tone of short hairs that grow away from the mouth and downwards, float32 (h, w) each.

    `rough` float32 (h, w), 0..1, is the area of the beard, `points` (478, 2 or 3) the landmarks, `eyes` the distance of the
    eyes in pixels, `length` 0..1. There are 60 to 320 hairs, `density` times.
    """
    opacity, tones = np.zeros(rough.shape, np.float32), np.ones(rough.shape, np.float32)
    spots: Array = np.argwhere(rough > 0.3)
    if not len(spots):
        return opacity, tones
    mouth = points[[13, 14], :2].mean(0)
    for y, x in spots[draw.integers(0, len(spots), density * int(draw.integers(60, 320)))]:
        away = np.array([x, y], np.float64) - mouth
        away = away / max(float(np.hypot(*away)), 1e-6) + np.array([0, draw.uniform(0.2, 1.2)]) + draw.normal(0, 0.3, 2)
        reach = (0.02 + 0.2 * length) * eyes * draw.uniform(0.5, 1.5)
        ends = np.array([[x, y], [x, y] + away * reach])
        a, b = ((ends * 8).round().astype(np.int32)).tolist()
        cv2.line(opacity, a, b, float(draw.uniform(0.2, 0.8)), 1, cv2.LINE_AA, 3)
        cv2.line(tones, a, b, float(draw.uniform(0.5, 1.7)), 1, cv2.LINE_AA, 3)
    return opacity, tones
