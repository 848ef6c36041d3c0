"""The parts of an evaluation by name, and how many steps each takes for the progress bar."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from mien.errors import UsageError
from mien.lab.evaluate import hardships, lighting, occlusion, stillness, stills, turning
from mien.lab.evaluate.figures import Section
from mien.lab.evaluate.lab import Lab, Progress


@dataclass(frozen=True, slots=True)
class Part:
    """`steps` is how many steps of progress are to be expected of a lab, at most."""

    run: Callable[[Lab, Progress], Section]
    steps: Callable[[Lab], int]


PARTS: Mapping[str, Part] = {
    "stills": Part(stills.measure, lambda lab: lab.length(lab.pairs) * 6 // 5),
    "hard-pairs": Part(stills.measure_hard, lambda lab: len(stills.HARD_PAIRS)),
    "light": Part(lighting.measure, lambda lab: 6),
    "occlusion": Part(occlusion.measure, lambda lab: 24),
    "stillness": Part(stillness.measure, lambda lab: 3 + (len(list(lab.clips.glob("*.m*"))) if lab.clips else 0)),
    "turning": Part(turning.measure, lambda lab: 2),
    "hardships": Part(hardships.measure, lambda lab: 9),
}
SPEED = "speed"
"""Measured beside these, by `mien.lab.bench`."""
NAMES = (*PARTS, SPEED)


def chosen(only: str | None) -> tuple[str, ...]:
    """The parts that a comma-separated list names, all of them without one; raises `UsageError`."""
    if not only:
        return NAMES
    names = tuple(name.strip() for name in only.split(",") if name.strip())
    for name in names:
        if name not in NAMES:
            raise UsageError(f"there is no part {name!r} of the evaluation", f"choose from {', '.join(NAMES)}")
    return tuple(name for name in NAMES if name in names)


def run(name: str, lab: Lab, progress: Progress) -> Section:
    """One part, with the time it took."""
    start = time.perf_counter()
    section = PARTS[name].run(lab, progress)
    return replace(section, seconds=time.perf_counter() - start)
