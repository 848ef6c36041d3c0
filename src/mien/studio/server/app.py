"""The routes between the page and the session: HTTP for what is done once, WebSockets for what goes on."""

import asyncio
import base64
import contextlib
import json
import secrets
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import Body, Depends, FastAPI, File, Form, Request, UploadFile, WebSocket, WebSocketDisconnect
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from mien.errors import (
    MediaTooLarge,
    MienError,
    ModelError,
    ModelMismatch,
    ModelMissing,
    OutputError,
    SourceFaceError,
    UsageError,
)
from mien.live.meter import prometheus
from mien.media.capture.devices import describe_devices
from mien.media.files.output_file import named_in_errors, output_error
from mien.media.files.receipt import receipt_path
from mien.studio.server.access import Access, Doorkeeper
from mien.studio.session import browser_camera
from mien.studio.session.browser_camera import Picture
from mien.studio.session.database import is_text
from mien.studio.session.faces import MOST_PHOTO_BYTES, SeveralFaces
from mien.studio.session.jobs import job_title
from mien.studio.session.preview import Viewer
from mien.studio.session.session import StudioSession
from mien.studio.session.verification import VerifierBusy

STATIC = Path(__file__).parent.parent / "static"
MOST_CLIP_BYTES = 8_000_000_000
_MOST_BODY_BYTES = 2_000_000
_MULTIPART_EXTRA = 1_000_000
_MOST_VIEWERS = 24
_MOST_ANSWERS = 200
_EVENTS_PAUSE_S = 0.1
_METRICS_EVERY_S = 1.0
_MOST_WIDTH = 7680
_STATUS: tuple[tuple[type[MienError], int], ...] = (
    (SeveralFaces, 409),
    (VerifierBusy, 503),
    (MediaTooLarge, 413),
    (SourceFaceError, 422),
    (OutputError, 507),
    (ModelMissing, 422),
    (ModelMismatch, 422),
    (ModelError, 500),
    (UsageError, 422),
)


_USUAL_ERRORS = {
    400: ("the request could not be read", "free some disk space if the disk is full, and try again"),
    404: ("there is nothing here", "reload the page"),
    413: ("the upload is too large", "use a smaller file"),
}


def _checked_fields(fields: Annotated[dict[str, Any], Body()]) -> dict[str, Any]:
    """Refuse text that could be stored but never be sent to a page again."""
    if not is_text(fields):
        raise HTTPException(400)
    return fields


Fields = Annotated[dict[str, Any], Depends(_checked_fields)]
"""The JSON object in the body of a request."""


def make_app(session: StudioSession, access: Access) -> FastAPI:
    """The application, to be served by an ASGI server without per-message deflate."""
    events = _Events(session)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        running = asyncio.get_running_loop()

        def wake() -> None:
            running.call_soon_threadsafe(events.wake)

        session.on_change(wake)
        ticking = asyncio.create_task(events.tick())
        yield
        ticking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await ticking

    app = FastAPI(
        title="mien studio",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        max_body_size=_MOST_BODY_BYTES,
    )
    app.add_middleware(Doorkeeper, access=access)
    _add_errors(app)
    _add_pages(app, access)
    _add_faces(app, session)
    _add_settings(app, session)
    _add_media(app, session)
    _add_jobs(app, session)
    _add_verification(app, session)
    _add_state(app, session)
    _add_sockets(app, session, events)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return app


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(MienError)
    async def said(request: Request, error: MienError) -> JSONResponse:
        status = next((status for kind, status in _STATUS if isinstance(error, kind)), 400)
        answer: dict[str, Any] = {"error": str(error), "remedy": error.remedy, "code": _word(error)}
        if isinstance(error, SeveralFaces):
            picture = base64.b64encode(error.picture).decode()
            answer |= {"count": error.count, "picture": f"data:image/jpeg;base64,{picture}"}
        if isinstance(error, MediaTooLarge):
            answer["remedy"] = "use a smaller one"
        return JSONResponse(answer, status)

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> JSONResponse:
        what, remedy = _USUAL_ERRORS.get(error.status_code, (str(error.detail), "reload the page"))
        return JSONResponse({"error": what, "remedy": remedy, "code": "request"}, error.status_code)

    @app.exception_handler(RequestValidationError)
    async def misshapen(request: Request, error: RequestValidationError) -> JSONResponse:
        places = ", ".join(str(each["loc"][-1]) for each in error.errors())
        answer = {"error": f"the request is incomplete: {places}", "remedy": "reload the page", "code": "request"}
        return JSONResponse(answer, 422)


def _word(error: MienError) -> str:
    if isinstance(error, SeveralFaces):
        return "several"
    name = type(error).__name__
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("-")


def _add_pages(app: FastAPI, access: Access) -> None:
    @app.get("/")
    def page() -> FileResponse:
        return FileResponse(STATIC / "index.html")

    @app.get("/login")
    def login_page() -> Response:
        return FileResponse(STATIC / "login.html") if access.shared else RedirectResponse("/", 303)

    @app.post("/login")
    def login(request: Request, password: Annotated[str, Form()]) -> Response:
        right = access.is_password(password, request.client.host if request.client else "")
        if right is None:
            return HTMLResponse(
                "<!doctype html><title>mien</title><p>Too many wrong passwords. Wait a minute; if many guess, ten.", 429
            )
        if not right:
            return RedirectResponse("/login?wrong#wrong", 303)
        answer = RedirectResponse("/", 303)
        access.set_cookie(answer)
        return answer


def _add_faces(app: FastAPI, session: StudioSession) -> None:
    gallery = session.gallery

    @app.post("/api/faces", status_code=201, max_body_size=MOST_PHOTO_BYTES + _MULTIPART_EXTRA)
    def add_face(
        photo: Annotated[UploadFile, File()],
        consent: Annotated[str | None, Form()] = None,
        name: Annotated[str, Form()] = "",
        number: Annotated[int | None, Form()] = None,
    ) -> dict[str, str]:
        kept = _keep(session, photo)
        try:
            with named_in_errors(kept, Path(photo.filename or "the photo").name):
                face = gallery.add(kept, name or Path(photo.filename or "photo").stem, consent, number)
            # What the engine needs is made now, so that choosing the face takes effect at once.
            session.prepare_face(face.id)
        except BaseException:
            kept.unlink(missing_ok=True)
            raise
        session.notify()
        return {"id": face.id}

    @app.post("/api/faces/{face_id}/photos", status_code=201, max_body_size=MOST_PHOTO_BYTES + _MULTIPART_EXTRA)
    def add_photo(face_id: str, photo: Annotated[UploadFile, File()]) -> dict[str, int]:
        kept = _keep(session, photo)
        try:
            with named_in_errors(kept, Path(photo.filename or "the photo").name):
                session.add_to_face(face_id, kept)
        except BaseException:
            kept.unlink(missing_ok=True)
            raise
        return {"photos": 1 + len(gallery.get(face_id).more)}

    @app.get("/api/faces/{face_id}/thumb.jpg")
    def thumb(face_id: str) -> Response:
        return Response(gallery.get(face_id).thumb, media_type="image/jpeg")

    @app.post("/api/faces/{face_id}/select")
    def select(face_id: str) -> dict[str, str | None]:
        session.select_face(None if face_id == "none" else face_id)
        return {"face": session.face}

    @app.post("/api/faces/{face_id}/save")
    def save(face_id: str) -> dict[str, bool]:
        gallery.save(face_id)
        session.notify()
        return {"saved": True}

    @app.delete("/api/faces/{face_id}", status_code=204)
    def remove(face_id: str) -> None:
        session.remove_face(face_id)


def _add_settings(app: FastAPI, session: StudioSession) -> None:
    @app.patch("/api/settings")
    def change(values: Fields) -> dict[str, Any]:
        session.change_settings(values)
        return {"settings": session.state()["settings"]}

    @app.get("/api/presets.json")
    def export() -> Response:
        text = json.dumps(session.presets(), indent=2, ensure_ascii=False)
        headers = {"Content-Disposition": 'attachment; filename="mien-presets.json"'}
        return Response(text, media_type="application/json", headers=headers)

    @app.post("/api/presets.json")
    def import_(values: Fields) -> dict[str, Any]:
        session.import_presets(values)
        return session.presets()

    @app.put("/api/presets/{name}")
    def keep(name: str) -> dict[str, Any]:
        session.keep_preset(name)
        return session.presets()

    @app.post("/api/presets/{name}/apply")
    def apply(name: str) -> dict[str, Any]:
        session.apply_preset(name)
        return {"settings": session.state()["settings"]}

    @app.delete("/api/presets/{name}", status_code=204)
    def forget(name: str) -> None:
        session.remove_preset(name)


def _add_media(app: FastAPI, session: StudioSession) -> None:
    @app.get("/api/devices")
    def list_devices() -> dict[str, Any]:
        return describe_devices()

    @app.put("/api/input")
    def choose_input(wanted: Fields) -> dict[str, Any]:
        session.set_input(wanted)
        return dict(session.state()["input"])

    @app.post("/api/clips", status_code=201, max_body_size=MOST_CLIP_BYTES)
    def add_clip(clip: Annotated[UploadFile, File()]) -> dict[str, str]:
        name = Path(clip.filename or "clip").name
        return {"id": session.add_clip(_keep(session, clip), name), "name": name}

    @app.put("/api/sound")
    def choose_sound(wanted: Fields) -> dict[str, Any]:
        device = wanted.get("device")
        session.set_sound(None if device is None else str(device))
        return dict(session.state()["sound"])

    @app.post("/api/outputs", status_code=201)
    def add_output(wanted: Fields) -> dict[str, str]:
        made = session.outputs.add(wanted)
        session.notify()
        return {"id": made}

    @app.delete("/api/outputs/{output_id}", status_code=204)
    def stop_output(output_id: str) -> None:
        session.outputs.remove(output_id)
        session.notify()

    @app.get("/api/outputs/{output_id}/file")
    def recording(output_id: str) -> FileResponse:
        file = session.outputs.file_of(output_id)
        return FileResponse(file, filename=file.name)

    @app.get("/api/outputs/{output_id}/receipt")
    def output_receipt(output_id: str) -> FileResponse:
        file = session.outputs.receipt_of(output_id)
        return FileResponse(file, filename=file.name)


def _add_jobs(app: FastAPI, session: StudioSession) -> None:
    jobs = session.jobs

    @app.post("/api/jobs", status_code=201, max_body_size=MOST_CLIP_BYTES)
    def add_job(file: Annotated[UploadFile, File()], face: Annotated[str | None, Form()] = None) -> dict[str, str]:
        kept = _keep(session, file)
        try:
            return {"id": session.add_job(kept, Path(file.filename or "file").name, face)}
        except BaseException:
            kept.unlink(missing_ok=True)
            raise

    @app.get("/api/jobs/{job_id}/preview.jpg")
    def preview(job_id: str) -> Response:
        picture = jobs.get(job_id).preview
        return Response(status_code=404) if picture is None else Response(picture, media_type="image/jpeg")

    @app.get("/api/jobs/{job_id}/result")
    def result(job_id: str) -> Response:
        found = jobs.get(job_id)
        if found.state != "done" or found.result is None:
            raise UsageError("this file is not finished", "wait until it is")
        return FileResponse(found.result, filename=job_title(found))

    @app.get("/api/jobs/{job_id}/receipt")
    def job_receipt(job_id: str) -> Response:
        found = jobs.get(job_id)
        if found.receipt is None or found.result is None:
            raise UsageError("this file has no receipt", "its credentials are in the file")
        return FileResponse(found.receipt, filename=receipt_path(Path(job_title(found))).name)

    @app.delete("/api/jobs/{job_id}", status_code=204)
    def remove(job_id: str) -> None:
        jobs.remove(job_id)


def _add_verification(app: FastAPI, session: StudioSession) -> None:
    @app.post("/api/verify", max_body_size=MOST_CLIP_BYTES)
    def verify(file: Annotated[UploadFile, File()], receipt: Annotated[UploadFile | None, File()] = None) -> dict[str, Any]:
        kept = _keep(session, file)
        beside = receipt_path(kept)
        try:
            if receipt is not None:
                _copy(receipt, beside)
            return session.verification.examine(kept, Path(file.filename or "the file").name)
        finally:
            for path in (kept, beside):
                path.unlink(missing_ok=True)


def _add_state(app: FastAPI, session: StudioSession) -> None:
    @app.get("/api/state")
    def state() -> dict[str, Any]:
        return session.state()

    @app.get("/api/metrics")
    def metrics() -> dict[str, Any]:
        return session.metrics()

    @app.get("/metrics")
    def exposition() -> PlainTextResponse:
        text = prometheus(session.figures(), *session.load())
        return PlainTextResponse(text, media_type="text/plain; version=0.0.4; charset=utf-8")


def _keep(session: StudioSession, upload: UploadFile) -> Path:
    """The upload as a file of this session, under a name of ours that keeps only a harmless ending."""
    suffix = Path(upload.filename or "").suffix.lower()
    safe = suffix if suffix[1:].isalnum() and len(suffix) <= 6 else ""
    path = session.uploads / f"{secrets.token_hex(8)}{safe}"
    _copy(upload, path)
    return path


def _copy(upload: UploadFile, path: Path) -> None:
    """Raises `OutputError`; then there is no file."""
    try:
        with path.open("xb") as kept:
            shutil.copyfileobj(upload.file, kept, 1 << 20)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise output_error(error, path) from error


class _Events:
    """Tells every page what has changed, at most ten times a second, and the figures once a second."""

    def __init__(self, session: StudioSession) -> None:
        self._session = session
        self._pages: set[asyncio.Queue[str]] = set()
        self._woken = asyncio.Event()

    def wake(self) -> None:
        self._woken.set()

    async def join(self) -> asyncio.Queue[str]:
        """Room for two messages: a page that does not read gets the newest when it does."""
        state = await asyncio.to_thread(self._session.state)
        page: asyncio.Queue[str] = asyncio.Queue(2)
        page.put_nowait(json.dumps({"type": "state", "state": state}))
        self._pages.add(page)
        return page

    def leave(self, page: asyncio.Queue[str]) -> None:
        self._pages.discard(page)

    async def tick(self) -> None:
        running = asyncio.get_running_loop()
        next_figures = running.time()
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), max(0.01, next_figures - running.time()))
            if self._woken.is_set():
                self._woken.clear()
                state = await asyncio.to_thread(self._session.state)
                self._tell({"type": "state", "state": state})
                await asyncio.sleep(_EVENTS_PAUSE_S)
            if running.time() >= next_figures:
                next_figures = running.time() + _METRICS_EVERY_S
                if self._pages:
                    self._tell({"type": "metrics", "metrics": await asyncio.to_thread(self._session.metrics)})

    def _tell(self, message: dict[str, Any]) -> None:
        text = json.dumps(message)
        for page in self._pages:
            if page.full():
                # The oldest goes; a state that is lost is made up for by the next one.
                lost = page.get_nowait()
                if '"type": "state"' in lost[:20] and message["type"] != "state":
                    self._woken.set()
            page.put_nowait(text)


def _add_sockets(app: FastAPI, session: StudioSession, events: _Events) -> None:
    @app.websocket("/ws/events")
    async def follow(socket: WebSocket) -> None:
        await socket.accept()
        page = await events.join()

        async def send() -> None:
            while True:
                await socket.send_text(await page.get())

        try:
            await _until_closed(socket, send())
        finally:
            events.leave(page)

    @app.websocket("/ws/preview")
    async def preview(socket: WebSocket) -> None:
        await socket.accept()
        if session.hub.count >= _MOST_VIEWERS:
            await socket.close(1013, "too many pages watch")
            return
        viewer = Viewer(asyncio.get_running_loop())

        async def send() -> None:
            while True:
                await socket.send_bytes(await viewer.next())

        session.hub.join(viewer)
        try:
            await _until_closed(socket, send(), lambda text: _wish(session, viewer, text))
        finally:
            session.hub.leave(viewer)

    @app.websocket("/ws/camera")
    async def camera(socket: WebSocket) -> None:
        await socket.accept()
        feeder = secrets.token_hex(6)
        running, outgoing = asyncio.get_running_loop(), asyncio.Queue[dict[str, Any]]()

        def tell(message: dict[str, Any]) -> None:
            with contextlib.suppress(RuntimeError):
                running.call_soon_threadsafe(put, message)

        def put(message: dict[str, Any]) -> None:
            # A page that sends and never reads must not fill the memory.
            if outgoing.qsize() < _MOST_ANSWERS:
                outgoing.put_nowait(message)

        async def send() -> None:
            while True:
                message = await outgoing.get()
                await socket.send_json(message)
                if message.get("state") == "taken":
                    await socket.close(1000, "another page sends its camera")
                    return

        session.feed.begin(
            feeder,
            lambda sequence: tell({"ack": sequence}),
            lambda: tell({"state": "taken"}),
            lambda: tell({"key": True}),
        )
        session.notify()
        try:
            await _until_closed(socket, send(), None, lambda data: _feed(session, feeder, data))
        finally:
            session.feed.end(feeder)
            session.notify()


async def _until_closed(socket: WebSocket, sending: Any, on_text: Any = None, on_bytes: Any = None) -> None:
    """Send and receive side by side until either ends; messages that make no sense close the socket."""
    sender = asyncio.create_task(sending)
    try:
        while not sender.done():
            receiving = asyncio.create_task(socket.receive())
            await asyncio.wait({receiving, sender}, return_when=asyncio.FIRST_COMPLETED)
            if not receiving.done():
                receiving.cancel()
                break
            message = receiving.result()
            if message["type"] == "websocket.disconnect":
                break
            text, data = message.get("text"), message.get("bytes")
            if text is not None and on_text is not None:
                on_text(text)
            if data is not None and on_bytes is not None:
                on_bytes(data)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await socket.close(1003, "this message makes no sense")
    finally:
        sender.cancel()
        with contextlib.suppress(asyncio.CancelledError, RuntimeError, WebSocketDisconnect):
            await sender


def _wish(session: StudioSession, viewer: Viewer, text: str) -> None:
    message = json.loads(text)
    if "ack" in message:
        viewer.acknowledged(int(message["ack"]))
    if isinstance(message.get("want"), dict):
        viewer.width = min(max(int(message["want"].get("width", viewer.width)), 0), _MOST_WIDTH)
        viewer.before = bool(message["want"].get("before", False))
        session.hub.wishes_changed()


def _feed(session: StudioSession, feeder: str, data: bytes) -> None:
    header = browser_camera.HEADER
    if not header.size < len(data) <= browser_camera.MOST_MESSAGE_BYTES:
        raise ValueError("this is no picture")
    kind, sequence, capture_ms = header.unpack_from(data)
    session.feed.give(feeder, Picture(kind, sequence, capture_ms, data[header.size :]))
