"""Frames of a film: one like it at once, the exact one, and the exact one swapped."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response
from starlette.requests import Request

from mien.studio.server.routes.schemas import JPEG
from mien.studio.server.routes.waiting import while_waiting
from mien.studio.session.film_frames import Gone
from mien.studio.session.session import StudioSession

_MAX_SECONDS = 1e6  # chosen, 11 days of film
_Time = Annotated[float, Query(ge=0, le=_MAX_SECONDS, allow_inf_nan=False)]


def film_frames_router(session: StudioSession) -> APIRouter:
    """Make the router of the frames of films."""
    router, films, frames = APIRouter(prefix="/api/films"), session.films, session.frames

    @router.get("/{film_id}/soon.jpg", response_class=Response, responses=JPEG)
    def soon(film_id: str, time_s: _Time = 0.0) -> Response:
        picture, is_exact = frames.soon(films.get(film_id), time_s)
        return Response(picture, media_type="image/jpeg", headers={"X-Exact": "1" if is_exact else "0"})

    @router.get("/{film_id}/frame.jpg", response_class=Response, responses=JPEG)
    async def frame(request: Request, film_id: str, time_s: _Time = 0.0) -> Response:
        picture = await while_waiting(request, lambda gone: frames.as_it_is(films.get(film_id), time_s, gone))
        return Response(picture, media_type="image/jpeg")

    @router.get("/{film_id}/swapped.jpg", response_class=Response, responses=JPEG)
    async def swapped(request: Request, film_id: str, time_s: _Time = 0.0) -> Response:
        def work(gone: Gone) -> bytes:
            plan, _ = films.plan(film_id)
            return frames.swapped(films.get(film_id), plan, time_s, gone)

        return Response(await while_waiting(request, work), media_type="image/jpeg")

    return router
