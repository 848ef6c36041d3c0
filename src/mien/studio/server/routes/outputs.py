"""Outputs of the live picture: start, stop, download."""

from fastapi import APIRouter
from fastapi.responses import FileResponse, Response

from mien.studio.server.routes.body import OutputBody
from mien.studio.server.routes.schemas import FILE, Made
from mien.studio.session.session import StudioSession


def outputs_router(session: StudioSession) -> APIRouter:
    """Make the router of outputs."""
    router, outputs = APIRouter(prefix="/api/outputs"), session.outputs

    @router.post("", response_model=Made, status_code=201)
    def add_output(wanted: OutputBody) -> dict[str, str]:
        output_id = outputs.add(wanted)
        session.notify()
        return {"id": output_id}

    @router.delete("/{output_id}", status_code=204)
    def stop_output(output_id: str) -> None:
        outputs.remove(output_id)
        session.notify()

    @router.get("/{output_id}/file", response_class=Response, responses=FILE)
    def recording(output_id: str) -> FileResponse:
        file = outputs.file_of(output_id)
        return FileResponse(file, filename=file.name)

    @router.get("/{output_id}/receipt", response_class=Response, responses=FILE)
    def output_receipt(output_id: str) -> FileResponse:
        file = outputs.receipt_of(output_id)
        return FileResponse(file, filename=file.name)

    return router
