"""Job of one file: decode, track, swap and encode side by side, in order, nothing dropped, nothing half written."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from mien.batch.worker import BUSY_THREADS, Worker, queued_frames
from mien.errors import Cancelled, NoFaceFound
from mien.media.files.moving import MovingReader, MovingWriter
from mien.media.files.output_file import OutputFile, named_in_errors
from mien.media.files.picture_read import Picture
from mien.media.files.picture_write import write_picture
from mien.swap.pipeline import SeenFrame
from mien.system.processor import keep_opencv_to_callers
from mien.types import Frame, FrameResult, LabelledFrame

SwapFrame = Callable[[Frame], FrameResult]
TRACKED_AHEAD_FRAMES = 2  # bounds memory; chosen, not measured


class Swapper(Protocol):
    """Swapper of the frames of a video; each of its two steps takes every frame, in order, in a thread of its own."""

    def track_all(self, frames: Iterable[Frame]) -> Iterator[SeenFrame]:
        """Yield every frame with its faces; some frames more may have been taken by then. No picture is changed."""
        ...

    def swap(self, seen: SeenFrame) -> FrameResult:
        """Replace the faces in the picture of the frame."""
        ...


class Exporter(Protocol):
    """Exporter: labels swapped frames, so that they may leave, and seals the written file, so that it may stay."""

    def label(self, frame: Frame) -> LabelledFrame:
        """Return the frame with badge and mark; raises `ContentRefused` or `ProvenanceError`."""
        ...

    def seal(self, output: OutputFile) -> tuple[str, ...]:
        """Sign and read back what lies in `output.temporary`; return warnings. Raises `ContentRefused` or `ProvenanceError`."""
        ...


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of a job; `total` is an estimate, None when the file gives no length."""

    frames: int
    total: int | None
    frames_with_faces: int


@dataclass(frozen=True, slots=True)
class JobResult:
    """Counts, duration and warnings of a finished job; `worn` are the frames in which each known person wore a face."""

    frames: int
    frames_with_faces: int
    faces_swapped: int
    seconds: float
    warnings: tuple[str, ...]
    worn: tuple[tuple[str, int], ...] = ()


def run_picture(
    picture: Picture,
    output: OutputFile,
    swap: SwapFrame,
    exporter: Exporter,
    *,
    quality: int,
    engine: str,
    needs_face: bool = True,
) -> JobResult:
    """Swap one picture into `output` (entered), seal and commit it.

    Without a face: raises `NoFaceFound` and writes nothing, unless `needs_face` is False.
    """
    start = time.monotonic()
    result = swap(picture.frame)
    if needs_face and not result.changed:
        raise NoFaceFound("no face was found in the picture", "use a picture with a larger or clearer face")
    with named_in_errors(output.temporary, str(output.path)):
        write_picture(picture, exporter.label(result.frame), output, quality=quality, engine=engine)
        warnings = exporter.seal(output)
    output.commit()
    return JobResult(1, int(result.changed > 0), result.changed, time.monotonic() - start, warnings)


def run_video(
    reader: MovingReader,
    writer: MovingWriter,
    output: OutputFile,
    swapper: Swapper,
    exporter: Exporter,
    report: Callable[[Progress], None],
    cancel: threading.Event | None = None,
    *,
    needs_face: bool = True,
) -> JobResult:
    """Swap every frame of `reader` into `writer`, seal `output` and commit it; all three are entered by the caller.

    Decoding, tracking and encoding run in threads of their own, swapping and `report` in the caller's. An error or Ctrl-C
    anywhere ends all threads and is raised here, `Cancelled` soon after `cancel` is set. Raises `NoFaceFound` when no
    frame had a face, unless `needs_face` is False. In all these cases there is no output.
    """
    start = time.monotonic()
    keep_opencv_to_callers(BUSY_THREADS)
    queued = queued_frames(reader.info.width, reader.info.height)
    decode = Worker("mien-decode", lambda worker: _decode(reader, worker), queued)
    track = Worker("mien-track", lambda worker: _track(decode, swapper, worker), min(TRACKED_AHEAD_FRAMES, queued))
    encode = Worker("mien-encode", lambda worker: _encode(writer, worker), queued)
    workers = (decode, track, encode)
    frames = with_faces = swapped = 0
    try:
        for worker in workers:
            worker.start()
        while (seen := track.take(workers)) is not None:
            result = swapper.swap(seen)
            encode.give(exporter.label(result.frame), workers)
            frames += 1
            with_faces += result.changed > 0
            swapped += result.changed
            report(Progress(frames, reader.info.frame_count, with_faces))
            if cancel is not None and cancel.is_set():
                raise Cancelled(f"stopped after {frames} frames; nothing was written")
        encode.give(None, workers)
        encode.join(workers)
        if needs_face and not with_faces:
            raise no_face_in(frames)
        writer.finish()
    finally:
        for worker in workers:
            worker.stop()
    with named_in_errors(output.temporary, str(output.path)):
        sealed = exporter.seal(output)
    output.commit()
    warnings = (*reader.warnings, *writer.warnings, *sealed)
    return JobResult(frames, with_faces, swapped, time.monotonic() - start, warnings)


def no_face_in(frames: int) -> NoFaceFound:
    """Return the error of a video without a face to swap."""
    return NoFaceFound(
        f"no face was found in any of the {frames} frames", "use a video with larger or clearer faces, or --detect-size 640"
    )


def _decode(reader: MovingReader, worker: Worker) -> None:
    while (frame := reader.read()) is not None:
        if not worker.give(frame):
            return
    worker.give(None)


def _track(decode: Worker, swapper: Swapper, worker: Worker) -> None:
    for seen in swapper.track_all(iter(decode.take, None)):
        if not worker.give(seen):
            return
    worker.give(None)


def _encode(writer: MovingWriter, worker: Worker) -> None:
    while (labelled := worker.take()) is not None:
        writer.write(labelled)
