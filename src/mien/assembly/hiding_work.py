"""One file whose faces are hidden, from the request to the report beside it: search, choice of covers, stand-ins, output."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import Event

from mien.assembly import factory
from mien.assembly.chooser import Chooser
from mien.assembly.file_hiding import FileHiding, Findings, Reporting, private
from mien.assembly.file_swap import Watch
from mien.assembly.hiding_review import open_folder
from mien.assembly.hiding_stand_ins import StandInCasting, StandInParts, open_parts
from mien.assembly.kept_faces import KeptFaces
from mien.batch.job import JobResult
from mien.errors import NoFaceFound
from mien.media.files.conversion import conversion_notes
from mien.media.files.moving import Kind
from mien.media.files.output_file import OutputFile, output_error
from mien.media.files.statement import STAND_IN
from mien.media.files.video_reader import VideoReader
from mien.models.library.store import Store
from mien.provenance.trust import Trust
from mien.settings import Settings
from mien.swap.hiding.face_path import FacePath
from mien.swap.hiding.frame_search import FrameSearch
from mien.types import Frame, Note

_VOICES = Note.of(
    "voices-kept",
    "voices are kept and not disguised: people can be told by them; --sound drop leaves them out, disguise changes them",
)
_DISGUISED = Note.of(
    "voices-disguised",
    "voices are disguised, words, pace and accent are not: who knows the speaker may still tell",
)
_NOBODY = Note.of(
    "nobody-kept",
    "nobody of --keep was surely recognised: every face is hidden",
)
_ANOTHER_FACE = Note.of(
    "another-face",
    "another face, not anonymity: hair, ears, body, clothes, gait and voice stay, and so do expressions",
)
_WATCH = Note.of(
    "watch-all",
    "watch all of it before you pass it on: no search finds every face, and only faces are hidden",
)


@dataclass(frozen=True, slots=True)
class HidingOrder:
    """A target and what is to be done with it; fields as the options of `mien anonymise`. `inputs` are all that is read."""

    target: Path
    kind: Kind
    output: Path
    settings: Settings
    inputs: tuple[Path, ...]
    style: str
    overwrite: bool = False
    keep: tuple[str, ...] = ()
    sound: str = "keep"
    review: Path | None = None
    decisions: Path | None = None
    write_if_none: bool = False
    start_s: float | None = None
    end_s: float | None = None

    @property
    def file_settings(self) -> Settings:
        """The settings of the file that is written."""
        return settings_without_traces(self.settings, self.sound)

    @property
    def report(self) -> Path:
        """The report beside the output."""
        return report_path(self.output)


@dataclass(frozen=True, slots=True)
class HidingParts:
    """Objects that all files of a run share."""

    search: FrameSearch
    trust: Trust
    kept: KeptFaces
    stand_ins: StandInParts | None = None


@dataclass(frozen=True, slots=True)
class HidingDone:
    """A file that was written: what was found, the counts, the review page, and what the person has to know."""

    findings: Findings
    result: JobResult
    page: Path | None
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HidingListener:
    """Receiver of what happens: `notes` before the work, progress of a pass by its name, `watch` around the exporter."""

    notes: Callable[[Iterable[str]], None]
    reporting: Callable[[str], Reporting]
    watch: Watch | None = None
    cancel: Event | None = None


def settings_without_traces(settings: Settings, sound: str) -> Settings:
    """Return the settings of a file whose faces are hidden: nothing beside the pictures may tell who is in it."""
    if sound != "drop":
        return private(settings)
    drop = {*settings.drop.split(","), "audio"} - {"none"}
    return private(replace(settings, drop=",".join(sorted(drop))))


def report_path(output: Path) -> Path:
    """Return the name of the report beside an output."""
    return output.with_name(f"{output.name}.hidden.json")


def open_hiding(style: str, settings: Settings, trust: Trust) -> HidingParts:
    """Open the networks that hide faces. Raises a `ModelError`."""
    stand_ins = open_parts(settings) if style == STAND_IN else None
    return HidingParts(factory.open_frame_search(Store()), trust, KeptFaces(settings), stand_ins)


def hide(order: HidingOrder, parts: HidingParts, listener: HidingListener) -> HidingDone:
    """Hide the faces of the target and write the output, its report and the review. Raises a `MienError`.

    Temporary files that an interruption leaves are the caller's to clean (`Temporaries.cleaned`).
    """
    with nullcontext() if order.review is None else open_folder(order.review):
        return _hide(order, parts, listener)


def _hide(order: HidingOrder, parts: HidingParts, listener: HidingListener) -> HidingDone:
    chooser = Chooser(order.target, order.start_s, order.end_s, order.keep, parts.kept, order.decisions, order.review)
    hiding = FileHiding(
        order.target, order.kind, order.style, order.file_settings, parts.search, parts.trust.notary,
        start_s=order.start_s, end_s=order.end_s, disguise=order.sound == "disguise", watch=listener.watch,
    )  # fmt: skip
    output = OutputFile(order.output, overwrite=order.overwrite, inputs=order.inputs, journal=parts.trust.temporaries)
    casting = None if parts.stand_ins is None else StandInCasting(parts.stand_ins, order.kind is Kind.PICTURE)

    def watch(frame: Frame, paths: list[FacePath]) -> None:
        chooser.watch(frame, paths)
        if casting is not None:
            casting.watch(frame, paths)

    sounds = False
    if order.kind is Kind.PICTURE:
        picture = hiding.read_picture()
        listener.notes(picture.notes)
        height, width = picture.frame.image.shape[:2]
        findings = chooser.choose(hiding.search_picture(picture, watch), (width, height))
        _check_faces(order, findings)
        if casting is not None:
            findings = casting.decide(findings, lambda: iter([picture.frame]), hiding.cover(), parts.trust.consents)
        result = hiding.hide_picture(picture, findings, output)
    else:
        with hiding.open_reader(order.output) as reader:
            listener.notes(conversion_notes(reader.info))
            size_wh = reader.info.width, reader.info.height
            sounds = isinstance(reader, VideoReader) and any(each.type == "audio" for each in reader.copied)
            searched = hiding.search_moving(reader, listener.reporting("searching"), watch, listener.cancel)
        findings = chooser.choose(searched, size_wh)
        _check_faces(order, findings)
        if casting is not None:
            findings = casting.decide(findings, partial(_frames, hiding, order.output), hiding.cover(), parts.trust.consents)
        with hiding.open_reader(order.output) as reader:
            result = hiding.hide_moving(reader, findings, output, listener.reporting("covering"), listener.cancel)
    _write_report(order, findings)
    return HidingDone(findings, result, chooser.write_review(findings), _notes(order, findings, result, sounds))


def _frames(hiding: FileHiding, output: Path) -> Iterator[Frame]:
    """Yield the frames of a film from its start."""
    with hiding.open_reader(output) as reader:
        yield from iter(reader.read, None)


def _check_faces(order: HidingOrder, findings: Findings) -> None:
    """Raise `NoFaceFound` when nothing is covered, unless that was allowed."""
    facts = findings.facts
    if facts["faces"] or facts["regions"] or facts["kept_faces"] or order.write_if_none:
        return
    left = facts["left_faces"]
    doubt = f", only {left} doubtful look{'' if left == 1 else 's'}" if left else ""
    raise NoFaceFound(
        f"no face was found in {order.target.name}{doubt}; nothing was written",
        "look for faces yourself; --if-none write writes it, labelled, and --review shows what is doubtful",
    )


def _write_report(order: HidingOrder, findings: Findings) -> None:
    content = (json.dumps({"output": order.output.name, **findings.facts}, indent=2, ensure_ascii=False) + "\n").encode()
    with OutputFile(order.report, overwrite=order.overwrite, inputs=order.inputs) as output:
        try:
            output.temporary.write_bytes(content)
        except OSError as error:
            raise output_error(error, output.path) from error
        output.commit()


def _notes(order: HidingOrder, findings: Findings, result: JobResult, sounds: bool) -> tuple[str, ...]:
    notes: Sequence[str] = result.warnings
    if sounds and "audio" not in order.file_settings.drop.split(","):
        notes = (*notes, _DISGUISED if order.sound == "disguise" else _VOICES)
    if order.keep and not findings.facts["kept_faces"]:
        notes = (*notes, _NOBODY)
    if findings.stand_ins is not None:
        notes = (*notes, _ANOTHER_FACE)
    return (*notes, _WATCH)
