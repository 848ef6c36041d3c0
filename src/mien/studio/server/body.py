"""JSON bodies of requests."""

from typing import Annotated, Any

from fastapi import Body, Depends
from starlette.exceptions import HTTPException

from mien.studio.session.database import is_text


def _checked_fields(fields: Annotated[dict[str, Any], Body()]) -> dict[str, Any]:
    """Refuse text that could be stored but never be sent to a page again."""
    if not is_text(fields):
        raise HTTPException(400)
    return fields


Fields = Annotated[dict[str, Any], Depends(_checked_fields)]
"""The JSON object in the body of a request."""
