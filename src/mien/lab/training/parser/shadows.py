"""Shadows that occluders cast on a face; a shadow has no class of its own."""

from dataclasses import dataclass

import cv2
import numpy as np

from mien.lab.training.parser.canvas import Canvas
from mien.lab.training.parser.shapes import shifted
from mien.types import Floats


@dataclass(frozen=True, slots=True)
class Shadow:
    """Ranges of a random shadow.

    `rows` and `columns` are shifts in pixels, the upper bound excluded; `blur` is a sigma in pixels; `depth` is the share of
    light that the shadow takes.
    """

    rows: tuple[int, int]
    columns: tuple[int, int]
    blur: tuple[float, float]
    depth: tuple[float, float]


OF_THINGS = Shadow((-3, 8), (-6, 7), (1, 6), (0.1, 0.55))
"""The shadow of hands and things, which are far from the skin."""
OF_HAIR = Shadow((-2, 6), (-5, 6), (0.8, 5), (0.1, 0.5))
"""The shadow of hair."""
OF_GLASSES = Shadow((0, 6), (-3, 4), (0.6, 2.5), (0.1, 0.5))
"""The shadow of glasses, which are close to the skin: it falls downwards and is sharp."""


def cast_shadow(canvas: Canvas, cover: Floats, draw: np.random.Generator, shadow: Shadow) -> None:
    """Darken the picture by the shadow of what covers it, `cover` float32 (128, 128), 0..1."""
    shift = int(draw.integers(*shadow.rows)), int(draw.integers(*shadow.columns))
    shade = cv2.GaussianBlur(shifted(cover, *shift), (0, 0), draw.uniform(*shadow.blur))
    canvas.image *= (1 - draw.uniform(*shadow.depth) * shade)[:, :, None]
