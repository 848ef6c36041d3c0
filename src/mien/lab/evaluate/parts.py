"""Parts of an evaluation by name, with their number of steps for the progress bar."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from mien.errors import UsageError
from mien.lab.evaluate import (
    beards,
    border,
    clip_source,
    covers,
    everyday,
    hardships,
    hiding,
    lighting,
    mapping,
    occlusion,
    people,
    stillness,
    stills,
    turning,
)
from mien.lab.evaluate.figures import Section
from mien.lab.evaluate.lab import Lab, Progress


@dataclass(frozen=True, slots=True)
class Part:
    """One part; `steps` returns the largest number of steps for a lab."""

    run: Callable[[Lab, Progress], Section]
    steps: Callable[[Lab], int]


PARTS: Mapping[str, Part] = {
    "stills": Part(stills.measure, lambda lab: lab.length(lab.pairs) * 6 // 5),
    "everyday": Part(everyday.measure, lambda lab: lab.length(everyday.PAIRS) + lab.length(everyday.CLOSING_PAIRS)),
    "border": Part(border.measure, lambda lab: lab.length(border.PEOPLE)),
    "hard-pairs": Part(stills.measure_hard, lambda lab: len(stills.HARD_PAIRS)),
    "light": Part(lighting.measure, lambda lab: 6),
    "occlusion": Part(occlusion.measure, lambda lab: 24),
    "covers": Part(covers.measure, lambda lab: lab.length(covers.PAIRS)),
    "beards": Part(beards.measure, lambda lab: lab.length(beards.PAIRS)),
    "stillness": Part(stillness.measure, lambda lab: 3 + (len(list(lab.clips.glob("*.m*"))) if lab.clips else 0)),
    "turning": Part(turning.measure, lambda lab: 2),
    "clip-source": Part(clip_source.measure, lambda lab: 6 + (len(list(lab.clips.glob("*.m*"))) if lab.clips else 0)),
    "anonymise": Part(hiding.measure, lambda lab: len(hiding.KINDS) + (len(list(lab.clips.glob("*.m*"))) if lab.clips else 0)),
    "people": Part(people.measure, lambda lab: 3 + len(people.recognisers(lab))),
    "mapping": Part(mapping.measure, lambda lab: mapping.STEPS + 1),
    "hardships": Part(hardships.measure, lambda lab: 9),
}
SPEED = "speed"
"""The other part, measured by `mien.lab.bench`."""
NAMES = (*PARTS, SPEED)
LONG = ("mapping",)
"""Parts that take longer than all others together, and run only where they are named."""


def chosen(only: str | None) -> tuple[str, ...]:
    """Return the parts of a comma-separated list, all but the long ones without one; raises `UsageError`."""
    if not only:
        return tuple(name for name in NAMES if name not in LONG)
    names = tuple(name.strip() for name in only.split(",") if name.strip())
    for name in names:
        if name not in NAMES:
            raise UsageError(f"unknown part {name!r} of the evaluation", f"choose from {', '.join(NAMES)}")
    return tuple(name for name in NAMES if name in names)


def run(name: str, lab: Lab, progress: Progress) -> Section:
    """Run one part and time it."""
    start = time.perf_counter()
    section = PARTS[name].run(lab, progress)
    return replace(section, seconds=time.perf_counter() - start)
