"""Calls as measurements: a face at rest, and what changes in it."""

from collections.abc import Callable
from dataclasses import replace

from mien.check.requests.sighting import Face, Sighting

REST = Face((320.0, 180.0), 60.0, 0.0, 0.3, 0.0, 0.0, 0.0, (0.0, 0.0), (90.0, 110.0, 150.0))
"""Face at rest."""


def sighting(at_s: float, yaw: float = 0.0, faces: int = 1, **changed: object) -> Sighting:
    """Return a face at rest but for what is changed."""
    return Sighting(at_s, faces, yaw, replace(REST, **changed))  # type: ignore[arg-type]


def call(
    length_s: float, change: Callable[[float], Sighting] = sighting, rate_hz: float = 15.0, from_s: float = 0.0
) -> list[Sighting]:
    """Return the measurements of some seconds."""
    return [change(from_s + number / rate_hz) for number in range(round(length_s * rate_hz))]


def bump(at_s: float, from_s: float, to_s: float, height: float) -> float:
    """Return a value that rises to a height and falls again between two times."""
    share = (at_s - from_s) / (to_s - from_s)
    return height * max(0.0, min(1.0, 4 * share, 4 * (1 - share)))
