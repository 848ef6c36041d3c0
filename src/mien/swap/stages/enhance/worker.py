"""Background worker with a one-slot, latest-wins request, so that the caller never waits."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Request = TypeVar("Request")
Result = TypeVar("Result")


class Worker(Generic[Request, Result]):
    """Worker with one slot for the next request and one for the last result; `work` runs in its thread and must not raise."""

    def __init__(self, name: str, work: Callable[[Request], Result]) -> None:
        self._work = work
        self._request: Request | None = None
        self._result: Result | None = None
        self._busy = False
        self._stopping = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def idle(self) -> bool:
        """True while no request is waiting or being worked on."""
        return not self._busy

    def submit(self, request: Request) -> None:
        """Submit a request without blocking; it replaces one that is still waiting."""
        with self._changed:
            self._request, self._busy = request, True
            self._changed.notify()

    def take_result(self) -> Result | None:
        """Return the result since the last call, None without one."""
        with self._changed:
            result, self._result = self._result, None
            return result

    def stop(self, timeout_s: float = 2.0) -> bool:
        """End the thread; False when the work still holds it: it is abandoned and ends after that work."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while self._serve_one():
            pass

    def _serve_one(self) -> bool:
        """Wait for a request and serve it; False at the end. The request is not held while the next one is awaited."""
        with self._changed:
            self._changed.wait_for(lambda: self._request is not None or self._stopping)
            request, self._request = self._request, None
            if self._stopping or request is None:
                return False
        result = self._work(request)
        with self._changed:
            self._result, self._busy = result, self._request is not None
        return True
