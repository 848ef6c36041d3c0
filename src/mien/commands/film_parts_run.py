"""Runs of `mien plan`, `mien part` and `mien join`."""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event

from rich.console import Console
from rich.markup import escape

from mien.assembly.film_estimate import Estimate, estimated
from mien.assembly.film_job import FilmJob, join_parts, make_parts, open_job, plan_film, run_parts
from mien.assembly.film_processes import set_at_eof
from mien.assembly.job_store import Address
from mien.commands.progress import shown_progress
from mien.commands.swap_plan import print_notes
from mien.commands.swap_request import Request, Task
from mien.commands.swap_run import checked_costumes, file_swap_of, open_parts
from mien.errors import UsageError
from mien.media.files import moving
from mien.media.files.output_file import OutputFile
from mien.provenance.trust import Signing, open_trust
from mien.system.printable import printable


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """Checked command line of `mien plan`; `suffix` is the format of the output, None = that of the film.

    `machines` are those of an estimate, None where none is asked for.
    """

    swap: Request
    place: Address
    suffix: str | None
    machines: int | None


@dataclass(frozen=True, slots=True)
class PartRequest:
    """Checked command line of `mien part`; `second` = another process makes the parts, too, `until_eof` = stop with stdin."""

    place: Address
    first: int
    last: int
    second: bool = False
    until_eof: bool = False


@dataclass(frozen=True, slots=True)
class JoinRequest:
    """Checked command line of `mien join`; `make` = missing parts are made first, `keep` = the parts stay."""

    place: Address
    output: Path
    overwrite: bool
    make: bool
    keep: bool
    data: Path
    signing: Signing


def run_plan(request: PlanRequest, *, quiet: bool) -> int:
    """Plan a film and print its parts; raises a `MienError`."""
    console, swap = _console(), request.swap
    if len(swap.targets) != 1:
        raise UsageError("a plan is of one film", "plan each film by itself")
    target = swap.targets[0]
    kind = moving.kind_of(target)
    suffix = moving.suffix_for(target, kind) if request.suffix is None else f".{request.suffix.lstrip('.')}"
    output = Path(target.stem + suffix)
    moving.check_name(target, kind, output, swap.settings)
    costumes = checked_costumes(swap)
    costumes.check_film(target)
    parts = open_parts(swap, costumes, console, quiet)
    work = file_swap_of(swap, parts, Task(target, kind, OutputFile(output, overwrite=True)))
    if request.machines is not None and request.machines < 1:
        raise UsageError(f"{request.machines} machines make nothing", "name 1 or more")
    began = time.monotonic()
    with shown_progress(console, "", quiet=quiet, doing="planning") as report:
        job = plan_film(work, output, request.place, report)
    took_s = time.monotonic() - began
    if not quiet:
        _print_parts(job, console)
    if request.machines is not None:
        with shown_progress(console, "one part", quiet=quiet, doing="making") as report:
            found = estimated(job, took_s, request.machines, report)
        _print_estimate(found, console)
    return 0


def run_part(request: PartRequest, *, quiet: bool) -> int:
    """Make parts; raises a `MienError`."""
    console, job = _console(), open_job(request.place)
    first, last, stop = request.first, request.last, Event()
    if request.until_eof:
        set_at_eof(stop)
    name = f"part {first}" if first == last else f"parts {first} to {last}"
    with shown_progress(console, name, quiet=quiet, doing="making") as report:
        frames = sum(part.frames for part in job.plan.parts[first - 1 : last]) if first else None
        make_parts(job, first, last, lambda step: report(replace(step, total=frames)), stop, second=request.second)
    if not quiet:
        left, are = len(job.missing()), "is" if first == last else "are"
        made = f"{name} of {len(job.plan.parts)} {are} made, {left} to go"
        place = escape(printable(job.folder.address))
        console.print(made if left else f"all parts are made; join them: mien join {place} -o OUT")
    return 0


def run_join(request: JoinRequest, *, quiet: bool) -> int:
    """Join the parts of a film; raises a `MienError`."""
    console, trust = _console(), open_trust(request.data, request.signing)
    job = open_job(request.place)
    output = OutputFile(
        request.output, overwrite=request.overwrite, inputs=(Path(job.plan.film),), journal=trust.temporaries
    )  # fmt: skip
    with trust.temporaries.cleaned():
        if request.make:
            with shown_progress(console, "", quiet=quiet) as report:
                result, warnings = run_parts(request.place, trust.notary, output, report, keep=request.keep)
        else:
            result, warnings = join_parts(job, trust.notary, output, keep=request.keep)
    print_notes(console, warnings)
    if not quiet:
        console.print(
            f"{escape(printable(str(request.output)))}: {result.frames} frames in {_parts(job)}, "
            f"a face in {result.frames_with_faces}"
        )
        for name, frames in result.worn:
            console.print(f"  {escape(printable(name))}: a face worn in {frames} of {result.frames} frames")
    return 0


def _print_parts(job: FilmJob, console: Console) -> None:
    for number, part in enumerate(job.plan.parts, 1):
        words = "begins at a scene cut" if part.fresh else f"goes on within a shot, after part {number - 1}"
        words = "begins the film" if number == 1 else words
        console.print(f"  part {number}: {part.frames} frames, {words}")
    folder, last = escape(printable(job.folder.address)), len(job.plan.parts)
    console.print(f"{job.plan.frames} frames in {_parts(job)}: {folder}")
    console.print(f"make them: mien part {folder} {'1' if last == 1 else f'1-{last}'}; then: mien join {folder} -o OUT")


def _parts(job: FilmJob) -> str:
    count = len(job.plan.parts)
    return "1 part" if count == 1 else f"{count} parts"


def _print_estimate(found: Estimate, console: Console) -> None:
    console.print(
        f"part {found.part} is made: {1 / found.costs.frame_s:.1f} frames a second, after {found.costs.start_s:.1f} s of start"
    )
    for machines, each in {1: found.alone, found.machines: found.farm}.items():
        steps = f"planning {_time(each.plan_s)}, parts {_time(each.work_s)}, join {_time(each.join_s)}"
        console.print(f"{machines} machine{'s' * (machines > 1)} like this: about {_time(each.total_s)} ({steps})")
    console.print(
        f"{found.machine_hours:.2f} machine hours; the longest shot takes {_time(found.farm.longest_s)} on however many"
    )


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def _console() -> Console:
    return Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)
