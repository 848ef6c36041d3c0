"""The gallery: add, show, select, save and remove faces."""

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, UploadFile
from fastapi.responses import Response

from mien.media.files.output_file import named_in_errors
from mien.studio.server.routes.schemas import JPEG, ChosenFace, FaceMade, Photos, Saved
from mien.studio.server.routes.uploads import MULTIPART_OVERHEAD_BYTES, store
from mien.studio.session.gallery_face import GALLERY_LIMITS
from mien.studio.session.session import StudioSession

_MAX_BODY_BYTES = GALLERY_LIMITS.clip_bytes + MULTIPART_OVERHEAD_BYTES  # a photo or a clip, and the fields of its form


def faces_router(session: StudioSession) -> APIRouter:
    """Make the router of the gallery."""
    router, gallery, wardrobe = APIRouter(prefix="/api/faces"), session.gallery, session.wardrobe

    @router.post("", response_model=FaceMade, status_code=201, max_body_size=_MAX_BODY_BYTES)
    def add_face(
        photo: Annotated[UploadFile, File()],
        consent: Annotated[str | None, Form()] = None,
        name: Annotated[str, Form()] = "",
        number: Annotated[int | None, Form()] = None,
        adult: Annotated[bool, Form()] = False,
    ) -> dict[str, Any]:
        stored = store(session, photo)
        try:
            with named_in_errors(stored, Path(photo.filename or "the photo").name):
                face = gallery.add(stored, name or Path(photo.filename or "photo").stem, consent, number, adult=adult)
            # What the engine needs is made now, so that choosing the face takes effect at once.
            wardrobe.prepare(face.id)
        except BaseException:
            stored.unlink(missing_ok=True)
            raise
        session.notify()
        return {"id": face.id, "earlier_consent": None if consent is not None else gallery.consent_of(face.id)}

    @router.post("/{face_id}/photos", response_model=Photos, status_code=201, max_body_size=_MAX_BODY_BYTES)
    def add_photo(face_id: str, photo: Annotated[UploadFile, File()]) -> dict[str, int]:
        stored = store(session, photo)
        try:
            with named_in_errors(stored, Path(photo.filename or "the photo").name):
                wardrobe.add_photo(face_id, stored)
        except BaseException:
            stored.unlink(missing_ok=True)
            raise
        return {"photos": 1 + len(gallery.get(face_id).more)}

    @router.get("/{face_id}/thumb.jpg", response_class=Response, responses=JPEG)
    def thumb(face_id: str) -> Response:
        return Response(gallery.get(face_id).thumb, media_type="image/jpeg")

    @router.post("/{face_id}/select", response_model=ChosenFace)
    def select(face_id: str) -> dict[str, str | None]:
        wardrobe.select(None if face_id == "none" else face_id)
        return {"face": wardrobe.face}

    @router.post("/{face_id}/adult", status_code=204)
    def state_adult(face_id: str) -> None:
        gallery.state_adult(face_id)

    @router.post("/{face_id}/save", response_model=Saved)
    def save(face_id: str) -> dict[str, bool]:
        gallery.save(face_id)
        session.notify()
        return {"saved": True}

    @router.delete("/{face_id}", status_code=204)
    def remove(face_id: str) -> None:
        wardrobe.remove(face_id)

    return router
