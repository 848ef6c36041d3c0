"""Correlation of a tile with the five patterns, the statistic that says whether the mark is there, and the id in it."""

from itertools import product

import cv2
import numpy as np

from mien.provenance.mark.pattern import GRID, SHIFT, crc8
from mien.types import Array, Floats

FOUND_FROM = 7.5
"""Least z at the geometry of a whole picture, upright or mirrored: false in 2 of 10⁸ files at the most."""
SEARCHED_FROM = 10.5
"""Least z after a search: false in 3 of 10⁸ files at the most."""
_MEAN, _DEVIATION = 12.74, 1.014
"""Of the best statistic around the corner, by a million random keys on unmarked pictures; z counts from there."""
_SEARCHED_MEAN, _SEARCHED_DEVIATION = 15.57, 0.645
"""The same for the best of all shifts."""
_AROUND, _MOST_MAGNITUDE = 7, 2.0
"""How a tile's spectrum is flattened: the side of the neighbourhood, and the limit in means of it."""
_LISTED = 3
"""Bytes of each pattern that are tried when the likeliest ones contradict the check."""
_COMBINATIONS = 6
_SECOND_FROM = 4.2
"""A second peak so high in two patterns is a second mark: of one pattern's 256, chance brings one in 300 pictures."""
NEIGHBOURS = (-1, 0, 1)
"""Shifts, down and to the right, at which the mark of a whole picture may lie."""


def correlate(tile: Floats, codes: Array) -> Array:
    """(5, 64, 64): the correlation of a tile with each pattern at each shift, in deviations of chance.

    `codes` are the conjugate spectra of the patterns, all magnitudes 1 or 0.
    """
    weighted = flattened(tile) * (np.abs(codes[0]) > 0)
    unit = np.float32(GRID * GRID / max(float(np.linalg.norm(weighted)), 1e-9))
    # The result is real, so half of the columns say all.
    half = (weighted * codes)[..., : GRID // 2 + 1]
    return np.asarray(np.fft.irfft2(half, s=(GRID, GRID)) * unit)


def at_neighbours(heights: Array) -> Array:
    """(...): the best of (..., 64, 64) at the corner and the shifts around it."""
    return np.asarray(heights[..., NEIGHBOURS, :][..., NEIGHBOURS].max((-2, -1)))


def whole_z(height: Array) -> Array:
    """How far the best statistic at the corner and its neighbours lies over that of random keys, in deviations."""
    return np.asarray((height - _MEAN) / _DEVIATION)


def searched_z(height: Array) -> Array:
    """The same for the best of all shifts."""
    return np.asarray((height - _SEARCHED_MEAN) / _SEARCHED_DEVIATION)


def flattened(tile: Floats) -> Array:
    """complex (64, 64): the spectrum over the mean magnitude around each frequency, and none over `_MOST_MAGNITUDE`.

    Phases alone would count the frequencies that a codec has wiped out as much as those it has kept.
    """
    spectrum = np.ascontiguousarray(cv2.dft(tile, flags=cv2.DFT_COMPLEX_OUTPUT)).view(np.complex64)[..., 0]
    magnitude = np.abs(spectrum)
    beside = _AROUND // 2
    wrapped = cv2.copyMakeBorder(magnitude, beside, beside, beside, beside, cv2.BORDER_WRAP)
    around = cv2.blur(wrapped, (_AROUND, _AROUND))[beside:-beside, beside:-beside]
    limited = np.minimum(magnitude, _MOST_MAGNITUDE * around)
    return np.asarray(spectrum * (limited / np.maximum(magnitude * around, 1e-12)))


def statistic(maps: Array) -> Array:
    """(..., 64, 64): the anchor's correlation at each shift, and the best of each byte's 256 that belong to it."""
    *several, codes, _, _ = maps.shape
    steps = GRID // SHIFT
    rows = maps[..., 1:, :, :].reshape(*several, codes - 1, steps, SHIFT * GRID).max(-2)
    best = rows.reshape(*several, codes - 1, SHIFT, steps, SHIFT).max(-2).sum(-3)
    return np.asarray(maps[..., 0, :, :] + np.tile(best, (steps, steps)))


def read_id(maps: Array, corner: tuple[int, int]) -> int | None:
    """The id at this shift: the likeliest bytes that agree with the check; None when none do, or when two ids lie there."""
    row, column = corner
    listed, seconds = [], 0
    for correlations in maps[1:]:
        there = np.roll(correlations, (-row, -column), (0, 1))[::SHIFT, ::SHIFT].ravel()
        order = np.argsort(there)[::-1][:_LISTED]
        listed.append([(float(there[value]), int(value)) for value in order])
        seconds += bool(there[order[1]] > _SECOND_FROM)
    if seconds >= 2:
        return None
    combined = sorted(product(*listed), key=lambda each: -sum(strength for strength, _ in each))[:_COMBINATIONS]
    for combination in combined:
        *mark, check = (value for _, value in combination)
        if crc8(bytes(mark)) == check:
            return int.from_bytes(bytes(mark), "big")
    return None
