"""Outlet: feeds one sink in a thread; an error of the sink stays there."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from mien.contracts import FrameSink, SoundSink
from mien.errors import MienError, UsageError
from mien.live.mailbox import Mailbox
from mien.live.meter import Meter
from mien.live.status import Status
from mien.types import LabelledFrame, Sound

_log = logging.getLogger(__name__)

MakeSink = Callable[[int, int], FrameSink]
"""Makes a sink for frames of this width and height."""


OutletStage = Literal["opening", "live", "retrying", "failed", "closed"]


@dataclass(frozen=True, slots=True)
class OutletStatus(Status[OutletStage]):
    """Status of a sink, the frames it has taken and the seconds since the first."""

    frames: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class OutletTuning:
    """Numbers of an outlet. The pause before a sink is reopened is doubled after each failure up to the longest."""

    poll_s: float = 0.2  # time within which `stop` is noticed
    first_pause_s: float = 1.0
    longest_pause_s: float = 30.0
    settled_frames: int = 100  # a sink that took more starts with the first pause again
    max_sounds: int = 200  # stretches that wait for a slow sink; the oldest goes


DEFAULT_TUNING = OutletTuning()


class Outlet:
    """One sink, opened when the first frame comes; with `reopens` it is opened again after each failure.

    A card that stands in for a picture does not count as first frame, because the pictures may differ in size, unless it
    `takes_cards`.
    """

    def __init__(
        self,
        make_sink: MakeSink,
        meter: Meter,
        changed: Callable[[], None],
        *,
        name: str,
        reopens: bool,
        takes_cards: bool = False,
        tuning: OutletTuning = DEFAULT_TUNING,
    ) -> None:
        self._tuning = tuning
        self._takes_cards = takes_cards
        self._make_sink = make_sink
        self._meter = meter
        self._changed = changed
        self._reopens = reopens
        self._name = name
        self.renewals = 0
        """Number of times that the sink was replaced because it hung."""
        self._box: Mailbox[tuple[LabelledFrame, bool]] = Mailbox()
        self._sound: deque[Sound] = deque(maxlen=tuning.max_sounds)
        self._status: Status[OutletStage] = Status("opening")
        self._frames = 0
        self._started_s: float | None = None
        self._busy_since_s: float | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"mien-{name}", daemon=True)

    @property
    def status(self) -> OutletStatus:
        """Return the status of the moment."""
        status, seconds = self._status, 0.0 if self._started_s is None else time.monotonic() - self._started_s
        return OutletStatus(status.state, status.message, status.remedy, frames=self._frames, seconds=seconds)

    @property
    def busy_s(self) -> float:
        """Return the seconds that the sink has been busy with one frame."""
        since = self._busy_since_s
        return 0.0 if since is None else time.monotonic() - since

    @property
    def finished(self) -> bool:
        """Return True when the sink takes no more frames."""
        return self._status.state in {"failed", "closed"}

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def offer(self, labelled: LabelledFrame, is_card: bool = False) -> None:
        """Offer a frame without blocking; a slow sink gets the newest frame when it is ready."""
        self._box.put((labelled, is_card))

    def offer_sound(self, sound: Sound) -> None:
        """Offer a stretch of sound without blocking."""
        self._sound.append(sound)

    def stop(self, timeout_s: float = 5.0) -> bool:
        """Finish the sink and end the thread; return False when the sink still holds it."""
        self._stopping.set()
        self._box.close()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        pause_s = self._tuning.first_pause_s
        while not self._stopping.is_set():
            before = self._frames
            try:
                self._feed()
            except UsageError as error:
                # An invalid request stays invalid: no retry.
                self._report("failed", str(error), error.remedy)
                break
            except MienError as error:
                self._failed(str(error), error.remedy)
            except Exception as error:  # noqa: BLE001 - thread border: a sink must not end the others
                _log.warning("the output %s failed: %r", self._name, error)
                self._failed(f"the output failed: {error}", "start it again")
            if self._stopping.is_set() or not self._reopens:
                break
            if self._frames - before > self._tuning.settled_frames:
                pause_s = self._tuning.first_pause_s
            self._stopping.wait(pause_s)
            pause_s = min(2 * pause_s, self._tuning.longest_pause_s)
        if self._status.state != "failed":
            self._report("closed")

    def _feed(self) -> None:
        first = None
        while first is None or (first[1] and not self._takes_cards):
            if self._stopping.is_set():
                return
            first = self._box.take(self._tuning.poll_s)
        height, width = first[0].frame.image.shape[:2]
        self._busy_since_s = time.monotonic()
        try:
            with self._make_sink(width, height) as sink:
                self._sound.clear()
                self._started_s = self._started_s or time.monotonic()
                self._write(sink, *first)
                self._report("live")
                while not self._stopping.is_set():
                    taken = self._box.take(self._tuning.poll_s)
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
        self._report("retrying" if self._reopens and not self._stopping.is_set() else "failed", message, remedy)

    def _report(self, state: OutletStage, message: str = "", remedy: str = "") -> None:
        self._status = Status(state, message, remedy)
        self._changed()

    def renewed(self) -> "Outlet":
        """Return the same outlet once more, not yet started, to take the place of this one."""
        fresh = Outlet(
            self._make_sink,
            self._meter,
            self._changed,
            name=self._name,
            reopens=self._reopens,
            takes_cards=self._takes_cards,
            tuning=self._tuning,
        )
        fresh.renewals = self.renewals + 1
        return fresh

    def give_up(self, message: str, remedy: str) -> None:
        """Abandon a sink that hangs: it gets no more frames and ends when its write returns."""
        self._stopping.set()
        self._box.close()
        self._report("failed", message, remedy)
