"""Requests of the page about the check of a call: what is looked at, the host's list, a pair of words."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from mien.errors import UsageError

_MAX_LETTERS = 200  # of a device, a display, a name, a pair of words; chosen
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
    """Check of a live picture: the screen or a part of it, or a camera.

    `told` states that the other person has been told; `keeps`, that they agreed that the seconds of the requests are kept
    until the next check.
    """

    model_config = ConfigDict(extra="ignore")

    kind: Literal["screen", "camera"]
    device: Annotated[str, Field(max_length=_MAX_LETTERS, pattern=_NO_CONTROLS)] = ""
    region: Annotated[tuple[int, int, int, int] | None, BeforeValidator(_region)] = None
    told: bool = False
    asks: bool = False
    keeps: bool = False


class ListRequest(BaseModel):
    """Answers of the host to the list of what helps; None = no answer."""

    model_config = ConfigDict(extra="ignore")

    answers: dict[Literal["call-back", "question", "second", "slow"], bool | None]


class PairRequest(BaseModel):
    """Pair of words that somebody said."""

    model_config = ConfigDict(extra="ignore")

    name: Annotated[str, Field(max_length=_MAX_LETTERS)]
    said: Annotated[str, Field(max_length=_MAX_LETTERS)]
