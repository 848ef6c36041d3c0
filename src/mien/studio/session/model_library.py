"""Models for the page: the installed ones with their licences, downloads one after the other, imports of files."""

import logging
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mien.errors import Cancelled, MienError, UsageError
from mien.models.library import https
from mien.models.library.download import MIRROR_VARIABLE, Progress, addresses, pull
from mien.models.library.importing import import_models, remove
from mien.models.library.inventory import list_models, missing_for
from mien.models.library.store import Store

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PullStatus:
    """A download: `doing` is pulling, checking, done, failed or stopped; bytes `done` of `total`, None = unknown."""

    id: str
    doing: str = "pulling"
    done: int = 0
    total: int | None = None
    message: str = ""
    remedy: str = ""
    code: str = ""


class ModelLibrary:
    """The library as a page sees it. Safe to use from several threads.

    A shared studio shows its models and changes none: its password must not open the disk of its machine.
    """

    def __init__(self, store: Store, changed: Callable[[], None], *, shared: bool, fetch: https.Fetch = https.open_url) -> None:
        self._store = store
        self._changed = changed
        self._shared = shared
        self._fetch = fetch
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._pulling: PullStatus | None = None

    def described(self) -> dict[str, Any]:
        """Return all models, installed or not, and the download. Raises a `MienError`."""
        rows = []
        for row in list_models(self._store):
            found = row.described()
            del found["path"]
            rows.append({**found, "missing": list(missing_for(row.entry, self._store))})
        return {"models": rows, "pulling": self._status(), "changes": not self._shared}

    def pull(self, model_id: str, *, accepted: bool) -> None:
        """Begin to download a model. Raises a `MienError`, also where its licence was not accepted."""
        self._check()
        entry, mirror = self._store.entry(model_id), os.environ.get(MIRROR_VARIABLE)
        if mirror:
            https.check_address(mirror)
        addresses(entry, mirror)
        if not accepted:
            raise UsageError(
                f"the licence of {entry.id} is not accepted", f"agree to it: {entry.licence}", key="licence-not-accepted",
                values={"name": entry.id},
            )  # fmt: skip

        def work() -> None:
            try:
                pull(entry, self._store, self._fetch, self._report, mirror)
                self._tell(replace(self._shown(), doing="done"))
            except Cancelled:
                self._tell(replace(self._shown(), doing="stopped"))
            except MienError as error:
                _log.warning("%s was not pulled: %s", entry.id, error)
                self._tell(replace(self._shown(), doing="failed", message=str(error), remedy=error.remedy, code=error.code))

        with self._lock:
            if self._thread is not None and self._thread.is_alive():
                raise UsageError("another model is being downloaded", "wait until it is here", key="pull-busy")
            self._stop.clear()
            self._pulling = PullStatus(entry.id, total=entry.bytes or None)
            self._thread = threading.Thread(target=work, name="mien-pull", daemon=True)
            self._thread.start()
        self._changed()

    def stop_pulling(self) -> None:
        """End the download; the part that has arrived stays for the next time."""
        self._stop.set()

    def take_in(self, paths: Sequence[Path], *, trust: bool) -> list[str]:
        """Import model files, or those anywhere in folders, and return their ids. Raises a `MienError`."""
        self._check()
        taken = import_models(paths, self._store, trust=trust)
        self._changed()
        return [each.entry.id for each in taken]

    def remove(self, model_id: str) -> None:
        """Delete an installed model. Raises a `MienError`."""
        self._check()
        remove(model_id, self._store)
        self._changed()

    def close(self) -> None:
        """End a download and wait for its thread."""
        self._stop.set()
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join()

    def _status(self) -> dict[str, Any] | None:
        with self._lock:
            shown = self._pulling
        if shown is None:
            return None
        names = "id", "doing", "done", "total", "message", "remedy", "code"
        return {name: getattr(shown, name) for name in names}

    def _shown(self) -> PullStatus:
        with self._lock:
            assert self._pulling is not None, "a download has a status"
            return self._pulling

    def _report(self, progress: Progress) -> None:
        if self._stop.is_set():
            raise Cancelled("the download was stopped", "it goes on where it was when you begin it again")
        self._tell(PullStatus(progress.model_id, progress.doing, progress.done, progress.total))

    def _tell(self, status: PullStatus) -> None:
        with self._lock:
            self._pulling = status

    def _check(self) -> None:
        if self._shared:
            raise UsageError(
                "a shared studio does not change the models of its machine", "use `mien models` there", key="shared-machine"
            )
