"""Correlation of a tile with the five patterns, the statistic that detects the mark, and the id in it."""

from dataclasses import dataclass
from itertools import product

import cv2
import numpy as np

from mien.provenance.mark.pattern import GRID, SHIFT, crc8
from mien.types import Array, Floats

MIN_WHOLE_Z = 7.5  # at the geometry of a whole picture, upright or mirrored: false in 2 of 10⁸ files at most
MIN_SEARCHED_Z = 10.5  # after a search: false in 3 of 10⁸ files at most
NEIGHBOURS = (-1, 0, 1)  # shifts, down and to the right, at which the mark of a whole picture may lie


@dataclass(frozen=True, slots=True)
class CorrelationTuning:
    """Numbers of flattening, statistic and id; docs/mark.md describes them for those who write readers."""

    whole_mean: float = 12.74
    """Mean of the best statistic around the corner, over a million random keys on unmarked pictures; z counts from there."""
    whole_deviation: float = 1.014
    searched_mean: float = 15.57
    """The same for the best of all shifts."""
    searched_deviation: float = 0.645
    neighbourhood: int = 7
    """Side, in frequencies, of the neighbourhood over which a spectrum is flattened."""
    max_magnitude: float = 2.0
    """Limit of a flattened magnitude, in means of its neighbourhood."""
    listed_bytes: int = 3
    """Bytes of each pattern that are tried when the likeliest ones contradict the check."""
    combinations: int = 6
    """Combinations of listed bytes that are tried; with an 8-bit check, each more makes wrong ids likelier."""
    min_second_peak: float = 4.2
    """A second peak this high in two patterns is a second mark; of one pattern's 256, chance brings one in 300 pictures."""


_TUNING = CorrelationTuning()


def correlate(tile: Floats, codes: Array) -> Array:
    """Return (5, 64, 64): the correlation of a tile with each pattern at each shift, in deviations of chance.

    `codes` are the conjugate spectra of the patterns, all magnitudes 1 or 0.
    """
    weighted = flattened(tile) * (np.abs(codes[0]) > 0)
    unit = np.float32(GRID * GRID / max(float(np.linalg.norm(weighted)), 1e-9))
    # The result is real, so half of the columns say all.
    half = (weighted * codes)[..., : GRID // 2 + 1]
    return np.asarray(np.fft.irfft2(half, s=(GRID, GRID)) * unit)


def at_neighbours(heights: Array) -> Array:
    """Return (...): the maximum of (..., 64, 64) over the corner and the shifts around it."""
    return np.asarray(heights[..., NEIGHBOURS, :][..., NEIGHBOURS].max((-2, -1)))


def whole_z(height: Array, tuning: CorrelationTuning = _TUNING) -> Array:
    """Return the z of the best statistic at the corner and its neighbours: deviations over that of random keys."""
    return np.asarray((height - tuning.whole_mean) / tuning.whole_deviation)


def searched_z(height: Array, tuning: CorrelationTuning = _TUNING) -> Array:
    """Return the z of the best statistic of all shifts."""
    return np.asarray((height - tuning.searched_mean) / tuning.searched_deviation)


def flattened(tile: Floats, tuning: CorrelationTuning = _TUNING) -> Array:
    """Return complex (64, 64): the spectrum over the mean magnitude around each frequency, limited to `max_magnitude`.

    Phases alone would count the frequencies that a codec has wiped out as much as those it has kept.
    """
    spectrum = np.ascontiguousarray(cv2.dft(tile, flags=cv2.DFT_COMPLEX_OUTPUT)).view(np.complex64)[..., 0]
    magnitude = np.abs(spectrum)
    side = tuning.neighbourhood
    beside = side // 2
    wrapped = cv2.copyMakeBorder(magnitude, beside, beside, beside, beside, cv2.BORDER_WRAP)
    around = cv2.blur(wrapped, (side, side))[beside:-beside, beside:-beside]
    limited = np.minimum(magnitude, tuning.max_magnitude * around)
    return np.asarray(spectrum * (limited / np.maximum(magnitude * around, 1e-12)))


def statistic(maps: Array) -> Array:
    """Return (..., 64, 64): the anchor's correlation at each shift, plus the best of each byte's 256 that belong to it."""
    *several, codes, _, _ = maps.shape
    steps = GRID // SHIFT
    rows = maps[..., 1:, :, :].reshape(*several, codes - 1, steps, SHIFT * GRID).max(-2)
    best = rows.reshape(*several, codes - 1, SHIFT, steps, SHIFT).max(-2).sum(-3)
    return np.asarray(maps[..., 0, :, :] + np.tile(best, (steps, steps)))


def read_id(maps: Array, corner: tuple[int, int], tuning: CorrelationTuning = _TUNING) -> int | None:
    """Return the id at this shift, the likeliest that agrees with the check; None when none does, or for two marks."""
    row, column = corner
    listed, seconds = [], 0
    for correlations in maps[1:]:
        there = np.roll(correlations, (-row, -column), (0, 1))[::SHIFT, ::SHIFT].ravel()
        order = np.argsort(there)[::-1][: tuning.listed_bytes]
        listed.append([(float(there[value]), int(value)) for value in order])
        seconds += bool(there[order[1]] > tuning.min_second_peak)
    if seconds >= 2:
        return None
    combined = sorted(product(*listed), key=lambda each: -sum(strength for strength, _ in each))[: tuning.combinations]
    for combination in combined:
        *mark, check = (value for _, value in combination)
        if crc8(bytes(mark)) == check:
            return int.from_bytes(bytes(mark), "big")
    return None
