"""Films in parts: each part by itself, in order, and nothing left of a run that ended."""

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from mien.batch.export import PartNotes
from mien.batch.film import PartResult, run_parts
from mien.errors import Cancelled, ContentRefused, OutputError
from mien.media.files.output_file import OutputFile
from mien.provenance.label import Labeller
from mien.provenance.mark.pattern import Marker
from mien.settings import Settings
from mien.swap.parts import Border
from mien.swap.pipeline import SeenFrame
from mien.types import Frame, FrameResult, LabelledFrame, Landmarks, TrackedFace

BASE = Fraction(1, 10)
FACE = TrackedFace(1, Landmarks(np.zeros((478, 3), np.float32), 1.0), 1)


def _items(*starts: tuple[int, bool], frames: int = 12) -> Iterator[Frame | Border]:
    """Frames 0, 1, 2.., with a border, fresh or not, before some of them."""
    fresh = dict(starts)
    number = 0
    for index in range(frames):
        if index in fresh:
            number += 1
            yield Border(number, index, fresh[index])
        yield Frame(np.zeros((144, 192, 3), np.uint8), index, index, BASE)


class _Swapper:
    """Swapper that finds a face in every second frame, and remembers what it was told to forget."""

    def __init__(self) -> None:
        self.worn_frames: Counter[str] = Counter({"Ann": 0})
        self.frames_with_faces = 0
        self.begun = 0
        self.threads: set[str] = set()

    def track_parts(self, items: Iterable[Frame | Border]) -> Iterator[SeenFrame | Border]:
        for item in items:
            yield item if isinstance(item, Border) else SeenFrame(item, (), {})

    def swap(self, seen: SeenFrame) -> FrameResult:
        self.threads.add(threading.current_thread().name)
        worn = (FACE,) * (seen.frame.index % 2)
        self.worn_frames["Ann"] += len(worn)
        self.frames_with_faces += 1
        return FrameResult(seen.frame, worn, worn)

    def begin_drawing(self) -> None:
        self.begun += 1

    def tracking_bytes(self, about: Mapping[str, Any]) -> bytes:
        return f"tracking {about['part']}".encode()

    def drawing_bytes(self, about: Mapping[str, Any]) -> bytes:
        return f"drawing {about['part']}".encode()


class _Exporter:
    """Exporter that notes the frames of each part, and refuses one of them."""

    def __init__(self, refused: int | None = None) -> None:
        self._label = Labeller(Settings(), Marker(1)).label
        self._refused = refused
        self._frames: list[int] = []

    def begin_part(self) -> None:
        self._frames = []

    def end_part(self) -> PartNotes:
        return PartNotes(tuple(self._frames))

    def label(self, frame: Frame) -> LabelledFrame:
        if frame.index == self._refused:
            raise ContentRefused("refused", "do not")
        self._frames.append(frame.index)
        return self._label(frame)

    def seal(self, output: OutputFile) -> tuple[str, ...]:
        raise AssertionError(output)


class _Sink:
    def __init__(self, fails_at: int | None = None) -> None:
        self.events: list[Any] = []
        self.results: list[PartResult] = []
        self._fails_at = fails_at

    def begin_part(self, border: Border) -> None:
        self.events.append(border.number)

    def write(self, labelled: LabelledFrame) -> None:
        if labelled.frame.index == self._fails_at:
            raise OutputError("no space", "make some")
        self.events.append(labelled.frame.index)

    def end_part(self, result: PartResult, until: Fraction | None) -> None:
        self.events.append(until)
        self.results.append(result)


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    yield
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("mien-")]


def test_parts_come_in_order_each_with_its_own_notes_and_counts() -> None:
    swapper, sink = _Swapper(), _Sink()
    steps: list[tuple[int, int]] = []
    items = _items((0, True), (5, False), (9, True))
    run_parts(items, BASE, swapper, _Exporter(), sink, lambda *step: steps.append(step))
    assert sink.events == [1, *range(5), Fraction(1, 2), 2, *range(5, 9), Fraction(9, 10), 3, *range(9, 12), None]
    assert [each.notes.fingerprints for each in sink.results] == [tuple(range(5)), tuple(range(5, 9)), tuple(range(9, 12))]
    assert [(each.frames, each.frames_with_faces, each.found, each.worn) for each in sink.results] == [
        (5, 2, 5, (("Ann", 2),)), (4, 2, 4, (("Ann", 2),)), (3, 2, 3, (("Ann", 2),)),
    ]  # fmt: skip
    assert swapper.begun == 2, "nothing is forgotten at a border within a shot"
    assert swapper.threads == {threading.current_thread().name}
    assert steps[-1] == (12, 6)
    assert [each.states for each in sink.results] == [None] * 3, "nobody asked"


def test_what_the_next_part_needs_is_handed_over_only_within_a_shot() -> None:
    sink = _Sink()
    items = _items((0, True), (5, False), (9, True))
    run_parts(items, BASE, _Swapper(), _Exporter(), sink, lambda *_: None, about=lambda number: {"part": number})
    assert [each.states for each in sink.results] == [(b"tracking 2", b"drawing 2"), None, None]


def test_a_run_ends_after_the_last_part_that_is_wanted() -> None:
    sink, taken = _Sink(), []

    def items() -> Iterator[Frame | Border]:
        for item in _items((0, True), (5, False), (9, True), frames=10_000):
            taken.append(item)
            yield item

    run_parts(items(), BASE, _Swapper(), _Exporter(), sink, lambda *_: None, last=1, about=lambda number: {"part": number})
    assert sink.events == [1, *range(5), Fraction(1, 2)]
    assert sink.results[0].states == (b"tracking 2", b"drawing 2")
    assert len(taken) < 100, "the rest of the film is not read"


def test_an_error_anywhere_ends_the_run_and_finished_parts_stay() -> None:
    broken = iter(())

    def damaged() -> Iterator[Frame | Border]:
        yield from _items((0, True), (5, False), frames=7)
        raise OutputError("damaged", "mend it")
        yield from broken

    for items, exporter, sink, error in (
        (damaged(), _Exporter(), _Sink(), OutputError),
        (_items((0, True), (5, False)), _Exporter(refused=7), _Sink(), ContentRefused),
        (_items((0, True), (5, False)), _Exporter(), _Sink(fails_at=7), OutputError),
    ):
        with pytest.raises(error):
            run_parts(items, BASE, _Swapper(), exporter, sink, lambda *_: None)
        assert len(sink.results) <= 1


def test_a_stop_ends_the_run() -> None:
    stop = threading.Event()
    with pytest.raises(Cancelled):
        run_parts(_items((0, True)), BASE, _Swapper(), _Exporter(), _Sink(), lambda *_: stop.set(), stop)
