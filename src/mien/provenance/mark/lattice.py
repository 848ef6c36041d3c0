"""Geometry of a piece of a marked picture: a repeated tile leaves a lattice of sharp lines in the spectrum, without the key."""

from dataclasses import dataclass
from math import cos, degrees, floor, log, radians, sin

import cv2
import numpy as np

from mien.imaging.kernels import kernel
from mien.provenance.mark.pattern import GRID, HIGHEST, LOWEST
from mien.types import Array, Floats

LEAST_PERIOD, MOST_PERIOD = 36.0, 420.0
PERIOD_STEP = 0.003
_MOST_TURN_DEG, TURN_STEP_DEG = 6.0, 0.25
_STEP_BINS = 0.35
"""Steps of the search at the finest wave of the smallest tile; pictures of 320 pixels and more take the steps above."""
_CANDIDATES = 10


@dataclass(frozen=True, slots=True)
class Geometry:
    """Where the tiles lie: `period` in pixels of the searched picture, turned by `angle_deg` after flipping."""

    period: float
    angle_deg: float
    mirrored: bool


def straightened(whole: Floats, geometry: Geometry) -> Floats:
    """Turned and scaled so that the tiles have GRID samples and stand upright; outside of the picture 0."""
    height, width = whole.shape
    scale, angle = GRID / geometry.period, radians(geometry.angle_deg)
    c, s = scale * cos(angle), scale * sin(angle)
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]]) @ np.array([[c, s], [-s, c]]).T
    low, high = corners.min(0), corners.max(0)
    to_straight = np.array([[c, s, -low[0]], [-s, c, -low[1]]])
    size_wh = tuple(int(side) + 1 for side in high - low)
    # Shrinking by much: neighbours are averaged first, or the pattern's finest waves would alias.
    source = cv2.blur(whole, (2, 2)) if scale < 0.4 else whole
    return np.asarray(cv2.warpAffine(source, to_straight, size_wh, flags=cv2.INTER_LINEAR), np.float32)


def lattices(whole: Floats) -> list[tuple[float, float]]:
    """Periods and angles at which the spectrum has a lattice, the clearest first."""
    height, width = whole.shape
    if min(height, width) < 32:
        return []
    window = np.outer(np.hanning(height), np.hanning(width)).astype(np.float32)
    spectrum = np.abs(np.fft.rfft2(whole * window)) ** 2
    spectrum = np.concatenate([spectrum[height // 2 + height % 2 :], spectrum[: height // 2 + height % 2]]).astype(np.float32)
    around = cv2.blur(spectrum, (15, 15)) + 1e-9
    power = np.minimum(spectrum / around, 8.0)
    # Small pictures have coarse spectra: there, finer steps find the same frequencies again.
    coarse = _STEP_BINS * LEAST_PERIOD / (HIGHEST * max(height, width))
    growth, turn = max(PERIOD_STEP, coarse), max(TURN_STEP_DEG, degrees(coarse))
    periods = LEAST_PERIOD * np.exp(np.arange(0, log(MOST_PERIOD / LEAST_PERIOD), growth))
    angles = turn * np.arange(-floor(_MOST_TURN_DEG / turn), floor(_MOST_TURN_DEG / turn) + 1)
    points = _points()
    scores = np.zeros((len(periods), len(angles)), np.float32)
    _score(np.ascontiguousarray(power), width, periods, np.radians(angles), points, scores)
    found = []
    for _ in range(_CANDIDATES):
        row, column = np.unravel_index(int(scores.argmax()), scores.shape)
        found.append((float(periods[row]), float(angles[column])))
        scores[max(row - 3, 0) : row + 4, max(column - 2, 0) : column + 3] = -np.inf
    return found


def _points() -> Floats:
    """float32 (n, 2): the frequencies (x, y) of the pattern's band, one of each pair of opposite ones."""
    frequency = np.arange(-int(HIGHEST), int(HIGHEST) + 1)
    y, x = np.meshgrid(frequency, frequency, indexing="ij")
    radius = np.hypot(x, y)
    half = (radius >= LOWEST) & (radius <= HIGHEST) & ((x > 0) | ((x == 0) & (y > 0)))
    return np.stack([x[half], y[half]], 1).astype(np.float32)


@kernel
def _score(power: Floats, width: int, periods: Array, angles: Array, points: Floats, scores: Floats) -> None:
    """scores (n, m): the mean power over chance at the lattice's points, in deviations. power (h, w//2+1), row h//2 is 0."""
    height = power.shape[0]
    for i in range(periods.shape[0]):
        for j in range(angles.shape[0]):
            c, s = np.cos(angles[j]) / periods[i], np.sin(angles[j]) / periods[i]
            total, count = 0.0, 0
            for p in range(points.shape[0]):
                x = (points[p, 0] * c - points[p, 1] * s) * width
                y = (points[p, 0] * s + points[p, 1] * c) * height
                if x < 0:
                    x, y = -x, -y
                column, row = int(x + 0.5), int(np.floor(y + 0.5)) + height // 2
                if column < power.shape[1] and 0 <= row < height:
                    total += power[row, column] - 1.0
                    count += 1
            scores[i, j] = total / np.sqrt(count) if count > 40 else -10.0
