"""One file swapped into another: reader, pipeline, export and writer put together."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event

from mien.assembly import factory
from mien.assembly.cast_plan import CastPlan
from mien.assembly.film_ahead import FilmAhead, target_windows
from mien.assembly.picture_ahead import PictureAhead
from mien.batch import job
from mien.batch.export import Export, PartExporter
from mien.batch.job import JobResult, Progress
from mien.errors import NoFaceFound, PersonNotFound
from mien.media.files import moving
from mien.media.files.moving import Kind, MovingReader
from mien.media.files.output_file import OutputFile
from mien.media.files.picture_read import Picture, read_picture
from mien.provenance.consent import Consent
from mien.provenance.seal import Notary
from mien.safety.content_check import FileContentCheck
from mien.settings import Settings
from mien.swap.parts import PartBorders, WholeFilm, with_borders
from mien.swap.pipeline import Pipeline
from mien.system.allocator import give_back
from mien.types import Frame, FrameResult, Image, SourceFace

_NAMED = 5  # people that an error lists: one line
Watch = Callable[[PartExporter], PartExporter]
"""Puts an observer around an exporter, such as one that keeps a preview."""


@dataclass(frozen=True, slots=True)
class FileSwap:
    """A target, its kind and who is to wear which face, with the consents of all source faces.

    `start_s` and `end_s` cut a video or an animation. `title` and `target_title` are the names in the credentials
    (default: those of the files). `watch` is put around the exporter. `mark_id` and `secret` are those of the plan of a film.
    """

    target: Path
    kind: Kind
    worn: SourceFace | CastPlan
    consents: tuple[Consent, ...]
    settings: Settings
    models: factory.Models
    notary: Notary
    start_s: float | None = None
    end_s: float | None = None
    title: str | None = None
    target_title: str | None = None
    watch: Watch | None = None
    mark_id: int | None = None
    secret: int | None = None

    def read_picture(self) -> Picture:
        """Read the target as a picture. Raises a `MediaError`."""
        return read_picture(self.target, max_pixels=self.settings.max_pixels, max_bytes=self.settings.max_bytes)

    def open_reader(self, output: Path) -> MovingReader:
        """Open the target as a video or an animation, for an output of this name. Raises a `MediaError`."""
        return open_reader(self.target, output, self.settings, self.start_s, self.end_s)

    def swap_picture(self, picture: Picture, output: OutputFile) -> JobResult:
        """Swap the picture into `output`, which is not entered yet. Raises a `MienError`; then nothing is written."""
        others = "leave" if isinstance(self.worn, SourceFace) else self.worn.others
        with PictureAhead(lambda: picture, self.settings, self.models, others) as ahead:
            return self.swap_ahead(ahead, output)

    def swap_ahead(self, ahead: PictureAhead, output: OutputFile) -> JobResult:
        """Swap a picture that was begun, as `swap_picture` does."""
        picture = ahead.picture()
        pipeline = factory.open_picture_pipeline(self.settings, self.models, self.worn, ahead.tracker)
        strength = moving.mark_strength(self.kind, output.path, self.settings)
        exporter = self._exporter([[picture.frame.image]], "picture", strength, ahead.content(), self.mark_id)

        def swap(frame: Frame) -> FrameResult:
            return pipeline.swap_frame(frame, ahead.faces())

        with self._told_apart(pipeline), output:
            result = job.run_picture(
                picture, output, swap, exporter, quality=self.settings.quality, engine=self.settings.engine
            )
        return replace(result, worn=tuple(pipeline.worn_frames.items()))

    def swap_moving(
        self,
        reader: MovingReader,
        output: OutputFile,
        reporting: AbstractContextManager[Callable[[Progress], None]] | None = None,
        cancel: Event | None = None,
    ) -> JobResult:
        """Swap every frame of `reader` into `output`, which is not entered yet. Raises a `MienError`; then nothing is written.

        `reporting` gives a function that is called after each frame.
        """
        with FilmAhead(self.windows() if self.mark_id is None else iter(())) as ahead:
            return self.swap_film(ahead, reader, output, reporting, cancel)

    def swap_film(
        self,
        ahead: FilmAhead,
        reader: MovingReader,
        output: OutputFile,
        reporting: AbstractContextManager[Callable[[Progress], None]] | None = None,
        cancel: Event | None = None,
    ) -> JobResult:
        """Swap a film that was begun, as `swap_moving` does."""
        # With FFmpeg, which a picture does without.
        from mien.batch.film import run_film
        from mien.media.files.video_writer import VideoWriter

        settings = self.settings
        pipeline = factory.open_pipeline(settings, self.models, self.worn, zero_s=float(reader.info.zero), secret=self.secret)
        strength = moving.mark_strength(self.kind, output.path, settings, reader.info.content)
        mark_id = ahead.mark_id() if self.mark_id is None else self.mark_id
        exporter = self._exporter((), "video", strength, ahead.content(), mark_id)
        # The windows of a film of 2160p leave 240 MB.
        give_back()
        with (
            self._told_apart(pipeline),
            output,
            moving.open_writer(reader, output, settings, settings.engine) as writer,
            reporting or nullcontext(_ignore) as report,
        ):
            if isinstance(writer, VideoWriter):
                items = with_borders(iter(reader.read, None), PartBorders() if writer.format.can_be_cut else WholeFilm())
                result = run_film(reader, items, writer, output, pipeline, exporter, report, cancel)
            else:
                result = job.run_video(reader, writer, output, pipeline, exporter, report, cancel)
        return replace(result, worn=tuple(pipeline.worn_frames.items()))

    def windows(self) -> Iterator[list[Image]]:
        """Yield windows of the target in which a mark may lie. Raises `MediaError`."""
        return target_windows(self.target, self.settings, self.start_s, self.end_s)

    def swap(self, output: OutputFile) -> tuple[JobResult, tuple[str, ...]]:
        """Swap the target into `output`, which is not entered yet, and return the result and all notes."""
        if self.kind is Kind.PICTURE:
            picture = self.read_picture()
            result = self.swap_picture(picture, output)
            return result, (*picture.notes, *result.warnings)
        from mien.media.files.conversion import conversion_notes

        with self.open_reader(output.path) as reader:
            result = self.swap_moving(reader, output)
            return result, (*conversion_notes(reader.info), *result.warnings)

    @contextmanager
    def _told_apart(self, pipeline: Pipeline) -> Iterator[None]:
        """Say so where there were faces, but none of a person who is to wear one."""
        try:
            yield
        except NoFaceFound as error:
            if not pipeline.frames_with_faces or not pipeline.worn_frames:
                raise
            raise nobody_found(list(pipeline.worn_frames), self.target_title or self.target.name) from error

    def _exporter(
        self,
        before: Iterable[Sequence[Image]],
        kind: str,
        strength: float,
        content: FileContentCheck,
        mark_id: int | None,
    ) -> PartExporter:
        exporter = Export(
            self.target,
            before,
            self.settings,
            self.consents,
            content,
            self.notary,
            kind,
            title=self.title,
            target_title=self.target_title,
            strength=strength,
            mark_id=mark_id,
        )
        return exporter if self.watch is None else self.watch(exporter)


def nobody_found(names: Sequence[str], title: str) -> PersonNotFound:
    """Return the error of a file with faces, but none of a person who is to wear one."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return PersonNotFound(
        f"none of {', '.join(names[:_NAMED])}{more} was found in {title}",
        "map the people of this file; `mien people` shows who is in it",
    )


def open_reader(
    target: Path, output: Path, settings: Settings, start_s: float | None = None, end_s: float | None = None
) -> MovingReader:
    """Open a video or an animation the way an output of this name needs it. Raises a `MediaError`."""
    return moving.open_moving(
        target,
        max_pixels=settings.max_pixels,
        max_bytes=settings.max_bytes,
        start_s=start_s,
        end_s=end_s,
        keep_fields=settings.interlaced == "keep",
        keep_alpha=moving.keeps_alpha(target, output, settings),
        find_alpha=True,
    )


def _ignore(progress: Progress) -> None:
    del progress
