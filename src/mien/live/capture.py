"""Reads one input in a thread of its own, and opens it again whenever it goes away."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from mien.contracts import FrameSource
from mien.errors import MienError
from mien.live.mailbox import Mailbox
from mien.live.meter import Meter
from mien.types import Frame

_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 4.0
_log = logging.getLogger(__name__)

MakeSource = Callable[[], FrameSource]


@dataclass(frozen=True, slots=True)
class InputState:
    """What the input is doing: closed, opening, live, lost (is tried again) or failed (is not)."""

    state: str
    message: str = ""
    remedy: str = ""
    width: int = 0
    height: int = 0


class Capture:
    """One input. After `stop` nothing of it reaches the mailbox any more, even if its device hangs for ever."""

    def __init__(self, make_source: MakeSource, frames: Mailbox[Frame], meter: Meter, changed: Callable[[], None]) -> None:
        self._make_source = make_source
        self._frames = frames
        self._meter = meter
        self._changed = changed
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._source: FrameSource | None = None
        self._state = InputState("opening")
        self._last_sign_s = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="mien-capture", daemon=True)

    @property
    def state(self) -> InputState:
        return self._state

    @property
    def silent_s(self) -> float:
        """How long the device has neither given a frame nor failed."""
        return time.monotonic() - self._last_sign_s

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float = 2.0) -> bool:
        """End the thread; False when the device holds it still: it is left behind, cut off, and ends when it is let go."""
        with self._lock:
            self._stopping.set()
            source = self._source
        interrupt(source)
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while not self._stopping.is_set():
            started_s = time.monotonic()
            try:
                self._read_all()
                self._say(InputState("lost", "the input has ended", "it is opened again"))
            except MienError as error:
                self._say(InputState("lost", str(error), error.remedy))
            except Exception as error:  # noqa: BLE001 - thread border: a device must not end the loop
                _log.warning("the input failed: %r", error)
                self._say(InputState("lost", f"the input failed: {error}", "it is opened again"))
            if time.monotonic() - started_s > 2 * _LONGEST_PAUSE_S:
                pause_s = _FIRST_PAUSE_S
            self._last_sign_s = time.monotonic() + pause_s
            self._stopping.wait(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _read_all(self) -> None:
        self._say(InputState("opening"))
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
                    if self._state.state != "live":
                        self._say(InputState("live", width=info.width, height=info.height))
        finally:
            with self._lock:
                self._source = None

    def _deliver(self, frame: Frame) -> bool:
        # Under the lock, so that nothing is delivered after `stop` has returned.
        with self._lock:
            if self._stopping.is_set():
                return False
            self._frames.put(frame)
        self._meter.captured(time.monotonic())
        self._meter.dropped("capture", self._frames.dropped)
        return True

    def _say(self, state: InputState) -> None:
        if self._stopping.is_set():
            return
        self._last_sign_s = time.monotonic()
        self._state = state
        self._changed()


def interrupt(source: object) -> None:
    """Ask a blocked source to return soon, when it knows how to."""
    stop = getattr(source, "stop", None)
    if callable(stop):
        stop()
