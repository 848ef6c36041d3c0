"""A studio for tests: the real session and routes, served on a free port in a thread, with an HTTP client."""

import contextlib
import faulthandler
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from fastapi.dependencies import models

from mien.provenance.trust import Signing, open_trust
from mien.settings import Settings
from mien.studio.server.access import Access
from mien.studio.server.app import make_app
from mien.studio.server.serve import StudioServer
from mien.studio.session.session import StudioSession
from tests.support.deadline import DEADLINE_S


@dataclass(frozen=True, slots=True)
class Studio:
    """A studio that runs. `client` carries the bearer token; `base` is `http://127.0.0.1:PORT`."""

    session: StudioSession
    access: Access
    base: str
    client: httpx.Client
    recordings: Path
    uploads: Path
    data: Path

    @property
    def page(self) -> str:
        """Return the address of the page, with the token."""
        return f"{self.base}/?token={self.access.token}"

    @property
    def socket(self) -> str:
        """Return the base of the WebSockets' addresses."""
        return self.base.replace("http", "ws")

    def state(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.client.get("/api/state").json()
        return answer

    def wait(self, happened: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        """Wait until it has happened and return that state."""
        deadline, pause = time.monotonic() + DEADLINE_S, threading.Event()
        while not happened(state := self.state()):
            assert time.monotonic() < deadline, f"not within {DEADLINE_S:.0f} s: {what}; {state['input']} {state['outputs']}"
            pause.wait(0.05)
        return state

    def add_face(self, photo: Path, consent: str = "public-domain", **more: Any) -> httpx.Response:
        with photo.open("rb") as file:
            return self.client.post("/api/faces", files={"photo": (photo.name, file)}, data={"consent": consent, **more})

    def wear(self, photo: Path) -> str:
        face_id = str(self.add_face(photo).raise_for_status().json()["id"])
        self.client.post(f"/api/faces/{face_id}/select").raise_for_status()
        return face_id


@contextlib.contextmanager
def running_studio(folder: Path, *, password: str | None = None, data: Path | None = None) -> Iterator[Studio]:
    """Serve a studio whose folders lie in `folder`, `data` too unless another one is named."""
    uploads, recordings, data = folder / "uploads", folder / "recordings", data or folder / "data"
    uploads.mkdir()
    trust = open_trust(data, Signing())
    session = StudioSession(Settings(), trust, data, recordings, uploads, shared=password is not None)
    session.start()
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
        access = Access(port, password=password, scope_of=session.tokens.scope_of)
        started = threading.Event()
        server = StudioServer(make_app(session, access), ready=started.set)
        thread = threading.Thread(target=server.run, args=([listener],), name="test-studio")
        thread.start()
        try:
            assert started.wait(DEADLINE_S), "the server does not start"
            base = f"http://127.0.0.1:{port}"
            headers = {"Authorization": f"Bearer {access.token}"}
            with httpx.Client(base_url=base, headers=headers, timeout=DEADLINE_S, trust_env=False) as client:
                yield Studio(session, access, base, client, recordings, uploads, data)
        finally:
            server.should_exit = True
            thread.join(DEADLINE_S)
            if thread.is_alive():
                # What it waits for is gone once the session is closed.
                faulthandler.dump_traceback(all_threads=True)
            session.close()
            _forget_routes()


def _forget_routes() -> None:
    """Empty FastAPI's caches of routes: each holds a whole session with its models, 110 MB, as long as the tests run."""
    for cached in vars(models).values():
        if callable(clear := getattr(cached, "cache_clear", None)):
            clear()


def loop_clip(studio: Studio, clip: Path) -> None:
    studio.client.put("/api/input", json={"kind": "file", "path": str(clip)}).raise_for_status()
    studio.wait(lambda state: state["input"]["state"] == "live", "the clip")


def metrics_when(studio: Studio, shown: str) -> dict[str, Any]:
    deadline = time.monotonic() + DEADLINE_S
    while True:
        metrics: dict[str, Any] = studio.client.get("/api/metrics").json()
        if metrics["shown"] == shown:
            return metrics
        assert time.monotonic() < deadline, metrics
        threading.Event().wait(0.05)
