"""The application: one router a subject, behind the doorkeeper. HTTP for single actions, WebSockets for what goes on."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from mien.studio.server.access import Access, Doorkeeper
from mien.studio.server.answers import add_error_answers
from mien.studio.server.openapi import describe, operation_id
from mien.studio.server.pages import pages_router
from mien.studio.server.routes.camera import camera_router
from mien.studio.server.routes.check import check_router
from mien.studio.server.routes.consents import consents_router
from mien.studio.server.routes.events import Events, events_router
from mien.studio.server.routes.faces import faces_router
from mien.studio.server.routes.film_frames import film_frames_router
from mien.studio.server.routes.films import films_router
from mien.studio.server.routes.inputs import inputs_router
from mien.studio.server.routes.jobs import jobs_router
from mien.studio.server.routes.models import models_router
from mien.studio.server.routes.outputs import outputs_router
from mien.studio.server.routes.people import people_router
from mien.studio.server.routes.preview import preview_router
from mien.studio.server.routes.schemas import FAILS
from mien.studio.server.routes.settings import settings_router
from mien.studio.server.routes.state import state_router
from mien.studio.server.routes.tokens import tokens_router
from mien.studio.server.routes.verification import verification_router
from mien.studio.server.static_files import STATIC
from mien.studio.session.session import StudioSession

_MAX_JSON_BODY_BYTES = 2_000_000  # 50 presets of all settings take 40 kB; uploads have limits of their own


def make_app(session: StudioSession, access: Access) -> FastAPI:
    """Make the application, to be served by an ASGI server without per-message deflate."""
    events = Events(session)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        running = asyncio.get_running_loop()

        def wake() -> None:
            running.call_soon_threadsafe(events.wake)

        session.on_change(wake)
        sending = asyncio.create_task(events.run())
        yield
        sending.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sending

    app = FastAPI(
        title="mien studio",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        max_body_size=_MAX_JSON_BODY_BYTES,
        generate_unique_id_function=operation_id,
    )
    describe(app)
    app.add_middleware(Doorkeeper, access=access)
    add_error_answers(app)
    app.include_router(pages_router(access))
    subjects = {
        "faces": faces_router,
        "settings": settings_router,
        "inputs": inputs_router,
        "outputs": outputs_router,
        "people": people_router,
        "jobs": jobs_router,
        "films": films_router,
        "frames": film_frames_router,
        "verification": verification_router,
        "check": check_router,
        "models": models_router,
        "consents": consents_router,
        "tokens": tokens_router,
        "state": state_router,
        "preview": preview_router,
        "camera": camera_router,
    }
    for subject, make_router in subjects.items():
        app.include_router(make_router(session), tags=[subject], responses=FAILS)
    app.include_router(events_router(events))
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return app
