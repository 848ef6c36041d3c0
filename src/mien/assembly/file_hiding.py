"""One file whose faces are hidden: searched whole, then covered, labelled, sealed."""

import hashlib
from array import array
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event
from typing import Any

from mien.assembly import factory
from mien.assembly.file_swap import Watch, open_reader
from mien.assembly.hiding_review import Review
from mien.batch import job
from mien.batch.export import Export, PartExporter
from mien.batch.job import JobResult, Progress
from mien.batch.search import Searched, search_video
from mien.errors import UnreadableMedia
from mien.media.files import moving
from mien.media.files.moving import Kind, MovingReader
from mien.media.files.output_file import OutputFile
from mien.media.files.picture_read import Picture, read_picture
from mien.media.files.statement import STAND_IN, covered
from mien.media.files.voice_disguise import random_disguise
from mien.models.library.store import Store
from mien.provenance.consent import Consent
from mien.provenance.credentials.claim import Hidden
from mien.provenance.mark.windows import readable, windows_of
from mien.provenance.seal import Notary
from mien.settings import Settings
from mien.swap.hiding.cover_plan import CoverPlan
from mien.swap.hiding.face_path import FacePath
from mien.swap.hiding.frame_print import print_of
from mien.swap.hiding.frame_search import FrameSearch
from mien.swap.hiding.hider import Hider, StandIns
from mien.swap.hiding.path_search import Look
from mien.swap.stages.cover import BLUR, Cover
from mien.system.processor import available_cores
from mien.types import Frame, Image

_MOST_THREADS = 8  # frames that are searched at once hold 25 MB each at 4K
_ORIGINAL = "the original"
"""Title of the file that was changed, in the credentials: its name may be a person's."""
Reporting = AbstractContextManager[Callable[[Progress], None]]
WatchFrame = Callable[[Frame, list[FacePath]], None]


@dataclass(frozen=True, slots=True)
class Findings:
    """Faces of a file, and the plan of their covers. `facts` go into the signed credentials.

    `review` takes pictures of the risky moments while the file is written. `paths` are those that
    are covered wholly; `stand_ins` lie over the covers, by the `consents` of those that are worn.
    """

    searched: Searched
    plan: CoverPlan
    facts: dict[str, Any] = field(default_factory=dict)
    review: Review | None = None
    paths: tuple[FacePath, ...] = ()
    stand_ins: StandIns | None = None
    consents: tuple[Consent, ...] = ()


@dataclass(frozen=True, slots=True)
class FileHiding:
    """A target whose faces are to be hidden under covers of a style; `stand-in` is a blur, with other faces on it where sure.

    `start_s` and `end_s` cut a video or an animation; `disguise` changes its voices. `watch` is put around the exporter.
    """

    target: Path
    kind: Kind
    style: str
    settings: Settings
    search: FrameSearch
    notary: Notary
    start_s: float | None = None
    end_s: float | None = None
    disguise: bool = False
    watch: Watch | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "settings", private(self.settings))

    def read_picture(self) -> Picture:
        """Read the target as a picture, without what may show faces or names beside its pixels. Raises a `MediaError`."""
        picture = read_picture(self.target, max_pixels=self.settings.max_pixels, max_bytes=self.settings.max_bytes)
        # The low bits of deep pixels would show through a cover, and Exif holds thumbnails, names and places.
        return replace(picture, deep=None, exif=type(picture.exif)())

    def open_reader(self, output: Path) -> MovingReader:
        """Open the target as a video or an animation, for an output of this name. Raises a `MediaError`."""
        return open_reader(self.target, output, self.settings, self.start_s, self.end_s)

    def search_picture(self, picture: Picture, watch: WatchFrame | None = None) -> Searched:
        """Return what the picture shows."""
        frame = picture.frame
        paths = self.search.open_paths()
        paths.see(Look(frame.image, frame.time_s, True, tuple(self.search.look(frame.image, 0, whole=True))))
        (watch or _unwatched)(frame, paths.followed)
        return Searched(paths.finish(), paths.times, array("q", [frame.pts]), array("L", [print_of(frame.image)]))

    def search_moving(
        self,
        reader: MovingReader,
        reporting: Reporting | None = None,
        watch: WatchFrame | None = None,
        cancel: Event | None = None,
    ) -> Searched:
        """Return what all frames of `reader` show. Raises a `MienError`."""
        threads = min(available_cores(), _MOST_THREADS)
        with reporting or nullcontext(_ignore) as report:
            return search_video(reader, self.search, watch or _unwatched, report, threads, cancel)

    def hide_picture(self, picture: Picture, found: Findings, output: OutputFile) -> JobResult:
        """Hide the faces of the picture in `output`, not entered yet. Raises a `MienError`; then nothing is written."""
        strength = moving.mark_strength(self.kind, output.path, self.settings)
        exporter = self._exporter([[picture.frame.image.copy()]], "picture", strength, found)
        hider = self._hider(found)
        with output:
            return job.run_picture(
                picture, output, hider.swap_frame, exporter,
                quality=self.settings.quality, engine=self._style(found), needs_face=False,
            )  # fmt: skip

    def hide_moving(
        self,
        reader: MovingReader,
        found: Findings,
        output: OutputFile,
        reporting: Reporting | None = None,
        cancel: Event | None = None,
    ) -> JobResult:
        """Hide the faces of every frame of `reader` in `output`, which is not entered yet.

        `reader` is opened a second time: every frame must be the one that was searched. Raises a `MienError`; then nothing is
        written.
        """
        settings = self.settings
        before = windows_of(
            self.target,
            max_pixels=settings.max_pixels,
            max_bytes=settings.max_bytes,
            start_s=self.start_s,
            end_s=self.end_s,
        )
        strength = moving.mark_strength(self.kind, output.path, settings, reader.info.content)
        exporter = self._exporter(readable(before), "video", strength, found)
        hider = self._hider(found)
        disguise = random_disguise() if self.disguise else None
        with (
            output,
            moving.open_writer(reader, output, settings, self._style(found), disguise) as writer,
            reporting or nullcontext(_ignore) as report,
        ):
            return job.run_video(reader, writer, output, hider, exporter, report, cancel, needs_face=False)

    def _hider(self, found: Findings) -> Hider:
        before = None if found.review is None else found.review.take
        return Hider(self.cover(), found.plan, found.searched.pts, found.searched.prints, before, found.stand_ins)

    def cover(self) -> Cover:
        """Return a cover of the style, with a secret of its own."""
        return Cover(BLUR if self.style == STAND_IN else self.style)

    def _style(self, found: Findings) -> str:
        """Return the name of what was done: a blur where nobody wears a stand-in."""
        return covered(BLUR if self.style == STAND_IN and found.stand_ins is None else self.style)

    def _exporter(self, before: Iterable[Sequence[Image]], kind: str, strength: float, found: Findings) -> PartExporter:
        exporter: PartExporter = Export(
            self.target,
            before,
            self.settings,
            found.consents,
            factory.open_content_check(Store()),
            self.notary,
            kind,
            target_title=_ORIGINAL,
            strength=strength,
            hidden=Hidden(self._style(found), found.facts),
        )
        exporter = exporter if found.review is None else found.review.around(exporter)
        return exporter if self.watch is None else self.watch(exporter)


def private(settings: Settings) -> Settings:
    """Return the settings without what lies in a file beside its pictures and may show or name people."""
    drop = {*settings.drop.split(","), "data", "tags"} - {"none"}
    return replace(settings, drop=",".join(sorted(drop)))


def file_hash(path: Path) -> str:
    """Return the sha256 of a file, hexadecimal. Raises `UnreadableMedia`."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UnreadableMedia(f"{path} cannot be read: {error.strerror}", "check the name and the rights") from error


def _ignore(progress: Progress) -> None:
    del progress


def _unwatched(frame: Frame, paths: list[FacePath]) -> None:
    del frame, paths
