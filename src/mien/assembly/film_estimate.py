"""Estimate of a planned film on several machines, from one part that is made and kept."""

import time
from dataclasses import dataclass

from mien.assembly.film_chains import chains_of
from mien.assembly.film_job import FilmJob, Report, make_parts
from mien.batch.makespan import Costs, Farm, Makespan, makespan
from mien.errors import UsageError

_PART_S = 0.5  # for opening the film within it and writing state and record; an upper bound, not measured exactly
_JOIN_FRAME_S = 0.0005  # 35 to 58 ms of processor time for 120 frames, demultiplexing included


@dataclass(frozen=True, slots=True)
class Estimate:
    """Times that a sample tells of a film: `alone` is the time on one machine like this one, `farm` that on all `machines`."""

    part: int
    frames: int
    costs: Costs
    machines: int
    alone: Makespan
    farm: Makespan

    @property
    def machine_hours(self) -> float:
        """Hours of all machines together, planning and join included."""
        return (self.farm.plan_s + self.farm.busy_s + self.farm.join_s) / 3600


def estimated(job: FilmJob, plan_s: float, machines: int, report: Report = lambda _: None) -> Estimate:
    """Make the shortest part that needs no other, and return what the rest will take; `plan_s` is what planning took.

    Raises `UsageError` for less than one machine, and whatever making a part raises.
    """
    if machines < 1:
        raise UsageError(f"{machines} machines make nothing", "name 1 or more")
    parts = job.plan.parts
    number = min((part.frames, number) for number, part in enumerate(parts, 1) if part.fresh)[1]
    chains = [[parts[number - 1].frames for number in range(each.first, each.last + 1)] for each in chains_of(job)]
    began = time.monotonic()
    make_parts(job, number, number, report)
    took_s = time.monotonic() - began
    record = job.record(number)
    assert record is not None
    costs = Costs(
        plan_frame_s=plan_s / job.plan.frames,
        start_s=max(took_s - record.seconds, 0.0),
        frame_s=record.seconds / record.counts[0],
        part_s=_PART_S,
        join_frame_s=_JOIN_FRAME_S,
    )
    alone, farm = (makespan(chains, costs, Farm(count)) for count in (1, machines))
    return Estimate(number, record.counts[0], costs, machines, alone, farm)
