"""Cache of opened models: one shared session of each, on the fastest device that works."""

import logging
import threading
import time
from collections.abc import Callable, Container
from copy import copy
from pathlib import Path

from mien.contracts import Session
from mien.errors import DeviceUnavailable
from mien.models.library.store import CACHE, ModelEntry, Store, built_of
from mien.models.runtime import half_precision, onnx_session
from mien.models.runtime.devices import CPU, Device
from mien.models.runtime.example_face import example_picture
from mien.models.runtime.onnx_session import OnnxSession
from mien.models.runtime.probe import MODEL, Choice, Probe, try_device
from mien.system.processor import processor_digest

_log = logging.getLogger(__name__)
TRIALS = "precision.json"
"""File in the cache folder with the trials of half precision."""


class SessionCache:
    """Sessions that are opened at their first use; safe to use from several threads.

    `device` and `precision` are as in the settings; a device is tried when the first model is opened. Opening runs the model a
    few times and may take minutes on a device that compiles it, so it must not happen in a live loop.
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
        self._device = device
        self._precision = precision
        self._clock = clock
        self._probe = probe or (lambda each: try_device(each, store.path(MODEL)))
        self._providers = onnx_session.available_providers() if providers is None else providers
        self._shared = _Shared()

    def on(self, device: str, precision: str) -> "SessionCache":
        """Return the same cache for another device or precision: a session opened through one is there for the other."""
        if (device, precision) == (self._device, self._precision):
            return self
        other = copy(self)
        other._device, other._precision = device, precision
        return other

    def _choice(self) -> Choice:
        """Return the trial of the devices, one for each setting of `device`."""
        with self._shared.lock:
            if self._device not in self._shared.choices:
                self._shared.choices[self._device] = Choice(self._device, self._probe, _log.warning, self._providers)
            return self._shared.choices[self._device]

    @property
    def store(self) -> Store:
        """Store of the model files."""
        return self._store

    def session(self, entry: ModelEntry) -> Session:
        """Return the session of a model, opened again if it has been closed; raises a `ModelError`."""
        with self._shared.lock_of(entry.id):
            key = entry.id, self._device, self._precision
            session = self._shared.sessions.get(key)
            if session is None or session.closed:
                with self._store.verified(entry.id) as path:
                    session = self._open(entry, path)
                self._shared.sessions[key] = session
            return session

    def keep(self, model_ids: Container[str]) -> None:
        """Drop all other models; a session that is in use stays open until its users drop it, too."""
        with self._shared.lock:
            for key in [key for key in self._shared.sessions if key[0] not in model_ids]:
                del self._shared.sessions[key]

    def _open(self, entry: ModelEntry, path: Path) -> OnnxSession:
        refused: DeviceUnavailable | None = None
        for device in self._choice().working():
            try:
                return self._open_on(device, entry, path)
            except DeviceUnavailable as error:
                refused = error
                if self._device == "auto":
                    _log.warning("%s; trying the next device", error)
        assert refused is not None, "without a working device `working` raises"
        raise refused

    def _open_on(self, device: Device, entry: ModelEntry, path: Path) -> OnnxSession:
        key = f"{entry.id} {entry.sha256[:16]}:{device.title}:onnxruntime {onnx_session.version()}"

        def open_session(half: bool) -> OnnxSession:
            folder = self._build_folder(device, entry, half)
            return OnnxSession(
                entry.id,
                path,
                threads=onnx_session.threads(),
                device=device,
                half=half,
                cache=folder,
                warm=True,
                remedy=_reimport(entry),
            )

        if device is CPU and self._precision == "auto":
            return self._open_fastest(entry, path)
        if not device.halves:
            if self._precision == "half":
                _log.warning("%s runs in its own precision: %s cannot convert it to half", entry.id, device.title)
            return open_session(False)
        if self._precision != "auto":
            return open_session(self._precision == "half")
        trials = half_precision.TrialFile(self._store.folder / CACHE / TRIALS)
        known = trials.get(key)
        if known is not None:
            return open_session(known.half)
        session, trial = half_precision.best(open_session, example_picture(), self._clock)
        _log.info("%s on %s, %s", entry.id, device.title, trial.words())
        trials.put(key, trial)
        return session

    def _open_fastest(self, entry: ModelEntry, path: Path) -> OnnxSession:
        """Open a model on the processor, with its convolutions rewritten where a trial has found that faster and right."""
        # For imported models alone.
        from mien.models.runtime.convolution_trial import open_fastest

        def open_file(file: Path) -> OnnxSession:
            return OnnxSession(entry.id, file, threads=onnx_session.threads(), warm=True, remedy=_reimport(entry))

        name = f"{rewritten_of(entry)}{onnx_session.version()}-{onnx_session.threads()}-{processor_digest()}"
        folder = self._store.folder / CACHE / name
        return open_fastest(path, entry.id, folder, open_file, example_picture(), self._clock)

    def _build_folder(self, device: Device, entry: ModelEntry, half: bool) -> Path | None:
        """Return an existing folder for what the device builds out of this very file; None when there can be none."""
        if device.name not in _BUILDERS:
            return None
        name = f"{built_of(entry)}{device.name}-{'half' if half else 'single'}-{onnx_session.version()}"
        folder = self._store.folder / CACHE / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            _log.warning("%s is built again at each start: cannot make the folder %s (%s)", entry.id, folder, error.strerror)
            return None
        return folder


def rewritten_of(entry: ModelEntry) -> str:
    """Return the prefix of the folders in `CACHE` for the rewritten file of this model."""
    return f"{built_of(entry)}convolutions-"


def _reimport(entry: ModelEntry) -> str:
    return f"its file is unchanged: `mien models remove {entry.id}`, and import another one"


class _Shared:
    """State of all views of one cache; a model is opened by one thread at a time, without blocking those that are open."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.sessions: dict[tuple[str, str, str], OnnxSession] = {}
        self.choices: dict[str, Choice] = {}
        self._locks: dict[str, threading.Lock] = {}

    def lock_of(self, model_id: str) -> threading.Lock:
        """Return the lock of a model, held while it is looked up or opened."""
        with self.lock:
            return self._locks.setdefault(model_id, threading.Lock())


_BUILDERS = {"tensorrt", "migraphx", "coreml", "openvino"}
"""Devices that can store what they build."""
