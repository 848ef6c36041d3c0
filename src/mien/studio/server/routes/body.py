"""JSON bodies of requests, each an object whose text can be sent to a page again."""

from typing import Annotated

from fastapi import Body
from pydantic import BeforeValidator
from starlette.exceptions import HTTPException

from mien.studio.session.database import is_text
from mien.studio.session.film_requests import FilmPerson, FilmPlan
from mien.studio.session.requests import CoverRequest, InputRequest, OutputRequest, PartRequest, PartsRequest, SoundRequest


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
PartsBody = Annotated[PartsRequest, _SENDABLE, Body()]
PartBody = Annotated[PartRequest, _SENDABLE, Body()]
