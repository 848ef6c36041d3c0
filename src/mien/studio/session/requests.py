"""Requests of the page and of the command line: which input, which output, which microphone.

Every model checks its values where it is made and raises `UsageError`; fields that a kind does not know are ignored.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, TypeAdapter, ValidationInfo

from mien.errors import UsageError
from mien.studio.session.parts import REACHES, Reach
from mien.swap.cast import TREATMENTS, Treatment

MAX_SIDE_PIXELS = 7680  # 8K, the widest camera and screen
_MIN_SIDE_PIXELS = 16  # chosen: nothing smaller shows a face
_MAX_RATE = 240  # frames a second; chosen, far above what the loop swaps
_MAX_PLACE_PIXELS = 65_535  # chosen, beyond any desktop of several screens
_MAX_TEXT_LETTERS = 2000  # chosen; stream addresses with their keys have a few hundred
_INPUT_KINDS = ("none", "camera", "browser", "file", "screen", "network", "test")
_OUTPUT_KINDS = ("recording", "stream", "virtual-camera")
_PIXEL_FORMATS = ("auto", "mjpeg", "yuyv")
_CONTAINERS = ("mp4", "mkv")
_STREAM_SCHEMES = ("rtmp://", "rtmps://", "udp://", "tcp://", "rtsp://", "srt://")


def _printable(value: str, name: str) -> str:
    if len(value) > _MAX_TEXT_LETTERS or not value.isprintable():
        raise UsageError(
            f"the {name} is too long or holds unprintable characters",
            f"choose another {name}",
            key="text-invalid",
            values={"name": name},
        )
    return value


def _required_text(value: object, info: ValidationInfo) -> str:
    name = str(info.field_name)
    if not isinstance(value, str) or not value.strip():
        raise UsageError(f"{name} is missing", f"say which {name}", key="field-missing", values={"name": name})
    return _printable(value.strip(), name)


def _switch(value: object, info: ValidationInfo) -> bool:
    if not isinstance(value, bool):
        raise UsageError(
            f"{info.field_name} is missing", "send true or false", key="field-missing", values={"name": str(info.field_name)}
        )
    return value


def _number_from(low: int, high: int) -> BeforeValidator:
    """Take a number between the bounds, rounded; a bool or a text is not a number."""

    def check(value: object, info: ValidationInfo) -> int:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
            raise UsageError(
                f"{info.field_name} = {value!r} is not a number from {low} to {high}",
                "choose another",
                key="number-range",
                values={"name": str(info.field_name), "low": low, "high": high},
            )
        return round(value)

    return BeforeValidator(check)


def _pixel_format(value: object) -> object:
    if value not in _PIXEL_FORMATS:
        raise UsageError(f"unknown pixel format {value!r}", f"choose one of: {', '.join(_PIXEL_FORMATS)}", key="unknown-choice")
    return value


def _container(value: object) -> object:
    if value not in _CONTAINERS:
        raise UsageError(
            f"unknown container {value!r} for a recording", f"choose one of: {', '.join(_CONTAINERS)}", key="unknown-choice"
        )
    return value


def _word_of(words: Sequence[str]) -> Callable[[object, ValidationInfo], object]:
    def check(value: object, info: ValidationInfo) -> object:
        if value not in words:
            raise UsageError(f"unknown {info.field_name} {value!r}", f"choose one of: {', '.join(words)}", key="unknown-choice")
        return value

    return check


def _stream_address(value: object) -> str:
    url = str(value).strip()
    if not url.lower().startswith(_STREAM_SCHEMES):
        raise UsageError(
            "invalid address to stream to",
            f"it begins with one of: {', '.join(_STREAM_SCHEMES)}",
            key="stream-address",
            values={"schemes": ", ".join(_STREAM_SCHEMES)},
        )
    return _printable(url, "address")


def _optional_device(value: object) -> str:
    return _printable(value, "device") if isinstance(value, str) else ""


def _text_or_none(value: object) -> str | None:
    return None if value is None else str(value)


Text = Annotated[str, BeforeValidator(_required_text)]
Side = Annotated[int, _number_from(_MIN_SIDE_PIXELS, MAX_SIDE_PIXELS)]
Rate = Annotated[int, _number_from(1, _MAX_RATE)]
Place = Annotated[int, _number_from(0, _MAX_PLACE_PIXELS)]


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True)


class NoInput(_Request):
    """The picture is closed."""

    kind: Literal["none"] = "none"


class BrowserInput(_Request):
    """The camera of the browser; the page asks it for this size."""

    kind: Literal["browser"] = "browser"
    width: Side = 1280
    height: Side = 720


class CameraInput(_Request):
    """A camera of this machine."""

    kind: Literal["camera"] = "camera"
    device: Text = Field("", validate_default=True)
    width: Side = 1280
    height: Side = 720
    rate: Rate = 30
    pixel_format: Annotated[Literal["auto", "mjpeg", "yuyv"], BeforeValidator(_pixel_format)] = "auto"


class ScreenInput(_Request):
    """A part of the screen."""

    kind: Literal["screen"] = "screen"
    left: Place = 0
    top: Place = 0
    width: Side = 1280
    height: Side = 720
    rate: Rate = 30


class TestInput(_Request):
    """A test picture with the time of day and a counter, to see what arrives elsewhere and how late."""

    __test__ = False

    kind: Literal["test"] = "test"
    width: Side = 1280
    height: Side = 720


class NetworkInput(_Request):
    """A stream of the network."""

    kind: Literal["network"] = "network"
    url: Text = Field("", validate_default=True)


class ClipInput(_Request):
    """A file that was uploaded to this session, looped."""

    kind: Literal["file"] = "file"
    clip: Annotated[str, BeforeValidator(str)]


class PathInput(_Request):
    """A file or folder of this machine, looped."""

    kind: Literal["file"] = "file"
    path: Text = Field("", validate_default=True)


def _kind_of(value: Any, kinds: tuple[str, ...], what: str) -> str | None:
    if not isinstance(value, dict):
        return getattr(value, "kind", None)
    kind = value.get("kind")
    if kind not in kinds:
        raise UsageError(f"unknown {what} {kind!r}", f"choose one of: {', '.join(kinds)}", key="unknown-choice")
    return str(kind)


def _input_tag(value: Any) -> str | None:
    kind = _kind_of(value, _INPUT_KINDS, "input")
    if kind != "file":
        return kind
    has_clip = "clip" in value if isinstance(value, dict) else isinstance(value, ClipInput)
    return "clip" if has_clip else "path"


def _output_tag(value: Any) -> str | None:
    return _kind_of(value, _OUTPUT_KINDS, "output")


InputRequest = Annotated[
    Annotated[NoInput, Tag("none")]
    | Annotated[BrowserInput, Tag("browser")]
    | Annotated[CameraInput, Tag("camera")]
    | Annotated[ScreenInput, Tag("screen")]
    | Annotated[NetworkInput, Tag("network")]
    | Annotated[TestInput, Tag("test")]
    | Annotated[ClipInput, Tag("clip")]
    | Annotated[PathInput, Tag("path")],
    Discriminator(_input_tag),
]


class RecordingRequest(_Request):
    """A recording in the folder of recordings."""

    kind: Literal["recording"] = "recording"
    container: Annotated[Literal["mp4", "mkv"], BeforeValidator(_container)] = "mp4"


class StreamRequest(_Request):
    """A stream to an address."""

    kind: Literal["stream"] = "stream"
    url: Annotated[str, BeforeValidator(_stream_address)] = Field("", validate_default=True)


class VirtualCameraRequest(_Request):
    """A virtual camera; any free one unless `device` names one."""

    kind: Literal["virtual-camera"] = "virtual-camera"
    device: Annotated[str, BeforeValidator(_optional_device)] = ""


OutputRequest = Annotated[
    Annotated[RecordingRequest, Tag("recording")]
    | Annotated[StreamRequest, Tag("stream")]
    | Annotated[VirtualCameraRequest, Tag("virtual-camera")],
    Discriminator(_output_tag),
]
_OUTPUT: TypeAdapter[OutputRequest] = TypeAdapter(OutputRequest)


class SoundRequest(_Request):
    """The microphone; None for no sound."""

    device: Annotated[str | None, BeforeValidator(_text_or_none)] = None


class CoverRequest(_Request):
    """Wish to veil every frame, whatever the settings say, or to end that."""

    on: Annotated[bool, BeforeValidator(_switch)]


class PartsRequest(_Request):
    """Reach of the chosen face, and the fate of the others."""

    reach: Annotated[Reach, BeforeValidator(_word_of(REACHES))]
    others: Annotated[Treatment, BeforeValidator(_word_of(TREATMENTS))]


class PartRequest(_Request):
    """The face of the gallery that a person of the live picture wears; None for the person's own."""

    face: Annotated[str | None, BeforeValidator(_text_or_none)] = None


class PresetRequest(_Request):
    """A preset to store: the settings as they are and the named parts of the session; `replace` one of the same name."""

    name: str
    parts: tuple[Literal["face", "input", "outputs"], ...] = ()
    replace: bool = False


def input_of_text(text: str) -> InputRequest:
    """Return the input that `--input` names: `browser`, `screen`, `none`, a URL, a device, or a file or folder."""
    if text == "browser":
        return BrowserInput()
    if text == "screen":
        return ScreenInput()
    if text == "none":
        return NoInput()
    if "://" in text:
        return NetworkInput(url=text)
    if text.startswith(("/dev/", "video=")) or text.isdigit():
        return CameraInput(device=f"/dev/video{text}" if text.isdigit() else text)
    return PathInput(path=text)


def output_of_text(text: str) -> OutputRequest:
    """Return the output that `--output` names: `mp4`, `mkv`, `virtual-camera` or a URL. Raises `UsageError`."""
    if text in _CONTAINERS:
        return _OUTPUT.validate_python({"kind": "recording", "container": text})
    return StreamRequest(url=text) if "://" in text else _OUTPUT.validate_python({"kind": text})
