"""From what the page or the command line asks for to something that opens the input."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mien.contracts import FrameSource, SoundSource
from mien.errors import UsageError
from mien.live.capture import MakeSource
from mien.media.address import masked, opens_port
from mien.media.capture.camera import Camera
from mien.media.capture.live_input import LIVE_MAX_PIXELS
from mien.media.capture.looped import LoopedMedia
from mien.media.capture.microphone import Microphone
from mien.media.capture.network import NetworkStream
from mien.media.capture.screen import ScreenRegion
from mien.settings import Settings
from mien.studio.session.browser_camera import BrowserCamera, BrowserFeed

KINDS = ("none", "camera", "browser", "file", "screen", "network")
_MOST_SIDE = 7680
_LONGEST_WORD = 2000
_PIXEL_FORMATS = ("auto", "mjpeg", "yuyv")


@dataclass(frozen=True, slots=True)
class InputChoice:
    """What was asked for; `spec` is what may be shown and stored, without passwords."""

    kind: str
    spec: dict[str, Any]
    make: MakeSource | None


def choose_input(
    wanted: Mapping[str, Any],
    settings: Settings,
    feed: BrowserFeed,
    clip_of: Callable[[str], tuple[Path, str]],
    *,
    paths_allowed: bool,
) -> InputChoice:
    """Raises `UsageError` for what makes no sense; whether the device is there shows when it is opened."""
    kind = wanted.get("kind")
    if kind not in KINDS:
        raise UsageError(f"there is no input {kind!r}", f"choose one of: {', '.join(KINDS)}")
    if kind == "none":
        return InputChoice("none", {}, None)
    if kind == "browser":
        return InputChoice("browser", _numbers(wanted, width=1280, height=720), lambda: BrowserCamera(feed))
    if kind == "camera":
        return _camera(wanted)
    if kind == "screen":
        return _screen(wanted)
    if kind == "network":
        return _network(wanted, paths_allowed)
    return _file(wanted, settings, clip_of, paths_allowed)


def _camera(wanted: Mapping[str, Any]) -> InputChoice:
    device = _word(wanted, "device")
    size = _numbers(wanted, width=1280, height=720, rate=30)
    pixel_format = wanted.get("pixel_format", "auto")
    if pixel_format not in _PIXEL_FORMATS:
        raise UsageError(f"there is no pixel format {pixel_format!r}", f"choose one of: {', '.join(_PIXEL_FORMATS)}")

    def make() -> FrameSource:
        return Camera(
            device, width=size["width"], height=size["height"], rate=size["rate"], pixel_format=pixel_format
        )  # fmt: skip

    return InputChoice("camera", {"device": device, **size, "pixel_format": pixel_format}, make)


def _screen(wanted: Mapping[str, Any]) -> InputChoice:
    place = {name: _number(wanted, name, 0, 0, 65535) for name in ("left", "top")}
    size = _numbers(wanted, width=1280, height=720, rate=30)

    def make() -> FrameSource:
        return ScreenRegion(place["left"], place["top"], size["width"], size["height"], rate=size["rate"])

    return InputChoice("screen", {**place, **size}, make)


def _network(wanted: Mapping[str, Any], listening_allowed: bool) -> InputChoice:
    url = _word(wanted, "url")
    NetworkStream(url)
    if not listening_allowed and opens_port(url, receives=True):
        raise UsageError(
            f"{masked(url)} would open a port, and a shared studio opens none of its machine",
            "let it connect to the sender (tcp, rtmp, rtsp, http, srt), or start it with --input",
        )
    return InputChoice("network", {"url": masked(url)}, lambda: NetworkStream(url))


def _file(
    wanted: Mapping[str, Any], settings: Settings, clip_of: Callable[[str], tuple[Path, str]], paths_allowed: bool
) -> InputChoice:  # fmt: skip
    if "clip" in wanted:
        path, name = clip_of(str(wanted["clip"]))
        spec = {"clip": str(wanted["clip"]), "name": name}
    elif paths_allowed:
        path = _of_home(Path(_word(wanted, "path")))
        spec = {"path": str(path), "name": path.name}
        if not path.exists():
            raise UsageError(f"{path} does not exist", "check the name")
    else:
        raise UsageError("a shared studio opens no files of its machine", "upload the file instead")

    def make() -> FrameSource:
        return LoopedMedia(path, max_pixels=min(settings.max_pixels, LIVE_MAX_PIXELS), max_bytes=settings.max_bytes)

    return InputChoice("file", spec, make)


def choose_sound(device: str) -> Callable[[], SoundSource]:
    """Opens the microphone of this id."""
    return lambda: Microphone(device)


def input_of_text(text: str) -> dict[str, Any]:
    """What `--input` means: `browser`, `screen`, a URL, a device, or a file or folder."""
    if text in {"browser", "none", "screen"}:
        return {"kind": text}
    if "://" in text:
        return {"kind": "network", "url": text}
    if text.startswith(("/dev/", "video=")) or text.isdigit():
        return {"kind": "camera", "device": f"/dev/video{text}" if text.isdigit() else text}
    return {"kind": "file", "path": text}


def _word(wanted: Mapping[str, Any], name: str) -> str:
    value = wanted.get(name)
    if not isinstance(value, str) or not value.strip():
        raise UsageError(f"{name} is missing", f"say which {name}")
    return checked_word(value.strip(), name)


def checked_word(value: str, name: str) -> str:
    """The word itself; raises `UsageError` for one that no device, file or address is called."""
    if len(value) > _LONGEST_WORD or not value.isprintable():
        raise UsageError(f"this {name} is too long or holds signs that cannot be", f"choose another {name}")
    return value


def _numbers(wanted: Mapping[str, Any], **usual: int) -> dict[str, int]:
    most = {"width": _MOST_SIDE, "height": _MOST_SIDE, "rate": 240}
    least = {"width": 16, "height": 16, "rate": 1}
    return {name: _number(wanted, name, value, least[name], most[name]) for name, value in usual.items()}


def _number(wanted: Mapping[str, Any], name: str, usual: int, low: int, high: int) -> int:
    value = wanted.get(name, usual)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise UsageError(f"{name} = {value!r} is no number from {low} to {high}", "choose another")
    return round(value)


def _of_home(path: Path) -> Path:
    """The path with a leading ~ replaced; as it is where nobody knows that home."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path
