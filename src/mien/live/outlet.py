"""Feeds one sink in a thread of its own; whatever happens to it stays there."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from mien.contracts import FrameSink, SoundSink
from mien.errors import MienError, UsageError
from mien.live.mailbox import Mailbox
from mien.live.meter import Meter
from mien.types import LabelledFrame, Sound

_POLL_S = 0.2
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 30.0
_SOUND_KEPT = 200
_log = logging.getLogger(__name__)

MakeSink = Callable[[int, int], FrameSink]
"""Makes a sink for frames of this width and height."""


@dataclass(frozen=True, slots=True)
class OutletState:
    """What the sink is doing: opening, live, retrying, failed or closed."""

    state: str
    message: str = ""
    remedy: str = ""
    frames: int = 0
    seconds: float = 0.0


class Outlet:
    """One sink. It is made when the first frame comes; with `again` it is made anew after each failure.

    A card that stands in for a picture is no first frame, because it has not the size of what comes, unless it `takes_cards`.
    """

    def __init__(
        self,
        make_sink: MakeSink,
        meter: Meter,
        changed: Callable[[], None],
        *,
        name: str,
        again: bool,
        takes_cards: bool = False,
    ) -> None:
        self._takes_cards = takes_cards
        self._make_sink = make_sink
        self._meter = meter
        self._changed = changed
        self._again = again
        self._name = name
        self.renewals = 0
        """How often the sink was made anew because it hung."""
        self._box: Mailbox[tuple[LabelledFrame, bool]] = Mailbox()
        self._sound: deque[Sound] = deque(maxlen=_SOUND_KEPT)
        self._state, self._message, self._remedy = "opening", "", ""
        self._frames = 0
        self._started_s: float | None = None
        self._busy_since_s: float | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"mien-{name}", daemon=True)

    @property
    def state(self) -> OutletState:
        seconds = 0.0 if self._started_s is None else time.monotonic() - self._started_s
        return OutletState(self._state, self._message, self._remedy, self._frames, seconds)

    @property
    def busy_s(self) -> float:
        """How long the sink has been busy with one frame."""
        since = self._busy_since_s
        return 0.0 if since is None else time.monotonic() - since

    @property
    def finished(self) -> bool:
        return self._state in {"failed", "closed"}

    def start(self) -> None:
        self._thread.start()

    def offer(self, labelled: LabelledFrame, is_card: bool = False) -> None:
        """Never blocks; a slow sink gets the newest frame when it is ready."""
        self._box.put((labelled, is_card))

    def offer_sound(self, sound: Sound) -> None:
        self._sound.append(sound)

    def stop(self, timeout_s: float = 5.0) -> bool:
        """Finish the sink and end the thread; False when the sink holds it still."""
        self._stopping.set()
        self._box.close()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while not self._stopping.is_set():
            before = self._frames
            try:
                self._feed()
            except UsageError as error:
                # What makes no sense does not make more of it the next time.
                self._say("failed", str(error), error.remedy)
                break
            except MienError as error:
                self._failed(str(error), error.remedy)
            except Exception as error:  # noqa: BLE001 - thread border: a sink must not end the others
                _log.warning("the output %s failed: %r", self._name, error)
                self._failed(f"the output failed: {error}", "start it again")
            if self._stopping.is_set() or not self._again:
                break
            if self._frames - before > 100:
                pause_s = _FIRST_PAUSE_S
            self._stopping.wait(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        if self._state != "failed":
            self._say("closed")

    def _feed(self) -> None:
        first = None
        while first is None or (first[1] and not self._takes_cards):
            if self._stopping.is_set():
                return
            first = self._box.take(_POLL_S)
        height, width = first[0].frame.image.shape[:2]
        self._busy_since_s = time.monotonic()
        try:
            with self._make_sink(width, height) as sink:
                self._sound.clear()
                self._started_s = self._started_s or time.monotonic()
                self._write(sink, *first)
                self._say("live")
                while not self._stopping.is_set():
                    taken = self._box.take(_POLL_S)
                    if taken is not None:
                        self._write(sink, *taken)
                self._busy_since_s = time.monotonic()
        finally:
            self._busy_since_s = None

    def _write(self, sink: FrameSink, labelled: LabelledFrame, is_card: bool) -> None:
        self._busy_since_s = time.monotonic()
        if isinstance(sink, SoundSink):
            while self._sound:
                sink.write_sound(self._sound.popleft())
        sink.write(labelled)
        now_s = time.monotonic()
        self._busy_since_s = None
        self._frames += 1
        if not is_card:
            self._meter.delivered(now_s - labelled.frame.time_s)
        self._meter.dropped(self._name, self._box.dropped)

    def _failed(self, message: str, remedy: str) -> None:
        self._say("retrying" if self._again and not self._stopping.is_set() else "failed", message, remedy)

    def _say(self, state: str, message: str = "", remedy: str = "") -> None:
        self._state, self._message, self._remedy = state, message, remedy
        self._changed()

    def renewed(self) -> "Outlet":
        """The same once more, not yet started, to take the place of this one."""
        fresh = Outlet(
            self._make_sink,
            self._meter,
            self._changed,
            name=self._name,
            again=self._again,
            takes_cards=self._takes_cards,
        )
        fresh.renewals = self.renewals + 1
        return fresh

    def give_up(self, message: str, remedy: str) -> None:
        """Cut off a sink that hangs: it gets no more frames and ends when it is let go."""
        self._stopping.set()
        self._box.close()
        self._say("failed", message, remedy)
