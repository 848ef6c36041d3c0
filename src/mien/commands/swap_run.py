"""Run of `mien swap`: check the request, run a job for each target, report the results."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from mien.assembly import factory, registry, stand_ins
from mien.assembly.embedded_networks import EmbeddedNetworks
from mien.assembly.file_swap import FileSwap
from mien.assembly.film_ahead import FilmAhead, target_windows
from mien.assembly.idle_settings import idle_notes
from mien.assembly.picture_ahead import PictureAhead
from mien.batch.job import JobResult
from mien.commands.swap_cast import Costumes, OpenedCast, consented, costumes_of, open_cast, photos_of
from mien.commands.swap_plan import print_costumes, print_notes, print_plan
from mien.commands.swap_request import Request, Task
from mien.commands.targets import Outputs, each_target
from mien.errors import MienError, UsageError
from mien.media.files import moving
from mien.media.files.encoders import CONTAINERS
from mien.media.files.moving import Kind
from mien.media.files.output_file import OutputFile, same_file
from mien.media.files.picture_read import read_picture
from mien.media.files.temporary_files import Temporaries
from mien.models.library.store import Store
from mien.provenance.trust import Trust, open_trust
from mien.settings import Settings
from mien.system.printable import printable

_OTHERS = "others are hidden from where their faces are found: watch all of it; mien anonymise searches longer, but swaps none"


@dataclass(frozen=True, slots=True)
class SwapParts:
    """Objects opened for the request, once for all targets."""

    models: factory.Models
    trust: Trust
    cast: OpenedCast


def run_swap(
    request: Request, networks: EmbeddedNetworks | None = None, *, quiet: bool, report: Callable[[MienError], None]
) -> int:
    """Carry out the request and return the exit code; writes to the error stream only.

    Raises a `MienError` of the whole request, or of its only target. Of several targets, the errors go to `report` and the
    others go on; the exit code is that of the first error. `networks` are those that are being opened already.
    """
    console = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)
    outputs = Outputs(request.output, into_folder=request.into_folder, inputs=request.inputs)
    outputs.check()
    if len(request.targets) > 1:
        return _swap_all(request, outputs, networks, console, quiet, report)
    # The cheap checks come first: names, folders, formats, people.
    costumes = checked_costumes(request)
    task = task_of(request, request.targets[0], outputs)
    costumes.check_film(task.target)
    if request.dry_run:
        _opened(request, costumes, _models(request.settings, networks), console, quiet)
        print_plan(request, task, console)
        print_costumes(costumes, console)
        return 0
    with outputs:
        trust, models = open_trust(request.data, request.signing), _models(request.settings, networks)
        with _begun(request, models, task) as ahead:
            parts = SwapParts(models, trust, consented(request, _opened(request, costumes, models, console, quiet), trust))
            _swap_one(request, parts, task, console, quiet, ahead)
    return 0


def _swap_all(
    request: Request,
    outputs: Outputs,
    networks: EmbeddedNetworks | None,
    console: Console,
    quiet: bool,
    report: Callable[[MienError], None],
) -> int:
    costumes = checked_costumes(request)
    if request.dry_run:
        _opened(request, costumes, _models(request.settings, networks), console, quiet)
        print_costumes(costumes, console)
        parts = None
    else:
        parts = open_parts(request, costumes, console, quiet, networks)

    def swap(target: Path) -> None:
        task = task_of(request, target, outputs)
        costumes.check_film(task.target)
        if parts is None:
            print_plan(request, task, console)
        else:
            with _begun(request, parts.models, task) as ahead:
                _swap_one(request, parts, task, console, quiet, ahead)

    with outputs:
        done, codes = each_target(request.targets, swap, report)
    if not quiet:
        failed = f", {len(codes)} failed (see above)" if codes else ""
        would = "would be swapped" if request.dry_run else "swapped"
        console.print(f"{done} of {len(request.targets)} files {would}{failed}")
    return codes[0] if codes else 0


def task_of(request: Request, target: Path, outputs: Outputs) -> Task:
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


def _models(settings: Settings, networks: EmbeddedNetworks | None) -> factory.Models:
    """Open the embedded models and check that the others named by the settings are installed."""
    models = factory.open_models(settings, Store(), networks)
    registry.check_names(settings, models.sessions)
    return models


def checked_costumes(request: Request) -> Costumes:
    """Return who is to wear which photo; raises a `UsageError` also for a statement on a photo that nobody wears."""
    costumes = costumes_of(request)
    photos = photos_of(request, costumes)
    for named in request.roles.consents:
        if not any(same_file(named, photo) for photo in photos):
            raise UsageError(
                f"--consent names {named}, which nobody is to wear", f"it is one of: {', '.join(map(str, photos))}"
            )
    return costumes


def _opened(request: Request, costumes: Costumes, models: factory.Models, console: Console, quiet: bool) -> OpenedCast:
    """Open the cast and print what is to be said of its photos, by name where there are several."""
    opened = open_cast(request, costumes, models, console, quiet=quiet)
    several = len(opened.sources) > 1
    for photo, source in opened.sources.items():
        print_notes(console, (f"{stand_ins.name_of(photo)}: {each}" if several else each for each in source.warnings))
    print_notes(console, idle_notes(request.settings, tuple(opened.sources.values())))
    print_notes(console, registry.notes(request.settings, models.sessions))
    return opened


def open_parts(
    request: Request, costumes: Costumes, console: Console, quiet: bool, networks: EmbeddedNetworks | None = None
) -> SwapParts:
    """Open models, photos and people of a request, with the consents for all faces. Raises a `MienError`."""
    trust = open_trust(request.data, request.signing)
    models = _models(request.settings, networks)
    return SwapParts(models, trust, consented(request, _opened(request, costumes, models, console, quiet), trust))


def _begun(request: Request, models: factory.Models, task: Task) -> PictureAhead | FilmAhead:
    """Return the beginning of a target, which goes on beside all that its source photos need."""
    settings = request.settings
    if task.kind is not Kind.PICTURE:
        return FilmAhead(target_windows(task.target, settings, request.start_s, request.end_s))
    read = partial(read_picture, task.target, max_pixels=settings.max_pixels, max_bytes=settings.max_bytes)
    return PictureAhead(read, settings, models, request.roles.others)


def _swap_one(
    request: Request, parts: SwapParts, task: Task, console: Console, quiet: bool, ahead: PictureAhead | FilmAhead
) -> None:
    temporaries = parts.trust.temporaries
    journalled = replace(task, output=_output(request, task.output.path, temporaries))
    with temporaries.cleaned():
        if isinstance(ahead, PictureAhead):
            _swap_picture(request, parts, journalled, console, quiet, ahead)
        else:
            _swap_film(request, parts, journalled, console, quiet, ahead)


def _swap_picture(request: Request, parts: SwapParts, task: Task, console: Console, quiet: bool, ahead: PictureAhead) -> None:
    print_notes(console, ahead.picture().notes)
    result = file_swap_of(request, parts, task).swap_ahead(ahead, task.output)
    print_notes(console, result.warnings)
    if not quiet:
        faces = f"{result.faces_swapped} face{'s' if result.faces_swapped > 1 else ''}"
        console.print(f"{escape(printable(str(task.output.path)))}: {faces} swapped, {_labels(request.settings)}")
    _print_worn(parts, task, result, console, quiet)


def _swap_film(request: Request, parts: SwapParts, task: Task, console: Console, quiet: bool, ahead: FilmAhead) -> None:
    # With FFmpeg and bars, which a picture does without.
    from mien.commands.progress import shown_progress
    from mien.media.files.conversion import conversion_notes

    file_swap = file_swap_of(request, parts, task)
    with file_swap.open_reader(task.output.path) as reader:
        print_notes(console, conversion_notes(reader.info))
        name = task.target.name if len(request.targets) > 1 else ""
        result = file_swap.swap_film(ahead, reader, task.output, shown_progress(console, name, quiet=quiet))
    print_notes(console, result.warnings)
    if not quiet:
        rate = result.frames / max(result.seconds, 1e-6)
        console.print(
            f"{escape(printable(str(task.output.path)))}: {result.frames} frames, a face in {result.frames_with_faces}, "
            f"{result.seconds:.1f} s ({rate:.0f} frames a second), {_labels(request.settings)}"
        )
    _print_worn(parts, task, result, console, quiet)


def _print_worn(parts: SwapParts, task: Task, result: JobResult, console: Console, quiet: bool) -> None:
    """Print for each person how often they wore their face, and notes for those who were not there, and for all others."""
    photos = {costume.name: stand_ins.name_of(costume.photo) for costume in parts.cast.costumes.each}
    for name, frames in result.worn:
        if not frames:
            print_notes(console, (f"{name} was not found in {task.target.name}; nobody wears {photos[name]}",))
        elif not quiet and task.kind is not Kind.PICTURE:
            words = f"{name}: {photos[name]} worn in {frames} of {result.frames} frames"
            console.print(f"  {escape(printable(words))}")
    print_notes(console, parts.cast.costumes.notes(task.target))
    if parts.cast.roles.others != "leave":
        print_notes(console, (_OTHERS,))


def file_swap_of(request: Request, parts: SwapParts, task: Task) -> FileSwap:
    """Return the work on one target."""
    return FileSwap(
        task.target,
        task.kind,
        parts.cast.plan(task.target),
        parts.cast.consents,
        request.settings,
        parts.models,
        parts.trust.notary,
        start_s=request.start_s,
        end_s=request.end_s,
    )


def _labels(settings: Settings) -> str:
    return "labelled as altered, marked and signed" if settings.badge == "shown" else "marked and signed, without a badge"
