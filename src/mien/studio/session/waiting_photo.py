"""A photo that waits for the next check of a call, and goes when nobody is there any more who would begin one."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

LEFT_S = 90.0
"""Time without a page after which its host has left; browsers let a hidden page act once a minute only."""
Later = Callable[[float, Callable[[], None]], Callable[[], None]]
"""Have a function called after some seconds, in another thread; return what takes that back."""


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo and its name on the host's machine."""

    path: Path
    name: str


class WaitingPhoto:
    """Place of one photo, whose file belongs to it. Safe to use from several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, later: Later | None = None) -> None:
        self._clock = clock
        self._later = later or _later
        self._lock = threading.Lock()
        self._photo: Photo | None = None
        self._forget: Callable[[], None] = lambda: None
        self._asked_at_s = 0.0

    @property
    def name(self) -> str:
        """Name of the photo that waits, "" for none."""
        photo = self._photo
        return "" if photo is None else photo.name

    def asked(self) -> None:
        """Note that a page asks: the photo waits on."""
        self._asked_at_s = self._clock()

    def put(self, photo: Photo | None) -> None:
        """Let a photo, or none, wait, and delete the one before."""
        self.asked()
        with self._lock:
            before = self._change(photo)
            if photo is not None:
                self._forget = self._later(LEFT_S, lambda: self._look_after(photo))
        if before is not None:
            before.path.unlink(missing_ok=True)

    def take(self) -> Photo | None:
        """Return the photo, which belongs to the caller from here on; None when none waits."""
        with self._lock:
            return self._change(None)

    def _change(self, photo: Photo | None) -> Photo | None:
        self._forget()
        before, self._photo = self._photo, photo
        return before

    def _look_after(self, photo: Photo) -> None:
        """Delete a photo that no page has asked for lately; look again when one has."""
        with self._lock:
            if self._photo is not photo:
                return
            rest_s = self._asked_at_s + LEFT_S - self._clock()
            if rest_s > 0:
                self._forget = self._later(rest_s, lambda: self._look_after(photo))
                return
            self._change(None)
        photo.path.unlink(missing_ok=True)


def _later(seconds: float, function: Callable[[], None]) -> Callable[[], None]:
    timer = threading.Timer(seconds, function)
    timer.daemon = True
    timer.start()
    return timer.cancel
