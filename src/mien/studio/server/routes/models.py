"""Models: list, download, import, remove."""

import secrets
import shutil
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Body, File, Form, UploadFile

from mien.media.files.output_file import output_error
from mien.studio.server.routes.machine_schemas import Imported, ModelList
from mien.studio.server.routes.uploads import MAX_MEDIA_BYTES, copy_to
from mien.studio.session.session import StudioSession

_MAX_NAME_LETTERS = 200  # file systems take 255 bytes


def models_router(session: StudioSession) -> APIRouter:
    """Make the router of models."""
    router, library = APIRouter(prefix="/api/models"), session.library

    @router.get("", response_model=ModelList)
    def list_models() -> dict[str, Any]:
        return library.described()

    @router.post("/import", response_model=Imported, status_code=201)
    def import_path(path: Annotated[str, Body()], trust: Annotated[bool, Body()] = False) -> dict[str, Any]:
        return {"ids": library.take_in([Path(path)], trust=trust)}

    @router.post("/upload", response_model=Imported, status_code=201, max_body_size=MAX_MEDIA_BYTES)
    def import_upload(files: Annotated[list[UploadFile], File()], trust: Annotated[bool, Form()] = False) -> dict[str, Any]:
        folder = session.uploads / f"models-{secrets.token_hex(8)}"
        try:
            _make(folder)
            for number, file in enumerate(files):
                # A folder each: files of one name may come from several folders.
                _make(folder / str(number))
                name = Path(file.filename or "model.onnx").name[-_MAX_NAME_LETTERS:].replace("\0", "")
                copy_to(file, folder / str(number) / (name or "model.onnx"))
            return {"ids": library.take_in([folder], trust=trust)}
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @router.post("/{model_id}/pull", status_code=202, response_model=ModelList)
    def pull(model_id: str, accept_licence: Annotated[bool, Body(embed=True)]) -> dict[str, Any]:
        library.pull(model_id, accepted=accept_licence)
        return library.described()

    @router.delete("/pull", status_code=204)
    def stop_pulling() -> None:
        library.stop_pulling()

    @router.delete("/{model_id}", status_code=204)
    def remove(model_id: str) -> None:
        library.remove(model_id)

    return router


def _make(folder: Path) -> None:
    try:
        folder.mkdir()
    except OSError as error:
        raise output_error(error, folder) from error
