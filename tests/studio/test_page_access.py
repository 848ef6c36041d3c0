"""Access to a running studio: the person's own page and programs with the token, nobody else."""

import logging
import socket
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from mien.studio.server.certificate import fingerprint, own_certificate
from tests.support.deadline import DEADLINE_S
from tests.support.running_studio import Studio, running_studio
from tests.support.studio_clients import drain, open_socket

pytestmark = pytest.mark.lasting_server


@pytest.fixture
def studio(same_studio: Studio) -> Studio:
    """Return the studio of this file: nobody who is refused leaves anything behind."""
    return same_studio


class TestAccess:
    """Nobody but the person's own page and programs with the token."""

    def test_without_the_token_nothing_is_told(self, studio: Studio) -> None:
        for path in (
            "/",
            "/api/state",
            "/metrics",
            "/api/openapi.json",
            "/static/app.js",
            "/api/faces/x/thumb.jpg",
            "/api/films/x/frame.jpg",
        ):
            assert httpx.get(studio.base + path).status_code == 401, path
        assert httpx.get(f"{studio.base}/?token=wrong").status_code == 401

    def test_the_token_gives_a_strict_cookie_that_is_enough_from_then_on(self, studio: Studio) -> None:
        answer = httpx.get(studio.page)
        assert answer.status_code == 200
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        name, value = cookie.split(";")[0].split("=", 1)
        assert httpx.get(f"{studio.base}/api/state", cookies={name: value}).status_code == 200

    @pytest.mark.parametrize("odd", ['prefs={"theme":"dark"}', "a b=c", "@foo=1", "noval", "mien=x=y"])
    def test_odd_cookies_of_other_programs_do_no_harm(self, studio: Studio, odd: str) -> None:
        ours = httpx.get(studio.page).headers["set-cookie"].split(";")[0]
        for cookies in (f"{odd}; {ours}", f"{ours}; {odd}"):
            assert httpx.get(f"{studio.base}/api/state", headers={"Cookie": cookies}).status_code == 200
        assert httpx.get(f"{studio.base}/api/state", headers={"Cookie": odd}).status_code == 401

    def test_the_token_for_the_browsers_command_is_good_for_one_visit(self, studio: Studio) -> None:
        once = f"{studio.base}/?token={studio.access.once}"
        assert httpx.get(once).status_code == 200
        assert httpx.get(once).status_code == 401
        assert httpx.get(studio.page).status_code == 200
        assert httpx.get(studio.page).status_code == 200

    def test_every_answer_carries_the_security_headers(self, studio: Studio) -> None:
        for answer in (httpx.get(studio.page), httpx.get(f"{studio.base}/api/state"), studio.client.get("/api/state")):
            assert "default-src 'none'" in answer.headers["content-security-policy"]
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["cache-control"] == "no-store"

    @pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "192.168.1.2:{port}", "127.0.0.1:1", ""])
    def test_another_host_is_refused(self, studio: Studio, host: str) -> None:
        port = studio.base.rsplit(":", 1)[1]
        answer = studio.client.get("/api/state", headers={"Host": host.format(port=port)})
        assert answer.status_code in {400, 421}

    @pytest.mark.parametrize("origin", [None, "http://evil.example", "null", "https://127.0.0.1:{port}", "http://127.0.0.1:1"])
    def test_another_origin_changes_nothing(self, studio: Studio, origin: str | None) -> None:
        name, value = httpx.get(studio.page).headers["set-cookie"].split(";")[0].split("=", 1)
        port = studio.base.rsplit(":", 1)[1]
        headers = {} if origin is None else {"Origin": origin.format(port=port)}
        answer = httpx.patch(
            f"{studio.base}/api/settings", json={"opacity": 0.1}, cookies={name: value}, headers=headers
        )  # fmt: skip
        assert answer.status_code == 403
        assert studio.state()["settings"]["opacity"] == 1.0

    def test_the_pages_own_origin_passes(self, studio: Studio) -> None:
        name, value = httpx.get(studio.page).headers["set-cookie"].split(";")[0].split("=", 1)
        answer = httpx.patch(
            f"{studio.base}/api/settings", json={"opacity": 0.5}, cookies={name: value}, headers={"Origin": studio.base}
        )
        assert answer.json()["settings"]["opacity"] == 0.5
        studio.client.patch("/api/settings", json={"opacity": 1.0}).raise_for_status()

    @pytest.mark.parametrize("path", ["/ws/preview", "/ws/events", "/ws/camera"])
    def test_sockets_of_strangers_are_refused(self, studio: Studio, path: str) -> None:
        for origin in (None, "http://evil.example", studio.base):
            with pytest.raises((InvalidStatus, ConnectionClosed)), connect(
                studio.socket + path, origin=origin, proxy=None  # type: ignore[arg-type]
            ) as socket:  # fmt: skip
                socket.recv(timeout=DEADLINE_S)

    def test_a_shared_studio_asks_for_the_password(self, tmp_path: Path) -> None:
        with running_studio(tmp_path, password="correct horse") as studio:
            assert httpx.get(studio.page).headers["location"] == "/login"
            assert httpx.get(f"{studio.base}/login").status_code == 200
            headers = {"Origin": studio.base}
            wrong = httpx.post(f"{studio.base}/login", data={"password": "wrong"}, headers=headers)
            assert wrong.headers["location"] == "/login?wrong#wrong"
            assert "set-cookie" not in wrong.headers
            right = httpx.post(f"{studio.base}/login", data={"password": "correct horse"}, headers=headers)
            name, value = right.headers["set-cookie"].split(";")[0].split("=", 1)
            cookies = {name: value}
            assert httpx.get(f"{studio.base}/api/state", cookies=cookies).status_code == 200
            wanted = {"kind": "file", "path": "/etc/hostname"}
            refused = httpx.put(f"{studio.base}/api/input", json=wanted, cookies=cookies, headers=headers)
            assert refused.status_code == 422
            assert "shared" in refused.json()["error"]

    def test_a_shared_studio_opens_no_port(self, tmp_path: Path) -> None:
        with running_studio(tmp_path, password="correct horse") as studio, socket.create_server(("127.0.0.1", 0)) as free:
            headers = {"Origin": studio.base}
            login = httpx.post(f"{studio.base}/login", data={"password": "correct horse"}, headers=headers)
            name, value = login.headers["set-cookie"].split(";")[0].split("=", 1)
            place = f"127.0.0.1:{free.getsockname()[1]}"
            with httpx.Client(base_url=studio.base, cookies={name: value}, headers=headers, trust_env=False) as client:
                for url in (
                    f"udp://{place}",
                    f"tcp://{place}?%6cisten=1",
                    f"rtmp://{place}/a/b?%6cisten",
                    f"srt://{place}?mode=listener",
                ):
                    answer = client.put("/api/input", json={"kind": "network", "url": url})
                    assert answer.status_code == 422, url
                    assert "open a port" in answer.json()["error"]
                    if not url.startswith("udp"):
                        assert client.post("/api/outputs", json={"kind": "stream", "url": url}).status_code == 422, url
                wanted = {"kind": "network", "url": f"tcp://{place}?timeout=1000000"}
                assert client.put("/api/input", json=wanted).status_code == 200
                assert client.put("/api/input", json={"kind": "none"}).status_code == 200

    def test_json_that_is_no_text_is_refused_and_not_kept(self, studio: Studio) -> None:
        half, nan, deep = b'{"x":{"engine":"\\ud800"}}', b'{"x":{"opacity":NaN}}', b"[" * 5000
        for body in (b'{"a":"\xff"}', b"\xff\xfe{", half, nan, deep, b"{"):
            answer = studio.client.post("/api/presets.json", content=body, headers={"Content-Type": "application/json"})
            assert answer.status_code in {400, 422}, body
            assert answer.json()["remedy"]
        assert studio.state()["presets"] == {}

    def test_a_websocket_message_that_is_no_text_closes_it_without_a_traceback(
        self, studio: Studio, caplog: pytest.LogCaptureFixture
    ) -> None:
        log = logging.getLogger("uvicorn.error")
        log.addHandler(caplog.handler)
        try:
            with open_socket(studio, "/ws/preview") as page:
                page.send(b"\xff\xfe", text=True)
                with pytest.raises(ConnectionClosed):
                    drain(page)
            assert page.close_code == 1007
        finally:
            log.removeHandler(caplog.handler)
        assert not caplog.records

    def test_a_certificate_is_made_once_and_its_key_is_private(self, tmp_path: Path) -> None:
        certificate, key = own_certificate(tmp_path / "tls", ("192.0.2.1", "studio.example"))
        assert own_certificate(tmp_path / "tls", ("192.0.2.1",)) == (certificate, key)
        before = fingerprint(certificate)
        assert len(before.split(":")) == 32
        assert key.stat().st_mode & 0o077 == 0
        own_certificate(tmp_path / "tls", ("192.0.2.99",))
        assert fingerprint(certificate) != before
