"""The studio while it starts: what answers at once, what waits, and what becomes of an end in the middle."""

import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from mien.errors import UsageError
from mien.studio.server.access import Access
from mien.studio.server.serve import StudioServer
from mien.studio.server.starting import StartingApp
from tests.support.deadline import DEADLINE_S


@dataclass
class _Studio:
    """A server whose application is made when `go` is set; `told` are the events in their order."""

    access: Access
    base: str
    go: threading.Event = field(default_factory=threading.Event)
    began: threading.Event = field(default_factory=threading.Event)
    started: threading.Event = field(default_factory=threading.Event)
    told: list[str] = field(default_factory=list)

    def get(self, path: str, **headers: str) -> httpx.Response:
        with httpx.Client(trust_env=False, timeout=DEADLINE_S) as client:
            return client.get(self.base + path, headers=headers)

    def owner(self, path: str) -> httpx.Response:
        return self.get(path, Authorization=f"Bearer {self.access.token}")

    def application(self) -> Starlette:
        """Wait for `go`, and return an application that tells its life."""

        @contextlib.asynccontextmanager
        async def life(_: Starlette) -> AsyncIterator[None]:
            self.told.append("alive")
            yield
            self.told.append("ended")

        async def answer(_: Request) -> PlainTextResponse:
            return PlainTextResponse("state")

        self.began.set()
        assert self.go.wait(DEADLINE_S)
        return Starlette(routes=[Route("/api/state", answer)], lifespan=life)


@contextmanager
def _starting(start: Callable[[_Studio], Starlette]) -> Iterator[tuple[_Studio, StartingApp, StudioServer, threading.Thread]]:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = int(listener.getsockname()[1])
        studio, answering = _Studio(Access(port), f"http://127.0.0.1:{port}"), threading.Event()
        app = StartingApp(studio.access, lambda: start(studio), studio.started.set, lambda: server.ask_to_end())
        server = StudioServer(app, ready=answering.set)
        thread = threading.Thread(target=server.run, args=([listener],), name="test-starting")
        thread.start()
        try:
            assert answering.wait(DEADLINE_S)
            yield studio, app, server, thread
        finally:
            studio.go.set()
            server.should_exit = True
            thread.join(DEADLINE_S)
            assert not thread.is_alive()


def test_the_page_answers_before_the_studio_is_there() -> None:
    with _starting(_Studio.application) as (studio, _, _, _), ThreadPoolExecutor(1) as pool:
        assert studio.began.wait(DEADLINE_S)
        page = studio.get(f"/?token={studio.access.token}")
        assert (page.status_code, "app.js" in page.text) == (200, True)
        assert page.cookies[studio.access.cookie_name]
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
        assert "import" in studio.owner("/static/app.js").text
        state = pool.submit(studio.owner, "/api/state")
        assert not studio.started.is_set()
        studio.go.set()
        assert state.result(DEADLINE_S).text == "state"
        assert studio.started.is_set()
        assert studio.told == ["alive"]
    assert studio.told == ["alive", "ended"]


@pytest.mark.parametrize("path", ["/", "/static/app.js", "/api/state", "/static/../server/access.py"])
def test_strangers_are_refused_meanwhile(path: str) -> None:
    with _starting(_Studio.application) as (studio, _, _, _):
        assert studio.get(path).status_code == 401
        assert studio.get(path, Host="evil.example").status_code == 421
        refused = studio.get(path, Authorization="Bearer wrong")
        assert refused.status_code == 401
        assert not studio.started.is_set()


def test_no_file_beside_those_of_the_page_is_shown() -> None:
    with _starting(_Studio.application) as (studio, _, _, _):
        assert studio.owner("/static/%2e%2e/server/access.py").status_code == 404
        assert studio.owner("/static/").status_code == 404


@pytest.mark.parametrize("error", [UsageError("no such photo", "name another one"), LookupError("a fault of mien")])
def test_a_start_that_fails_ends_the_server_and_is_told(error: Exception) -> None:
    def fail(studio: _Studio) -> Starlette:
        studio.application()
        raise error

    with _starting(fail) as (studio, app, _, thread), ThreadPoolExecutor(1) as pool:
        assert studio.began.wait(DEADLINE_S)
        state = pool.submit(studio.owner, "/api/state")
        studio.go.set()
        thread.join(DEADLINE_S)
        assert not thread.is_alive()
        assert app.error is error
        assert not studio.started.is_set()
        # The server may have closed before it read the request.
        with contextlib.suppress(httpx.TransportError):
            answer = state.result(DEADLINE_S)
            # As an object, like every error: the page tells it in its own language.
            assert (answer.status_code, answer.json()["key"]) == (503, "not-started")


def test_an_end_in_the_middle_waits_for_the_start_and_says_nothing() -> None:
    with _starting(_Studio.application) as (studio, app, server, thread):
        assert studio.began.wait(DEADLINE_S)
        server.ask_to_end()
        studio.go.set()
        thread.join(DEADLINE_S)
        assert not thread.is_alive()
        assert app.error is None
        assert studio.told in ([], ["alive", "ended"])
