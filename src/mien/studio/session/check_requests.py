"""Requests of the page about the check of a call: what is looked at, the host's list, a pair of words."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from mien.errors import UsageError

_MAX_LETTERS = 200  # of a name, a pair of words; chosen
_MAX_SOURCE_LETTERS = 2000  # of a device, a display, the title of a window, the address of a stream; chosen
_NO_CONTROLS = r"^[^\x00-\x1f\x7f]*$"
_MAX_SIDE_PIXELS = 16_384  # of a desktop of several screens


def _region(value: object) -> tuple[int, int, int, int] | None:
    """Return left, top, width and height in pixels of the screen, None for all of it."""
    if value is None:
        return None
    given: list[object] = list(value) if isinstance(value, (list, tuple)) else []
    sides = [each for each in given if type(each) is int and abs(each) <= _MAX_SIDE_PIXELS]
    if len(given) != 4 or len(sides) != 4 or sides[2] <= 0 or sides[3] <= 0:
        raise UsageError("that is no part of the screen", "give X, Y, width and height in pixels", key="check-region")
    return sides[0], sides[1], sides[2], sides[3]


class CallRequest(BaseModel):
    """Check of a live picture: the screen or a part of it, a window, a camera, or a stream.

    `device` is the display, the title or number (`0x...`) of the window, the camera, or the address of the stream.

    `told` states that the other person has been told; `keeps`, that they agreed that the seconds of the requests are kept
    until the next check.
    """

    model_config = ConfigDict(extra="ignore")

    kind: Literal["screen", "window", "camera", "stream"]
    device: Annotated[str, Field(max_length=_MAX_SOURCE_LETTERS, pattern=_NO_CONTROLS)] = ""
    region: Annotated[tuple[int, int, int, int] | None, BeforeValidator(_region)] = None
    told: bool = False
    asks: bool = False
    keeps: bool = False


def source_of(wanted: CallRequest) -> str:
    """Return the name of the source, as `mien check` takes it. Raises `UsageError`."""
    name = wanted.device.strip()
    if wanted.kind == "window" and not name:
        raise UsageError("no window is named", "write its title, or a part of it", key="check-window")
    if wanted.kind == "stream" and "://" not in name:
        raise UsageError("that is not the address of a stream", "write it whole, such as rtsp://HOST/NAME", key="check-stream")
    return name if wanted.kind == "stream" else f"{wanted.kind}:{name}"


class ListRequest(BaseModel):
    """Answers of the host to the list of what helps; None = no answer."""

    model_config = ConfigDict(extra="ignore")

    answers: dict[Literal["call-back", "question", "second", "slow"], bool | None]


class PairRequest(BaseModel):
    """Pair of words that somebody said."""

    model_config = ConfigDict(extra="ignore")

    name: Annotated[str, Field(max_length=_MAX_LETTERS)]
    said: Annotated[str, Field(max_length=_MAX_LETTERS)]
