"""Check of a call, for its host: begun, answered and ended by the page; three words, no score."""

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, UploadFile
from fastapi.responses import Response

from mien.studio.server.routes.body import CallBody, ListBody, PairBody
from mien.studio.server.routes.check_schemas import CheckState, PairOutcome, SharedPair, ShownWindow
from mien.studio.server.routes.schemas import FILE
from mien.studio.server.routes.uploads import MAX_MEDIA_BYTES, MULTIPART_OVERHEAD_BYTES, store
from mien.studio.session.call_check import CallCheck
from mien.studio.session.gallery_face import GALLERY_LIMITS
from mien.studio.session.session import StudioSession

_MAX_PHOTO_BYTES = GALLERY_LIMITS.photo_bytes + MULTIPART_OVERHEAD_BYTES  # as a photo of the gallery


def check_router(session: StudioSession) -> APIRouter:
    """Make the router of the check."""
    router, check = APIRouter(prefix="/api/check"), session.check

    @router.get("", response_model=CheckState)
    def state() -> dict[str, Any]:
        return check.described()

    @router.post("/file", response_model=CheckState, status_code=201, max_body_size=MAX_MEDIA_BYTES)
    def watch_file(file: Annotated[UploadFile, File()]) -> dict[str, Any]:
        stored = store(session, file)
        try:
            check.watch_file(stored, Path(file.filename or "the file").name)
        except BaseException:
            stored.unlink(missing_ok=True)
            raise
        return check.described()

    @router.post("/call", response_model=CheckState, status_code=201)
    def watch_call(request: CallBody) -> dict[str, Any]:
        check.watch_call(request)
        return check.described()

    @router.post("/photo", response_model=CheckState, status_code=201, max_body_size=_MAX_PHOTO_BYTES)
    def choose_photo(photo: Annotated[UploadFile, File()], agreed: Annotated[bool, Form()] = False) -> dict[str, Any]:
        stored = store(session, photo)
        try:
            check.choose_photo(stored, Path(photo.filename or "the photo").name, agreed=agreed)
        except BaseException:
            stored.unlink(missing_ok=True)
            raise
        return check.described()

    @router.delete("/photo", status_code=204)
    def drop_photo() -> None:
        check.drop_photo()

    @router.delete("", status_code=204)
    def stop() -> None:
        check.stop()

    @router.post("/request/said", status_code=204)
    def said() -> None:
        check.said()

    @router.post("/request/declined", status_code=204)
    def declined() -> None:
        check.decline()

    @router.delete("/request", status_code=204)
    def end_requests() -> None:
        check.end_requests()

    @router.get("/repeats/{number}", response_class=Response, responses=FILE)
    def repeat(number: int) -> Response:
        return Response(check.film(number), media_type="video/mp4")

    _add_ending(router, check)
    _add_names(router, check)
    return router


def _add_ending(router: APIRouter, check: CallCheck) -> None:
    """Add what belongs to the end of a check: the list, the words, the notes."""

    @router.put("/list", status_code=204)
    def note_list(request: ListBody) -> None:
        check.note_list({str(name): answer for name, answer in request.answers.items()})

    @router.get("/pairs", response_model=list[SharedPair])
    def pairs() -> list[dict[str, str]]:
        return check.pairs()

    @router.post("/pairs", response_model=PairOutcome)
    def note_pair(request: PairBody) -> dict[str, str]:
        return {"outcome": check.note_pair(request)}

    @router.get("/notes.zip", response_class=Response, responses=FILE)
    def notes() -> Response:
        headers = {"Content-Disposition": 'attachment; filename="notes.zip"'}
        return Response(check.notes(), media_type="application/zip", headers=headers)


def _add_names(router: APIRouter, check: CallCheck) -> None:
    """Add what can be named to look at."""

    @router.get("/windows", response_model=list[ShownWindow])
    def windows() -> list[dict[str, str]]:
        return check.windows()
