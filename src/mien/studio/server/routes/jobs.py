"""File jobs: queue, watch, download, pause, retry, reorder, cancel."""

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, File, Form, UploadFile
from fastapi.responses import FileResponse, Response

from mien.studio.server.routes.uploads import MAX_MEDIA_BYTES, store
from mien.studio.session.session import StudioSession


def jobs_router(session: StudioSession) -> APIRouter:
    """Make the router of file jobs."""
    router, jobs = APIRouter(prefix="/api/jobs"), session.jobs

    @router.post("", status_code=201, max_body_size=MAX_MEDIA_BYTES)
    def add_job(file: Annotated[UploadFile, File()], face: Annotated[str | None, Form()] = None) -> dict[str, str]:
        stored = store(session, file)
        try:
            return {"id": session.add_job(stored, Path(file.filename or "file").name, face)}
        except BaseException:
            stored.unlink(missing_ok=True)
            raise

    @router.get("/{job_id}/preview.jpg")
    def preview(job_id: str) -> Response:
        picture = jobs.preview(job_id)
        return Response(status_code=404) if picture is None else Response(picture, media_type="image/jpeg")

    @router.get("/{job_id}/result")
    def result(job_id: str) -> Response:
        path, name = jobs.result(job_id)
        return FileResponse(path, filename=name)

    @router.get("/{job_id}/receipt")
    def job_receipt(job_id: str) -> Response:
        path, name = jobs.receipt(job_id)
        return FileResponse(path, filename=name)

    @router.post("/{job_id}/{action}", status_code=204)
    def act(job_id: str, action: str) -> None:
        jobs.act(job_id, action)

    @router.delete("/{job_id}", status_code=204)
    def remove(job_id: str) -> None:
        jobs.remove(job_id)

    return router
