"""Live input from one window by its title."""

import errno
import os
import re
import sys
import time
from collections.abc import Callable, Sequence

from mien.errors import SourceLost, UsageError
from mien.media.capture.live_input import LIVE_MAX_PIXELS, LiveInput, Opening
from mien.media.capture.x_windows import XWindow, windows_of
from mien.system.printable import printable
from mien.types import Frame

_LOOK_S = 0.5  # between two looks whether the window is still there: FFmpeg repeats the last picture of a closed one
_MOST_NAMED = 8  # titles in an error
_NUMBER = "0x"
_NUMBER_FORM = re.compile(r"0[xX]([0-9a-fA-F]+)")


class Window(LiveInput):
    """A window by its title: X11 on Linux, GDI on Windows; its content as the screen has it, covered parts included.

    A title is looked for as a whole, then as a part in any case; `0x...` is the number of a window of X. Raises as `LiveInput`:
    `SourceLost` also where no window, or more than one, has the title, and when it is closed or changes its size;
    `UsageError` on systems that read no window by its title.
    """

    def __init__(
        self,
        title: str,
        rate: float = 30,
        display: str | None = None,
        *,
        max_pixels: int = LIVE_MAX_PIXELS,
        platform: str = sys.platform,
        windows: Callable[[str], list[XWindow]] = windows_of,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not title.strip():
            raise UsageError("no title of a window", "write window:TITLE, as its title bar has it, or a part of it")
        if platform == "darwin":
            raise UsageError(
                "macOS does not read a window by its title",
                "name the part of the screen where it is: mien check screen --region X,Y,W,H",
            )
        super().__init__(f'the window "{printable(title)}"', max_pixels=max_pixels, clock=clock)
        self._title, self._rate = title, rate
        self._display = display or os.environ.get("DISPLAY", "")
        self._platform = platform
        self._windows = windows
        self._found: XWindow | None = None
        self._looked_s = 0.0

    def read(self) -> Frame | None:
        """Return the newest frame, as `LiveInput` does, as long as the window is shown and has its size."""
        now_s = self._clock()
        if self._found is not None and now_s - self._looked_s >= _LOOK_S:
            self._looked_s = now_s
            self._look(self._found)
        return super().read()

    def _openings(self) -> Sequence[Opening]:
        plain = {"framerate": f"{self._rate:g}", "fflags": "nobuffer"}
        if self._platform == "win32":
            return [Opening(f"title={self._title}", "gdigrab", plain)]
        if not self._display:
            remedy = f"start mien from a desktop with X11, or set DISPLAY{_wayland()}"
            raise SourceLost("no X display to read a window from", remedy)
        self._found = self._chosen(self._windows(self._display))
        self._looked_s = self._clock()
        return [Opening(self._display, "x11grab", plain | {"window_id": str(self._found.id)})]

    def _chosen(self, windows: list[XWindow]) -> XWindow:
        number = _number_in(self._title)
        # A number first: another window may have it as its title.
        numbered = [each for each in windows if each.id == number]
        whole = numbered or [each for each in windows if each.title == self._title]
        found = whole or [each for each in windows if self._title.lower() in each.title.lower()]
        if len(found) == 1:
            return found[0]
        if not found:
            shown = ", ".join(f'"{printable(each.title)}"' for each in windows[:_MOST_NAMED]) or "none with a title"
            raise SourceLost(f"{self._what} is not there", f"windows that are shown: {shown}{_wayland()}")
        named = ", ".join(
            f'{_NUMBER}{each.id:x} ("{printable(each.title)}", {each.width} x {each.height})' for each in found[:_MOST_NAMED]
        )
        remedy = f"name one by its number, as window:{_NUMBER}{found[0].id:x}: {named}"
        raise SourceLost(f"{len(found)} windows fit {self._what}", remedy)

    def _look(self, before: XWindow) -> None:
        """Raise `SourceLost` unless the window is shown and has its size."""
        now = next((each for each in self._windows(self._display) if each.id == before.id), None)
        if now is None:
            raise SourceLost(f"{self._what} was closed or minimised", "open it again, then begin a new check")
        if (now.width, now.height) != (before.width, before.height):
            raise SourceLost(
                f"{self._what} changed its size from {before.width} x {before.height} to {now.width} x {now.height}",
                "leave it as it is, and begin a new check",
            )

    def _lost(self, error: Exception) -> SourceLost:
        number = getattr(error, "errno", None)
        if self._platform == "win32" and number in {errno.EIO, errno.ENOENT, errno.EINVAL}:
            return SourceLost(f"{self._what} is not there", "write its whole title, as the title bar has it")
        if self._found is None:
            return super()._lost(error)
        try:
            self._look(self._found)
        except SourceLost as reason:
            return reason
        return SourceLost(f"{self._what} cannot be read", "move all of it onto the screen")


def _number_in(title: str) -> int | None:
    """Return the number of a window that stands in place of its title, with zeros in front or without; None of a title."""
    written = _NUMBER_FORM.fullmatch(title)
    return None if written is None else int(written[1], 16)


def _wayland() -> str:
    """Return what to say of a session of Wayland, in which windows of X alone can be read."""
    if not os.environ.get("WAYLAND_DISPLAY"):
        return ""
    return "; windows of Wayland itself cannot be read: start the program of the call with X11 (--ozone-platform=x11)"
