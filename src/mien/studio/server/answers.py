"""Answers to requests that fail: status, one line on what happened, one on what to do."""

import base64
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from mien.errors import (
    MediaTooLarge,
    MienError,
    ModelError,
    ModelMismatch,
    ModelMissing,
    OutputError,
    SourceFaceError,
    UsageError,
)
from mien.media.files.output_file import output_error
from mien.studio.session.faces import ConsentNeeded, SeveralFaces
from mien.studio.session.film_frames import Overtaken
from mien.studio.session.presets import PresetExists
from mien.studio.session.verification import VerifierBusy

_STATUS: tuple[tuple[type[MienError], int], ...] = (
    (SeveralFaces, 409),
    (Overtaken, 409),
    (PresetExists, 409),
    (VerifierBusy, 503),
    (MediaTooLarge, 413),
    (SourceFaceError, 422),
    (OutputError, 507),
    (ModelMissing, 422),
    (ModelMismatch, 422),
    (ModelError, 500),
    (UsageError, 422),
)
"""The first row that fits an error gives its status; 400 for all others."""
_USUAL_ERRORS = {
    400: ("the request could not be read", "free some disk space if the disk is full, and try again"),
    404: ("there is nothing here", "reload the page"),
    413: ("the upload is too large", "use a smaller file"),
}


def add_error_answers(app: FastAPI) -> None:
    """Answer errors of mien, refused requests and invalid requests in JSON: `error`, `remedy`, `code`, `key`, `values`."""

    @app.exception_handler(MienError)
    async def failed(request: Request, error: MienError) -> JSONResponse:
        status = next((status for kind, status in _STATUS if isinstance(error, kind)), 400)
        answer: dict[str, Any] = {
            "error": str(error), "remedy": error.remedy, "code": error.code, "key": error.key, "values": error.values,
        }  # fmt: skip
        if isinstance(error, SeveralFaces):
            answer |= {"code": "several", "count": error.count}
        if isinstance(error, SeveralFaces | ConsentNeeded) and error.picture:
            # Browsers do not show every photo that is read here, such as HEIC.
            answer["picture"] = f"data:image/jpeg;base64,{base64.b64encode(error.picture).decode()}"
        if isinstance(error, MediaTooLarge):
            answer["remedy"] = "use a smaller one"
        return JSONResponse(answer, status)

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> JSONResponse:
        if isinstance(error.__cause__, OSError):
            # A disk that fills while an upload is read, before there is a path of ours.
            return await failed(request, output_error(error.__cause__, Path("the upload")))
        what, remedy = _USUAL_ERRORS.get(error.status_code, (str(error.detail), "reload the page"))
        answer = {"error": what, "remedy": remedy, "code": "request", "key": f"request-{error.status_code}", "values": {}}
        return JSONResponse(answer, error.status_code)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        places = ", ".join(str(each["loc"][-1]) for each in error.errors())
        answer = {
            "error": f"the request is incomplete: {places}", "remedy": "reload the page", "code": "request",
            "key": "request-422", "values": {"places": places},
        }  # fmt: skip
        return JSONResponse(answer, 422)
