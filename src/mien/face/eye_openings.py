"""Openings of the eyes between their lids."""

import math

import numpy as np

from mien.face import landmark_sets
from mien.imaging.arrays import locked
from mien.types import Floats


def openings(points: Floats) -> tuple[float, float]:
    """Return how far both eyes of landmarks (478, 3) are open, as a share of their width."""
    right, left = points[_MARKS].tolist()
    return _opening(*right), _opening(*left)


def _opening(top: list[float], bottom: list[float], outer: list[float], inner: list[float]) -> float:
    return math.dist(top, bottom) / max(math.dist(outer, inner), 1e-6)


_MARKS = locked(np.array(((159, 145, *landmark_sets.RIGHT_EYE_CORNERS), (386, 374, *landmark_sets.LEFT_EYE_CORNERS))))
"""Of each eye the middle of the upper and of the lower lid, and both corners."""
