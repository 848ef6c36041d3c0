"""Hold on one job: a thread that renews its lease and hears what the job is asked to do."""

import threading
from types import TracebackType
from typing import Literal, Self

from mien.batch.queue.store import LEASE, JobStore, LostJob
from mien.errors import MienError

_LISTENING_S = 0.5  # until a running job hears that it was cancelled; a query takes 0.1 ms
Reason = Literal["", "cancel", "pause", "stop", "lost"]


class Holding:
    """Thread for the time in which a job runs; `cancel` is set when the job is to stop, `reason` says why.

    `stop` is set when the whole worker is to stop.
    """

    def __init__(self, store: JobStore, job_id: int, owner: str, stop: threading.Event) -> None:
        self.cancel = threading.Event()
        self.reason: Reason = ""
        self._store = store
        self._job_id = job_id
        self._owner = owner
        self._stop = stop
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mien-lease", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ended.set()
        interrupted = False
        while self._thread.is_alive():
            # Ctrl-C must not leave the thread with a closed store, and is not lost either.
            try:
                self._thread.join()
            except KeyboardInterrupt:
                interrupted = True
        if interrupted:
            raise KeyboardInterrupt

    def _run(self) -> None:
        renewed_s = self._store.clock.steady()
        while not self._ended.wait(_LISTENING_S):
            if self._stop.is_set():
                self._end("stop")
            try:
                wish = self._store.wish_of(self._job_id, self._owner)
                if wish:
                    self._end(wish)
                if self._store.clock.steady() - renewed_s >= LEASE.renewal_s:
                    renewed_s = self._store.clock.steady()
                    self._store.renew(self._job_id, self._owner)
            except LostJob:
                self._end("lost")
            except MienError:
                # The disk may be full for a moment; the worker itself reports a database that stays unusable.
                continue

    def _end(self, reason: Reason) -> None:
        if not self.cancel.is_set():
            self.reason = reason
            self.cancel.set()
