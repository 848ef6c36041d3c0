"""Run of `mien swap`: check the request, run a job for each target, report the results."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from mien.assembly import factory, registry
from mien.assembly.file_swap import FileSwap
from mien.commands.progress import shown_progress
from mien.commands.swap_plan import print_notes, print_plan
from mien.commands.swap_request import Request, Task
from mien.commands.swap_source import consent_for, open_source
from mien.commands.targets import Outputs
from mien.errors import Cancelled, MienError, UsageError
from mien.media.files import moving
from mien.media.files.conversion import conversion_notes
from mien.media.files.encoders import CONTAINERS
from mien.media.files.moving import Kind
from mien.media.files.output_file import OutputFile
from mien.media.files.temporary_files import Temporaries
from mien.models.library.store import Store
from mien.provenance.consent import Consent
from mien.provenance.trust import Trust, open_trust
from mien.settings import Settings
from mien.system.printable import printable
from mien.types import SourceFace


@dataclass(frozen=True, slots=True)
class _Parts:
    """Objects opened for the request, once for all targets."""

    models: factory.Models
    trust: Trust
    source: SourceFace
    consent: Consent


def run_swap(request: Request, *, quiet: bool, report: Callable[[MienError], None]) -> int:
    """Carry out the request and return the exit code; writes to the error stream only.

    Raises a `MienError` of the whole request, or of its only target. Of several targets, the errors go to `report` and the
    others go on; the exit code is that of the first error.
    """
    console = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)
    outputs = Outputs(request.output, into_folder=request.into_folder, inputs=request.inputs)
    outputs.check()
    if len(request.targets) > 1:
        return _swap_all(request, outputs, console, quiet, report)
    # The cheap checks come first: names, folders, formats.
    task = _task(request, request.targets[0], outputs)
    if request.dry_run:
        models = _models(request.settings)
        _warn(open_source(request, models, console, quiet=quiet), models, request.settings, console)
        print_plan(request, task, console)
        return 0
    with outputs:
        _swap_one(request, _parts(request, console, quiet), task, console, quiet)
    return 0


def _swap_all(request: Request, outputs: Outputs, console: Console, quiet: bool, report: Callable[[MienError], None]) -> int:
    if request.dry_run:
        models = _models(request.settings)
        _warn(open_source(request, models, console, quiet=quiet), models, request.settings, console)
        parts = None
    else:
        parts = _parts(request, console, quiet)
    codes: list[int] = []
    done = 0
    with outputs:
        for target in request.targets:
            try:
                task = _task(request, target, outputs)
                if parts is None:
                    print_plan(request, task, console)
                else:
                    _swap_one(request, parts, task, console, quiet)
                done += 1
            except KeyboardInterrupt:
                raise Cancelled(f"stopped; {done} of {len(request.targets)} files were written") from None
            except MienError as error:
                if target.name not in str(error):
                    error.args = (f"{target}: {error}", *error.args[1:])
                codes.append(error.exit_code)
                report(error)
    if not quiet:
        failed = f", {len(codes)} failed (see above)" if codes else ""
        would = "would be swapped" if request.dry_run else "swapped"
        console.print(f"{done} of {len(request.targets)} files {would}{failed}")
    return codes[0] if codes else 0


def _task(request: Request, target: Path, outputs: Outputs) -> Task:
    """Return the target with its output after the checks that cost no work."""
    kind = moving.kind_of(target)
    if kind is Kind.PICTURE and (request.start_s is not None or request.end_s is not None):
        raise UsageError(f"{target} is a picture, which has no start and no end", "omit --start and --end")
    path = outputs.path_for(target, kind)
    if kind is Kind.VIDEO and path.suffix.lower() not in CONTAINERS:
        # A target that is not a video is the error to report, not the name of its output.
        settings = request.settings
        moving.open_moving(target, max_pixels=settings.max_pixels, max_bytes=settings.max_bytes).close()
    moving.check_name(target, kind, path, request.settings)
    output = _output(request, path)
    output.check(folder_is_made=request.into_folder)
    return Task(target, kind, output)


def _output(request: Request, path: Path, journal: Temporaries | None = None) -> OutputFile:
    return OutputFile(path, overwrite=request.overwrite, inputs=request.inputs, journal=journal)


def _models(settings: Settings) -> factory.Models:
    """Open the embedded models and check that the others named by the settings are installed."""
    models = factory.open_models(settings, Store())
    registry.check_names(settings, models.sessions)
    return models


def _parts(request: Request, console: Console, quiet: bool) -> _Parts:
    trust = open_trust(request.data, request.signing)
    models = _models(request.settings)
    source = open_source(request, models, console, quiet=quiet)
    _warn(source, models, request.settings, console)
    return _Parts(models, trust, source, consent_for(request, trust, source))


def _warn(source: SourceFace, models: factory.Models, settings: Settings, console: Console) -> None:
    print_notes(console, (*source.warnings, *registry.notes(settings, models.sessions)))


def _swap_one(request: Request, parts: _Parts, task: Task, console: Console, quiet: bool) -> None:
    temporaries = parts.trust.temporaries
    journalled = replace(task, output=_output(request, task.output.path, temporaries))
    with temporaries.cleaned():
        if task.kind is Kind.PICTURE:
            _swap_picture(request, parts, journalled, console, quiet)
        else:
            _swap_moving(request, parts, journalled, console, quiet)


def _swap_picture(request: Request, parts: _Parts, task: Task, console: Console, quiet: bool) -> None:
    file_swap = _file_swap(request, parts, task)
    picture = file_swap.read_picture()
    print_notes(console, picture.notes)
    result = file_swap.swap_picture(picture, task.output)
    print_notes(console, result.warnings)
    if not quiet:
        faces = f"{result.faces_swapped} face{'s' if result.faces_swapped > 1 else ''}"
        console.print(f"{escape(printable(str(task.output.path)))}: {faces} swapped, {_labels(request.settings)}")


def _swap_moving(request: Request, parts: _Parts, task: Task, console: Console, quiet: bool) -> None:
    file_swap = _file_swap(request, parts, task)
    with file_swap.open_reader(task.output.path) as reader:
        print_notes(console, conversion_notes(reader.info))
        name = task.target.name if len(request.targets) > 1 else ""
        result = file_swap.swap_moving(reader, task.output, shown_progress(console, name, quiet=quiet))
    print_notes(console, result.warnings)
    if not quiet:
        rate = result.frames / max(result.seconds, 1e-6)
        console.print(
            f"{escape(printable(str(task.output.path)))}: {result.frames} frames, a face in {result.frames_with_faces}, "
            f"{result.seconds:.1f} s ({rate:.0f} frames a second), {_labels(request.settings)}"
        )


def _file_swap(request: Request, parts: _Parts, task: Task) -> FileSwap:
    return FileSwap(
        task.target,
        task.kind,
        parts.source,
        parts.consent,
        request.settings,
        parts.models,
        parts.trust.notary,
        start_s=request.start_s,
        end_s=request.end_s,
    )


def _labels(settings: Settings) -> str:
    return "labelled as altered, marked and signed" if settings.badge == "shown" else "marked and signed, without a badge"
