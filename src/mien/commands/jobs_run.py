"""`mien jobs run`: the jobs that wait, done in this process or in several."""

import argparse
import contextlib
import os
import shlex
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from mien.assembly.jobs.models import SharedParts
from mien.assembly.jobs.work import WorkDone
from mien.assembly.jobs.worker import JobWorker, Tally
from mien.batch.job import Progress
from mien.batch.queue.job import Job
from mien.batch.queue.store import JobStore
from mien.commands.jobs_add import opened_store
from mien.commands.jobs_watch import FolderWatch, open_watch
from mien.commands.messages import error_console, print_error, print_terms_once
from mien.commands.options import data_of, signing_of
from mien.commands.progress import LogLines
from mien.errors import Cancelled, MienError, OutputError, UsageError
from mien.provenance.trust import open_trust
from mien.system.printable import printable
from mien.system.programs import environment, python_module, resolved

_END_WAIT_S = 60.0  # for a worker that was told to stop: a picture at full size takes some seconds
_INPUT = 0  # file descriptor of the standard input
_SCAN_PERIOD_S = 1.0  # of the watched folder; a scan of 1,000 files takes 2 ms


def run_jobs(options: argparse.Namespace) -> int:
    """Do the jobs that wait; with `--watch`, for ever. With a planned film, make its parts instead."""
    if options.film is not None:
        from mien.commands.jobs_farm import run_farm

        return run_farm(options)
    if options.on:
        raise UsageError("--on is for a film of `mien plan`", "name its folder, or use --workers")
    if options.then is not None and (options.watch or options.worker):
        raise UsageError("--then never comes with --watch, which goes on until Ctrl-C", "omit one of them")
    if bool(options.watch) != bool(options.template) or bool(options.watch) != bool(options.output):
        raise UsageError(
            "--watch FOLDER, --template FILE and -o FOLDER belong together", "`mien jobs template` prints a template"
        )
    data = data_of(options)
    print_terms_once(data)
    with opened_store(data) as store:
        watch = open_watch(options, store) if options.watch else None
        tally = run_queue(options, data, store, watch)
        return ended(options, tally)


def ended(options: argparse.Namespace, tally: Tally) -> int:
    """Print what was done, run the program of `--then`, and return the exit code."""
    if not options.quiet and not options.worker:
        counts = {"done": tally.done, "failed": tally.failed, "paused": tally.paused, "cancelled": tally.cancelled}
        words = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
        error_console().print(f"jobs: {words or 'nothing waits'}")
    code = tally.exit_code
    return code if options.then is None else run_then(options.then, tally) or code


def run_then(command: str, tally: Tally) -> int:
    """Run a program, without a shell, and return its exit code. Raises `UsageError` when it cannot be started."""
    words = then_words(command)
    given = {**environment(), "MIEN_JOBS_DONE": str(tally.done), "MIEN_JOBS_FAILED": str(tally.failed)}
    try:
        return subprocess.run(resolved(words), env=given, check=False).returncode
    except OSError as error:
        raise UsageError(f"--then {command}: {error.strerror}", "name a program; no shell is used") from error


def then_words(command: str) -> list[str]:
    """Return the program and the arguments of `--then`. Raises `UsageError`."""
    try:
        words = shlex.split(command, posix=os.name != "nt")
    except ValueError as error:
        raise UsageError(f"--then {command}: {error}", "close every quote") from error
    if not words:
        raise UsageError("--then is empty", "name a program")
    return words


def run_queue(options: argparse.Namespace, data: Path, store: JobStore, watch: FolderWatch | None) -> Tally:
    """Do the jobs with as many workers as were asked for. Raises a `MienError`, `Cancelled` after Ctrl-C."""
    if options.then is not None:
        then_words(options.then)
    try:
        return _run_several(options, store, watch) if options.workers > 1 else _run_one(options, data, store, watch)
    except KeyboardInterrupt:
        raise Cancelled("stopped; jobs that ran wait again, those that were done stay done") from None


def _run_one(options: argparse.Namespace, data: Path, store: JobStore, watch: FolderWatch | None) -> Tally:
    worker = JobWorker(store, SharedParts(open_trust(data, signing_of(options))), _Lines(quiet=options.quiet))
    if options.worker:
        threading.Thread(target=_stop_at_end_of_input, args=(worker,), name="mien-stop", daemon=True).start()
    if watch is None:
        return worker.run(until_empty=not options.stay)
    with _scanning(watch, worker):
        return worker.run(until_empty=False)


def _stop_at_end_of_input(worker: JobWorker) -> None:
    """Stop a worker when the process that started it tells it to, or has ended."""
    # Not through sys.stdin, whose lock Python takes when it exits.
    while os.read(_INPUT, 1):
        pass
    worker.stop.set()
    worker.wake.set()


@contextlib.contextmanager
def _scanning(watch: FolderWatch, worker: JobWorker) -> Iterator[None]:
    """Look at the folder in a thread of its own, as long as the worker works."""
    ended, errors = threading.Event(), list[MienError]()

    def scan() -> None:
        try:
            while not ended.wait(_SCAN_PERIOD_S):
                if watch.scan():
                    worker.wake.set()
        except MienError as error:
            errors.append(error)
            worker.stop.set()
            worker.wake.set()

    thread = threading.Thread(target=scan, name="mien-watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    if errors:
        raise errors[0]


def _run_several(options: argparse.Namespace, store: JobStore, watch: FolderWatch | None) -> Tally:
    before = {job.id: (job.state, job.ended_at) for job in store.all()}
    with _workers(options, watch is not None) as workers:
        while watch is not None and any(each.poll() is None for each in workers):
            watch.scan()
            threading.Event().wait(_SCAN_PERIOD_S)
        codes = [each.wait() for each in workers]
    jobs = [job for job in store.all() if before.get(job.id) != (job.state, job.ended_at)]
    tally = Tally(*(sum(job.state == state for job in jobs) for state in ("done", "failed", "paused", "cancelled")))
    failed = (job.exit_code for job in jobs if job.state == "failed")
    tally.exit_code = next(failed, next((code for code in codes if code), 0))
    if any(code < 0 for code in codes):
        raise OutputError("a worker was ended by the system", "run the queue again; mien jobs list shows what is left")
    return tally


@contextlib.contextmanager
def _workers(options: argparse.Namespace, watches: bool) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Start the workers as processes of their own, and stop them at the end."""
    workers: list[subprocess.Popen[bytes]] = []
    command = python_module("mien", "jobs", "run", "--worker", *_passed_on(options), *(["--stay"] if watches else []))
    try:
        while len(workers) < options.workers:
            # Ctrl-C is for this process alone, which tells the workers by closing their input; so does its end.
            workers.append(
                subprocess.Popen(command, env=environment(), stdin=subprocess.PIPE, start_new_session=True)
            )  # fmt: skip
        yield workers
    finally:
        for each in workers:
            if each.stdin is not None:
                each.stdin.close()
        for each in workers:
            try:
                each.wait(_END_WAIT_S)
            except subprocess.TimeoutExpired:
                each.kill()
                each.wait()


def _passed_on(options: argparse.Namespace) -> Iterator[str]:
    named = {
        "--data": data_of(options), "--signing-cert": options.signing_cert, "--signing-key": options.signing_key,
        "--signing-command": options.signing_command, "--timestamp-url": options.timestamp_url,
    }  # fmt: skip
    for flag, value in named.items():
        if value is not None:
            yield f"{flag}={value}"
    if options.quiet:
        yield "--quiet"


class _Lines:
    """Listener that prints a line when a job begins and when it ends, and lines of progress between them."""

    def __init__(self, *, quiet: bool) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)
        self._quiet = quiet
        self._lines: LogLines | None = None
        self._doing = ""

    def began(self, job: Job) -> None:
        self._lines, self._doing = None, ""
        self._print(f"job {job.id}: {job.name}")

    def progressed(self, job: Job, doing: str, progress: Progress) -> None:
        if self._quiet:
            return
        if self._lines is None or doing != self._doing:
            self._lines, self._doing = LogLines(self._console, f"job {job.id}: {doing}", time.monotonic), doing
        self._lines.report(progress)

    def ended(self, job: Job, done: WorkDone | None) -> None:
        if done is not None:
            for note in done.notes:
                self._console.print(f"[yellow]note:[/] {escape(printable(note))}")
            frames = f", {done.frames} frames" if done.frames > 1 else ""
            self._print(f"job {job.id}: {job.output}{frames}")
        elif job.state in {"failed", "paused"} and job.message:
            print_error(MienError(f"job {job.id}: {job.name}: {job.message}", job.remedy))
        elif job.state != "running":
            self._print(f"job {job.id}: {job.state}")

    def _print(self, words: str) -> None:
        if not self._quiet:
            self._console.print(escape(printable(words)))
