"""Verification of a file that the page uploads."""

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, File, UploadFile

from mien.media.files.receipt import receipt_path
from mien.studio.server.routes.machine_schemas import Report
from mien.studio.server.routes.uploads import MAX_MEDIA_BYTES, copy_to, store
from mien.studio.session.session import StudioSession


def verification_router(session: StudioSession) -> APIRouter:
    """Make the router of verification."""
    router = APIRouter()

    @router.post("/api/verify", response_model=Report, max_body_size=MAX_MEDIA_BYTES)
    def verify(file: Annotated[UploadFile, File()], receipt: Annotated[UploadFile | None, File()] = None) -> dict[str, Any]:
        stored = store(session, file)
        beside = receipt_path(stored)
        try:
            if receipt is not None:
                copy_to(receipt, beside)
            return session.verification.examine(stored, Path(file.filename or "the file").name)
        finally:
            for path in (stored, beside):
                path.unlink(missing_ok=True)

    return router
