"""Search of a film: every frame, in order, the same result with any number of threads; errors and stops end it."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from mien.assembly import factory
from mien.batch.job import Progress
from mien.batch.search import Searched, search_video
from mien.errors import Cancelled
from mien.media.files.video_reader import VideoReader
from mien.models.library.store import Store
from mien.swap.hiding.face_path import FacePath
from mien.types import Frame
from tests.support.clips import resized
from tests.support.places import EXAMPLES

_FRAMES = 10


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return resized(EXAMPLES / "clip.mp4", tmp_path_factory.mktemp("tiny") / "tiny.mp4", 320, 180)


def _searched(
    path: Path,
    threads: int,
    watch: Callable[[Frame, list[FacePath]], None] = lambda frame, paths: None,
    report: Callable[[Progress], None] = lambda step: None,
    cancel: threading.Event | None = None,
) -> Searched:
    search = factory.open_frame_search(Store())
    with VideoReader(path, max_pixels=10**6, max_bytes=10**9, end_s=(_FRAMES - 0.5) / 30) as reader:
        return search_video(reader, search, watch, report, threads, cancel)


def test_the_result_does_not_depend_on_the_threads(tiny: Path) -> None:
    one, three = (_searched(tiny, threads) for threads in (1, 3))
    assert len(one.times) == len(one.pts) == _FRAMES
    assert [(path.frames.tolist(), path.numbers.tolist()) for path in one.paths] == [
        (path.frames.tolist(), path.numbers.tolist()) for path in three.paths
    ]
    assert one.paths


def test_frames_are_watched_and_reported_in_order(tiny: Path) -> None:
    seen: list[tuple[int, int]] = []
    steps: list[int] = []
    _searched(
        tiny, 2, lambda frame, paths: seen.append((frame.index, paths[0].last.frame)), lambda step: steps.append(step.frames)
    )
    assert seen == [(number, number) for number in range(_FRAMES)]
    assert steps == list(range(1, _FRAMES + 1))


def test_an_error_of_the_watch_ends_it_and_no_thread_is_left(tiny: Path) -> None:
    def broken(frame: Frame, paths: list[FacePath]) -> None:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        _searched(tiny, 2, broken)
    assert not [each for each in threading.enumerate() if each.name.startswith("mien-search")]


def test_it_stops_on_request(tiny: Path) -> None:
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled, match="nothing was written"):
        _searched(tiny, 2, cancel=cancel)
