"""Takes the jitter out of a face at rest and adds no lag to a face in motion.

The one-euro idea (Casiez, Roussel, Vogel 2012: the faster, the less smoothing), tied to the face: first the motion of the
head as a whole is followed, then each point's own motion relative to the head. Speeds are in face sizes a second, so that
one setting means the same at every size and frame rate.
"""

import math

import numpy as np

from mien import geometry
from mien.types import Array, Floats

_REST_HZ = 0.8
"""Cut-off at rest for strength 1."""
_HEAD_OPENING = 45.0
_POINT_OPENING = 60.0
"""Hz of cut-off gained for each face size a second of motion."""
_HEAD_NOISE = 0.003
_POINT_NOISE = 0.007
"""Steps, in face sizes, that sensor noise alone makes between two frames; only what is beyond counts as motion at once."""
_TREND_HZ = 3.0
_LONGEST_STEP_S = 0.25
_SHORTEST_STEP_S = 1e-3


class LandmarkFilter:
    """Smooths the landmarks of one track; `strength` 0 leaves them as they are, 2 smooths twice as long as 1."""

    def __init__(self, strength: float) -> None:
        self._strength = strength
        self._points: Floats | None = None
        self._head_trend = np.zeros(2)
        self._point_trend = np.zeros((0, 3))

    def update(self, points: Floats, elapsed_s: float) -> Floats:
        """The smoothed landmarks, float32 (n, 3), for raw ones that came `elapsed_s` seconds after the last."""
        before = self._points
        if before is None or self._strength == 0 or elapsed_s > _LONGEST_STEP_S:
            self._points = points.copy()
            self._head_trend = np.zeros(2)
            self._point_trend = np.zeros((len(points), 3))
            return points
        step_s = max(elapsed_s, _SHORTEST_STEP_S)
        size = _size(points)
        trend = _share(_TREND_HZ, step_s)
        with_head = _carried(before, points)
        carried = before + self._head_share(with_head - before, size, step_s, trend) * (with_head - before)
        own = points - carried
        smoothed = carried + self._point_share(own, size, step_s, trend)[:, None] * own
        self._points = smoothed.astype(np.float32)
        return self._points

    def _head_share(self, motion: Array, size: float, step_s: float, trend: float) -> float:
        """How much of the head's motion is taken now: all when it moves, little when it rests."""
        mean = motion[:, :2].mean(0) / size
        self._head_trend += trend * (mean - self._head_trend)
        farthest = float(np.linalg.norm(motion[:, :2], axis=1).max()) / size
        step = max(float(np.linalg.norm(self._head_trend)), farthest - _HEAD_NOISE)
        return _share(_REST_HZ / self._strength + _HEAD_OPENING * step / step_s, step_s)

    def _point_share(self, motion: Array, size: float, step_s: float, trend: float) -> Array:
        """The same for each point's motion relative to the head; float64 (n,)."""
        self._point_trend += trend * (motion / size - self._point_trend)
        now = np.linalg.norm(motion[:, :2], axis=1) / size - _POINT_NOISE
        step = np.maximum(np.maximum(np.linalg.norm(self._point_trend[:, :2], axis=1) - _POINT_NOISE / 4, now), 0)
        cutoff = _REST_HZ / self._strength + _POINT_OPENING * step / step_s
        share: Array = 1 - np.exp(-2 * math.pi * cutoff * step_s)
        return share


def _share(cutoff_hz: float, step_s: float) -> float:
    return 1 - math.exp(-2 * math.pi * cutoff_hz * step_s)


def _size(points: Floats) -> float:
    x1, y1, x2, y2 = geometry.box_of(points)
    return max(math.sqrt((x2 - x1) * (y2 - y1)), 1e-3)


def _carried(before: Floats, points: Floats) -> Array:
    """`before` moved, turned and scaled as a whole to where `points` are."""
    transform = geometry.similarity(before[:, :2], points[:, :2])
    carried = np.empty(before.shape, np.float64)
    carried[:, :2] = before[:, :2] @ transform[:, :2].T + transform[:, 2]
    carried[:, 2] = before[:, 2] * geometry.scale_of(transform)
    return carried
