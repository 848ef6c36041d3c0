"""Opened models: one session of each, shared by all who use it."""

import threading

from mien.contracts import Session
from mien.models.runtime import OnnxSession
from mien.models.store import ModelEntry, Store


class Shelf:
    """Opens a model at its first use and keeps it; safe to use from several threads."""

    def __init__(self, store: Store, device: str = "auto", precision: str = "auto") -> None:
        self._store = store
        self._device = device
        self._precision = precision
        self._lock = threading.Lock()
        self._sessions: dict[str, Session] = {}

    @property
    def store(self) -> Store:
        return self._store

    def session(self, entry: ModelEntry) -> Session:
        """The session of a model; raises a `ModelError`."""
        with self._lock:
            if entry.id not in self._sessions:
                self._sessions[entry.id] = OnnxSession(entry.id, self._store.read(entry.id))
            return self._sessions[entry.id]
