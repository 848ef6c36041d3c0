"""Sources of a check: the screen, windows, cameras, streams and files by their names."""

import contextlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from mien.contracts import FrameSource
from mien.errors import SourceLost, UsageError
from mien.media.address import masked
from mien.media.capture.camera import Camera
from mien.media.capture.devices import list_screens
from mien.media.capture.network import NetworkStream
from mien.media.capture.screen import ScreenRegion
from mien.media.capture.window import Window
from mien.media.capture.x_windows import XWindow, windows_of
from mien.media.files.moving import Kind, kind_of, open_moving
from mien.settings import Settings
from mien.system.printable import printable


@dataclass(frozen=True, slots=True)
class Opened:
    """Source of a check that can be entered; `name` may be shown. `live` = a person is at the other end."""

    source: FrameSource
    name: str
    live: bool


def open_source(text: str, region: tuple[int, int, int, int] | None) -> Opened:
    """Return the source that was named. Raises `UsageError`, or `MediaError` for a file that cannot be read."""
    kind, _, rest = text.partition(":")
    if kind == "screen":
        display, part = _display_and_part(rest)
        left, top, width, height = region or part or _whole_screen(display)
        name = f"screen {display or ''}".strip() + f", {width} x {height} at ({left}, {top})"
        return Opened(ScreenRegion(left, top, width, height, display=display), name, True)
    if kind == "window" and region is None:
        return Opened(Window(rest), f'window "{printable(rest)}"', True)
    if region is not None:
        raise UsageError("--region is for the screen", "write: mien check screen --region X,Y,W,H")
    if "://" in text:
        return Opened(NetworkStream(text), masked(text), True)
    if kind == "camera" or text.isdigit() or text.startswith(("/dev/", "video=")):
        device = rest if kind == "camera" else text
        return Opened(Camera(f"/dev/video{device}" if device.isdigit() else device), f"camera {device}", True)
    path, limits = Path(text), Settings()
    if kind_of(path) is Kind.PICTURE:
        raise UsageError(f"{path} is a picture", "a picture is read by mien verify")
    source = open_moving(path, max_pixels=limits.max_pixels, max_bytes=limits.max_bytes)
    return Opened(source, path.name, False)


def shown_windows() -> list[XWindow]:
    """Return the windows that can be named by their titles; none where the system does not tell them, as on Windows."""
    display = os.environ.get("DISPLAY", "")
    with contextlib.suppress(SourceLost):
        return windows_of(display) if display and sys.platform == "linux" else []
    return []


def _display_and_part(text: str) -> tuple[str | None, tuple[int, int, int, int] | None]:
    """Return the display and the part of it that follow `screen:`: a display, or X,Y,W,H of the one in use."""
    if "," not in text:
        return text or None, None
    try:
        left, top, width, height = map(int, text.split(","))
    except ValueError:
        raise UsageError(f"{text} is no part of the screen", "write screen:X,Y,W,H: four whole numbers") from None
    return None, (left, top, width, height)


def _whole_screen(display: str | None) -> tuple[int, int, int, int]:
    found = next(iter(list_screens(display=display)), None)
    if found is None or found.width is None or found.height is None:
        raise UsageError("the size of the screen is not known", "name a part of it: --region X,Y,W,H")
    return 0, 0, found.width, found.height
