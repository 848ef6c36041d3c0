"""Requests of the page about a film: what a person of it wears, which part is wanted.

A field that a request does not name stays as it is; models check their values and raise `UsageError`.
"""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationInfo

from mien.errors import UsageError
from mien.swap.cast import TREATMENTS, Treatment

_MAX_NAME_LETTERS = 40  # chosen, as wide as a card
_MAX_ID_LETTERS = 40  # of a face in the gallery; chosen, they have 12
_MAX_SECONDS = 1e6  # chosen, 11 days of film
_MAX_TIMES = 400  # struck out for one person; chosen, as many as a lane shows


def _name(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > _MAX_NAME_LETTERS or not value.isprintable():
        raise UsageError(
            f"a name has at most {_MAX_NAME_LETTERS} printable letters",
            "choose a shorter one",
            key="film-name",
            values={"n": _MAX_NAME_LETTERS},
        )
    return value.strip()


def _face(value: object) -> str | None:
    if value is None or (isinstance(value, str) and 0 < len(value) <= _MAX_ID_LETTERS):
        return value
    raise UsageError("that is not a face of the gallery", "choose one of the gallery", key="face-gone")


def _seconds(value: object, info: ValidationInfo) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= _MAX_SECONDS:
        raise UsageError(f"{info.field_name} is not a time in seconds", "choose a time within the film", key="part-start")
    return float(value)


def _treatment(value: object) -> object:
    if value is not None and value not in TREATMENTS:
        raise UsageError("unknown treatment of all others", f"choose one of: {', '.join(TREATMENTS)}", key="unknown-choice")
    return value


def _key(value: object) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise UsageError("into is not the key of a card", "choose another card", key="stale")


def _times(value: object) -> object:
    """Return pairs of seconds, each with its end after its start."""
    if value is None:
        return None
    if not isinstance(value, (list, tuple)) or len(value) > _MAX_TIMES or not all(_is_time(each) for each in value):
        raise UsageError(
            f"not_in is not a list of at most {_MAX_TIMES} times", "choose a start, and an end after it", key="part-order"
        )
    return tuple((float(start_s), float(end_s)) for start_s, end_s in value)


def _is_time(value: object) -> bool:
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        return False
    if any(isinstance(each, bool) or not isinstance(each, (int, float)) for each in value):
        return False
    return bool(0 <= value[0] < value[1] <= _MAX_SECONDS)


_Face = Annotated[str | None, BeforeValidator(_face)]
_Seconds = Annotated[float | None, BeforeValidator(_seconds)]


class FilmPerson(BaseModel):
    """Edits of one card: `wears` is a face of the gallery, "leave" or None, as all others; `into` is a card or None.

    `not_in` are all times, from and to in seconds, at which the face is somebody else's.
    """

    model_config = ConfigDict(frozen=True)

    name: Annotated[str | None, BeforeValidator(_name)] = None
    wears: _Face = None
    into: Annotated[int | None, BeforeValidator(_key)] = None
    not_in: Annotated[tuple[tuple[float, float], ...] | None, BeforeValidator(_times)] = None


class FilmPlan(BaseModel):
    """Edits of a film: what `everybody` wears, what becomes of all others, and the part in seconds, None = from end to end."""

    model_config = ConfigDict(frozen=True)

    everybody: _Face = None
    others: Annotated[Treatment | None, BeforeValidator(_treatment)] = None
    start_s: _Seconds = None
    end_s: _Seconds = None
