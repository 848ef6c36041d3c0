"""Runs the parts side by side: capture, tracking, swapping, inspection, sinks and a watchdog, each in a thread of its own.

Between them lie one-slot mailboxes, so that a slow part costs frames, never delay. Tracking of the next frame overlaps
the swapping of this one. Frames leave in the order of their capture.
"""

import logging
import threading
import time
from collections.abc import Callable

from mien.contracts import ContentClassifier, SoundSource
from mien.errors import MienError
from mien.live.capture import Capture, InputState, MakeSource, interrupt
from mien.live.content import ContentState, LiveContent
from mien.live.frame_swapper import FaceChanger, Shown, TrackedFrame, Trouble
from mien.live.inspector import Inspector
from mien.live.mailbox import Mailbox
from mien.live.marking import LiveMark
from mien.live.meter import Meter
from mien.live.outlet import MakeSink, Outlet, OutletState
from mien.live.snapshot import Snapshot
from mien.provenance.mark.pattern import MARK_LEAST_SIDE
from mien.settings import Settings, table
from mien.swap.tracking.parts import TrackingParts
from mien.types import LIVE_TIME_BASE, Frame

_POLL_S = 0.1
_STUCK_INPUT_S = 6.0
_STUCK_SINK_S = 8.0
_MOST_RENEWALS = 3
"""A sink that hangs is cut off and made anew so often: each time a thread may be left behind."""
_WATCH_S = 0.5
_ABSENT_AFTER_S = 0.5
"""Without a new frame for so long, the card is shown."""
_ABSENT_EVERY_S = 0.2
_NO_INPUT_WH = 1280, 720
_log = logging.getLogger(__name__)

MakeTracking = Callable[[Settings], TrackingParts]


class LiveLoop:
    """Start it, give it an input, a snapshot and sinks, in any order and at any time; `stop` leaves no thread behind."""

    def __init__(
        self,
        make_tracking: MakeTracking,
        classifier: ContentClassifier,
        snapshot: Snapshot,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.meter = Meter()
        self.snapshot = snapshot
        self.trouble: Trouble | None = None
        """Why faces are covered since a network failed."""
        self.want_before = False
        """Whether anybody looks at the picture as it was."""
        self.on_shown: Callable[[Shown], None] = lambda shown: None
        """Called for every frame in the swapping thread; must not block."""
        self.on_fingerprint: Callable[[int], None] = lambda fingerprint: None
        """Called once a second with the fingerprint of what leaves, in the inspecting thread."""
        self._make_tracking = make_tracking
        self._changed = changed
        self._inspector = Inspector()
        self._content = LiveContent(classifier, self._inspector)
        self._mark = LiveMark(self._inspector, lambda fingerprint: self.on_fingerprint(fingerprint))
        self._captured: Mailbox[Frame] = Mailbox()
        self._tracked: Mailbox[TrackedFrame] = Mailbox()
        self._outlets: dict[str, Outlet] = {}
        self._lock = threading.Lock()
        self._changing = threading.RLock()
        """Held while an input or microphone is exchanged, which may take seconds; frames go on meanwhile."""
        self._capture: Capture | None = None
        self._make_source: MakeSource | None = None
        self._generation = 0
        self._sound: _SoundPump | None = None
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=work, name=f"mien-{name}", daemon=True)
            for name, work in (("track", self._track), ("swap", self._swap), ("watch", self._watch))
        ]

    def start(self) -> None:
        self._inspector.start()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End everything: first the input, then the sinks, which finish what they have."""
        self.set_input(None)
        self.set_sound(None)
        self._stopping.set()
        self._captured.close()
        self._tracked.close()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()
        if not self._inspector.stop():
            _log.warning("the content check does not let go; it is left behind")
        with self._lock:
            outlets, self._outlets = self._outlets, {}
        for outlet in outlets.values():
            outlet.stop()

    @property
    def mark_id(self) -> int:
        """The number of the mark that frames carry now."""
        return self._mark.mark_id

    @property
    def content_state(self) -> ContentState:
        return self._content.state

    @property
    def input_state(self) -> InputState:
        capture = self._capture
        return InputState("closed") if capture is None else capture.state

    def set_input(self, make_source: MakeSource | None) -> None:
        """Leave the input for another one; the picture is closed until the new one is known."""
        with self._changing:
            before, self._capture = self._capture, None
            self._make_source = make_source
            if before is not None and not before.stop():
                _log.warning("the input does not let go; it is left behind")
            self._generation += 1
            if make_source is not None:
                self._capture = Capture(make_source, self._captured, self.meter, self._changed)
                self._capture.start()
        self._changed()

    def set_sound(self, make_source: "Callable[[], SoundSource] | None") -> None:
        """Leave the microphone for another one."""
        with self._changing:
            before, self._sound = self._sound, None
            if before is not None:
                before.stop()
            if make_source is not None:
                self._sound = _SoundPump(make_source, self._outlet_list, self._changed)
                self._sound.start()
        self._changed()

    @property
    def sound_state(self) -> InputState:
        sound = self._sound
        return InputState("closed") if sound is None else sound.state

    def add_sink(self, name: str, make_sink: MakeSink, *, again: bool = False, takes_cards: bool = False) -> None:
        """Feed one more sink; with `again` it is opened anew, with growing pauses, after each failure.

        It begins with the first picture of an input, with `takes_cards` also with the card that stands in for one.
        """
        outlet = Outlet(make_sink, self.meter, self._changed, name=name, again=again, takes_cards=takes_cards)
        with self._lock:
            if name in self._outlets:
                raise ValueError(f"there is an output {name!r} already")
            self._outlets[name] = outlet
        outlet.start()
        self._changed()

    def remove_sink(self, name: str) -> OutletState | None:
        """Finish a sink; its last state, None when there is no such sink."""
        with self._lock:
            outlet = self._outlets.pop(name, None)
        if outlet is None:
            return None
        if not outlet.stop():
            _log.warning("the output %s does not let go; it is left behind", name)
        self._changed()
        return outlet.state

    def sink_states(self) -> dict[str, OutletState]:
        with self._lock:
            return {name: outlet.state for name, outlet in self._outlets.items()}

    def _outlet_list(self) -> list[Outlet]:
        with self._lock:
            return list(self._outlets.values())

    def _track(self) -> None:
        settings, generation = self.snapshot.settings, self._generation
        parts = self._make_tracking(settings)
        while not self._stopping.is_set():
            frame = self._captured.take(_POLL_S)
            if frame is None:
                continue
            if generation != self._generation:
                generation = self._generation
                parts.tracker.reset()
            if self.snapshot.settings is not settings:
                before, settings = settings, self.snapshot.settings
                if _tracks_otherwise(before, settings):
                    parts = self._made_tracking(settings, parts)
            start = time.perf_counter()
            try:
                tracked = self._tracked_frame(parts, frame)
            except Exception as error:  # noqa: BLE001 - thread border: a failed frame is hidden, the next one is tried
                _log.warning("tracking failed, the picture is hidden: %r", error)
                parts = self._made_tracking(settings, parts)
                continue
            self.meter.stage("track", time.perf_counter() - start)
            self._tracked.put(tracked)
            self.meter.dropped("track", self._tracked.dropped)

    def _made_tracking(self, settings: Settings, parts: TrackingParts) -> TrackingParts:
        """New parts; the ones at hand, as if nothing had been followed, when they cannot be made."""
        try:
            return self._make_tracking(settings)
        except MienError as error:
            _log.warning("the detector stays as it was: %s", error)
            parts.tracker.reset()
            return parts

    def _tracked_frame(self, parts: TrackingParts, frame: Frame) -> TrackedFrame:
        faces = parts.tracker.update(frame)
        doubts = [*parts.detector.low_confidence(frame.image), *parts.tracker.tilted_finds]
        confirming = [*parts.detector.confirming(frame.image), *parts.tracker.readings]
        parts.detector.release_picture()
        parts.detector.note_tracked(faces, frame.image)
        before = frame.image.copy() if self.want_before else None
        return TrackedFrame(frame, faces, doubts, confirming, (self._generation << 32) + parts.tracker.scene, before)

    def _swap(self) -> None:
        changer = FaceChanger(self._content, self._mark)
        try:
            self._swap_with(changer)
        finally:
            changer.close()

    def _swap_with(self, changer: FaceChanger) -> None:
        size_wh, last_s, absent_s = _NO_INPUT_WH, time.monotonic(), 0.0
        last_pts = 0
        while not self._stopping.is_set():
            tracked = self._tracked.take(_POLL_S)
            if tracked is not None and min(tracked.frame.image.shape[:2]) < MARK_LEAST_SIDE:
                # A picture that cannot carry the mark cannot leave: it counts as none.
                tracked = None
            snapshot = self.snapshot
            now_s = time.monotonic()
            if tracked is not None:
                size_wh, last_s = (tracked.frame.image.shape[1], tracked.frame.image.shape[0]), now_s
                if tracked.frame.pts <= last_pts:
                    continue
                last_pts = tracked.frame.pts
                start, content, trouble = time.perf_counter(), self._content.state, changer.trouble
                shown = self._changed_face(changer, tracked, snapshot)
                self.meter.stage("swap", time.perf_counter() - start)
                self.trouble = changer.trouble
                if self._content.state is not content or self.trouble != trouble:
                    self._changed()
            elif now_s - last_s > _ABSENT_AFTER_S and now_s - absent_s > _ABSENT_EVERY_S:
                absent_s, last_pts = now_s, round(now_s / LIVE_TIME_BASE)
                shown = changer.absent(*size_wh, last_pts, snapshot)
            else:
                continue
            self._send(shown)

    def _changed_face(self, changer: FaceChanger, tracked: TrackedFrame, snapshot: Snapshot) -> Shown:
        try:
            return changer.change(tracked, snapshot)
        except Exception as error:  # noqa: BLE001 - thread border: the picture is hidden and the loop goes on
            _log.warning("a frame could not be made, it is hidden: %r", error)
            changer.reset()
            return changer.closed(tracked.frame, snapshot)

    def _send(self, shown: Shown) -> None:
        self.meter.finished(time.monotonic(), shown.what)
        self.on_shown(shown)
        for outlet in self._outlet_list():
            outlet.offer(shown.labelled, is_card=shown.what == "none")

    def _watch(self) -> None:
        while not self._stopping.wait(_WATCH_S):
            self._restart_stuck_input()
            self._restart_stuck_sinks()

    def _restart_stuck_sinks(self) -> None:
        with self._lock:
            stuck = [(name, outlet) for name, outlet in self._outlets.items() if outlet.busy_s > _STUCK_SINK_S]
        for name, outlet in stuck:
            if outlet.finished:
                continue
            outlet.give_up("the output takes no frames any more", "check it and start it again")
            if outlet.renewals >= _MOST_RENEWALS:
                continue
            _log.warning("the output %s hangs; it is opened again", name)
            fresh = outlet.renewed()
            with self._lock:
                if self._outlets.get(name) is not outlet:
                    continue
                self._outlets[name] = fresh
            fresh.start()

    def _restart_stuck_input(self) -> None:
        with self._changing:
            capture, make_source = self._capture, self._make_source
            if capture is None or make_source is None or capture.silent_s < _STUCK_INPUT_S:
                return
            _log.warning("the input has been silent for %.0f s; it is opened again", capture.silent_s)
            capture.stop()
            self._generation += 1
            self._capture = Capture(make_source, self._captured, self.meter, self._changed)
            self._capture.start()
        self._changed()


def _tracks_otherwise(before: Settings, after: Settings) -> bool:
    names = [row.name for row in table() if row.group == "tracking"]
    return any(getattr(before, name) != getattr(after, name) for name in names)


class _SoundPump:
    """Reads a microphone and offers what it hears to every sink."""

    def __init__(
        self, make_source: Callable[[], SoundSource], outlets: Callable[[], list[Outlet]], changed: Callable[[], None]
    ) -> None:
        self._make_source = make_source
        self._outlets = outlets
        self._changed = changed
        self._source: SoundSource | None = None
        self._stopping = threading.Event()
        self.state = InputState("opening")
        self._thread = threading.Thread(target=self._run, name="mien-sound", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        interrupt(self._source)
        self._thread.join(2.0)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with self._make_source() as source:
                    self._source = source
                    self._say(InputState("live"))
                    while not self._stopping.is_set() and (sound := source.read()) is not None:
                        for outlet in self._outlets():
                            outlet.offer_sound(sound)
            except MienError as error:
                self._say(InputState("lost", str(error), error.remedy))
            except Exception as error:  # noqa: BLE001 - thread border: sound must not end the picture
                _log.warning("the sound failed: %r", error)
                self._say(InputState("lost", f"the sound failed: {error}", "choose another device"))
            self._stopping.wait(2.0)

    def _say(self, state: InputState) -> None:
        if not self._stopping.is_set():
            self.state = state
            self._changed()
