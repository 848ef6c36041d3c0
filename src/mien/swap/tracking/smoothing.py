"""Smoothing of landmarks: no jitter in a face at rest, no lag in a face in motion.

The one-euro idea (Casiez, Roussel, Vogel 2012: the faster, the less smoothing), tied to the face: first the motion of
the head as a whole is followed, then each point's own motion relative to the head. All is measured in face sizes, so
that one setting means the same at every size; what sensor noise may make is smoothed, larger changes pass at once.
"""

import math
from dataclasses import dataclass

import numpy as np

from mien.face import landmark_sets
from mien.imaging import geometry
from mien.types import LANDMARK_COUNT, Array, Floats


@dataclass(frozen=True, slots=True)
class SmoothingTuning:
    """Cut-off frequencies and noise; steps are in face sizes."""

    rest_hz: float = 0.6
    """Cut-off at rest for strength 1."""
    opening_hz: float = 120.0
    """Cut-off gained for each face size a second of motion beyond the noise."""
    trend_hz: float = 3.0
    """Motion that lasts longer than this rhythm is not noise, however slow it is."""
    head_noise: float = 0.003
    """Steps that sensor noise makes, of the head."""
    point_noise: float = 0.007
    """The same of any point."""
    feature_noise: float = 0.0025
    """The same of the rims of eyes and lips, which are well seen."""
    trend_noise: float = 0.35
    """Share of the noise that is left in a trend."""
    longest_step_s: float = 0.25
    """After a longer gap the smoothing starts afresh."""
    shortest_step_s: float = 1e-3
    """Bounds the speed of two frames with one time."""


TUNING = SmoothingTuning()


class LandmarkFilter:
    """Smooths the landmarks of one track; `strength` 0 leaves them as they are, 2 smooths twice as much as 1."""

    def __init__(self, strength: float) -> None:
        self._strength = strength
        self._point_noise = strength * _noise_of_points()
        self._head_noise = strength * TUNING.head_noise
        self.reset()

    def reset(self) -> None:
        """Forget the past: the next landmarks pass as they are."""
        self._smoothed: Floats | None = None
        self._head_trend = np.zeros(4)
        self._point_trend = np.zeros((LANDMARK_COUNT, 2))

    def update(self, points: Floats, elapsed_s: float) -> Floats:
        """The smoothed landmarks, float32 (478, 3), for raw ones that came `elapsed_s` seconds after the last."""
        if self._strength == 0:
            return points
        if elapsed_s > TUNING.longest_step_s:
            self.reset()
        smoothed = points if self._smoothed is None else self._towards(points, self._smoothed, elapsed_s)
        self._smoothed = smoothed
        return smoothed

    def _towards(self, points: Floats, before: Floats, elapsed_s: float) -> Floats:
        step_s = max(elapsed_s, TUNING.shortest_step_s)
        size = geometry.size_of(points)
        head = _head_motion(before, points) - before
        carried = before + self._head_share(head, size, step_s) * head
        own = points - carried
        return (carried + self._point_share(own, size, step_s)[:, None] * own).astype(np.float32)

    def _head_share(self, motion: Array, size: float, step_s: float) -> float:
        """The share of the head's motion that is taken now: all when it moves, little when it rests."""
        # Two opposite corners show shift, rotation and growth alike.
        corners = motion[list(landmark_sets.EYE_CORNERS), :2].ravel() / size
        self._head_trend += _share(TUNING.trend_hz, step_s) * (corners - self._head_trend)
        now = float(np.sqrt((motion[:, :2] ** 2).sum(1).max())) / size - self._head_noise
        trend = math.hypot(*self._head_trend) - TUNING.trend_noise * self._head_noise
        return float(self._openness(np.array(max(now, trend, 0.0)), step_s))

    def _point_share(self, motion: Array, size: float, step_s: float) -> Array:
        """The same for each point's motion relative to the head; float64 (478,)."""
        flat = motion[:, :2] / size
        self._point_trend += _share(TUNING.trend_hz, step_s) * (flat - self._point_trend)
        now = np.hypot(flat[:, 0], flat[:, 1]) - self._point_noise
        trend = np.hypot(self._point_trend[:, 0], self._point_trend[:, 1]) - TUNING.trend_noise * self._point_noise
        return self._openness(np.maximum(np.maximum(now, trend), 0), step_s)

    def _openness(self, beyond_noise: Array, step_s: float) -> Array:
        """The weight of the newest value, 0..1, for steps in face sizes beyond the noise."""
        cutoff_hz = TUNING.rest_hz / self._strength + TUNING.opening_hz * beyond_noise / step_s
        weight: Array = 1 - np.exp(-2 * math.pi * step_s * cutoff_hz)
        return weight


def _share(cutoff_hz: float, step_s: float) -> float:
    """The weight of the newest value in a low pass."""
    return 1 - math.exp(-2 * math.pi * cutoff_hz * step_s)


def _noise_of_points() -> Array:
    noise = np.full(LANDMARK_COUNT, TUNING.point_noise)
    noise[[*landmark_sets.RIGHT_EYE, *landmark_sets.LEFT_EYE, *landmark_sets.INNER_LIPS]] = TUNING.feature_noise
    noise[landmark_sets.SKIN_POINTS :] = TUNING.feature_noise
    return noise


def _head_motion(before: Floats, points: Floats) -> Array:
    """`before` moved, rotated and scaled as a whole to where `points` are; float64 (478, 3)."""
    transform = geometry.similarity(before[:, :2], points[:, :2])
    moved = np.empty(before.shape, np.float64)
    moved[:, :2] = before[:, :2] @ transform[:, :2].T + transform[:, 2]
    moved[:, 2] = before[:, 2] * geometry.scale_of(transform)
    return moved
