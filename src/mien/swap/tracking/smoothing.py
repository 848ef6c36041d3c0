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
from mien.imaging.kernels import kernel
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
        transform = geometry.similarity(before[:, :2], points[:, :2])
        smoothed = np.empty(points.shape, np.float32)
        trend_share = _share(TUNING.trend_hz, step_s)
        sizes = geometry.size_of(points), geometry.scale_of(transform)
        opening = TUNING.rest_hz / self._strength, TUNING.opening_hz, step_s, trend_share, TUNING.trend_noise
        noise, corners = (self._head_noise, self._point_noise), landmark_sets.EYE_CORNERS
        _smooth(points, before, transform, sizes, opening, noise, corners, self._head_trend, self._point_trend, smoothed)
        return smoothed


@kernel
def _smooth(
    points: Array, before: Array, transform: Array, sizes: tuple[float, float],
    opening: tuple[float, float, float, float, float], noise: tuple[float, Array], corners: tuple[int, int],
    head_trend: Array, point_trend: Array, smoothed: Array,
) -> None:  # fmt: skip
    """Write the smoothed landmarks: first the head's motion is followed, then each point's own.

    `transform` float64 (2, 3) moves the head as a whole from `before` to `points`, float32 (n, 3); `sizes` are the face's, and
    its growth. Two opposite corners of the eyes tell the head's trend: they show shift, rotation and growth alike. Both trends,
    float64 (4,) and (n, 2), are moved in place.
    """
    size, growth = sizes
    rest_hz, opening_hz, step_s, trend_share, trend_noise = opening
    head_noise, point_noise = noise
    longest = 0.0
    for k in range(points.shape[0]):
        x = transform[0, 0] * before[k, 0] + transform[0, 1] * before[k, 1] + transform[0, 2] - before[k, 0]
        y = transform[1, 0] * before[k, 0] + transform[1, 1] * before[k, 1] + transform[1, 2] - before[k, 1]
        longest = max(longest, x * x + y * y)
        for n in range(2):
            if k == corners[n]:
                head_trend[2 * n] += trend_share * (x / size - head_trend[2 * n])
                head_trend[2 * n + 1] += trend_share * (y / size - head_trend[2 * n + 1])
    trend = math.sqrt(head_trend[0] ** 2 + head_trend[1] ** 2 + head_trend[2] ** 2 + head_trend[3] ** 2)
    beyond = max(math.sqrt(longest) / size - head_noise, trend - trend_noise * head_noise, 0.0)
    share = 1 - math.exp(-2 * math.pi * step_s * (rest_hz + opening_hz * beyond / step_s))
    for k in range(points.shape[0]):
        bx, by, bz = float(before[k, 0]), float(before[k, 1]), float(before[k, 2])
        cx = bx + share * (transform[0, 0] * bx + transform[0, 1] * by + transform[0, 2] - bx)
        cy = by + share * (transform[1, 0] * bx + transform[1, 1] * by + transform[1, 2] - by)
        cz = bz + share * (growth - 1) * bz
        x, y = (points[k, 0] - cx) / size, (points[k, 1] - cy) / size
        point_trend[k, 0] += trend_share * (x - point_trend[k, 0])
        point_trend[k, 1] += trend_share * (y - point_trend[k, 1])
        trend = math.sqrt(point_trend[k, 0] ** 2 + point_trend[k, 1] ** 2) - trend_noise * point_noise[k]
        beyond = max(math.sqrt(x * x + y * y) - point_noise[k], trend, 0.0)
        own = 1 - math.exp(-2 * math.pi * step_s * (rest_hz + opening_hz * beyond / step_s))
        smoothed[k, 0] = cx + own * (points[k, 0] - cx)
        smoothed[k, 1] = cy + own * (points[k, 1] - cy)
        smoothed[k, 2] = cz + own * (points[k, 2] - cz)


def _share(cutoff_hz: float, step_s: float) -> float:
    """The weight of the newest value in a low pass."""
    return 1 - math.exp(-2 * math.pi * cutoff_hz * step_s)


def _noise_of_points() -> Array:
    noise = np.full(LANDMARK_COUNT, TUNING.point_noise)
    noise[[*landmark_sets.RIGHT_EYE, *landmark_sets.LEFT_EYE, *landmark_sets.INNER_LIPS]] = TUNING.feature_noise
    noise[landmark_sets.SKIN_POINTS :] = TUNING.feature_noise
    return noise
