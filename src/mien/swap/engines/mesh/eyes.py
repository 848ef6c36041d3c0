"""Eyes of the photo between lids that open less than the photo's: a lid covers the eyeball, it does not squeeze it."""

import math

import numpy as np

from mien.face import landmark_sets
from mien.face.mean_face import face_model
from mien.imaging.arrays import locked
from mien.types import Array, Floats

LEAST_OPEN = 0.35
"""Least share of the photo's opening that is shown: of lids nearly shut hardly a line is left. Chosen by eye."""

_EYES = (
    (landmark_sets.RIGHT_EYE, landmark_sets.RIGHT_IRIS, (159, 145, 33, 133)),
    (landmark_sets.LEFT_EYE, landmark_sets.LEFT_IRIS, (386, 374, 263, 362)),
)  # outline, iris; middle of the upper and of the lower lid, both corners


def eye_triangles() -> Array:
    """Return the triangles of both eyes, int32 (n, 3): their outlines are the vertices that `with_eyes` adds."""
    first, found = len(face_model().shape), []
    for outline, iris, _ in _EYES:
        found.append(landmark_sets.fan(tuple(range(first, first + len(outline))), iris))
        first += len(outline)
    return np.concatenate(found)


def with_eyes(values: Floats) -> Floats:
    """Return values of landmarks (478, ...), or of landmarks and more, with those of the outlines of both eyes behind them."""
    landmarks = values[: len(face_model().shape)]
    return np.ascontiguousarray(np.concatenate([landmarks, landmarks[_OUTLINES]]), np.float32)


def openings(points: Floats) -> tuple[float, float]:
    """Return how far both eyes of landmarks (478, 3) are open, as a share of their width."""
    right, left = points[_LIDS_AND_CORNERS].tolist()
    return _opening(*right), _opening(*left)


def _opening(top: list[float], bottom: list[float], outer: list[float], inner: list[float]) -> float:
    return math.dist(top, bottom) / max(math.dist(outer, inner), 1e-6)


def covered(texture_points: Floats, own: tuple[float, float], shown: tuple[float, float]) -> Floats:
    """Return the places in a texture of the vertices of `with_eyes`, float32 (n, 2).

    `own` and `shown` are the openings of both eyes in the photo and in the picture. Where the picture's are smaller, the lids
    lie nearer to the iris.
    """
    places, first = with_eyes(texture_points), len(texture_points)
    for (outline, iris, _), opened, wanted in zip(_EYES, own, shown, strict=True):
        share = np.float32(min(max(wanted / max(opened, 1e-6), LEAST_OPEN), 1.0))
        middle = texture_points[iris, 1]
        places[first : first + len(outline), 1] = middle + share * (texture_points[list(outline), 1] - middle)
        first += len(outline)
    return places


_LIDS_AND_CORNERS = locked(np.array([marks for _, _, marks in _EYES]))
_OUTLINES = locked(np.array([*landmark_sets.RIGHT_EYE, *landmark_sets.LEFT_EYE]))
