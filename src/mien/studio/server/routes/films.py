"""Films: look for the people of a file, say who wears what, show single frames, swap."""

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, File, UploadFile
from fastapi.responses import Response

from mien.studio.server.routes.body import FilmPersonBody, FilmPlanBody
from mien.studio.server.routes.schemas import JPEG, Film, Made
from mien.studio.server.routes.uploads import MAX_MEDIA_BYTES, store
from mien.studio.session.session import StudioSession


def films_router(session: StudioSession) -> APIRouter:
    """Make the router of films."""
    router, films, frames = APIRouter(prefix="/api/films"), session.films, session.frames

    @router.post("", response_model=Made, status_code=201, max_body_size=MAX_MEDIA_BYTES)
    def add_film(file: Annotated[UploadFile, File()]) -> dict[str, str]:
        stored = store(session, file)
        try:
            return {"id": films.add(stored, Path(file.filename or "file").name).id}
        except BaseException:
            stored.unlink(missing_ok=True)
            raise

    @router.post("/of-job/{job_id}", response_model=Made, status_code=201)
    def add_film_of_job(job_id: str) -> dict[str, str]:
        return {"id": session.look_at_job(job_id)}

    @router.get("/{film_id}", response_model=Film)
    def film(film_id: str) -> dict[str, Any]:
        return films.described(film_id)

    @router.patch("/{film_id}", response_model=Film)
    def change(film_id: str, request: FilmPlanBody) -> dict[str, Any]:
        films.change(film_id, request)
        return films.described(film_id)

    @router.patch("/{film_id}/people/{key}", response_model=Film)
    def change_person(film_id: str, key: int, request: FilmPersonBody) -> dict[str, Any]:
        films.change_person(film_id, key, request)
        return films.described(film_id)

    @router.get("/{film_id}/people/{key}/{number}.jpg", response_class=Response, responses=JPEG)
    def view(film_id: str, key: int, number: int) -> Response:
        return Response(films.get(film_id).picture(key, number), media_type="image/jpeg")

    @router.post("/{film_id}/stop", status_code=204)
    def stop(film_id: str) -> None:
        films.stop_looking(film_id)

    @router.post("/{film_id}/swap", response_model=Made, status_code=201)
    def swap(film_id: str) -> dict[str, str]:
        return {"id": session.swap_film(film_id)}

    @router.delete("/{film_id}", status_code=204)
    def remove(film_id: str) -> None:
        frames.forget(films.get(film_id))
        films.remove(film_id)

    return router
