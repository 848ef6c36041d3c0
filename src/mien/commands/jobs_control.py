"""`mien jobs`: the list of jobs, one job, and changes to them."""

import argparse
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from rich.markup import escape

from mien.batch.queue import control
from mien.batch.queue.database import move_aside
from mien.batch.queue.hot_folder import skipped_files
from mien.batch.queue.job import ENDED, Job
from mien.batch.queue.store import JobStore
from mien.commands.jobs_add import opened_store
from mien.commands.messages import error_console, print_error
from mien.commands.options import data_of
from mien.commands.tables import new_table, print_json, print_table
from mien.errors import UsageError
from mien.system.printable import printable

_CHANGES: dict[str, Callable[[JobStore, int], Job]] = {
    "cancel": control.cancel,
    "pause": control.pause,
    "resume": control.resume,
    "retry": control.retry,
    "remove": control.remove,
}
_MEANT = {
    "cancel": ("waiting", "running", "paused"),
    "pause": ("waiting", "running"),
    "resume": ("paused",),
    "retry": ("failed", "cancelled"),
    "remove": ("waiting", "paused", *ENDED),
}
"""States of the jobs that `all` means."""
_DONE = {"cancel": "cancelled", "pause": "paused", "resume": "waits", "retry": "waits", "remove": "removed"}
_SOON = {"cancel": "stops soon", "pause": "stops soon", "resume": "goes on"}


def run_list(options: argparse.Namespace) -> int:
    """Print the jobs, or the files that were left out of watched folders."""
    with opened_store(data_of(options)) as store:
        if options.skipped:
            return _list_skipped(store, as_json=options.json)
        store.take_back()
        jobs = store.all()
    if options.json:
        print_json([described(job) for job in jobs])
        return 0
    if not jobs:
        error_console().print("no jobs; add some: mien jobs add swap PHOTO TARGET -o OUT")
        return 0
    table = new_table("id", "state", "kind", "file", "output", "")
    for job in jobs:
        cells = (str(job.id), job.state, job.kind, job.name, job.output, _words(job))
        table.add_row(*(escape(printable(cell)) for cell in cells))
    print_table(table)
    return 0


def _list_skipped(store: JobStore, *, as_json: bool) -> int:
    found = skipped_files(store)
    if as_json:
        print_json([{"file": str(path), "why": why} for path, why in found])
        return 0
    table = new_table("file", "why")
    for path, why in found:
        table.add_row(escape(printable(str(path))), escape(printable(why)))
    print_table(table)
    return 0


def run_show(options: argparse.Namespace) -> int:
    """Print a job with its spec and its report."""
    with opened_store(data_of(options)) as store:
        number = id_of(options.id)
        job, report = store.get(number), store.report_of(number)
        spec = store.fields_of(number)
    if options.json:
        print_json({**described(job), "spec": spec, "report": report})
        return 0
    table = new_table("", "")
    rows: dict[str, Any] = {
        "job": job.id,
        "state": " ".join(filter(None, (job.state, _words(job)))),
        "what to do": job.remedy,
        "kind": job.kind,
        "target": spec.get("target", {}).get("path", ""),
        "output": job.output,
        "settings": ", ".join(f"{name} = {value}" for name, value in spec.get("settings", {}).items()) or "as by default",
        "added": _time(job.added_at),
        "started": _time(job.started_at),
        "ended": _time(job.ended_at),
        "attempts": job.attempts,
        "frames": job.frames or "",
    }
    for each in (report or {}).get("outputs", []):
        rows[f"sha256 of {each['path']}"] = each["sha256"]
    for name, value in rows.items():
        if value != "":
            table.add_row(escape(printable(name)), escape(printable(str(value))))
    print_table(table)
    return 0


def run_change(options: argparse.Namespace) -> int:
    """Change the jobs that are named; the errors of single ones are printed, and the others go on."""
    action: str = options.action
    with opened_store(data_of(options)) as store:
        numbers, named = _chosen(store, options.ids, action)
        if not numbers:
            error_console().print("there is no such job")
        codes = [code for number in numbers if (code := _change(store, action, number, single=named and len(numbers) == 1))]
    return codes[0] if codes else 0


def _change(store: JobStore, action: str, number: int, *, single: bool) -> int:
    try:
        job = _CHANGES[action](store, number)
    except UsageError as error:
        if single:
            raise
        print_error(error)
        return error.exit_code
    words = _SOON[action] if job.state == "running" and action in _SOON else _DONE[action]
    error_console().print(f"job {number} {words}")
    return 0


def _chosen(store: JobStore, words: Sequence[str], action: str) -> tuple[list[int], bool]:
    """Return the numbers, and whether they were named one by one."""
    if "all" in words or (action == "remove" and "ended" in words):
        if len(words) > 1:
            raise UsageError("all and numbers contradict each other", "write one of them")
        states = ENDED if words[0] == "ended" else _MEANT[action]
        return [job.id for job in store.all() if job.state in states], False
    return list(dict.fromkeys(id_of(word) for word in words)), True


def run_reorder(options: argparse.Namespace) -> int:
    """Move jobs in the queue."""
    other = options.before or options.after
    place: control.Place
    place = "first" if options.first else "last" if options.last else "before" if options.before else "after"
    with opened_store(data_of(options)) as store:
        control.reorder(store, [id_of(word) for word in options.ids], place, None if other is None else id_of(other))
    return 0


def run_reset(options: argparse.Namespace) -> int:
    """Move a damaged queue aside."""
    aside = move_aside(data_of(options))
    error_console().print(escape(printable(f"the damaged queue is now {aside}; the next job makes a new one")))
    return 0


def id_of(word: str) -> int:
    """Return the number of a job as it is typed. Raises `UsageError`."""
    if not word.isdecimal() or len(word) > _MOST_DIGITS or not word.isascii():
        raise UsageError(f"{word!r} is not the number of a job", "`mien jobs list` shows the numbers")
    return int(word)


_MOST_DIGITS = 18  # what SQLite can hold as a number


def described(job: Job) -> dict[str, Any]:
    """Return a job for programs."""
    return {
        "id": job.id,
        "kind": job.kind,
        "name": job.name,
        "origin": job.origin,
        "state": job.state,
        "output": job.output,
        "attempts": job.attempts,
        "frames": job.frames,
        "total": job.total,
        "message": job.message,
        "remedy": job.remedy,
        "exit_code": job.exit_code,
        "added": _time(job.added_at),
        "started": _time(job.started_at),
        "ended": _time(job.ended_at),
        "owner": job.owner,
    }


def _words(job: Job) -> str:
    if job.state == "running":
        share = f" {100 * job.frames // job.total} %" if job.total else f" {job.frames} frames" if job.frames else ""
        return f"{job.doing}{share}".strip()
    return job.message


def _time(seconds: float | None) -> str:
    return "" if seconds is None else datetime.fromtimestamp(seconds).astimezone().isoformat(timespec="seconds")
