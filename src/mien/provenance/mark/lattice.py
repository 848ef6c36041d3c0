"""Geometry of a piece of a marked picture: a repeated tile leaves a lattice of sharp lines in the spectrum, without the key."""

from dataclasses import dataclass
from math import cos, degrees, floor, log, radians, sin

import cv2
import numpy as np

from mien.imaging.kernels import kernel
from mien.provenance.mark.pattern import GRID, HIGHEST, LOWEST
from mien.types import Array, Floats


@dataclass(frozen=True, slots=True)
class SearchTuning:
    """Numbers of the search for a geometry; lengths are pixels of the picture that is searched, at most `side`."""

    side: int = 1280
    """More is never needed, because a tile is a tenth of the longer side, and float copies of large pictures cost much."""
    max_frames: int = 48
    """Frames that a search reads, two windows; bounds memory."""
    blur: int = 15
    """Side of the neighbourhood of whitening; docs/mark.md gives it to those who write readers."""
    spectrum_blur: int = 15
    """Side, in bins, of the neighbourhood that a line of the lattice is compared with."""
    max_power: float = 8.0
    """Limit of a bin's power, in means of its neighbourhood: lines of the picture itself must not outweigh the lattice.
    Chosen, not measured."""
    min_period: float = 36.0
    max_period: float = 420.0
    """Periods that are searched lie between these; chosen, not measured."""
    period_step: float = 0.003
    """Ratio of neighbouring periods, less 1."""
    max_turn_deg: float = 6.0
    """Larger turns are not searched for; each degree costs time."""
    turn_step_deg: float = 0.25
    step_bins: float = 0.35
    """Steps of the search at the finest wave of the smallest tile; pictures of 320 pixels and more take the steps above."""
    candidates: int = 10
    """Geometries of the lattice that are straightened and read, upright and mirrored."""
    refinements: int = 5
    """Rounds in which the best geometry is refined, by a period step and half a turn step at first."""
    usual_sides: tuple[int, ...] = (480, 640, 720, 768, 800, 854, 960, 1024, 1080, 1280, 1366, 1440, 1600, 1920, 2560, 3840)
    """Longer sides that whole pictures usually have; a piece at its own size has the tile of one of them."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """Position of the tiles: `period` in pixels of the searched picture, turned by `angle_deg` after mirroring."""

    period: float
    angle_deg: float
    mirrored: bool


def straightened(whole: Floats, geometry: Geometry) -> Floats:
    """Return a picture turned and scaled so that the tiles have GRID samples and stand upright; 0 outside the picture."""
    height, width = whole.shape
    scale, angle = GRID / geometry.period, radians(geometry.angle_deg)
    c, s = scale * cos(angle), scale * sin(angle)
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]]) @ np.array([[c, s], [-s, c]]).T
    low, high = corners.min(0), corners.max(0)
    to_straight = np.array([[c, s, -low[0]], [-s, c, -low[1]]])
    size_wh = tuple(int(side) + 1 for side in high - low)
    # Average neighbours before shrinking by much, or the pattern's finest waves would alias.
    source = cv2.blur(whole, (2, 2)) if scale < 0.4 else whole
    return np.asarray(cv2.warpAffine(source, to_straight, size_wh, flags=cv2.INTER_LINEAR), np.float32)


def lattices(whole: Floats, tuning: SearchTuning) -> list[tuple[float, float]]:
    """Return periods, and angles in degrees, at which the spectrum has a lattice, the clearest first."""
    height, width = whole.shape
    if min(height, width) < 32:
        return []
    window = np.outer(np.hanning(height), np.hanning(width)).astype(np.float32)
    spectrum = np.abs(np.fft.rfft2(whole * window)) ** 2
    spectrum = np.concatenate([spectrum[height // 2 + height % 2 :], spectrum[: height // 2 + height % 2]]).astype(np.float32)
    around = cv2.blur(spectrum, (tuning.spectrum_blur, tuning.spectrum_blur)) + 1e-9
    power = np.minimum(spectrum / around, tuning.max_power)
    # Small pictures have coarse spectra: there, finer steps find the same frequencies again.
    coarse = tuning.step_bins * tuning.min_period / (HIGHEST * max(height, width))
    growth, turn = max(tuning.period_step, coarse), max(tuning.turn_step_deg, degrees(coarse))
    periods = tuning.min_period * np.exp(np.arange(0, log(tuning.max_period / tuning.min_period), growth))
    steps = floor(tuning.max_turn_deg / turn)
    angles = turn * np.arange(-steps, steps + 1)
    points = _points()
    scores = np.zeros((len(periods), len(angles)), np.float32)
    _score(np.ascontiguousarray(power), width, periods, np.radians(angles), points, scores)
    found = []
    for _ in range(tuning.candidates):
        row, column = np.unravel_index(int(scores.argmax()), scores.shape)
        found.append((float(periods[row]), float(angles[column])))
        scores[max(row - 3, 0) : row + 4, max(column - 2, 0) : column + 3] = -np.inf
    return found


def _points() -> Floats:
    """Return float32 (n, 2): the frequencies (x, y) of the pattern's band, one of each pair of opposite ones."""
    frequency = np.arange(-int(HIGHEST), int(HIGHEST) + 1)
    y, x = np.meshgrid(frequency, frequency, indexing="ij")
    radius = np.hypot(x, y)
    half = (radius >= LOWEST) & (radius <= HIGHEST) & ((x > 0) | ((x == 0) & (y > 0)))
    return np.stack([x[half], y[half]], 1).astype(np.float32)


@kernel
def _score(power: Floats, width: int, periods: Array, angles: Array, points: Floats, scores: Floats) -> None:
    """Fill scores (n, m): mean power over chance at the lattice's points, in deviations. power (h, w//2+1), row h//2 is 0."""
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
