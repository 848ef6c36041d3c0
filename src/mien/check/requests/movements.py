"""Movements of a face that are asked for, as curves over time: hand, cheek, profile, chin, lids."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median

from mien.check.requests.asks import Ask, Kind
from mien.check.requests.sighting import Face, Sighting


@dataclass(frozen=True, slots=True)
class MovementTuning:
    """Bounds of movements. `least` is what has to be reached, `onset` where a movement begins."""

    pictures: int = 3
    """Pictures in which something is reached: one alone is an error of a network."""
    least_middle: float = 0.2
    onset_middle: float = 0.05
    """Share of nose and mouth under a hand, above what is usual. Of eight people, each at 720 and at 360 lines, sweeps reached
    0.43 and more, sweeps that a swap had painted over 0.10 at the most."""
    onset_covered: float = 0.02
    """Share of the face under a hand from which its path is followed."""
    least_cheek: float = 0.25
    onset_cheek: float = 0.05
    """Share of a cheek under a finger; a fingertip covers a third of it."""
    least_yaw: float = 60.0
    onset_yaw: float = 20.0
    """Degrees of a profile: at 60 half a face is out of sight."""
    least_up: float = 15.0
    onset_up: float = 6.0
    """Degrees by which the chin is raised, above what is usual."""
    closed: float = 0.62
    """Opening of the eyes, as a share of the usual, below which they are closed. Of a clip of a computed woman, as it is and
    after a call, closed eyes had 0.21 to 0.46, open ones 0.75 and more."""
    burst_s: float = 1.5
    """Longest time between two blinks that were asked for: people blink 15 to 20 times a minute by themselves."""
    lids_yaw: float = 30.0
    """Degrees of yaw up to which lids are read."""


_TUNING = MovementTuning()
Curve = list[tuple[float, float]]
"""Times in seconds and values; pictures in which it cannot be measured are left out."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Measured movement. `reached`: what was asked for was reached. `extent` is how far it went, in the unit of the kind.

    `onset_s` is when it began. `other` is how far a head turned to the other side.
    """

    reached: bool
    extent: float
    onset_s: float | None = None
    other: float = 0.0


def curve_of(ask: Ask, before: Sequence[Sighting], during: Sequence[Sighting]) -> Curve:
    """Return the movement that was asked for: a profile and lids as they are, all else against what was usual before."""
    reader = _READERS[ask.kind]
    usual = [value for each in before if (value := reader(each, ask)) is not None]
    base = median(usual) if usual and ask.kind not in {"blink", "profile"} else 0.0
    return [(each.at_s, value - base) for each in during if (value := reader(each, ask)) is not None]


def measured(ask: Ask, before: Sequence[Sighting], during: Sequence[Sighting], tuning: MovementTuning = _TUNING) -> Measured:
    """Return the movement that was asked for, as far as it was seen."""
    curve = curve_of(ask, before, during)
    if ask.kind == "blink":
        return _blinks(ask, curve, [value for each in before if (value := _opening(each, ask)) is not None], tuning)
    least, onset = _bounds(ask.kind, tuning)
    values = [value for _, value in curve]
    extent = _held(values, tuning.pictures)
    reached = extent >= least
    began = next((at_s for at_s, value in curve if value >= onset), None)
    other = _held([-value for value in values], tuning.pictures) if ask.kind == "profile" else 0.0
    return Measured(reached, max(extent, 0.0), began, max(other, 0.0))


def is_at_rest(ask: Ask, before: Sequence[Sighting], last: Sequence[Sighting], tuning: MovementTuning = _TUNING) -> bool:
    """Return True when the last pictures show the face and nothing of the movement."""
    if any(each.face is None for each in last) or not last:
        return False
    if ask.kind == "blink":
        return True
    _, onset = _bounds(ask.kind, tuning)
    return all(abs(value) < onset for _, value in curve_of(ask, before, last))


def path_of(during: Sequence[Sighting], least: float = _TUNING.onset_covered) -> tuple[float, float] | None:
    """Return where across the face a cover was first and last, -0.5 (left in the picture) to 0.5; None without one."""
    places = [each.face.cover_x for each in during if each.face is not None and each.face.covered >= least]
    return (places[0], places[-1]) if places else None


def _bounds(kind: Kind, tuning: MovementTuning) -> tuple[float, float]:
    return {
        "hand": (tuning.least_middle, tuning.onset_middle),
        "cheek": (tuning.least_cheek, tuning.onset_cheek),
        "profile": (tuning.least_yaw, tuning.onset_yaw),
        "up": (tuning.least_up, tuning.onset_up),
    }[kind]


def _held(values: Sequence[float], pictures: int) -> float:
    """Return the largest value that several pictures in a row reach; 0 with fewer pictures."""
    runs = [min(values[start : start + pictures]) for start in range(len(values) - pictures + 1)]
    return max(runs, default=0.0)


def _blinks(ask: Ask, curve: Curve, usual: list[float], tuning: MovementTuning) -> Measured:
    """Count the times that the eyes close one after the other; one more than was asked for may be their own."""
    if not usual:
        return Measured(False, 0.0)
    closed = tuning.closed * median(usual)
    starts = [next(run)[0] for shut, run in groupby(curve, key=lambda each: each[1] < closed) if shut]
    bursts: list[list[float]] = []
    for at_s in starts:
        if bursts and at_s - bursts[-1][-1] <= tuning.burst_s:
            bursts[-1].append(at_s)
        else:
            bursts.append([at_s])
    longest = max(bursts, key=len, default=[])
    return Measured(ask.count <= len(longest) <= ask.count + 1, float(len(longest)), longest[0] if longest else None)


def _middle(sighting: Sighting, ask: Ask) -> float | None:
    if sighting.hidden:
        return 1.0
    return None if sighting.face is None else sighting.face.middle


def _cheek(sighting: Sighting, ask: Ask) -> float | None:
    # Their own left is on the right of the picture.
    return None if sighting.face is None else sighting.face.cheeks[1 if ask.side == "left" else 0]


def _yaw(sighting: Sighting, ask: Ask) -> float | None:
    # Their own right is on the left of the picture, where a positive yaw points.
    return None if sighting.yaw is None else sighting.yaw * (1 if ask.side == "right" else -1)


def _up(sighting: Sighting, ask: Ask) -> float | None:
    return None if sighting.face is None else sighting.face.up


def _opening(sighting: Sighting, ask: Ask) -> float | None:
    face: Face | None = sighting.face
    turned = sighting.yaw is None or abs(sighting.yaw) > _TUNING.lids_yaw
    return None if face is None or turned else face.opening


_READERS: dict[Kind, Callable[[Sighting, Ask], float | None]] = {
    "hand": _middle, "cheek": _cheek, "profile": _yaw, "up": _up, "blink": _opening,
}  # fmt: skip
"""Values of the kinds that are movements."""
