"""`mien jobs add`: jobs out of requests of `mien swap` and `mien anonymise`."""

import argparse
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from mien.assembly import stand_ins
from mien.assembly.jobs.specs import face_spec, hiding_spec, new_job, swap_job_spec, swap_spec
from mien.assembly.kept_faces import KeptFaces
from mien.batch.queue.job import NewJob, Origin
from mien.batch.queue.spec import FaceSpec
from mien.batch.queue.store import JobStore
from mien.commands import anonymise, swap
from mien.commands.anonymise_run import HidingRequest, order_of
from mien.commands.messages import error_console, print_error
from mien.commands.swap_plan import print_notes
from mien.commands.swap_request import Request
from mien.commands.swap_run import SwapParts, checked_costumes, open_parts, run_swap, task_of
from mien.commands.targets import Outputs, each_target
from mien.errors import UsageError
from mien.media.files import moving
from mien.media.files.moving import Kind
from mien.media.files.statement import shown_name
from mien.settings import Settings
from mien.system.printable import printable

MakeJob = Callable[[Path, Outputs], NewJob]
"""Returns the job of a target, after the checks that cost no work. Raises a `MienError`."""


def run_add_swap(options: argparse.Namespace) -> int:
    """Add a job for each target of a swap."""
    request = swap.request_of(options)
    if request.dry_run:
        return run_swap(request, quiet=options.quiet, report=print_error)
    outputs = outputs_of(request)
    return _add(request, outputs, swap_maker(request, quiet=options.quiet), quiet=options.quiet)


def run_add_hiding(options: argparse.Namespace) -> int:
    """Add a job for each target of anonymising."""
    request = anonymise.request_of(options)
    console = error_console()
    print_notes(console, (f"{each} is a folder inside a folder: the files in it are NOT hidden" for each in request.skipped))
    return _add(request, outputs_of(request), hiding_maker(request), quiet=options.quiet)


def outputs_of(request: Request | HidingRequest, pattern: str = "", *, numbered: bool = False) -> Outputs:
    """Return the names of the outputs of a request; the rest as for `Outputs`. Raises `UsageError`."""
    outputs = Outputs(
        request.output, into_folder=request.into_folder, inputs=request.inputs, pattern=pattern, numbered=numbered
    )  # fmt: skip
    outputs.check()
    return outputs


def swap_maker(request: Request, origin: Origin = "command", *, quiet: bool) -> MakeJob:
    """Open the photos of a request, have consent stated, and return the maker of its jobs. Raises a `MienError`."""
    console = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)
    costumes = checked_costumes(request)
    parts = open_parts(request, costumes, console, quiet)
    faces = faces_of(request, parts)

    def make(target: Path, outputs: Outputs) -> NewJob:
        task = task_of(request, target, outputs)
        costumes.check_film(target)
        check_readable(target, request.settings)
        work = swap_spec(parts.cast.plan(target), faces)
        part_s = (request.start_s, request.end_s)
        spec = swap_job_spec(
            target, task.output.path, work, request.settings, overwrite=request.overwrite, part_s=part_s
        )  # fmt: skip
        return new_job(spec, origin)

    return make


def faces_of(request: Request, parts: SwapParts) -> Mapping[str, FaceSpec]:
    """Return the specs of all faces to wear, by the digest of their sources. Raises `UnreadableMedia`."""
    found = {}
    for photo, source in parts.cast.sources.items():
        name = stand_ins.name_of(photo) if stand_ins.statement_for(photo) else shown_name(photo)
        files, number = (photo, *request.also), request.source_face
        found[source.digest] = face_spec(name, files, number, parts.cast.statements[photo])
    return found


def hiding_maker(request: HidingRequest, origin: Origin = "command") -> MakeJob:
    """Check that what a request needs is there, and return the maker of its jobs. Raises a `MienError`."""
    if len(request.targets) > 1 and (request.review or request.decisions):
        raise UsageError("a review belongs to one target", "add each target that needs one by itself")
    kept = KeptFaces(request.settings)

    def make(target: Path, outputs: Outputs) -> NewJob:
        order = order_of(request, target, outputs)
        if order.keep:
            kept.watcher(order.keep, target)
        check_readable(target, request.settings)
        return new_job(hiding_spec(order), origin)

    return make


def check_readable(target: Path, settings: Settings) -> None:
    """Raise a `MediaError` for a file that is neither a picture nor a film, which would fail when its turn comes."""
    if moving.kind_of(target) is not Kind.PICTURE:
        moving.open_moving(target, max_pixels=settings.max_pixels, max_bytes=settings.max_bytes).close()


def _add(request: Request | HidingRequest, outputs: Outputs, make: MakeJob, *, quiet: bool) -> int:
    with opened_store(request.data) as store:
        if len(request.targets) == 1:
            announce(store, [add_one(store, make, request.targets[0], outputs)], quiet=quiet)
            return 0
        made: list[int] = []
        _, codes = each_target(
            request.targets, lambda target: made.append(add_one(store, make, target, outputs)), print_error
        )  # fmt: skip
        announce(store, made, quiet=quiet)
        return codes[0] if codes else 0


def add_one(store: JobStore, make: MakeJob, target: Path, outputs: Outputs) -> int:
    """Add the job of a target and return its number. Raises a `MienError`."""
    return store.add([make(target, outputs)])[0]


def announce(store: JobStore, ids: list[int], *, quiet: bool) -> None:
    """Print the jobs that were added."""
    if quiet or not ids:
        return
    console = error_console()
    if len(ids) == 1:
        job = store.get(ids[0])
        console.print(escape(printable(f"job {job.id} added: {job.name}, into {job.output}")))
    else:
        console.print(f"jobs {ids[0]} to {ids[-1]} added")
    console.print("do them with: mien jobs run")


@contextmanager
def opened_store(data: Path) -> Iterator[JobStore]:
    """Yield the queue of a data folder, closed afterwards."""
    store = JobStore(data)
    try:
        yield store
    finally:
        store.close()
