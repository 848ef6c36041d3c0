"""The live loop: mailboxes, order, faults of sources and sinks, and that it leaves nothing behind."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from types import TracebackType
from typing import Self

import numpy as np
import pytest

from mien.assembly.warm_up import warm_up
from mien.contracts import FrameSink
from mien.errors import DeviceFull, OutputError, SourceLost
from mien.live.content import LiveContent
from mien.live.frame_observer import FrameObserver
from mien.live.frame_swapper import FrameSwapper, Trouble, is_crowded
from mien.live.frame_tracker import TrackedFrame
from mien.live.loop import LiveLoop, LoopTuning
from mien.live.mailbox import Mailbox
from mien.live.marking import LiveMark
from mien.live.meter import Meter, prometheus
from mien.live.outlet import OutletTuning
from mien.live.snapshot import Snapshot
from mien.safety.confirmation import Confirmation
from mien.settings import Settings
from mien.swap.cast import everyone
from mien.swap.persona import Retouch
from mien.swap.stream_memory import StreamMemory
from mien.swap.tracking.parts import TrackingParts
from mien.swap.tracking.shared_detector import SharedDetector
from mien.swap.tracking.tracker import Tracker
from mien.testing import (
    FakeClassifier,
    FakeDetector,
    FakeEngine,
    FakeLandmarker,
    NullSink,
    PacedCamera,
    fake_persona,
)
from mien.types import LIVE_TIME_BASE, Detection, FacePatch, Frame, Image, LabelledFrame, Landmarks, Sound, TrackedFace
from tests.support.deadline import DEADLINE_S, wait_until
from tests.support.live_loop import (
    GREEN,
    Inline,
    Keeping,
    Running,
    camera,
    detection,
    landmarks,
    parts,
    person,
    shows_red,
    snapshot,
)


@pytest.fixture(scope="module", autouse=True)
def _kernels_are_compiled() -> None:
    """As the studio does before the first frame: else the first one comes late, and what is awaited is over."""
    warm_up(FakeEngine(GREEN), Settings())


def test_a_mailbox_keeps_the_newest_and_counts_the_others() -> None:
    box: Mailbox[int] = Mailbox()
    for number in range(5):
        box.put(number)
    assert box.take(0) == 4
    assert box.take(0) is None
    assert box.dropped == 4


def test_closing_a_mailbox_wakes_who_waits() -> None:
    box: Mailbox[int] = Mailbox()
    taken: list[int | None] = []
    waiting = threading.Thread(target=lambda: taken.append(box.take(60)))
    waiting.start()
    box.close()
    waiting.join(DEADLINE_S)
    assert taken == [None]
    box.put(1)
    assert box.take(0) is None


def test_a_mailbox_tells_when_its_item_is_taken() -> None:
    box: Mailbox[int] = Mailbox()
    assert box.wait_until_empty(0)
    box.put(1)
    assert not box.wait_until_empty(0)
    taker = threading.Thread(target=box.take, args=(60,))
    taker.start()
    assert box.wait_until_empty(DEADLINE_S)
    taker.join(DEADLINE_S)
    box.close()
    assert not box.wait_until_empty(60)


def test_the_meter_counts_and_stays_bounded() -> None:
    meter = Meter()
    for number in range(5000):
        meter.captured(number / 30)
        meter.finished(number / 30, "swapped")
        meter.delivered(0.020 + 0.001 * (number % 10))
        meter.stage("swap", 0.005)
    meter.dropped("capture", 3)
    figures = meter.read(4999 / 30)
    assert figures.frames == 5000
    assert figures.fps == pytest.approx(30, rel=0.01)
    assert figures.dropped == 3
    assert figures.latency_median_ms == pytest.approx(24.5, abs=0.6)
    assert figures.latency_p95_ms == pytest.approx(29, abs=0.6)
    assert figures.stages_ms == {"swap": pytest.approx(5)}
    assert meter.read(10_000).fps == 0


def test_the_prometheus_text_has_a_type_for_every_sample() -> None:
    meter = Meter()
    meter.finished(1, "swapped")
    meter.delivered(0.02)
    meter.stage("track", 0.01)
    text = prometheus(meter.read(1), 12.5, 1000)
    types = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    samples = [line for line in text.splitlines() if not line.startswith("#")]
    assert all(line.split("{")[0].split(" ")[0] in types for line in samples)
    assert 'mien_latency_seconds{quantile="0.5"} 0.02' in samples
    assert 'mien_frames_shown_total{what="swapped"} 1' in samples


def test_frames_leave_swapped_labelled_in_order_with_their_capture_time() -> None:
    with Running() as running:
        running.loop.set_input(camera)
        wait_until(lambda: running.loop.meter.read(0).last_shown == "swapped", "a swapped frame")
        frames = running.frames(20)
        assert running.loop.input_status.state == "live"
        assert (running.loop.input_status.width, running.loop.input_status.height) == (320, 180)
    times = [frame.pts for frame in frames]
    assert times == sorted(set(times))
    assert all(not shows_red(frame.image) for frame in frames)
    # The mark moves each pixel by a few levels.
    assert all(np.abs(frame.image[70, 90].astype(int) - GREEN).max() <= 6 for frame in frames)
    assert all(frame.time_base == LIVE_TIME_BASE for frame in frames)


def test_a_change_takes_effect_between_two_frames() -> None:
    with Running() as running:
        running.loop.set_input(camera)
        running.frames(5)
        running.loop.wear(Snapshot(Settings(), everyone(fake_persona(FakeEngine((200, 0, 0)))), "other"))
        # The mark moves every value by a level or two.
        wait_until(lambda: bool(np.allclose(running.sink.kept[-1].image[70, 90], (200, 0, 0), atol=5)), "the new face")
    colours = {tuple(int(value) for value in frame.image[70, 90]) for frame in running.sink.kept if frame.image[70, 90].any()}
    assert not any(red > 150 and green < 100 and blue < 100 for blue, green, red in colours)


class SlowEngine(FakeEngine):
    """As slow as a large network on a small machine."""

    def swap(self, frame: Frame, faces: Sequence[TrackedFace], prepared: str) -> list[FacePatch | None]:
        threading.Event().wait(0.4)
        return super().swap(frame, faces, prepared)


class HeldEngine(FakeEngine):
    """Stays in the next swap when it is told to hold, until it may go on."""

    def __init__(self) -> None:
        super().__init__(GREEN)
        self.hold, self.held, self.going = threading.Event(), threading.Event(), threading.Event()

    def swap(self, frame: Frame, faces: Sequence[TrackedFace], prepared: str) -> list[FacePatch | None]:
        if self.hold.is_set():
            self.held.set()
            self.going.wait(DEADLINE_S)
        return super().swap(frame, faces, prepared)


def _worn_after(change: Callable[[LiveLoop], None]) -> int:
    """The worn frames that leave after a change that comes while one is swapped and the next one is ready for it."""
    engine = HeldEngine()
    with Running(Snapshot(Settings(), everyone(fake_persona(engine)), "face")) as running:
        running.loop.set_input(camera)
        wait_until(lambda: running.loop.meter.read(0).last_shown == "swapped", "a swapped frame")
        engine.hold.set()
        assert engine.held.wait(DEADLINE_S)
        wait_until(lambda: not running.loop._tracked.is_empty, "the next frame")
        before = running.loop.meter.read(0).shown["swapped"]
        change(running.loop)
        engine.going.set()
        wait_until(lambda: running.loop.meter.read(0).last_shown != "swapped", "its effect")
        running.frames(3)
        assert not any(shows_red(frame.image) for frame in running.sink.kept)
        return running.loop.meter.read(0).shown["swapped"] - before


def test_a_frame_that_waits_for_its_swap_wears_nothing_that_was_taken_off_meanwhile() -> None:
    assert _worn_after(lambda loop: loop.wear(Snapshot(Settings()))) == 1, "the one that was being swapped"


def test_no_frame_of_an_input_leaves_after_it_was_closed() -> None:
    assert _worn_after(lambda loop: loop.set_input(None)) == 0


def test_a_slow_engine_shows_few_frames_all_of_them_swapped_and_fresh() -> None:
    with Running(Snapshot(Settings(), everyone(fake_persona(SlowEngine(GREEN))), "face")) as running:
        running.loop.set_input(camera)
        wait_until(lambda: running.loop.meter.read(0).last_shown == "swapped", "a swapped frame")
        frames = running.frames(7)
        figures = running.loop.meter.read(time.monotonic())
        assert running.loop._tracked.dropped == 0, "what is tracked is swapped"
    assert all(not shows_red(frame.image) for frame in frames)
    steps = [b.pts - a.pts for a, b in pairwise(frames)]
    assert all(step > 0.3e6 for step in steps[3:]), "the newest frame is taken when the pace is known, nothing waits in a queue"
    assert figures.latency_median_ms is not None
    assert figures.latency_median_ms < 10_000


class RaisingEngine(FakeEngine):
    def swap(self, frame: Frame, faces: Sequence[TrackedFace], prepared: str) -> list[FacePatch | None]:
        raise ZeroDivisionError("on purpose")


def test_what_goes_wrong_in_a_network_is_told_until_a_face_is_worn_again() -> None:
    class Broken(FakeEngine):
        def swap(self, frame: Frame, faces: Sequence[TrackedFace], prepared: str) -> list[FacePatch | None]:
            if faces:
                raise DeviceFull("the card is full", "close other programs")
            return []

    with Running(Snapshot(Settings(), everyone(fake_persona(Broken())), "face")) as running:
        running.loop.set_input(camera)
        wait_until(lambda: running.loop.trouble is not None, "the trouble")
        assert running.loop.trouble == Trouble("the card is full", "close other programs")
        running.loop.wear(snapshot())
        wait_until(lambda: running.loop.trouble is None, "its end")
        wait_until(lambda: running.loop.meter.read(0).last_shown == "swapped", "a swapped frame")
    assert all(not shows_red(frame.image) for frame in running.sink.kept)


def test_an_engine_that_raises_leaves_the_face_covered() -> None:
    with Running(Snapshot(Settings(), everyone(fake_persona(RaisingEngine())), "face")) as running:
        running.loop.set_input(camera)
        frames = running.frames(25)
        assert running.loop.meter.read(0).last_shown in {"covered", "veiled"}
    assert all(not shows_red(frame.image) for frame in frames)


class LateEnhancer:
    """A `contracts.Enhancer` that takes longer than a frame and paints everything in one level; 0 raises."""

    template, side = "ffhq_512", 64

    def __init__(self, level: int) -> None:
        self._level = level

    def enhance(self, crops: Sequence[Image]) -> list[Image]:
        time.sleep(0.05)
        if not self._level:
            raise RuntimeError("broken on purpose")
        return [np.full_like(crop, self._level) for crop in crops]


@pytest.mark.parametrize("level", [230, 0])
def test_an_enhancer_works_beside_the_frames_and_one_that_raises_leaves_the_face_worn(level: int) -> None:
    worn = fake_persona(FakeEngine(GREEN))
    retouched = replace(worn, retouch=Retouch(enhancer=LateEnhancer(level)))
    with Running(Snapshot(Settings(enhance_blend=1.0), everyone(retouched), "face")) as running:
        running.loop.set_input(camera)
        wait_until(lambda: running.loop.meter.read(0).last_shown == "swapped", "a swapped frame")
        if level:
            wait_until(lambda: running.frames(1)[0].image[70, 90, 2] > 150, "the enhancer's detail")
        frames = running.frames(10)
    assert not any(shows_red(frame.image) for frame in frames)
    assert all((frame.image[70, 90, 2] > 150) == bool(level) for frame in frames)
    assert "mien-enhance" not in [thread.name for thread in threading.enumerate()]


def test_without_a_chosen_face_everything_is_veiled() -> None:
    with Running(Snapshot(Settings())) as running:
        running.loop.set_input(camera)
        wait_until(lambda: running.loop.meter.read(0).last_shown == "veiled", "a veil")
        assert all(not shows_red(frame.image) for frame in running.frames(10))


def test_pass_shows_the_person_only_when_it_was_chosen() -> None:
    with Running(Snapshot(Settings(on_lost="pass"))) as running:
        running.loop.set_input(camera)
        wait_until(lambda: running.loop.meter.read(0).last_shown == "passed", "a raw frame")
        assert shows_red(running.frames(3)[-1].image)


def test_a_camera_that_goes_is_opened_again_and_a_card_stands_in() -> None:
    opened: list[int] = []
    plugged_in = threading.Event()

    def flaky() -> PacedCamera:
        opened.append(1)
        if len(opened) == 1:

            def goes(exposure: int) -> Image:
                if exposure > 5:
                    raise SourceLost("the camera was unplugged", "plug it in")
                return person()

            return camera(picture=goes)
        if not plugged_in.is_set():
            raise SourceLost("there is no camera", "plug it in")
        return camera()

    with Running() as running:
        running.loop.set_input(flaky)
        wait_until(lambda: running.loop.input_status.state == "lost", "the loss")
        assert running.loop.input_status.message in {"the camera was unplugged", "there is no camera"}
        wait_until(lambda: running.loop.meter.read(0).shown.get("none", 0) > 0, "the card")
        plugged_in.set()
        wait_until(lambda: running.loop.input_status.state == "live", "the way back")
        frames = running.frames(10)
    assert all(not shows_red(frame.image) for frame in frames)


def test_a_camera_that_cannot_be_opened_says_so_and_is_tried_again() -> None:
    def missing() -> PacedCamera:
        raise SourceLost("no such camera", "choose another")

    with Running() as running:
        running.loop.set_input(missing)
        wait_until(lambda: running.loop.input_status.message == "no such camera", "the message")
        running.loop.set_input(camera)
        wait_until(lambda: running.loop.input_status.state == "live", "another camera")


class Hanging(PacedCamera):
    """Gives a few frames, then blocks whatever is done to it, until the test releases it."""

    def __init__(self, let_go: threading.Event) -> None:
        super().__init__(320, 180, 60, person)
        self._let_go = let_go
        self._given = 0

    def read(self) -> Frame | None:
        self._given += 1
        if self._given > 4:
            self._let_go.wait()
            return Frame(np.zeros((180, 320, 3), np.uint8), 99, round(time.monotonic() / LIVE_TIME_BASE), LIVE_TIME_BASE)
        return super().read()


def test_the_watchdog_replaces_a_camera_that_hangs() -> None:
    let_go = threading.Event()
    made: list[PacedCamera] = []

    def make() -> PacedCamera:
        made.append(Hanging(let_go) if not made else camera())
        return made[-1]

    with Running(tuning=LoopTuning(stuck_input_s=0.3, watch_s=0.05)) as running:
        running.loop.set_input(make)
        wait_until(lambda: len(made) == 2 and running.loop.input_status.state == "live", "another camera")
        let_go.set()
        frames = running.frames(20)
    assert all(frame.index != 99 for frame in frames), "what the abandoned camera gives must not come through"


def test_a_sink_that_fails_does_not_stop_the_others() -> None:
    failing = Keeping()
    failing.fail = OutputError("the disk is full", "free some space")
    with Running() as running:
        running.loop.add_sink("failing", lambda width, height: failing)
        running.loop.set_input(camera)
        wait_until(lambda: running.loop.sink_statuses()["failing"].state == "failed", "the failure")
        state = running.loop.sink_statuses()["failing"]
        assert (state.message, state.remedy) == ("the disk is full", "free some space")
        running.frames(10)


def test_a_sink_that_reopens_comes_back() -> None:
    made: list[Keeping] = []

    def make(width: int, height: int) -> Keeping:
        sink = Keeping()
        if len(made) < 2:
            sink.fail = OutputError("no network", "check the cable")
        made.append(sink)
        return sink

    with Running(tuning=LoopTuning(outlet=OutletTuning(first_pause_s=0.02))) as running:
        running.loop.add_sink("stream", make, reopens=True)
        running.loop.set_input(camera)
        wait_until(lambda: running.loop.sink_statuses()["stream"].state == "live", "the stream")
        wait_until(lambda: len(made[-1].kept) > 3, "frames")
    assert len(made) == 3
    assert all(sink.closed == 1 for sink in made)


@pytest.mark.parametrize("heals", [True, False])
def test_a_sink_that_hangs_is_replaced_and_in_the_end_abandoned(heals: bool) -> None:
    let_go = threading.Event()
    made: list[FrameSink] = []

    class Stuck(NullSink):
        def write(self, labelled: LabelledFrame) -> None:
            let_go.wait()

    def make(width: int, height: int) -> FrameSink:
        made.append(Keeping() if heals and made else Stuck())
        return made[-1]

    with Running(tuning=LoopTuning(stuck_sink_s=0.2, watch_s=0.05)) as running:
        running.loop.add_sink("stuck", make)
        running.loop.set_input(camera)
        if heals:
            wait_until(lambda: running.loop.sink_statuses()["stuck"].state == "live" and len(made) == 2, "another sink")
        else:
            wait_until(lambda: len(made) == 4 and running.loop.sink_statuses()["stuck"].state == "failed", "giving up")
        running.frames(5)
        let_go.set()


def test_sinks_are_finished_when_they_are_taken_away_and_at_the_end() -> None:
    other = Keeping()
    with Running() as running:
        running.loop.add_sink("other", lambda width, height: other)
        with pytest.raises(ValueError, match="other"):
            running.loop.add_sink("other", lambda width, height: other)
        running.loop.set_input(camera)
        wait_until(lambda: len(other.kept) > 2, "frames")
        state = running.loop.remove_sink("other")
        assert state is not None
        assert state.state == "closed"
        assert other.closed == 1
        assert running.loop.remove_sink("other") is None
    assert running.sink.closed == 1


class Slow(FakeDetector):
    """Takes several times as long as an input may be silent before the card is shown."""

    def detect(self, image: Image) -> list[Detection]:
        threading.Event().wait(0.25)
        return super().detect(image)


HASTY = LoopTuning(absent_after_s=0.05, absent_period_s=0.02)


def test_frames_that_are_tracked_slowly_are_shown_all_the_same() -> None:
    """The card is newer than a frame that is still being tracked; shown meanwhile, it would take the place of every frame."""

    def make(settings: Settings) -> TrackingParts:
        look = SharedDetector([(320, Slow((detection(),)))], 0.6)
        return TrackingParts(Tracker(look, FakeLandmarker(landmarks()), settings), look)

    with Running(make=make, tuning=HASTY) as running:
        running.loop.set_input(lambda: camera(rate=10))
        wait_until(lambda: running.loop.meter.read(0).shown.get("swapped", 0) >= 3, "swapped frames")
        assert running.loop.meter.read(0).last_shown == "swapped"


def test_a_frame_that_hangs_in_the_tracker_is_not_waited_for() -> None:
    held = threading.Event()

    class Hanging(FakeDetector):
        def detect(self, image: Image) -> list[Detection]:
            held.wait(DEADLINE_S)
            return super().detect(image)

    def make(settings: Settings) -> TrackingParts:
        look = SharedDetector([(320, Hanging((detection(),)))], 0.6)
        return TrackingParts(Tracker(look, FakeLandmarker(landmarks()), settings), look)

    with Running(make=make, tuning=replace(HASTY, slow_frame_s=0.3)) as running:
        running.loop.set_input(camera)
        wait_until(lambda: running.loop.meter.read(0).shown.get("none", 0) >= 3, "the card")
        held.set()


def test_more_faces_than_are_tracked_are_said_so() -> None:
    other = replace(
        detection(), box_xyxy=(200.0, 40.0, 260.0, 100.0), points=detection().points + np.array([140, 0], np.float32)
    )
    face, settings = TrackedFace(1, landmarks(), 1), Settings(faces=1)
    assert is_crowded((face,), [detection(), other], settings)
    assert not is_crowded((face,), [detection(), replace(other, score=0.5)], settings), "it may be a hand"
    assert not is_crowded((face,), [detection()], settings), "the detection is the face"
    assert not is_crowded((face,), [detection(), other], Settings(faces=2)), "it is tracked soon"

    def make(settings: Settings) -> TrackingParts:
        look = SharedDetector([(320, FakeDetector((detection(), other)))], 0.6)
        return TrackingParts(Tracker(look, FakeLandmarker(landmarks()), settings), look)

    with Running(snapshot(faces=1), make=make) as running:
        running.loop.set_input(camera)
        wait_until(lambda: running.loop.meter.read(0).last_shown == "covered", "the other face is veiled")
        wait_until(lambda: running.loop.meter.read(0).crowded, "and the reason is known")


def test_a_tracker_that_raises_costs_frames_and_nothing_else() -> None:
    class Raising(FakeDetector):
        def detect(self, image: Image) -> list[Detection]:
            if self.calls == 3:
                self.calls += 1
                raise ZeroDivisionError("on purpose")
            return super().detect(image)

    def make(settings: Settings) -> TrackingParts:
        look = SharedDetector([(320, Raising((detection(),)))], 0.6)
        return TrackingParts(Tracker(look, FakeLandmarker(landmarks()), settings), look)

    with Running(make=make) as running:
        running.loop.set_input(camera)
        frames = running.frames(30)
    assert all(not shows_red(frame.image) for frame in frames)


def test_a_detector_that_cannot_be_opened_again_is_tried_until_it_can() -> None:
    made: list[int] = []

    class Raising(FakeDetector):
        def detect(self, image: Image) -> list[Detection]:
            if len(made) == 1 and self.calls == 3:
                raise ZeroDivisionError("on purpose")
            return super().detect(image)

    def make(settings: Settings) -> TrackingParts:
        made.append(1)
        if len(made) in (2, 3):
            raise OSError("on purpose")
        look = SharedDetector([(320, Raising((detection(),)))], 0.6)
        return TrackingParts(Tracker(look, FakeLandmarker(landmarks()), settings), look)

    with Running(make=make) as running:
        running.loop.set_input(camera)
        wait_until(lambda: len(made) == 4, "the third try")
        before = running.loop.meter.read(0).shown.get("swapped", 0)
        wait_until(lambda: running.loop.meter.read(0).shown.get("swapped", 0) > before, "a swapped frame")
    assert all(not shows_red(frame.image) for frame in running.sink.kept)


def test_fifty_starts_and_stops_of_the_input_leave_no_thread() -> None:
    with Running() as running:
        for _ in range(50):
            running.loop.set_input(lambda: camera(rate=200))
        running.frames(3)
        running.loop.set_input(None)
        assert sum(thread.name == "mien-capture" for thread in threading.enumerate()) == 0


def test_a_mesh_that_the_detector_does_not_confirm_is_covered() -> None:
    confirmation, face = Confirmation(), TrackedFace(1, landmarks(), 1)
    assert confirmation.trusted((face,), [detection()], 0.0) == (), "a single detection may err"
    assert confirmation.trusted((face,), [detection()], 0.033) == (face,)
    assert confirmation.trusted((face,), [], 0.2) == (face,), "the detector may miss it for a moment"
    assert confirmation.trusted((face,), [], 0.4) == ()
    turned = Detection(detection().box_xyxy, detection().points[::-1].copy(), 0.95)
    assert confirmation.trusted((face,), [turned], 0.5) == (), "a mesh that sits otherwise than the detector sees"
    assert confirmation.trusted((face,), [detection()], 0.6) == (face,)
    assert Confirmation().trusted((), [detection()], 0.0) == ()


def test_the_look_is_as_fine_as_the_smallest_face_needs() -> None:
    detectors = [FakeDetector((detection(),)) for _ in range(3)]
    look = SharedDetector(list(zip((320, 640, 1280), detectors, strict=True)), 0.6)

    def looks() -> list[int]:
        look.low_confidence(person())
        return [detector.calls for detector in detectors]

    assert looks() == [0, 0, 1], "the first look is the finest"
    assert looks() == [0, 1, 1]
    look.note_tracked((TrackedFace(1, landmarks(), 1),), person())
    assert looks() == [1, 1, 1]
    small = Landmarks(landmarks().points * np.float32(0.15), 1.0)
    look.note_tracked((TrackedFace(1, small, 1),), person())
    assert looks() == [1, 1, 2]
    look.note_tracked((), person())
    for _ in range(25):
        looks()
    assert detectors[2].calls == 5
    picture = person()
    assert look.confirming(picture) is look.confirming(picture), "one look a picture"


@pytest.mark.parametrize("on_lost", ["cover", "hold", "freeze"])
def test_a_face_that_gets_lost_is_never_shown(on_lost: str) -> None:
    memory, wearing = StreamMemory(live=True), snapshot(on_lost=on_lost)
    observer = FrameObserver(memory)
    swapper = FrameSwapper(LiveContent(FakeClassifier(), Inline()), LiveMark(Inline(), lambda fingerprint: None), memory)
    face = TrackedFace(1, landmarks(), 1)
    for index in range(120):
        frame = Frame(person(), index, 33_333 * index, Fraction(1, 1_000_000))
        faces = (face,) if index < 30 or index > 100 else ()
        detections = [detection()] if faces or index % 3 else []
        shown = swapper.swap(observer.observe(TrackedFrame(frame, faces, detections, detections, 0), wearing))
        assert not shows_red(shown.labelled.frame.image), (index, shown.what)
        sure = 1 <= index < 30 or index > 101
        assert shown.what == "swapped" if sure else shown.what in {"covered", "held", "veiled"}


class Humming:
    """A `contracts.SoundSource` that never ends until it is stopped."""

    rate, channels = 48_000, 1

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._given = 0

    def read(self) -> Sound | None:
        if self._stopped.wait(0.005):
            return None
        self._given += 1
        return Sound(np.zeros((240, 1), np.float32), self.rate, time.monotonic())

    def stop(self) -> None:
        self._stopped.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stopped.set()


class Hearing(Keeping):
    """A sink that takes sound, too."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Sound] = []

    def write_sound(self, sound: Sound) -> None:
        self.heard.append(sound)


def test_sound_reaches_the_sinks_that_hear_and_a_lost_microphone_stops_nothing() -> None:
    hearing = Hearing()

    def missing() -> Humming:
        raise SourceLost("no such microphone", "choose another")

    with Running() as running:
        running.loop.add_sink("hearing", lambda width, height: hearing)
        running.loop.set_input(camera)
        running.loop.set_sound(Humming)
        wait_until(lambda: len(hearing.heard) > 20, "sound")
        times = [sound.time_s for sound in hearing.heard]
        assert times == sorted(times)
        running.loop.set_sound(missing)
        wait_until(lambda: running.loop.sound_status.message == "no such microphone", "the message")
        running.frames(5)
        running.loop.set_sound(None)
        assert running.loop.sound_status.state == "closed"


def test_the_loop_can_be_stopped_before_it_has_seen_anything() -> None:
    loop = LiveLoop(parts, FakeClassifier(), snapshot())
    loop.start()
    loop.stop()
    LiveLoop(parts, FakeClassifier(), snapshot()).stop()


class Pausing(PacedCamera):
    """Gives frames until it is told to pause, and none until it is told to go on."""

    def __init__(self) -> None:
        super().__init__(320, 180, 60, person)
        self.going = threading.Event()
        self.going.set()

    def read(self) -> Frame | None:
        self.going.wait()
        return super().read()

    def stop(self) -> None:
        self.going.set()
        super().stop()


def _card_after_a_pause(tuning: LoopTuning, meanwhile: Callable[[LiveLoop], None]) -> tuple[Frame, Frame, set[str]]:
    """The last frame of an input that pauses, the card after it, and how all frames up to the pause were shown."""
    source = Pausing()
    with Running(tuning=tuning) as running:
        running.loop.set_input(lambda: source)
        wait_until(lambda: running.loop.meter.read(0).last_shown == "swapped", "a worn face")
        before = running.loop.meter.read(0).shown.get("none", 0)
        source.going.clear()
        meanwhile(running.loop)
        wait_until(lambda: running.loop.meter.read(0).shown.get("none", 0) > before, "the card")
        wait_until(lambda: not shows_green(running.sink.kept[-1].image), "the card at the sink")
        source.going.set()
        card = next(place for place, frame in enumerate(running.sink.kept) if place and not shows_green(frame.image)
                    and shows_green(running.sink.kept[place - 1].image))  # fmt: skip
        return running.sink.kept[card - 1], running.sink.kept[card], set(running.loop.meter.read(0).shown)


def shows_green(image: Image) -> bool:
    """Return True when the fake face is in the picture."""
    return bool(((image[:, :, 1] > 120) & (image[:, :, 2] < 80)).any())


def test_a_slow_input_keeps_the_worn_frame_instead_of_the_card() -> None:
    tuning = replace(HASTY, worn_kept_s=0.5)
    last, card, _ = _card_after_a_pause(tuning, lambda loop: None)
    assert card.time_s - last.time_s >= 0.5
    assert not shows_red(last.image)


def test_a_worn_frame_is_kept_no_longer_when_the_wearer_asks_to_be_covered() -> None:
    _card_after_a_pause(replace(HASTY, worn_kept_s=3 * DEADLINE_S), lambda loop: loop.cover(True))


def test_who_asks_is_covered_whatever_the_settings_say() -> None:
    with Running(snapshot(on_lost="pass")) as running:
        running.loop.set_input(camera)
        wait_until(lambda: running.loop.meter.read(0).last_shown == "swapped", "a worn face")
        running.loop.cover(True)
        wait_until(lambda: running.loop.meter.read(0).why == "asked", "the cover")
        assert running.loop.meter.read(0).last_shown == "veiled"
        assert not any(shows_green(frame.image) or shows_red(frame.image) for frame in running.frames(5)[2:])
        running.loop.cover(False)
        wait_until(lambda: running.loop.meter.read(0).last_shown == "swapped", "the worn face again")
