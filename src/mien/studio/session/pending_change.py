"""Pending change: models are opened beside the live picture, which continues as it is until they are ready."""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from mien.errors import MienError
from mien.live.status import Status
from mien.settings import Value

_STOP_TIMEOUT_S = 10.0  # chosen: a device may take minutes to compile a model, and `close` must end
_log = logging.getLogger(__name__)


PendingStage = Literal["ready", "opening", "failed"]


@dataclass(frozen=True, slots=True)
class PendingStatus(Status[PendingStage]):
    """Status of the pending change; `wanted` are the settings that wait for it."""

    wanted: tuple[tuple[str, Value], ...] = ()


READY = PendingStatus("ready")


class PendingChange:
    """One thread for changes of settings that take long; requests that come meanwhile are made in the next round.

    `make` carries a change out, in this thread; a `MienError` that it raises becomes the status.
    """

    def __init__(self, make: Callable[[Mapping[str, Value]], None], changed: Callable[[], None]) -> None:
        self._make = make
        self._changed = changed
        self._wanted: dict[str, Value] = {}
        self._news = threading.Condition()
        self._stopping = False
        self.status = READY
        self._thread = threading.Thread(target=self._run, name="mien-change", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Drop the requests; a change that is being made is abandoned after 10 s and does not take effect."""
        with self._news:
            self._stopping = True
            self._news.notify()
        self.cancel()
        if self._thread.ident is not None:
            self._thread.join(_STOP_TIMEOUT_S)
            if self._thread.is_alive():
                _log.warning("opening a model did not end in time; abandoning it")

    def request(self, values: Mapping[str, Value]) -> None:
        """Make this change, with those that wait, as soon as possible."""
        with self._news:
            self._wanted |= values
            self.status = PendingStatus("opening", wanted=tuple(self._wanted.items()))
            self._news.notify()
        self._changed()

    def cancel(self) -> None:
        """Drop all requests; `make` must not let the change take effect that it is making."""
        with self._news:
            self._wanted, self.status = {}, READY

    def is_requested(self, values: Mapping[str, Value]) -> bool:
        """Return True when exactly this change is still requested."""
        return self._wanted == values

    def _run(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._stopping or self.status.state == "opening")
                if self._stopping:
                    return
                wanted = dict(self._wanted)
            status = self._made(wanted)
            with self._news:
                if self._wanted == wanted:
                    self._wanted, self.status = {}, status
            self._changed()

    def _made(self, wanted: Mapping[str, Value]) -> PendingStatus:
        try:
            self._make(wanted)
        except MienError as error:
            return PendingStatus("failed", str(error), error.remedy)
        except Exception as error:  # noqa: BLE001 - thread border: the session continues as it was
            _log.warning("a model could not be opened: %r", error)
            return PendingStatus("failed", f"the model could not be opened: {error}", "choose another one")
        return READY
