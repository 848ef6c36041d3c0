"""Sound of the live picture, from the microphone to every sink."""

import logging
import threading
from collections.abc import Callable

from mien.contracts import SoundSource
from mien.errors import MienError
from mien.live.capture import InputStatus
from mien.live.outlet import Outlet

_REOPEN_PAUSE_S = 2.0  # chosen: a headset that is plugged in again is heard soon
_STOP_TIMEOUT_S = 2.0  # a device that hangs longer is abandoned
_log = logging.getLogger(__name__)

MakeSound = Callable[[], SoundSource]


class SoundPump:
    """Reads a microphone in a thread and offers the sound to every sink; reopens it when it is lost."""

    def __init__(self, make_source: MakeSound, outlets: Callable[[], list[Outlet]], changed: Callable[[], None]) -> None:
        self._make_source = make_source
        self._outlets = outlets
        self._changed = changed
        self._source: SoundSource | None = None
        self._stopping = threading.Event()
        self.status = InputStatus("opening")
        self._thread = threading.Thread(target=self._run, name="mien-sound", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; one that a device holds is abandoned."""
        self._stopping.set()
        if self._source is not None:
            self._source.stop()
        self._thread.join(_STOP_TIMEOUT_S)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with self._make_source() as source:
                    self._source = source
                    self._report(InputStatus("live"))
                    while not self._stopping.is_set() and (sound := source.read()) is not None:
                        for outlet in self._outlets():
                            outlet.offer_sound(sound)
            except MienError as error:
                self._report(InputStatus("lost", str(error), error.remedy))
            except Exception as error:  # noqa: BLE001 - thread border: sound must not end the picture
                _log.warning("the sound failed: %r", error)
                self._report(InputStatus("lost", f"the sound failed: {error}", "choose another device"))
            self._stopping.wait(_REOPEN_PAUSE_S)

    def _report(self, status: InputStatus) -> None:
        if not self._stopping.is_set():
            self.status = status
            self._changed()
