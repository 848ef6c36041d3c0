"""Thin lines in strips of a picture: how strongly each pixel is one, and the best way from the first row to the last."""

from dataclasses import dataclass

import cv2
import numpy as np

from mien.imaging.kernels import kernel
from mien.types import Array, Floats, Image


@dataclass(frozen=True, slots=True)
class PathTuning:
    """Form of a way through a strip."""

    most_step: int = 6
    """Columns by which the way moves from row to row, at most."""
    stiffness: float = 0.04
    """Cost of each column of such a move; the gain of a row is at most about 1."""
    lap: float = 0.5
    """Share of the rows that a closed way runs before and after, so that its ends meet."""


TUNING = PathTuning()


def sampled(picture: Image, places: Floats) -> Image:
    """Return the picture, uint8 (h, w) or (h, w, 3), at `places` float32 (rows, n, 2), bilinearly; 0 beyond it."""
    x, y = places[:, :, 0], places[:, :, 1]
    return np.asarray(cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT), np.uint8)


def line_strength(strip: Image, reaches: tuple[int, ...], weights: tuple[float, ...]) -> Floats:
    """Return how far each pixel of a strip, BGR uint8 (rows, n, 3), differs from both sides of its row, in levels.

    A line differs from both in one direction of colour, an edge from one alone. `reaches` are the distances of the sides in
    pixels, for lines of several widths, each with its weight; the strongest counts.
    """
    strength = np.zeros(strip.shape[:2], np.float32)
    sides, shares = np.array(reaches, np.int32), np.array(weights, np.float32)
    _fill_strength(np.ascontiguousarray(strip), sides, shares, strength)
    return strength


def best_way(gain: Floats, *, closed: bool) -> Array:
    """Return the column of the best way in each row of `gain` float32 (rows, n), int32 (rows,); `closed`: its ends meet."""
    rows = len(gain)
    lap = round(TUNING.lap * rows) if closed else 0
    order = np.arange(-lap, rows + lap) % rows
    way = np.zeros(len(order), np.int32)
    scores, come = np.zeros((2, gain.shape[1]), np.float32), np.zeros((len(order), gain.shape[1]), np.int32)
    _find_way(np.ascontiguousarray(gain[order]), TUNING.most_step, TUNING.stiffness, scores, come, way)
    return way[lap : lap + rows]


@kernel
def _fill_strength(strip: Array, reaches: Array, weights: Array, strength: Array) -> None:
    columns = strip.shape[1]
    for y in range(strip.shape[0]):
        for x in range(columns):
            best = np.float32(0)
            for k in range(reaches.shape[0]):
                left, right = max(x - reaches[k], 0), min(x + reaches[k], columns - 1)
                dot, one, two = np.float32(0), np.float32(0), np.float32(0)
                for c in range(3):
                    a = np.float32(strip[y, x, c]) - np.float32(strip[y, left, c])
                    b = np.float32(strip[y, x, c]) - np.float32(strip[y, right, c])
                    dot += a * b
                    one += a * a
                    two += b * b
                if dot > 0:
                    best = max(best, weights[k] * dot / np.sqrt(max(one, two)))
            strength[y, x] = best


@kernel
def _find_way(gain: Array, most: int, stiffness: float, scores: Array, come: Array, way: Array) -> None:
    rows, columns = gain.shape
    for x in range(columns):
        scores[0, x] = gain[0, x]
    for y in range(1, rows):
        before, now = scores[(y - 1) % 2], scores[y % 2]
        for x in range(columns):
            best, from_x = np.float32(-1e9), x
            for step in range(-most, most + 1):
                k = x + step
                if k < 0 or k >= columns:
                    continue
                value = before[k] - np.float32(stiffness * abs(step))
                if value > best:
                    best, from_x = value, k
            now[x] = best + gain[y, x]
            come[y, x] = from_x
    last = scores[(rows - 1) % 2]
    at = 0
    for x in range(columns):
        if last[x] > last[at]:
            at = x
    for y in range(rows - 1, -1, -1):
        way[y] = at
        at = come[y, at]
