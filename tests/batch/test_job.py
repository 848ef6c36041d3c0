"""Job of one file: in order, complete, and without remains after any error."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.assembly import factory
from mien.batch.job import JobResult, Progress, run_picture, run_video
from mien.errors import Cancelled, NoFaceFound, OutputError
from mien.media.files.output_file import OutputFile
from mien.media.files.picture_read import read_picture
from mien.media.files.video_reader import VideoReader
from mien.media.files.video_writer import VideoWriter
from mien.provenance.label import Labeller
from mien.provenance.mark.pattern import Marker
from mien.settings import Settings
from mien.swap.pipeline import Pipeline, SeenFrame
from mien.types import Frame, FrameResult, Image, LabelledFrame, Landmarks, TrackedFace
from tests.support.clips import Clip, look, make, number, picture
from tests.support.places import ROOT
from tests.support.portraits import CLIP, COLLINS, models, portrait

_Swap = Callable[[Frame], FrameResult]


_WORN = (TrackedFace(1, Landmarks(np.zeros((478, 3), np.float32), 1.0), 1),)


def _one_face(frame: Frame) -> FrameResult:
    return FrameResult(frame, (), _WORN)


def _nobody(frame: Frame) -> FrameResult:
    return FrameResult(frame, (), ())


class _Swapper:
    """Swapper made of two functions, in place of a pipeline."""

    def __init__(self, swap: _Swap, track: Callable[[Frame], SeenFrame]) -> None:
        self.track_all: Callable[[Iterable[Frame]], Iterator[SeenFrame]] = lambda frames: map(track, frames)
        self._swap = swap

    def swap(self, seen: SeenFrame) -> FrameResult:
        return self._swap(seen.frame)


class _Unsealed:
    """Exporter that does not seal."""

    def __init__(self, label: Callable[[Frame], LabelledFrame] | None = None) -> None:
        self.label = label or Labeller(Settings(), Marker(0xABCDEF)).label
        self.sealed: list[Path] = []

    def seal(self, output: OutputFile) -> tuple[str, ...]:
        self.sealed.append(output.temporary)
        return ("sealed",)


def _reader(source: Path, end_s: float | None = None) -> VideoReader:
    return VideoReader(source, max_pixels=10**8, max_bytes=10**9, end_s=end_s)


def _run(
    source: Path, target: Path, swap: _Swap = _one_face, report: Callable[[Progress], None] = lambda _: None,
    cancel: threading.Event | None = None, label: Callable[[Frame], LabelledFrame] | None = None,
    track: Callable[[Frame], SeenFrame] = lambda frame: SeenFrame(frame, (), {}),
) -> JobResult:  # fmt: skip
    settings = Settings()
    output = OutputFile(target, overwrite=False, inputs=(source,))
    with (
        _reader(source) as reader,
        output,
        VideoWriter(reader, output, settings, settings.engine) as writer,
    ):
        return run_video(reader, writer, output, _Swapper(swap, track), _Unsealed(label), report, cancel)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make(tmp_path / "in.mp4", Clip(frames=24))


@pytest.fixture(autouse=True)
def _nothing_left_behind(tmp_path: Path) -> Iterator[None]:
    yield
    left = {path.name for path in tmp_path.iterdir()} - {"in.mp4", "in.png", "out.mp4", "out.png"}
    assert not left, "temporary files remain"
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("mien-")]


def test_every_frame_comes_once_and_in_order(clip: Path, tmp_path: Path) -> None:
    seen: list[int] = []
    swapping: set[str] = set()

    def swap(frame: Frame) -> FrameResult:
        seen.append(frame.index)
        swapping.add(threading.current_thread().name)
        return FrameResult(frame, (), _WORN * (frame.index % 2))

    progress: list[Progress] = []
    result = _run(clip, tmp_path / "out.mp4", swap, progress.append)
    assert seen == list(range(24))
    assert swapping == {threading.current_thread().name}, "progress and Ctrl-C belong to the caller's thread"
    assert (result.frames, result.frames_with_faces, result.faces_swapped, result.warnings) == (24, 12, 12, ("sealed",))
    assert [(p.frames, p.total) for p in progress] == [(n + 1, 24) for n in range(24)]
    assert progress[-1].frames_with_faces == 12
    assert [number(image) for image in look(tmp_path / "out.mp4").images] == list(range(24))


def test_what_the_swap_paints_and_the_badge_are_in_the_file(clip: Path, tmp_path: Path) -> None:
    def swap(frame: Frame) -> FrameResult:
        frame.image[:30, :30] = (0, 0, 255)
        return FrameResult(frame, (), _WORN)

    _run(clip, tmp_path / "out.mp4", swap)
    image = look(tmp_path / "out.mp4").images[5]
    assert image[15, 15, 2] > 200 > 60 > image[15, 15, 0]
    assert np.abs(image[-14:-6, -20:-8].astype(int) - picture(5, (160, 120))[-14:-6, -20:-8]).max() > 60, "the badge"


def _raising_at(index: int, error: BaseException) -> _Swap:
    def swap(frame: Frame) -> FrameResult:
        if frame.index == index:
            raise error
        return FrameResult(frame, (), _WORN)

    return swap


@pytest.mark.parametrize("error", [RuntimeError("in the swap"), KeyboardInterrupt()], ids=["error", "Ctrl-C"])
@pytest.mark.parametrize("index", [0, 3, 23])
def test_an_error_in_the_swap_ends_all(error: BaseException, index: int, clip: Path, tmp_path: Path) -> None:
    with pytest.raises(type(error)):
        _run(clip, tmp_path / "out.mp4", _raising_at(index, error))
    assert not (tmp_path / "out.mp4").exists()


def test_frames_are_tracked_ahead_in_order_before_they_are_swapped(clip: Path, tmp_path: Path) -> None:
    tracked: list[int] = []
    ahead: list[int] = []
    tracking: set[str] = set()

    def track(frame: Frame) -> SeenFrame:
        assert (frame.image[:30, :30] != 255).any(), "the picture is still as it was"
        tracked.append(frame.index)
        tracking.add(threading.current_thread().name)
        return SeenFrame(frame, _WORN, {})

    def swap(frame: Frame) -> FrameResult:
        assert tracked[frame.index] == frame.index
        ahead.append(len(tracked) - frame.index)
        frame.image[:30, :30] = 255
        return _one_face(frame)

    _run(clip, tmp_path / "out.mp4", swap, track=track)
    assert tracked == list(range(24))
    assert tracking == {"mien-track"}
    assert max(ahead) <= 5, "memory is bounded"


def test_an_error_in_the_tracker_ends_all(clip: Path, tmp_path: Path) -> None:
    def track(frame: Frame) -> SeenFrame:
        if frame.index == 3:
            raise RuntimeError("in the tracker")
        return SeenFrame(frame, (), {})

    with pytest.raises(RuntimeError, match="in the tracker"):
        _run(clip, tmp_path / "out.mp4", track=track)
    assert not (tmp_path / "out.mp4").exists()


def test_what_overlaps_is_bit_for_bit_what_one_thread_makes(tmp_path: Path) -> None:
    settings, source = Settings(), factory.open_source(portrait(COLLINS).image, models())

    def swapped() -> Pipeline:
        return factory.open_pipeline(settings, models(), source)

    overlapped: list[Image] = []

    class Kept(_Unsealed):
        def __init__(self) -> None:
            labeller = Labeller(settings, Marker(0xABCDEF))

            def label(frame: Frame) -> LabelledFrame:
                overlapped.append(frame.image.copy())
                return labeller.label(frame)

            super().__init__(label)

    output = OutputFile(tmp_path / "out.mp4", overwrite=False, inputs=(CLIP,))
    with _reader(CLIP, 1.0) as reader, output, VideoWriter(reader, output, settings, settings.engine) as writer:
        result = run_video(reader, writer, output, swapped(), Kept(), lambda _: None)
    alone, one_by_one = swapped(), 0
    with _reader(CLIP, 1.0) as reader:
        while (frame := reader.read()) is not None:
            one_by_one += alone.swap_frame(frame).swapped
            assert np.array_equal(frame.image, overlapped[frame.index]), frame.index
    assert len(overlapped) == result.frames
    assert result.faces_swapped == one_by_one >= result.frames


def test_an_error_in_the_label_ends_all(clip: Path, tmp_path: Path) -> None:
    def label(frame: Frame) -> LabelledFrame:
        raise RuntimeError("in the label")

    with pytest.raises(RuntimeError, match="in the label"):
        _run(clip, tmp_path / "out.mp4", label=label)
    assert not (tmp_path / "out.mp4").exists()


def test_an_error_in_the_encoder_ends_all(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(self: VideoWriter, labelled: LabelledFrame) -> None:
        if labelled.frame.index == 3:
            raise OutputError("no room")

    monkeypatch.setattr(VideoWriter, "write", write)
    with pytest.raises(OutputError, match="no room"):
        _run(clip, tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


def test_an_error_in_the_decoder_ends_all(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = VideoReader.read

    def failing(self: VideoReader) -> Frame | None:
        frame = read(self)
        if frame is not None and frame.index == 5:
            raise OSError("the disk is gone")
        return frame

    monkeypatch.setattr(VideoReader, "read", failing)
    with pytest.raises(OSError, match="the disk is gone"):
        _run(clip, tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


def test_an_error_at_the_very_end_leaves_nothing(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def commit(self: OutputFile) -> None:
        raise OutputError("the name is taken")

    monkeypatch.setattr(OutputFile, "commit", commit)
    with pytest.raises(OutputError, match="the name is taken"):
        _run(clip, tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


def test_a_job_can_be_cancelled(clip: Path, tmp_path: Path) -> None:
    cancel = threading.Event()

    def report(progress: Progress) -> None:
        if progress.frames == 4:
            cancel.set()

    with pytest.raises(Cancelled, match="4 frames"):
        _run(clip, tmp_path / "out.mp4", report=report, cancel=cancel)
    assert not (tmp_path / "out.mp4").exists()


def test_a_video_without_a_face_leaves_nothing(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(NoFaceFound, match="24 frames"):
        _run(clip, tmp_path / "out.mp4", _nobody)
    assert not (tmp_path / "out.mp4").exists()


def test_an_existing_file_stays(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "out.mp4").write_text("precious")
    with pytest.raises(OutputError, match="exists"):
        _run(clip, tmp_path / "out.mp4")
    assert (tmp_path / "out.mp4").read_text() == "precious"


_INTERRUPTED = """
import sys, time, threading
from pathlib import Path
from tests.batch import test_job
def slow(frame):
    if frame.index == 2:
        print("working", flush=True)
    time.sleep(0.05)
    return test_job._one_face(frame)
try:
    test_job._run(Path(sys.argv[1]), Path(sys.argv[2]), slow)
except KeyboardInterrupt:
    print("interrupted", threading.active_count(), flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to one process alone")
def test_a_real_interruption(clip: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", _INTERRUPTED, str(clip), str(tmp_path / "out.mp4")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    assert process.stdout.readline() == "working\n"
    os.kill(process.pid, signal.SIGINT)
    said, complained = process.communicate(timeout=30)
    assert said == "interrupted 1\n"
    assert complained == ""
    assert not (tmp_path / "out.mp4").exists()


def test_a_picture(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "in.png"), picture(3, (160, 120)))
    given = read_picture(tmp_path / "in.png", max_pixels=10**6, max_bytes=10**6)
    export = _Unsealed()
    with OutputFile(tmp_path / "out.png", overwrite=False) as output:
        result = run_picture(given, output, _one_face, export, quality=80, engine="mesh")
        assert export.sealed == [output.temporary]
    assert result.warnings == ("sealed",)
    assert (result.frames, result.faces_swapped) == (1, 1)
    written = cv2.imread(str(tmp_path / "out.png"))
    assert written is not None
    assert written.shape == (120, 160, 3)


def test_a_picture_without_a_face_leaves_nothing(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "in.png"), picture(3, (160, 120)))
    given = read_picture(tmp_path / "in.png", max_pixels=10**6, max_bytes=10**6)
    with pytest.raises(NoFaceFound), OutputFile(tmp_path / "out.png", overwrite=False) as output:
        run_picture(given, output, _nobody, _Unsealed(), quality=80, engine="mesh")
    assert not (tmp_path / "out.png").exists()
