"""Watched folders and `mien batch`: jobs out of a template."""

import argparse
from dataclasses import replace
from pathlib import Path

from rich.markup import escape

from mien.batch.queue.hot_folder import HotFolder, is_junk
from mien.batch.queue.job import Origin
from mien.batch.queue.store import JobStore
from mien.commands import anonymise, swap
from mien.commands.anonymise_run import HidingRequest
from mien.commands.jobs import folder_of
from mien.commands.jobs_add import MakeJob, add_one, hiding_maker, outputs_of, swap_maker
from mien.commands.jobs_template import Template, read_template
from mien.commands.messages import error_console
from mien.commands.swap_request import Request
from mien.commands.targets import Outputs, expand, files_of
from mien.errors import MienError, UsageError
from mien.media.files.output_file import output_error, same_file
from mien.system.printable import printable


class TemplateJobs:
    """Jobs out of a template: the photos are read, and consent is stated, when it is opened."""

    def __init__(self, template: Template, output: Path, options: argparse.Namespace, *, folder: bool) -> None:
        more = [f"--data={options.data}"] if options.data else []
        more += [f"--consent={each}" for each in options.consent]
        more += ["--adult"] if options.adult else []
        parsed = template.parsed(["target"], f"{output}/", more if template.kind == "swap" else more[: bool(options.data)])
        request = swap.request_of(parsed) if template.kind == "swap" else anonymise.request_of(parsed)
        # The target of the parser stands for those that come.
        self._request: Request | HidingRequest = replace(request, targets=(), into_folder=True)
        self.outputs: Outputs = outputs_of(self._request, template.pattern, numbered=folder)
        origin: Origin = "folder" if folder else "command"
        self.make: MakeJob
        if isinstance(self._request, Request):
            self.make = swap_maker(self._request, origin, quiet=options.quiet)
        else:
            self.make = hiding_maker(self._request, origin)

    @property
    def inputs(self) -> tuple[Path, ...]:
        """The photos and other files that the template names."""
        return self._request.inputs


class FolderWatch:
    """A watched folder whose files become jobs of the queue."""

    def __init__(self, store: JobStore, folder: Path, jobs: TemplateJobs, *, quiet: bool) -> None:
        self._store = store
        self._hot = HotFolder(store, folder)
        self._jobs = jobs
        self._quiet = quiet

    def scan(self) -> int:
        """Add a job for each file that is whole; return how many. Raises a `MienError` when folder or queue cannot be used."""
        added = 0
        for path in self._hot.ready():
            try:
                number = add_one(self._store, self._jobs.make, path, self._jobs.outputs)
            except MienError as error:
                self._hot.take(path, str(error) or type(error).__name__)
                error_console().print(f"[yellow]skipped:[/] {escape(printable(f'{path.name}: {error}'))}")
                continue
            self._hot.take(path)
            added += 1
            if not self._quiet:
                error_console().print(escape(printable(f"job {number} added: {path.name}")))
        return added


def open_watch(options: argparse.Namespace, store: JobStore) -> FolderWatch:
    """Open the watched folder of the options. Raises a `MienError`."""
    folder, output = folder_of(options.watch), made_folder(options.output)
    if same_file(folder, output):
        raise UsageError("the results may not go into the watched folder", "name another folder with -o")
    jobs = TemplateJobs(read_template(options.template), output, options, folder=True)
    return FolderWatch(store, folder, jobs, quiet=options.quiet)


def made_folder(path: Path) -> Path:
    """Make the folder of the results when it is missing. Raises `OutputError`."""
    try:
        path.mkdir(exist_ok=True)
    except OSError as error:
        raise output_error(error, path) from error
    return path.absolute()


def batch_files(names: list[str], jobs: TemplateJobs) -> tuple[list[Path], list[Path]]:
    """Return the files of a batch, and the junk among them that is left out. Raises `UnreadableMedia`."""
    found = [path for path in files_of(expand(names)) if not any(same_file(path, each) for each in jobs.inputs)]
    return [path for path in found if not is_junk(path)], [path for path in found if is_junk(path)]
