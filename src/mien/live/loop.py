"""The live loop: capture, tracking, swapping, inspection, sinks and a watchdog, a thread each.

Between them lie one-slot mailboxes, so that a slow part costs frames, never delay. Tracking of the next frame overlaps
the swapping of this one. Frames leave in the order of their capture.
"""

import logging
import threading
import time
from dataclasses import dataclass, field

from mien.contracts import ContentClassifier
from mien.live.capture import Capture, CapturedFrame, CaptureTuning, InputStatus, MakeSource
from mien.live.content import ContentStatus, LiveContent
from mien.live.enrolment import Enrolment
from mien.live.frame_observer import FrameObserver, ObservedFrame
from mien.live.frame_swapper import FrameSwapper, Shown, Trouble
from mien.live.frame_tracker import FrameTracker, MakeTracking
from mien.live.inspector import InspectionTuning, Inspector
from mien.live.listener import NOBODY, LoopListener
from mien.live.mailbox import Mailbox
from mien.live.marking import LiveMark
from mien.live.meter import Meter
from mien.live.outlet import MakeSink, Outlet, OutletStatus, OutletTuning
from mien.live.pace import Pace
from mien.live.patience import Patience
from mien.live.snapshot import Snapshot
from mien.live.sound import MakeSound, SoundPump
from mien.provenance.mark.pattern import MARK_MIN_SIDE_PIXELS
from mien.swap.stream_memory import StreamMemory
from mien.system.processor import keep_opencv_to_callers
from mien.types import LIVE_TIME_BASE

_BUSY_THREADS = 2
"""Threads of the loop that are busy all the time. On as many cores those of OpenCV only take from them: with one of these, a
frame of 720p took 41 ms of an EPYC's two cores, without it 35, and as many or more frames came out (three runs each)."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoopTuning:
    """Numbers of the loop and of its parts."""

    poll_s: float = 0.1  # time within which `stop` and new settings are noticed
    stuck_input_s: float = 6.0  # longer than inputs wait for their first frame; a silent input is reopened
    stuck_sink_s: float = 8.0  # a sink that holds one frame longer hangs
    max_renewals: int = 3  # of a sink that hangs: each may leave a thread behind
    watch_s: float = 0.5  # period of the watchdog
    absent_after_s: float = 0.5  # without a new frame for this long, the card is shown
    absent_period_s: float = 0.2  # and repeated this often
    worn_kept_s: float = 2.0  # a worn face that was just shown is kept this long while a live input is slow
    slow_frame_s: float = 5.0  # a frame that is tracked for longer is waited for no more; 40 faces on a busy core took 2 s
    no_input_wh: tuple[int, int] = (1280, 720)  # size of the card before the first input
    capture: CaptureTuning = field(default_factory=CaptureTuning)
    outlet: OutletTuning = field(default_factory=OutletTuning)
    inspection: InspectionTuning = field(default_factory=InspectionTuning)


DEFAULT_TUNING = LoopTuning()


class LiveLoop:
    """Takes an input, a snapshot and sinks, in any order and at any time; `stop` leaves no thread behind."""

    def __init__(
        self,
        make_tracking: MakeTracking,
        classifier: ContentClassifier,
        snapshot: Snapshot,
        listener: LoopListener = NOBODY,
        tuning: LoopTuning = DEFAULT_TUNING,
    ) -> None:
        self.meter = Meter()
        self._snapshot = snapshot
        self._enrolment: Enrolment | None = None
        self._trouble: Trouble | None = None
        self._is_covered = False
        self._make_tracking = make_tracking
        self._listener = listener
        self._tuning = tuning
        self._inspector = Inspector()
        self._content = LiveContent(classifier, self._inspector, tuning.inspection)
        self._mark = LiveMark(self._inspector, listener.fingerprint, tuning.inspection)
        self._captured: Mailbox[CapturedFrame] = Mailbox()
        self._tracked: Mailbox[ObservedFrame] = Mailbox()
        self._memory = StreamMemory(live=True)
        """Shared: the tracking thread keeps what is known of tracked faces, the swapping thread that of drawn ones."""
        self._outlets: dict[str, Outlet] = {}
        self._lock = threading.Lock()
        self._changing = threading.RLock()
        """Held while an input or microphone is exchanged, which may take seconds; frames continue meanwhile."""
        self._capture: Capture | None = None
        self._make_source: MakeSource | None = None
        self._patience = Patience(tuning.stuck_input_s)
        self._generation = 0
        self._pace = Pace()
        self._tracking_since_s: float | None = None
        self._sound: SoundPump | None = None
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=work, name=f"mien-{name}", daemon=True)
            for name, work in (("track", self._track), ("swap", self._swap), ("watch", self._watch))
        ]

    def start(self) -> None:
        """Start the threads."""
        keep_opencv_to_callers(_BUSY_THREADS)
        self._inspector.start()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End everything: first the input, then the sinks, which finish what they hold."""
        self.set_input(None)
        self.set_sound(None)
        self._stopping.set()
        self._captured.close()
        self._tracked.close()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()
        if not self._inspector.stop():
            _log.warning("the content check did not stop in time; abandoning it")
        with self._lock:
            outlets, self._outlets = self._outlets, {}
        for outlet in outlets.values():
            outlet.stop()

    @property
    def snapshot(self) -> Snapshot:
        """Return the settings and the persona of the next frame."""
        return self._snapshot

    def wear(self, snapshot: Snapshot) -> None:
        """Use these settings and this persona from the next frame on."""
        self._snapshot = snapshot

    @property
    def is_covered(self) -> bool:
        """Return True while every frame is veiled on request."""
        return self._is_covered

    def cover(self, on: bool) -> None:
        """Veil every frame from the next one on, whatever the settings say; take that back with `on` False."""
        self._is_covered = on

    def enrol(self, enrolment: Enrolment) -> None:
        """Show the coming frames to an enrolment until it ends; the one before is cancelled."""
        before, self._enrolment = self._enrolment, enrolment
        if before is not None:
            before.cancel()

    @property
    def trouble(self) -> Trouble | None:
        """Return why faces are veiled since a network failed; None when it did not."""
        return self._trouble

    @property
    def mark_id(self) -> int:
        """Return the number of the mark that frames carry now."""
        return self._mark.mark_id

    @property
    def content_status(self) -> ContentStatus:
        """Return the status of the content check."""
        return self._content.status

    @property
    def input_status(self) -> InputStatus:
        """Return the status of the input."""
        capture = self._capture
        return InputStatus("closed") if capture is None else capture.status

    def set_input(self, make_source: MakeSource | None) -> None:
        """Replace the input, or close it; the picture is closed until the new one is known."""
        with self._changing:
            before, self._capture = self._capture, None
            self._make_source = make_source
            if before is not None and not before.stop():
                _log.warning("the input did not stop in time; abandoning it")
            self._generation += 1
            if make_source is not None:
                self._open_input(make_source)
        self._listener.changed()

    def _open_input(self, make_source: MakeSource) -> None:
        self._capture = Capture(
            make_source, self._captured, self._generation, self.meter, self._listener.changed, self._tuning.capture
        )
        self._capture.start()

    def set_sound(self, make_source: MakeSound | None) -> None:
        """Replace the microphone, or close it."""
        with self._changing:
            before, self._sound = self._sound, None
            if before is not None:
                before.stop()
            if make_source is not None:
                self._sound = SoundPump(make_source, self._outlet_list, self._listener.changed)
                self._sound.start()
        self._listener.changed()

    @property
    def sound_status(self) -> InputStatus:
        """Return the status of the microphone."""
        sound = self._sound
        return InputStatus("closed") if sound is None else sound.status

    def add_sink(self, name: str, make_sink: MakeSink, *, reopens: bool = False, takes_cards: bool = False) -> None:
        """Feed one more sink; with `reopens` it is opened again, with growing pauses, after each failure.

        It starts with the first picture of an input; with `takes_cards`, also with the card that stands in for one.
        """
        tuning, changed = self._tuning.outlet, self._listener.changed
        outlet = Outlet(make_sink, self.meter, changed, name=name, reopens=reopens, takes_cards=takes_cards, tuning=tuning)
        with self._lock:
            if name in self._outlets:
                raise ValueError(f"there is already an output {name!r}")
            self._outlets[name] = outlet
        outlet.start()
        self._listener.changed()

    def remove_sink(self, name: str) -> OutletStatus | None:
        """Finish a sink and return its last status; None when there is no such sink."""
        with self._lock:
            outlet = self._outlets.pop(name, None)
        if outlet is None:
            return None
        if not outlet.stop():
            _log.warning("the output %s did not stop in time; abandoning it", name)
        self._listener.changed()
        return outlet.status

    def sink_statuses(self) -> dict[str, OutletStatus]:
        """Return the status of each sink, by name."""
        with self._lock:
            return {name: outlet.status for name, outlet in self._outlets.items()}

    def _outlet_list(self) -> list[Outlet]:
        with self._lock:
            return list(self._outlets.values())

    def _track(self) -> None:
        tracker = FrameTracker(self._make_tracking, self.snapshot.settings, self._generation)
        observer = FrameObserver(self._memory)
        while not self._stopping.is_set():
            # A frame that is tracked and never swapped takes time from the swap, and one that waits for the swap is old.
            if not self._tracked.wait_until_empty(self._tuning.poll_s) or self._stopping.wait(self._pace.spare_s):
                continue
            captured = self._captured.take(self._tuning.poll_s)
            if captured is None or captured.generation != self._generation:
                continue
            start, self._tracking_since_s = time.perf_counter(), time.monotonic()
            try:
                observed = self._observed(tracker, observer, captured)
            except Exception as error:  # noqa: BLE001 - thread border: a failed frame is hidden, the next one is tried
                _log.warning("tracking failed, the picture is veiled: %r", error)
                tracker.renew()
                continue
            finally:
                self._tracking_since_s = None
            self._pace.tracked(time.perf_counter() - start)
            self.meter.stage("track", time.perf_counter() - start)
            self._tracked.put(observed)
            self.meter.dropped("track", self._tracked.dropped)

    def _observed(self, tracker: FrameTracker, observer: FrameObserver, captured: CapturedFrame) -> ObservedFrame:
        snapshot, listener = self.snapshot, self._listener
        tracked = tracker.track(
            captured.frame, snapshot.settings, captured.generation,
            wants_before=listener.wants_before, wants_classes=listener.wants_classes,
        )  # fmt: skip
        return observer.observe(tracked, snapshot)

    def _swap(self) -> None:
        swapper = FrameSwapper(self._content, self._mark, self._memory)
        try:
            self._swap_with(swapper)
        finally:
            swapper.close()

    def _swap_with(self, swapper: FrameSwapper) -> None:
        tuning = self._tuning
        size_wh, last_s, absent_s = tuning.no_input_wh, time.monotonic(), 0.0
        last_pts, worn_in = 0, -1
        while not self._stopping.is_set():
            observed = self._tracked.take(self._tuning.poll_s)
            if observed is not None and not self._may_leave(observed):
                observed = None
            now_s = time.monotonic()
            if observed is not None:
                frame = observed.tracked.frame
                size_wh, last_s = (frame.image.shape[1], frame.image.shape[0]), now_s
                is_overtaken = self._pace.is_old(now_s - frame.time_s) and not self._captured.is_empty
                if frame.pts <= last_pts or is_overtaken:
                    continue
                last_pts = frame.pts
                start, content, trouble = time.perf_counter(), self._content.status, swapper.trouble
                shown = self._swapped(swapper, observed)
                self._pace.swapped(time.perf_counter() - start)
                self.meter.stage("swap", time.perf_counter() - start)
                self._trouble, last_s = swapper.trouble, time.monotonic()
                worn_in = observed.tracked.generation if shown.what == "swapped" else -1
                if self._content.status is not content or self._trouble != trouble:
                    self._listener.changed()
                if not self._may_leave(observed):
                    continue
            elif self._is_slow(now_s):
                # A card would be newer than the frame that is tracked, and take its place again and again.
                continue
            elif now_s - last_s < tuning.worn_kept_s and self._keeps_worn(worn_in, self.snapshot):
                # Sinks keep the last frame, which is worn and labelled: a slow machine does not flicker to the card.
                continue
            elif now_s - last_s > tuning.absent_after_s and now_s - absent_s > tuning.absent_period_s:
                absent_s, last_pts = now_s, round(now_s / LIVE_TIME_BASE)
                shown = swapper.absent(*size_wh, last_pts, self.snapshot)
            else:
                continue
            self._send(shown)

    def _may_leave(self, observed: ObservedFrame) -> bool:
        """Return False for a frame that counts as none: its input is gone, or its picture cannot carry the mark."""
        tracked = observed.tracked
        return tracked.generation == self._generation and min(tracked.frame.image.shape[:2]) >= MARK_MIN_SIDE_PIXELS

    def _is_slow(self, now_s: float) -> bool:
        """Return True while a frame is being tracked, and not for too long."""
        since_s = self._tracking_since_s
        return since_s is not None and now_s - since_s < self._tuning.slow_frame_s

    def _keeps_worn(self, worn_in: int, snapshot: Snapshot) -> bool:
        """Return True while the last frame, worn in that generation of the input, may stand for the next one."""
        is_same = worn_in == self._generation and snapshot.cast is not None and not self._is_covered
        return is_same and self.input_status.state == "live"

    def _swapped(self, swapper: FrameSwapper, observed: ObservedFrame) -> Shown:
        observed = observed.held_to(self.snapshot)
        tracked, snapshot = observed.tracked, observed.snapshot
        try:
            if self._is_covered:
                return swapper.closed(tracked.frame, snapshot, "asked")
            if (enrolment := self._enrolment) is not None and not enrolment.ended:
                enrolment.see(tracked.frame, tracked.faces)
            return swapper.swap(observed)
        except Exception as error:  # noqa: BLE001 - thread border: the picture is hidden and the loop goes on
            _log.warning("a frame could not be made and is veiled: %r", error)
            swapper.reset()
            return swapper.closed(tracked.frame, snapshot, "failed")

    def _send(self, shown: Shown) -> None:
        self.meter.finished(time.monotonic(), shown.what, crowded=shown.crowded, why=shown.why)
        self._listener.shown(shown)
        for outlet in self._outlet_list():
            outlet.offer(shown.labelled, is_card=shown.what == "none")

    def _watch(self) -> None:
        while not self._stopping.wait(self._tuning.watch_s):
            self._patience.look()
            self._restart_stuck_input()
            self._restart_stuck_sinks()

    def _restart_stuck_sinks(self) -> None:
        awake, longest_s = self._patience.awake, self._tuning.stuck_sink_s
        with self._lock:
            stuck = [(name, outlet) for name, outlet in self._outlets.items() if awake(outlet.busy_s) > longest_s]
        for name, outlet in stuck:
            if outlet.finished:
                continue
            fresh = outlet.renewed() if outlet.renewals < self._tuning.max_renewals else None
            with self._lock:
                # Before the old one reports its end, so that nobody takes that for the end of the output.
                if fresh is not None and self._outlets.get(name) is outlet:
                    self._outlets[name] = fresh
                else:
                    fresh = None
            outlet.give_up("the output does not take frames any more", "check it and start it again")
            if fresh is not None:
                _log.warning("the output %s hangs; reopening it", name)
                fresh.start()

    def _restart_stuck_input(self) -> None:
        with self._changing:
            capture, make_source = self._capture, self._make_source
            if capture is None or make_source is None or not self._patience.is_over(capture.silent_s, capture.status.state):
                return
            _log.warning("the input has been silent for %.0f s; reopening it", capture.silent_s)
            capture.stop()
            self._generation += 1
            self._open_input(make_source)
        self._listener.changed()
