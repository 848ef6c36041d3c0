"""JSON bodies of requests, each an object whose text can be sent to a page again."""

from typing import Annotated

from fastapi import Body
from pydantic import BeforeValidator
from starlette.exceptions import HTTPException

from mien.errors import UsageError
from mien.studio.session.check_requests import CallRequest, ListRequest, PairRequest
from mien.studio.session.database import from_json, is_text
from mien.studio.session.film_requests import FilmPerson, FilmPlan
from mien.studio.session.requests import (
    CoverRequest,
    InputRequest,
    OutputRequest,
    PartRequest,
    PartsRequest,
    PresetRequest,
    SoundRequest,
)


def _refuse_unsendable(value: object) -> object:
    """Refuse an object with text that could be stored but never be sent to a page again."""
    if isinstance(value, dict) and not is_text(value):
        raise HTTPException(400)
    return value


_SENDABLE = BeforeValidator(_refuse_unsendable)
SettingsBody = Annotated[dict[str, object], _SENDABLE, Body()]
"""Settings by name; the table of settings checks names and values."""
PresetsBody = Annotated[dict[str, object], _SENDABLE, Body()]
"""Presets by name, each with settings by name."""
InputBody = Annotated[InputRequest, _SENDABLE, Body()]
CoverBody = Annotated[CoverRequest, _SENDABLE, Body()]
OutputBody = Annotated[OutputRequest, _SENDABLE, Body()]
SoundBody = Annotated[SoundRequest, _SENDABLE, Body()]
FilmPersonBody = Annotated[FilmPerson, _SENDABLE, Body()]
FilmPlanBody = Annotated[FilmPlan, _SENDABLE, Body()]
CallBody = Annotated[CallRequest, _SENDABLE, Body()]
ListBody = Annotated[ListRequest, _SENDABLE, Body()]
PairBody = Annotated[PairRequest, _SENDABLE, Body()]
PresetBody = Annotated[PresetRequest, _SENDABLE, Body()]
PartsBody = Annotated[PartsRequest, _SENDABLE, Body()]
PartBody = Annotated[PartRequest, _SENDABLE, Body()]


def settings_of(text: str) -> dict[str, object]:
    """Return the settings in a form's field, a JSON object by name. Raises `UsageError`."""
    values = from_json(text)
    if values is None:
        raise UsageError("settings is not a JSON object", 'send something like {"opacity": 0.8}', key="settings-json")
    return dict(values)


def part_of(start_s: float | None, end_s: float | None) -> tuple[float | None, float | None]:
    """Return the part of a film, None = from or to its end. Raises `UsageError`."""
    if start_s is not None and end_s is not None and end_s <= start_s:
        raise UsageError("the part ends before it starts", "set the end after the start", key="part-order")
    return start_s, end_s
