"""Run of `mien batch`."""

import argparse
from pathlib import Path

from rich.markup import escape

from mien.commands.jobs_add import add_one, announce, opened_store
from mien.commands.jobs_run import ended, run_queue
from mien.commands.jobs_template import read_template
from mien.commands.jobs_watch import TemplateJobs, batch_files, made_folder
from mien.commands.messages import error_console, print_error, print_terms_once
from mien.commands.options import data_of
from mien.commands.targets import each_target
from mien.errors import MediaError
from mien.system.printable import printable


def run_batch(options: argparse.Namespace) -> int:
    """Add a job for each file, and do them. Raises a `MienError`; the errors of single files are printed."""
    data = data_of(options)
    print_terms_once(data)
    jobs = TemplateJobs(read_template(options.template), made_folder(options.output), options, folder=False)
    files, junk = batch_files(options.targets, jobs)
    for path in junk:
        error_console().print(f"[yellow]skipped:[/] {escape(printable(str(path)))}")
    made: list[int] = []

    def add(path: Path) -> None:
        try:
            made.append(add_one(store, jobs.make, path, jobs.outputs))
        except MediaError as error:
            # A folder of pictures holds other files, too.
            error_console().print(f"[yellow]skipped:[/] {escape(printable(f'{path.name}: {error}'))}")

    with opened_store(data) as store:
        _, codes = each_target(files, add, print_error)
        if options.add_only:
            announce(store, made, quiet=options.quiet)
            return codes[0] if codes else 0
        tally = run_queue(options, data, store, None)
        return ended(options, tally) or (codes[0] if codes else 0)
