"""Opened models: one session of each, shared by all who use it, on the fastest device that works."""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from mien.contracts import Session
from mien.errors import DeviceUnavailable
from mien.models import halving, runtime
from mien.models.device import Device
from mien.models.probe import MODEL, Choice, Probe, try_device
from mien.models.runtime import OnnxSession
from mien.models.store import ModelEntry, Store

_log = logging.getLogger(__name__)
CACHE = "cache"
"""The folder beside the installed models where devices keep what they build; it may be deleted at any time."""
TRIALS = "precision.json"
"""The file in it that says which models may reckon in half precision."""


class Shelf:
    """Opens a model at its first use and keeps it; safe to use from several threads.

    `device` and `precision` are as in the settings; a device is tried when the first model is opened. Opening runs the model a
    few times and may take minutes on a device that builds a program of its own out of it, so it is no work for a live loop.
    """

    def __init__(
        self,
        store: Store,
        device: str = "auto",
        precision: str = "auto",
        *,
        probe: Probe | None = None,
        providers: list[str] | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._store = store
        self._precision = precision
        self._clock = clock
        self._choice = Choice(
            device,
            probe or (lambda each: try_device(each, store.path(MODEL))),
            _log.warning,
            runtime.available_providers() if providers is None else providers,
        )
        self._lock = threading.Lock()
        self._sessions: dict[str, OnnxSession] = {}

    @property
    def store(self) -> Store:
        return self._store

    def session(self, entry: ModelEntry) -> Session:
        """The session of a model, opened again if it has been closed; raises a `ModelError`."""
        with self._lock:
            session = self._sessions.get(entry.id)
            if session is None or session.closed:
                self._sessions[entry.id] = self._open(entry, self._store.read(entry.id))
            return self._sessions[entry.id]

    def _open(self, entry: ModelEntry, content: bytes) -> OnnxSession:
        refused: DeviceUnavailable | None = None
        for device in self._choice.working():
            try:
                return self._open_on(device, entry, content)
            except DeviceUnavailable as error:
                refused = error
                if self._choice.name == "auto":
                    _log.warning("%s; the next device is taken", error)
        assert refused is not None, "without a working device `working` raises"
        raise refused

    def _open_on(self, device: Device, entry: ModelEntry, content: bytes) -> OnnxSession:
        key = f"{entry.id} {entry.sha256[:16]}:{device.title}:onnxruntime {runtime.version()}"

        def open_session(half: bool) -> OnnxSession:
            kept = self._cache(device, entry, half)
            return OnnxSession(
                entry.id,
                content,
                threads=runtime.threads(),
                device=device,
                half=half,
                cache=kept,
                warm=True,
                remedy=f"`mien models verify {entry.id}`, or import the file again",
            )

        if not device.halves:
            if self._precision == "half":
                _log.warning("%s runs in its own precision: %s has no half of its own", entry.id, device.title)
            return open_session(False)
        if self._precision != "auto":
            return open_session(self._precision == "half")
        memory = halving.Memory(self._store.folder / CACHE / TRIALS)
        known = memory.get(key)
        if known is not None:
            return open_session(known.half)
        session, trial = halving.best(open_session, self._clock)
        _log.info("%s on %s, %s", entry.id, device.title, trial.words())
        memory.put(key, trial)
        return session

    def _cache(self, device: Device, entry: ModelEntry, half: bool) -> Path | None:
        """An existing folder for what the device builds of this very file; None when there can be none."""
        if device.name not in _BUILDERS:
            return None
        name = f"{(entry.sha256 or entry.id)[:16]}-{device.name}-{'half' if half else 'single'}-{runtime.version()}"
        folder = self._store.folder / CACHE / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            _log.warning("%s is built anew at each start: no folder %s (%s)", entry.id, folder, error.strerror)
            return None
        return folder


_BUILDERS = {"tensorrt", "migraphx", "coreml", "openvino"}
"""Devices that can keep what they build."""
