"""File jobs: queue, watch, download, pause, retry, reorder, cancel."""

from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from fastapi import APIRouter, File, Form, UploadFile
from fastapi.responses import FileResponse, Response

from mien.studio.server.routes.body import part_of, settings_of
from mien.studio.server.routes.schemas import FILE, JPEG, Job, Made
from mien.studio.server.routes.uploads import MAX_MEDIA_BYTES, store
from mien.studio.session.session import StudioSession

JobAction: TypeAlias = Literal["pause", "resume", "retry", "up", "down"]


def jobs_router(session: StudioSession) -> APIRouter:
    """Make the router of file jobs."""
    router, jobs = APIRouter(prefix="/api/jobs"), session.jobs

    @router.get("", response_model=list[Job])
    def list_jobs() -> list[dict[str, Any]]:
        return jobs.described()

    @router.post("", response_model=Made, status_code=201, max_body_size=MAX_MEDIA_BYTES)
    def add_job(
        file: Annotated[UploadFile, File()],
        face: Annotated[str | None, Form(description="face of the gallery; the chosen one unless given")] = None,
        settings: Annotated[str, Form(description="settings for this job alone, a JSON object")] = "{}",
        start_s: Annotated[float | None, Form(ge=0, description="start of the wanted part of a film")] = None,
        end_s: Annotated[float | None, Form(ge=0, description="end of that part")] = None,
    ) -> dict[str, str]:
        changed, part_s = settings_of(settings), part_of(start_s, end_s)
        stored = store(session, file)
        try:
            return {"id": session.add_job(stored, Path(file.filename or "file").name, face, changed, part_s)}
        except BaseException:
            stored.unlink(missing_ok=True)
            raise

    @router.get("/{job_id}", response_model=Job)
    def job(job_id: str) -> dict[str, Any]:
        return jobs.row(job_id)

    @router.get("/{job_id}/preview.jpg", response_class=Response, responses=JPEG)
    def preview(job_id: str) -> Response:
        picture = jobs.preview(job_id)
        return Response(status_code=404) if picture is None else Response(picture, media_type="image/jpeg")

    @router.get("/{job_id}/result", response_class=Response, responses=FILE)
    def result(job_id: str) -> Response:
        path, name = jobs.result(job_id)
        return FileResponse(path, filename=name)

    @router.get("/{job_id}/receipt", response_class=Response, responses=FILE)
    def job_receipt(job_id: str) -> Response:
        path, name = jobs.receipt(job_id)
        return FileResponse(path, filename=name)

    @router.post("/{job_id}/{action}", status_code=204)
    def act(job_id: str, action: JobAction) -> None:
        jobs.act(job_id, action)

    @router.delete("/{job_id}", status_code=204)
    def remove(job_id: str) -> None:
        jobs.remove(job_id)

    return router
