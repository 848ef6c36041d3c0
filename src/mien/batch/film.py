"""Film in parts: the same work in one process, in a run that goes on after an end, and on several machines."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from threading import Event
from typing import Any, Protocol

from mien.batch.export import PartExporter, PartNotes
from mien.batch.job import TRACKED_AHEAD_FRAMES, JobResult, Progress, no_face_in
from mien.batch.worker import BUSY_THREADS, QUEUED_FRAMES, Worker, queued_frames
from mien.errors import Cancelled
from mien.media.files.moving import MovingReader
from mien.media.files.output_file import OutputFile, named_in_errors
from mien.media.files.video_writer import VideoWriter
from mien.swap.parts import Border
from mien.swap.pipeline import SeenFrame
from mien.system.processor import keep_opencv_to_callers
from mien.types import Frame, FrameResult, LabelledFrame

States = tuple[bytes, bytes]
"""All that is known at a border: of tracked, and of drawn faces."""


class FilmSwapper(Protocol):
    """Swapper of a stream of frames with borders, as `swap.pipeline.Pipeline`."""

    worn_frames: Counter[str]
    frames_with_faces: int

    def track_parts(self, items: Iterable[Frame | Border]) -> Iterator[SeenFrame | Border]:
        """Yield every frame with its faces; a border comes back when all frames before it have."""
        ...

    def swap(self, seen: SeenFrame) -> FrameResult:
        """Replace the faces in the picture of the frame."""
        ...

    def begin_drawing(self) -> None:
        """Forget all drawn faces: a fresh part begins."""
        ...

    def tracking_bytes(self, about: Mapping[str, Any]) -> bytes:
        """Return all that is known of tracked faces."""
        ...

    def drawing_bytes(self, about: Mapping[str, Any]) -> bytes:
        """Return all that is known of drawn faces."""
        ...


@dataclass(frozen=True, slots=True)
class PartResult:
    """One finished part. `found` are the frames with any face, `worn` those in which each known person wore a face.

    `states` is what the next part needs, None where that is fresh or nobody asks.
    """

    border: Border
    frames: int
    frames_with_faces: int
    faces_swapped: int
    found: int
    worn: tuple[tuple[str, int], ...]
    notes: PartNotes
    seconds: float
    states: States | None = None


class PartSink(Protocol):
    """Sink of the labelled frames of a film, used by one thread."""

    def begin_part(self, border: Border) -> None:
        """Take the frames of another part from now on."""
        ...

    def write(self, labelled: LabelledFrame) -> None:
        """Take one frame; the array may change as soon as this returns."""
        ...

    def end_part(self, result: PartResult, until: Fraction | None) -> None:
        """End the part; its last frame is shown until the next part begins, on the clock of the film, None = the end."""
        ...


@dataclass(slots=True)
class _Part:
    """The part that is being swapped, and what the swapper had counted before it."""

    border: Border
    swapper: FilmSwapper
    began: float = field(default_factory=time.monotonic)
    frames: int = 0
    with_faces: int = 0
    swapped: int = 0
    found_before: int = 0
    worn_before: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.found_before, self.worn_before = self.swapper.frames_with_faces, Counter(self.swapper.worn_frames)

    def count(self, result: FrameResult) -> None:
        self.frames += 1
        self.with_faces += result.changed > 0
        self.swapped += result.changed

    def result(self, notes: PartNotes, states: States | None) -> PartResult:
        worn = tuple((name, count - self.worn_before[name]) for name, count in self.swapper.worn_frames.items())
        found = self.swapper.frames_with_faces - self.found_before
        seconds = time.monotonic() - self.began
        return PartResult(self.border, self.frames, self.with_faces, self.swapped, found, worn, notes, seconds, states)


@dataclass(frozen=True, slots=True)
class _Reached:
    """A border that tracking has reached, and what is known of tracked faces there."""

    border: Border
    tracking: bytes | None


@dataclass(frozen=True, slots=True)
class _Ended:
    result: PartResult
    until: Fraction | None


About = Callable[[int], Mapping[str, Any]]
"""Gives what the states that a part begins with are bound to, by its number."""


def run_parts(
    items: Iterator[Frame | Border],
    time_base: Fraction,
    swapper: FilmSwapper,
    exporter: PartExporter,
    sink: PartSink,
    report: Callable[[int, int], None],
    cancel: Event | None = None,
    *,
    last: int | None = None,
    about: About | None = None,
    queued: int = QUEUED_FRAMES,
) -> None:
    """Swap the frames of `items`, which begin with a border, into `sink`, up to the end or to part number `last`.

    Decoding, tracking and encoding run in threads of their own, swapping and `report`, which gets the frames and those with
    faces so far, in the caller's. An error or Ctrl-C anywhere ends all threads and is raised here, `Cancelled` soon after
    `cancel` is set. With `about`, what is known at each border within a shot is handed to the sink. `queued` bounds the frames
    between two threads.
    """
    keep_opencv_to_callers(BUSY_THREADS)
    decode = Worker("mien-decode", lambda worker: _decode(items, worker), queued)
    track = Worker("mien-track", lambda worker: _track(decode, swapper, about, worker), min(TRACKED_AHEAD_FRAMES, queued))
    encode = Worker("mien-encode", lambda worker: _encode(sink, worker), queued)
    workers = (decode, track, encode)
    swapping = _Swapping(swapper, exporter, about)
    frames = with_faces = 0
    try:
        for worker in workers:
            worker.start()
        while (item := track.take(workers)) is not None:
            if isinstance(item, _Reached):
                for given in swapping.at_border(item, item.border.pts * time_base, last):
                    encode.give(given, workers)
                if last is not None and item.border.number > last:
                    break
                continue
            labelled, changed = swapping.swap(item)
            encode.give(labelled, workers)
            frames, with_faces = frames + 1, with_faces + changed
            report(frames, with_faces)
            if cancel is not None and cancel.is_set():
                raise Cancelled(f"stopped after {frames} frames")
        for given in swapping.at_end():
            encode.give(given, workers)
        encode.give(None, workers)
        encode.join(workers)
    finally:
        for worker in workers:
            worker.stop()


@dataclass(slots=True)
class _Swapping:
    """The parts on their way from tracking to encoding, in the caller's thread."""

    swapper: FilmSwapper
    exporter: PartExporter
    about: About | None
    part: _Part | None = None

    def at_border(self, reached: _Reached, until: Fraction, last: int | None) -> Iterator[Any]:
        """End one part and begin the next, unless the `last` has ended; yield what the sink has to know."""
        border, states = reached.border, None
        if reached.tracking is not None and self.about is not None:
            states = reached.tracking, self.swapper.drawing_bytes(self.about(border.number))
        yield from self._end(states, until)
        if last is not None and border.number > last:
            return
        if border.fresh:
            self.swapper.begin_drawing()
        self.exporter.begin_part()
        self.part = _Part(border, self.swapper)
        yield border

    def at_end(self) -> Iterator[Any]:
        """End the last part of the film."""
        yield from self._end(None, None)

    def _end(self, states: States | None, until: Fraction | None) -> Iterator[Any]:
        part, self.part = self.part, None
        if part is not None:
            yield _Ended(part.result(self.exporter.end_part(), states), until)

    def swap(self, seen: SeenFrame) -> tuple[LabelledFrame, bool]:
        """Return the frame as it may leave, and whether a face of it was changed."""
        assert self.part is not None
        result = self.swapper.swap(seen)
        labelled = self.exporter.label(result.frame)
        self.part.count(result)
        return labelled, result.changed > 0


def run_film(
    reader: MovingReader,
    items: Iterator[Frame | Border],
    writer: VideoWriter,
    output: OutputFile,
    swapper: FilmSwapper,
    exporter: PartExporter,
    report: Callable[[Progress], None],
    cancel: Event | None = None,
) -> JobResult:
    """Swap every frame of `reader`, which gives `items`, into `writer`, seal `output` and commit it; all are entered.

    Raises as `run_parts`, and `NoFaceFound` when no frame had a face. In all these cases there is no output.
    """
    start, sink = time.monotonic(), _FilmSink(writer)
    total, base = reader.info.frame_count, reader.info.time_base
    run_parts(
        items, base, swapper, exporter, sink, lambda frames, faces: report(Progress(frames, total, faces)), cancel,
        queued=queued_frames(reader.info.width, reader.info.height),
    )  # fmt: skip
    frames, with_faces, swapped = sink.counts
    if not with_faces:
        raise no_face_in(frames)
    writer.finish()
    with named_in_errors(output.temporary, str(output.path)):
        sealed = exporter.seal(output)
    output.commit()
    warnings = (*reader.warnings, *writer.warnings, *sealed)
    return JobResult(frames, with_faces, swapped, time.monotonic() - start, warnings)


class _FilmSink:
    """Sink of all parts into one video."""

    def __init__(self, writer: VideoWriter) -> None:
        self._writer = writer
        self.counts = (0, 0, 0)

    def begin_part(self, border: Border) -> None:
        del border

    def write(self, labelled: LabelledFrame) -> None:
        self._writer.write(labelled)

    def end_part(self, result: PartResult, until: Fraction | None) -> None:
        self._writer.end_part(until)
        frames, with_faces, swapped = self.counts
        self.counts = frames + result.frames, with_faces + result.frames_with_faces, swapped + result.faces_swapped


def _decode(items: Iterator[Frame | Border], worker: Worker) -> None:
    for item in items:
        if not worker.give(item):
            return
    worker.give(None)


def _track(decode: Worker, swapper: FilmSwapper, about: About | None, worker: Worker) -> None:
    first = True
    for item in swapper.track_parts(iter(decode.take, None)):
        if isinstance(item, Border):
            wanted = about is not None and not item.fresh and not first
            first = False
            given: Any = _Reached(item, swapper.tracking_bytes(about(item.number)) if wanted and about is not None else None)
        else:
            given = item
        if not worker.give(given):
            return
    worker.give(None)


def _encode(sink: PartSink, worker: Worker) -> None:
    while (item := worker.take()) is not None:
        if isinstance(item, Border):
            sink.begin_part(item)
        elif isinstance(item, _Ended):
            sink.end_part(item.result, item.until)
        else:
            sink.write(item)
