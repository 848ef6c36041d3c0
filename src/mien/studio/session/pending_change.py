"""Opens models beside the live picture, which goes on with what it has until they are ready."""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mien.errors import MienError
from mien.settings import Value

_PATIENCE_S = 10.0
"""A device may take minutes to build a program out of a model."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DressingState:
    """`state` is ready, opening or failed; `wanted` are the settings that wait for it, `message` and `remedy` say what went
    wrong.
    """

    state: str = "ready"
    wanted: tuple[tuple[str, Value], ...] = ()
    message: str = ""
    remedy: str = ""


class Dressing:
    """One thread that makes changes of settings which take long; what is asked for meanwhile is made with the next round.

    `make` carries a change out, in this thread; a `MienError` that it raises becomes the state.
    """

    def __init__(self, make: Callable[[Mapping[str, Value]], None], changed: Callable[[], None]) -> None:
        self._make = make
        self._changed = changed
        self._wanted: dict[str, Value] = {}
        self._news = threading.Condition()
        self._stopping = False
        self.state = DressingState()
        self._thread = threading.Thread(target=self._run, name="mien-dressing", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Forget what waits; a change that is being made is waited for a little, then left to end by itself, unworn."""
        with self._news:
            self._stopping = True
            self._news.notify()
        self.forget()
        if self._thread.ident is not None:
            self._thread.join(_PATIENCE_S)
            if self._thread.is_alive():
                _log.warning("a model that is being opened does not let go; it is left behind")

    def want(self, values: Mapping[str, Value]) -> None:
        """Make this change, with those that wait, as soon as possible."""
        with self._news:
            self._wanted |= values
            self.state = DressingState("opening", tuple(self._wanted.items()))
            self._news.notify()
        self._changed()

    def forget(self) -> None:
        """The changes that wait are not wanted any more; `make` is not to carry out the one that it is at."""
        with self._news:
            self._wanted, self.state = {}, DressingState()

    def wants(self, values: Mapping[str, Value]) -> bool:
        """Whether just this change is still wanted."""
        return self._wanted == values

    def _run(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._stopping or self.state.state == "opening")
                if self._stopping:
                    return
                wanted = dict(self._wanted)
            said = self._said(wanted)
            with self._news:
                if self._wanted == wanted:
                    self._wanted, self.state = {}, said
            self._changed()

    def _said(self, wanted: Mapping[str, Value]) -> DressingState:
        try:
            self._make(wanted)
        except MienError as error:
            return DressingState("failed", (), str(error), error.remedy)
        except Exception as error:  # noqa: BLE001 - thread border: the session goes on with what it had
            _log.warning("a model could not be opened: %r", error)
            return DressingState("failed", (), f"the model could not be opened: {error}", "choose another one")
        return DressingState()
