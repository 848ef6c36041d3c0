"""The live content check: closed until the first score, the card for a refusal or for no answer, and nobody waits for it."""

import threading
import time
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from mien.contracts import ContentClassifier
from mien.live.content import LiveContent
from mien.live.frame_observer import FrameObserver
from mien.live.frame_swapper import FrameSwapper, Shown
from mien.live.frame_tracker import TrackedFrame
from mien.live.inspector import Inspection, InspectionTuning, Inspector
from mien.live.listener import LoopListener
from mien.live.loop import LiveLoop, LoopTuning
from mien.live.marking import LiveMark
from mien.safety.veil import card
from mien.swap.stream_memory import StreamMemory
from mien.testing import FakeClassifier
from mien.types import Frame, Image, TrackedFace
from tests.support.deadline import DEADLINE_S, wait_until
from tests.support.live_loop import Inline, Keeping, camera, detection, landmarks, parts, person, snapshot

HIT, CLEAN = 0.97, 0.02
RATE = 30


def frame_at(number: int) -> Frame:
    return Frame(person(), number, number, Fraction(1, RATE))


class Script:
    """Changes frames one after the other, `RATE` a second, with a classifier that answers at once."""

    def __init__(self, classifier: ContentClassifier, inspector: Inspector | None = None, **values: str) -> None:
        self.content = LiveContent(classifier, inspector or Inline())
        memory = StreamMemory(live=True)
        self._observer = FrameObserver(memory)
        self._swapper = FrameSwapper(self.content, LiveMark(Inline(), lambda fingerprint: None), memory)
        self._snapshot = snapshot(**values)
        self._number = 0

    def next(self) -> Shown:
        frame = frame_at(self._number)
        self._number += 1
        face = TrackedFace(1, landmarks(), 1)
        tracked = TrackedFrame(frame, (face,), [detection()], [detection()], 0, frame.image.copy())
        return self._swapper.swap(self._observer.observe(tracked, self._snapshot))

    def run(self, seconds: float) -> list[str]:
        return [self.next().what for _ in range(round(seconds * RATE))]


def is_card(frame: Frame) -> bool:
    """Whether the upper half is the card's; the lower one carries the badge."""
    image = frame.image
    wanted = card(image.shape[1], image.shape[0])
    half = image.shape[0] // 2
    return float(np.abs(image[:half].astype(int) - wanted[:half]).mean()) < 6


class Waiting:
    """A classifier that answers when it is released."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.asked = threading.Event()

    def score(self, image: Image) -> float:
        self.asked.set()
        self.let_go.wait()
        return CLEAN


class Failing:
    """A classifier that raises until it is healed."""

    def __init__(self) -> None:
        self.healed = False

    def score(self, image: Image) -> float:
        if not self.healed:
            raise RuntimeError("on purpose")
        return CLEAN


def test_a_clean_picture_is_shown_from_the_first_score_on() -> None:
    what = Script(FakeClassifier(CLEAN)).run(5)
    assert what[0] == "veiled"
    assert set(what[2:]) == {"swapped"}


def test_three_hits_put_the_card_in_the_place_of_the_picture_and_ten_clean_checks_take_it_away() -> None:
    script = Script(FakeClassifier(*[HIT] * 3, *[CLEAN] * 10, CLEAN))
    what = script.run(20)
    refused = [number / RATE for number, each in enumerate(what) if each == "refused"]
    assert refused[0] == pytest.approx(2, abs=0.1)
    assert refused[-1] == pytest.approx(12, abs=0.1)
    assert len(refused) == pytest.approx(10 * RATE, abs=4), "without a gap"
    assert what[-1] == "swapped"


@pytest.mark.parametrize("on_lost", ["cover", "hold", "freeze", "pass"])
def test_nothing_of_a_refused_picture_is_seen_whatever_the_settings_say(on_lost: str) -> None:
    script = Script(FakeClassifier(HIT), on_lost=on_lost)
    script.run(3)
    for _ in range(60):
        shown = script.next()
        assert shown.what == "refused"
        assert shown.before is None
        assert is_card(shown.labelled.frame)
        assert shown.labelled.frame.image.shape == (180, 320, 3)
    assert script.content.status.message
    assert script.content.status.remedy


def test_a_classifier_that_raises_closes_the_picture_until_it_answers_again() -> None:
    failing = Failing()
    script = Script(failing)
    assert set(script.run(5)[1:]) == {"unchecked"}
    assert script.content.status.state == "unchecked"
    assert "does not answer" in script.content.status.message
    failing.healed = True
    assert script.run(2)[-1] == "swapped"


def test_a_classifier_that_hangs_closes_the_picture_after_five_seconds_of_frames() -> None:
    class Deaf(Inline):
        """Answers once, then never."""

        def offer(self, inspection: Inspection, frame: Frame) -> None:
            if frame.index == 0:
                super().offer(inspection, frame)
            elif inspection.due(frame.time_s):
                inspection.take(frame)

    what = Script(FakeClassifier(CLEAN), Deaf()).run(10)
    assert what.index("unchecked") / RATE == pytest.approx(6, abs=0.1), "the second inspection is due after one second"
    assert set(what[what.index("unchecked") :]) == {"unchecked"}


def test_offering_never_waits_and_the_inspection_has_a_picture_of_its_own() -> None:
    waiting, seen = Waiting(), list[Image]()

    def work(image: Image, time_s: float) -> None:
        waiting.score(image)
        seen.append(image.copy())

    inspector, inspection = Inspector(), Inspection("slow", work)
    inspector.start()
    try:
        frame = frame_at(0)
        wanted = frame.image.copy()
        inspector.offer(inspection, frame)
        assert waiting.asked.wait(DEADLINE_S)
        frame.image[:] = 0
        assert not inspection.due(3.0), "one at a time"
        assert not inspection.silent(5.0)
        assert inspection.silent(5.1)
        waiting.let_go.set()
        wait_until(lambda: inspection.due(10.0), "the answer")
        assert not inspection.silent(100.0)
        assert not inspection.due(0.9), "once a second"
        np.testing.assert_array_equal(seen[0], wanted)
    finally:
        assert inspector.stop()


def test_inspections_share_the_thread_and_their_errors_stay_apart() -> None:
    seen: list[tuple[str, float, str]] = []

    def work(name: str) -> Callable[[Image, float], None]:
        def note(image: Image, time_s: float) -> None:
            seen.append((name, time_s, threading.current_thread().name))
            if name == "bad":
                raise ValueError("on purpose")

        return note

    good, bad = Inspection("good", work("good")), Inspection("bad", work("bad"))
    inspector = Inspector()
    inspector.start()
    try:
        for number in (0, 45, 90):
            inspector.offer(good, frame_at(number))
            inspector.offer(bad, frame_at(number))
            wait_until(lambda when=number / RATE: good.due(when + 9) and bad.due(when + 9), "both answers")  # type: ignore[misc]
    finally:
        assert inspector.stop()
    assert [(name, time_s) for name, time_s, _ in seen] == [(name, each) for each in (0, 1.5, 3) for name in ("good", "bad")]
    assert {thread for _, _, thread in seen} == {"mien-inspect"}
    assert bad.failing
    assert not good.failing


def test_an_inspection_that_costs_much_comes_less_often() -> None:
    def work(image: Image, time_s: float) -> None:
        end_s = time.thread_time() + 0.05
        while time.thread_time() < end_s:
            pass

    inspection = Inspection("heavy", work)
    inspection.take(frame_at(0))
    inspection.run()
    assert not inspection.due(2.0), "50 ms are two percent of two and a half seconds"
    assert inspection.due(3.0), "but never less often than every three seconds"


def test_an_inspector_that_hangs_is_abandoned() -> None:
    waiting = Waiting()

    def work(image: Image, time_s: float) -> None:
        waiting.score(image)

    inspector, inspection = Inspector(), Inspection("slow", work)
    inspector.start()
    inspector.offer(inspection, frame_at(0))
    assert waiting.asked.wait(DEADLINE_S)
    assert not inspector.stop(0.05)
    waiting.let_go.set()
    assert inspector.stop()
    assert Inspector().stop(), "one that was never started"


def test_the_loop_shows_the_card_to_every_sink_says_why_and_opens_again() -> None:
    changes: list[str] = []
    sinks = Keeping(), Keeping()
    classifier = FakeClassifier(*[CLEAN] * 4, *[HIT] * 3, CLEAN)

    class Noting(LoopListener):
        def changed(self) -> None:
            changes.append(loop.content_status.state)

    tuning = LoopTuning(inspection=InspectionTuning(period_s=0.05, max_core_share=10.0))
    loop = LiveLoop(parts, classifier, snapshot(), Noting(), tuning)
    assert loop.content_status.state == "pending"
    loop.start()
    try:
        for name, sink in zip("ab", sinks, strict=True):
            loop.add_sink(name, lambda width, height, sink=sink: sink)  # type: ignore[misc]
        loop.set_input(lambda: camera(rate=60))
        wait_until(lambda: loop.content_status.state == "clear", "the first score")
        wait_until(lambda: loop.content_status.state == "refused", "the refusal")
        wait_until(lambda: loop.content_status.state == "clear" and classifier.calls > 16, "the way back")
        shown = loop.meter.read(0).shown
    finally:
        loop.stop()
    assert shown["refused"] > 3
    assert shown["swapped"] > 3
    assert [each for number, each in enumerate(changes) if not number or changes[number - 1] != each][:4] == [
        "pending", "clear", "refused", "clear",
    ]  # fmt: skip
    for sink in sinks:
        assert sum(is_card(frame) for frame in sink.kept) > 3
