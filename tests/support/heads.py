"""Heads of the mean face in known poses, and scenes of faces that move."""

import math

import numpy as np

from mien.types import Array


def turned(pitch: float, yaw: float, roll: float) -> Array:
    a, b, c = (math.radians(angle) for angle in (pitch, yaw, roll))
    x = np.array([[1, 0, 0], [0, math.cos(a), -math.sin(a)], [0, math.sin(a), math.cos(a)]])
    y = np.array([[math.cos(b), 0, math.sin(b)], [0, 1, 0], [-math.sin(b), 0, math.cos(b)]])
    z = np.array([[math.cos(c), -math.sin(c), 0], [math.sin(c), math.cos(c), 0], [0, 0, 1]])
    return np.asarray(z @ y @ x)
