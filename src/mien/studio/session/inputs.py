"""From the requested input to something that opens it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mien.contracts import LiveSource
from mien.errors import UsageError
from mien.live.capture import MakeSource
from mien.media.address import masked, opens_port
from mien.media.capture.camera import Camera
from mien.media.capture.live_input import LIVE_MAX_PIXELS
from mien.media.capture.looped import LoopedMedia
from mien.media.capture.network import NetworkStream
from mien.media.capture.screen import ScreenRegion
from mien.media.capture.test_picture import TestPicture
from mien.settings import Settings
from mien.studio.session.browser_camera import BrowserCamera, BrowserFeed
from mien.studio.session.requests import (
    BrowserInput,
    CameraInput,
    ClipInput,
    InputRequest,
    NetworkInput,
    NoInput,
    ScreenInput,
    TestInput,
)


@dataclass(frozen=True, slots=True)
class InputChoice:
    """The chosen input; `spec` may be shown and stored, it holds no passwords."""

    kind: str
    spec: dict[str, Any]
    make: MakeSource | None


def choose_input(
    wanted: InputRequest,
    settings: Settings,
    feed: BrowserFeed,
    clip_of: Callable[[str], tuple[Path, str]],
    *,
    paths_allowed: bool,
) -> InputChoice:
    """Return the choice, not yet opened: a missing device shows when it is. Raises `UsageError`.

    `clip_of` gives the file and the name of an uploaded clip.
    """
    if isinstance(wanted, NoInput):
        return InputChoice("none", {}, None)
    if isinstance(wanted, BrowserInput):
        return InputChoice("browser", wanted.model_dump(exclude={"kind"}), lambda: BrowserCamera(feed))
    if isinstance(wanted, CameraInput):
        return _camera(wanted)
    if isinstance(wanted, ScreenInput):
        return _screen(wanted)
    if isinstance(wanted, TestInput):
        spec = wanted.model_dump(exclude={"kind"})
        return InputChoice("test", spec, lambda: TestPicture(width=wanted.width, height=wanted.height))
    if isinstance(wanted, NetworkInput):
        return _network(wanted, paths_allowed)
    if isinstance(wanted, ClipInput):
        path, name = clip_of(wanted.clip)
        return _file(path, {"clip": wanted.clip, "name": name}, settings)
    if not paths_allowed:
        raise UsageError("a shared studio opens no files of its machine", "upload the file instead", key="shared-files")
    path = _without_tilde(Path(wanted.path))
    if not path.exists():
        raise UsageError(f"{path} does not exist", "check the name", key="path-gone", values={"path": str(path)})
    return _file(path, {"path": str(path), "name": path.name}, settings)


def _camera(wanted: CameraInput) -> InputChoice:
    def make() -> LiveSource:
        return Camera(
            wanted.device, width=wanted.width, height=wanted.height, rate=wanted.rate, pixel_format=wanted.pixel_format
        )

    return InputChoice("camera", wanted.model_dump(exclude={"kind"}), make)


def _screen(wanted: ScreenInput) -> InputChoice:
    def make() -> LiveSource:
        return ScreenRegion(wanted.left, wanted.top, wanted.width, wanted.height, rate=wanted.rate)

    return InputChoice("screen", wanted.model_dump(exclude={"kind"}), make)


def _network(wanted: NetworkInput, listening_allowed: bool) -> InputChoice:
    url = wanted.url
    # Raises `UsageError` for an address that cannot be opened.
    NetworkStream(url)
    if not listening_allowed and opens_port(url, receives=True):
        raise UsageError(
            f"{masked(url)} would open a port, and a shared studio opens none of its machine",
            "let it connect to the sender (tcp, rtmp, rtsp, http, srt), or start it with --input",
            key="opens-port",
        )
    return InputChoice("network", {"url": masked(url)}, lambda: NetworkStream(url))


def _file(path: Path, spec: dict[str, Any], settings: Settings) -> InputChoice:
    def make() -> LiveSource:
        return LoopedMedia(path, max_pixels=min(settings.max_pixels, LIVE_MAX_PIXELS), max_bytes=settings.max_bytes)

    return InputChoice("file", spec, make)


def _without_tilde(path: Path) -> Path:
    """Return the path with a leading ~ replaced, unchanged where that home is unknown."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path
