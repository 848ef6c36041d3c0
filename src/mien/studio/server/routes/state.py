"""The state of the session and its figures, for the page, for programs and for Prometheus."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

from mien.live.meter import prometheus
from mien.studio.server.routes.schemas import Metrics, StudioState
from mien.studio.session.session import StudioSession


def state_router(session: StudioSession) -> APIRouter:
    """Make the router of state and figures."""
    router = APIRouter()

    @router.get("/api/state", response_model=StudioState)
    def state() -> dict[str, Any]:
        return session.state()

    @router.get("/api/metrics", response_model=Metrics)
    def metrics() -> dict[str, Any]:
        return session.figures.described()

    @router.get("/metrics", response_class=PlainTextResponse)
    def exposition() -> PlainTextResponse:
        text = prometheus(session.figures.read(), *session.figures.load())
        return PlainTextResponse(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    return router
