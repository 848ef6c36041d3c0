"""Percentiles of a few thousand values: the very numbers of NumPy in a twentieth of its time, which goes into preparations."""

import numpy as np

from mien.types import Array


def percentile_of(values: Array, percent: float) -> float:
    """Return one percentile of float32 values, as `np.percentile` does for a single number: in their own precision."""
    low, high, share = _neighbours(values, percent)
    step = high - low
    return float(low + step * share if share < 0.5 else high - step * (1 - share))


def percentiles_of(values: Array, percents: tuple[float, ...]) -> tuple[float, ...]:
    """Return several percentiles of float32 values, as `np.percentile` does for several numbers: in double precision."""
    found = []
    for percent in percents:
        low, high, share = _neighbours(values, percent)
        step = float(high - low)
        found.append(float(low) + step * share if share < 0.5 else float(high) - step * (1 - share))
    return tuple(found)


def _neighbours(values: Array, percent: float) -> tuple[np.float32, np.float32, float]:
    """Return the values below and above a percentile, and the share of the way between them."""
    flat = values.ravel()
    place = percent / 100 * (flat.size - 1)
    below = int(place)
    above = min(below + 1, flat.size - 1)
    sorted_there = np.partition(flat, (below, above))
    return sorted_there[below], sorted_there[above], place - below
