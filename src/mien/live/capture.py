"""Capture: reads one input in a thread and reopens it whenever it is lost."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from mien.contracts import LiveSource
from mien.errors import MienError
from mien.live.mailbox import Mailbox
from mien.live.meter import Meter
from mien.live.status import Status
from mien.types import Frame

_log = logging.getLogger(__name__)

MakeSource = Callable[[], LiveSource]
InputStage = Literal["closed", "opening", "live", "lost"]


@dataclass(frozen=True, slots=True)
class InputStatus(Status[InputStage]):
    """Status of an input, and its size while it is live. A lost input is reopened."""

    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True)
class CaptureTuning:
    """Pauses before a lost input is reopened: the first, doubled after each failure up to the longest."""

    first_pause_s: float = 0.5
    longest_pause_s: float = 4.0
    settled_s: float = 8.0  # an input that lasted longer starts with the first pause again


DEFAULT_TUNING = CaptureTuning()


@dataclass(frozen=True, slots=True)
class CapturedFrame:
    """A frame, and the number of the input that it comes from."""

    frame: Frame
    generation: int


class Capture:
    """One input, with its number `generation`.

    After `stop` nothing of it reaches the mailbox any more, even if its device hangs for ever.
    """

    def __init__(
        self,
        make_source: MakeSource,
        frames: Mailbox[CapturedFrame],
        generation: int,
        meter: Meter,
        changed: Callable[[], None],
        tuning: CaptureTuning = DEFAULT_TUNING,
    ) -> None:
        self._tuning = tuning
        self._make_source = make_source
        self._frames = frames
        self._generation = generation
        self._meter = meter
        self._changed = changed
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._source: LiveSource | None = None
        self._status = InputStatus("opening")
        self._last_sign_s = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="mien-capture", daemon=True)

    @property
    def status(self) -> InputStatus:
        """Return the status of the moment."""
        return self._status

    @property
    def silent_s(self) -> float:
        """Return the seconds since the device last gave a frame or failed."""
        return time.monotonic() - self._last_sign_s

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, timeout_s: float = 2.0) -> bool:
        """End the thread; return False when the device still holds it: it is abandoned and ends when the device returns."""
        with self._lock:
            self._stopping.set()
            source = self._source
        if source is not None:
            source.stop()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        pause_s = self._tuning.first_pause_s
        while not self._stopping.is_set():
            started_s = time.monotonic()
            try:
                self._read_all()
                self._report(InputStatus("lost", "the input has ended", "it is opened again"))
            except MienError as error:
                self._report(InputStatus("lost", str(error), error.remedy, error.code))
            except Exception as error:  # noqa: BLE001 - thread border: a device must not end the loop
                _log.warning("the input failed: %r", error)
                self._report(InputStatus("lost", f"the input failed: {error}", "it is opened again"))
            if time.monotonic() - started_s > self._tuning.settled_s:
                pause_s = self._tuning.first_pause_s
            self._last_sign_s = time.monotonic() + pause_s
            self._stopping.wait(pause_s)
            pause_s = min(2 * pause_s, self._tuning.longest_pause_s)

    def _read_all(self) -> None:
        self._report(InputStatus("opening"))
        source = self._make_source()
        with self._lock:
            if self._stopping.is_set():
                return
            self._source = source
        try:
            with source:
                info = source.info
                while (frame := source.read()) is not None:
                    self._last_sign_s = time.monotonic()
                    if not self._deliver(frame):
                        return
                    if self._status.state != "live":
                        self._report(InputStatus("live", width=info.width, height=info.height))
        finally:
            with self._lock:
                self._source = None

    def _deliver(self, frame: Frame) -> bool:
        # Under the lock, so that nothing is delivered after `stop` has returned.
        with self._lock:
            if self._stopping.is_set():
                return False
            self._frames.put(CapturedFrame(frame, self._generation))
        self._meter.captured(time.monotonic())
        self._meter.dropped("capture", self._frames.dropped)
        return True

    def _report(self, status: InputStatus) -> None:
        if self._stopping.is_set():
            return
        self._last_sign_s = time.monotonic()
        self._status = status
        self._changed()
