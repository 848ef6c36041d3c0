"""`mien jobs run JOB --on WHERE`: the parts of a planned film, made by several processes, a cluster or another farm."""

import argparse
import shlex
import threading
import time

from rich.markup import escape

from mien.assembly.film_chains import Chain, chains_of, openjd_template
from mien.assembly.film_job import FilmJob, open_job
from mien.assembly.film_processes import Executor, LocalProcesses
from mien.assembly.job_store import Address
from mien.commands.messages import error_console
from mien.commands.options import data_of, signing_of
from mien.commands.tables import print_text
from mien.errors import Cancelled, UsageError
from mien.system.printable import printable

WHERE = "local:N, ray:N, ray://HOST:PORT, commands or openjd"
_MOST_WORKERS = 1024  # a typing error, not a farm: each takes 500 MB


def run_farm(options: argparse.Namespace) -> int:
    """Make the missing parts of a film where `--on` says, and join them into `-o`. Raises a `MienError`."""
    for flag, given in (("--watch", options.watch), ("--template", options.template), ("--then", options.then)):
        if given:
            raise UsageError(f"{flag} is for the queue, not for one film", f"omit {flag}")
    film: Address = options.film
    place = film if isinstance(film, str) else str(film.absolute())
    job = open_job(place)
    chains = chains_of(job)
    if options.on == "commands":
        if not place.isprintable():
            raise UsageError(f"{place} cannot be written in one line", "rename the folder")
        # The lines of other programs: they are to run in any folder.
        print_text("".join(f"{shlex.join(['mien', 'part', place, chain.name])}\n" for chain in chains))
        return 0
    if options.on == "openjd":
        if options.output is None:
            raise UsageError("the last step joins the parts", "name the result: -o OUT")
        print_text(f"{openjd_template(place, options.output.absolute(), chains, options.data)}\n")
        return 0
    _make(job, chains, executor_of(options.on or f"local:{options.workers}"), quiet=options.quiet)
    if options.output is None:
        if not options.quiet:
            error_console().print(f"all parts are made; join them: mien join {escape(printable(job.folder.address))} -o OUT")
        return 0
    return _join(options)


def executor_of(where: str) -> Executor:
    """Return what makes parts there. Raises `UsageError`."""
    kind, _, rest = where.partition(":")
    if kind == "ray":
        from mien.assembly.film_ray import RayCluster

        if rest.startswith("//"):
            return RayCluster(where)
        return RayCluster(workers=_count(rest or "1"))
    if kind == "local":
        return LocalProcesses(_count(rest or "1"))
    raise UsageError(f"--on {where} is no place to make parts", f"it is one of {WHERE}")


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _MOST_WORKERS:
        raise UsageError(f"{text!r} does not count workers", f"name 1 to {_MOST_WORKERS}")
    return int(text)


def _make(job: FilmJob, chains: tuple[Chain, ...], executor: Executor, *, quiet: bool) -> None:
    console, began, frames = error_console(), time.monotonic(), 0
    lock = threading.Lock()

    def done(chain: Chain) -> None:
        nonlocal frames
        with lock:
            frames += chain.frames
            if not quiet:
                rate = frames / max(time.monotonic() - began, 1e-6)
                console.print(f"part {chain.name} of {len(job.plan.parts)} is made, {rate:.1f} frames a second so far")

    if not chains:
        return
    cancel = threading.Event()
    try:
        doubled = executor.run(job.folder.address, chains, done, cancel)
    except KeyboardInterrupt:
        cancel.set()
        raise Cancelled("stopped; parts that were finished stay, and the same command goes on") from None
    if doubled.begun and not quiet:
        console.print(f"{_chains(doubled.begun)} begun twice at the end; the second worker was first in {doubled.won}")


def _chains(count: int) -> str:
    return "1 chain was" if count == 1 else f"{count} chains were"


def _join(options: argparse.Namespace) -> int:
    from mien.commands.film_parts_run import JoinRequest, run_join

    request = JoinRequest(
        options.film, options.output, overwrite=False, make=False, keep=False, data=data_of(options),
        signing=signing_of(options),
    )  # fmt: skip
    return run_join(request, quiet=options.quiet)
