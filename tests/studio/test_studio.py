"""The studio's server: who may talk to it, what it accepts, and that everything it starts works for real."""

import io
import json
import logging
import re
import socket
import struct
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import av
import cv2
import httpx
import numpy as np
import PIL.Image
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from mien import studio as page
from mien.provenance.consent import Consents
from mien.settings import table
from mien.studio.server.certificate import fingerprint, own_certificate
from mien.studio.session.browser_camera import HEADER, JPEG, jpeg_size
from mien.studio.session.preview import HEADER as PREVIEW_HEADER
from mien.system.database import Database
from mien.types import LIVE_TIME_BASE, FacePatch, Frame, Image, TrackedFace
from tests.support.deadline import DEADLINE_S
from tests.support.running_studio import Studio, loop_the_clip, metrics_when, running_studio


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    with running_studio(tmp_path) as running:
        yield running


@contextmanager
def open_socket(studio: Studio, path: str) -> Iterator[ClientConnection]:
    headers = {"Authorization": f"Bearer {studio.access.token}"}
    url = f"{studio.socket}{path}"
    with connect(url, additional_headers=headers, compression=None, proxy=None, max_size=None) as opened:
        yield opened


def next_bytes(socket: ClientConnection) -> bytes:
    message = socket.recv(timeout=DEADLINE_S)
    assert isinstance(message, bytes)
    return message


def drain(socket: ClientConnection) -> None:
    """Read what is still on its way, until the server closes; raises `ConnectionClosed`."""
    for _ in range(10):
        socket.recv(timeout=DEADLINE_S)


def decoded(data: bytes) -> Image:
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return np.asarray(picture, np.uint8)


def count_frames(data: bytes) -> tuple[int, dict[str, str]]:
    """Decodable pictures of a video, and its metadata."""
    with av.open(io.BytesIO(data), "r") as container:
        return sum(1 for _ in container.decode(video=0)), dict(container.metadata)


class TestAccess:
    """Nobody but the person's own page and programs with the token."""

    def test_without_the_token_nothing_is_told(self, studio: Studio) -> None:
        for path in ("/", "/api/state", "/metrics", "/api/openapi.json", "/static/app.js", "/api/faces/x/thumb.jpg"):
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


class TestFaces:
    """The gallery."""

    def test_a_face_needs_consent(self, studio: Studio, examples: Path) -> None:
        answer = studio.add_face(examples / "eileen_collins.png", consent="finders keepers")
        assert answer.status_code == 422
        assert "consent" in answer.json()["remedy"]
        silent = studio.client.post("/api/faces", files={"photo": ("a.png", (examples / "eileen_collins.png").read_bytes())})
        assert silent.status_code == 422
        assert silent.json()["code"] == "consent-needed"
        assert studio.state()["faces"] == []
        assert not list(studio.uploads.iterdir())

    def test_a_statement_is_asked_for_once_and_holds_until_it_is_revoked(self, studio: Studio, examples: Path) -> None:
        photo = {"photo": ("a.png", (examples / "eileen_collins.png").read_bytes())}
        first = studio.wear(examples / "eileen_collins.png")
        again = studio.client.post("/api/faces", files=photo)
        assert again.status_code == 201, "the photo is known"
        consents = Consents(Database(studio.data))
        (kept,) = consents.all()
        assert (kept.statement, kept.photo) == ("public-domain", "eileen_collins")
        consents.revoke(kept.id)
        refused = studio.client.post(f"/api/faces/{first}/select")
        assert refused.status_code == 422
        assert "no longer recorded" in refused.json()["error"]
        assert studio.client.post("/api/faces", files=photo).json()["code"] == "consent-needed"

    def test_a_face_is_added_shown_worn_and_removed(self, studio: Studio, examples: Path) -> None:
        face_id = studio.wear(examples / "eileen_collins.png")
        state = studio.state()
        assert state["face"] == face_id
        described = {"id": face_id, "name": "eileen_collins", "consent": "public-domain", "saved": False}
        assert state["faces"] == [{**described, "photos": 1, "warnings": []}]
        thumb = studio.client.get(f"/api/faces/{face_id}/thumb.jpg")
        height, width = decoded(thumb.content).shape[:2]
        assert 100 < height == width <= 192
        assert studio.client.delete(f"/api/faces/{face_id}").status_code == 204
        assert studio.state()["face"] is None
        assert not list(studio.uploads.iterdir()), "a removed photo leaves nothing behind"

    def test_a_saved_face_is_there_next_time_and_others_are_not(self, tmp_path: Path, examples: Path) -> None:
        for folder in ("first", "second"):
            (tmp_path / folder).mkdir()
        with running_studio(tmp_path / "first") as studio:
            kept = studio.wear(examples / "eileen_collins.png")
            studio.add_face(examples / "grace_hopper.jpg")
            assert studio.client.post(f"/api/faces/{kept}/save").status_code == 200
            (tmp_path / "first" / "data").rename(tmp_path / "second" / "data")
        with running_studio(tmp_path / "second") as studio:
            assert [face["id"] for face in studio.state()["faces"]] == [kept]
            assert studio.client.post(f"/api/faces/{kept}/select").json() == {"face": kept}
            studio.client.delete(f"/api/faces/{kept}")
            assert not list((tmp_path / "second" / "data" / "faces").iterdir())

    def test_further_photos_of_the_same_person_are_taken_and_kept(self, tmp_path: Path, examples: Path) -> None:
        for folder in ("first", "second"):
            (tmp_path / folder).mkdir()
        photo = np.asarray(cv2.imread(str(examples / "eileen_collins.png")), np.uint8)
        brighter = bytes(cv2.imencode(".png", cv2.convertScaleAbs(photo, alpha=1.1, beta=4))[1])
        stranger = (examples / "grace_hopper.jpg").read_bytes()
        with running_studio(tmp_path / "first") as studio:
            face_id = studio.wear(examples / "eileen_collins.png")
            address = f"/api/faces/{face_id}/photos"
            refused = studio.client.post(address, files={"photo": ("b.jpg", stranger)})
            assert refused.status_code == 422
            assert "another person" in refused.json()["error"]
            assert studio.client.post(address, files={"photo": ("c.png", brighter)}).json() == {"photos": 2}
            assert studio.client.post(f"/api/faces/{face_id}/save").status_code == 200
            assert studio.client.post(address, files={"photo": ("d.png", brighter)}).json() == {"photos": 3}
            (tmp_path / "first" / "data").rename(tmp_path / "second" / "data")
        with running_studio(tmp_path / "second") as studio:
            assert [face["photos"] for face in studio.state()["faces"]] == [3]
            assert studio.client.post(f"/api/faces/{face_id}/select").json() == {"face": face_id}
            studio.client.delete(f"/api/faces/{face_id}")
            assert not list((tmp_path / "second" / "data" / "faces").iterdir())

    def test_several_faces_are_shown_with_numbers(self, studio: Studio, examples: Path, tmp_path: Path) -> None:
        one = cv2.imread(str(examples / "eileen_collins.png"))
        two = cv2.imread(str(examples / "grace_hopper.jpg"))
        assert one is not None
        assert two is not None
        two = cv2.resize(two, (one.shape[1], one.shape[0]))
        cv2.imwrite(str(tmp_path / "group.png"), np.hstack([one, two]))
        answer = studio.add_face(tmp_path / "group.png")
        assert answer.status_code == 409
        assert answer.json()["code"] == "several"
        assert answer.json()["count"] == 2
        assert answer.json()["picture"].startswith("data:image/jpeg;base64,")
        assert studio.add_face(tmp_path / "group.png", number=2).status_code == 201

    @pytest.mark.parametrize(
        ("name", "content", "status"),
        [
            ("empty.jpg", b"", 400),
            ("text.jpg", b"not a picture at all", 400),
            ("cut.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 400),
            ("../../etc/passwd", b"nor is this", 400),
        ],
    )
    def test_what_is_no_picture_is_refused_with_a_reason(
        self, studio: Studio, name: str, content: bytes, status: int
    ) -> None:  # fmt: skip
        answer = studio.client.post("/api/faces", files={"photo": (name, content)}, data={"consent": "self"})
        assert answer.status_code == status
        assert answer.json()["error"]
        assert answer.json()["remedy"]
        assert str(studio.uploads) not in answer.text
        assert not list(studio.uploads.iterdir())

    def test_a_picture_of_200_megapixels_is_refused_before_it_is_decoded(self, studio: Studio) -> None:
        header = struct.pack(">II5B", 20_000, 10_000, 8, 2, 0, 0, 0)
        chunk = b"IHDR" + header
        bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
        bomb += struct.pack(">I", 60) + b"IDAT"
        answer = studio.client.post("/api/faces", files={"photo": ("big.png", bomb + bytes(64))}, data={"consent": "self"})
        assert answer.status_code == 413
        assert "pixels" in answer.json()["error"]

    def test_an_upload_that_is_too_large_ends_before_it_is_stored(self, studio: Studio) -> None:

        def endless() -> Iterator[bytes]:
            yield b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n'
            for _ in range(300):
                yield bytes(1_000_000)

        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        # The server may close the connection while we still send.
        with suppress(httpx.TransportError):
            assert studio.client.post("/api/faces", content=endless(), headers=headers).status_code == 413
        assert not list(studio.uploads.iterdir())


class TestLive:
    """The loop behind the page."""

    def test_a_clip_is_worn_watched_and_recorded(self, studio: Studio, examples: Path) -> None:
        studio.wear(examples / "eileen_collins.png")
        loop_the_clip(studio, examples)
        with open_socket(studio, "/ws/preview") as socket:
            socket.send(json.dumps({"want": {"before": True, "width": 640}}))
            for _ in range(20):
                message = next_bytes(socket)
                sequence, flags, capture_ms, after, before = PREVIEW_HEADER.unpack_from(message)
                assert flags == 0
                assert len(message) == PREVIEW_HEADER.size + after + before
                assert -50 < 1000 * time.time() - capture_ms < 5000
                socket.send(json.dumps({"ack": sequence}))
            assert before > 0
            pictures = message[PREVIEW_HEADER.size :]
            shown, raw = decoded(pictures[:after]), decoded(pictures[after:])
        assert shown.shape == raw.shape == (360, 640, 3)
        assert np.abs(shown.astype(int) - raw).mean() > 0.5, "before and after are not the same"
        output_id = studio.client.post("/api/outputs", json={"kind": "recording", "container": "mp4"}).json()["id"]
        studio.wait(lambda state: state["outputs"][0]["frames"] > 30, "frames in the recording")
        assert studio.client.get(f"/api/outputs/{output_id}/file").status_code == 422
        assert studio.client.delete(f"/api/outputs/{output_id}").status_code == 204
        studio.wait(lambda state: state["outputs"][0]["seal"] == "signed", "the signature")
        recorded = studio.client.get(f"/api/outputs/{output_id}/file")
        frames, metadata = count_frames(recorded.content)
        assert frames >= 30
        assert "altered" in metadata["comment"]
        assert studio.state()["outputs"][0]["result"] is True
        assert studio.client.delete(f"/api/outputs/{output_id}").status_code == 204
        assert studio.state()["outputs"] == []

    def test_a_client_that_never_reads_gets_two_frames_and_stops_nobody(self, studio: Studio, examples: Path) -> None:
        studio.wear(examples / "eileen_collins.png")
        loop_the_clip(studio, examples)
        with open_socket(studio, "/ws/preview") as lazy, open_socket(studio, "/ws/preview") as keen:
            for _ in range(25):
                keen.send(json.dumps({"ack": PREVIEW_HEADER.unpack_from(next_bytes(keen))[0]}))
            lazy.recv(timeout=DEADLINE_S)
            lazy.recv(timeout=DEADLINE_S)
            with pytest.raises(TimeoutError):
                lazy.recv(timeout=0.3)

    def test_ten_clients_and_one_that_talks_nonsense(self, studio: Studio, examples: Path) -> None:
        loop_the_clip(studio, examples)
        with ExitStack() as stack:
            sockets = [stack.enter_context(open_socket(studio, "/ws/preview")) for _ in range(10)]
            for socket in sockets:
                next_bytes(socket)
            sockets[0].send("not JSON")
            with pytest.raises(ConnectionClosed):
                drain(sockets[0])
            sockets[1].send(json.dumps({"ack": 1}))
            next_bytes(sockets[1])

    def test_events_tell_every_page_the_same(self, studio: Studio, examples: Path) -> None:
        with open_socket(studio, "/ws/events") as one, open_socket(studio, "/ws/events") as two:
            studio.client.patch("/api/settings", json={"opacity": 0.25})
            for page in (one, two):
                deadline = time.monotonic() + DEADLINE_S
                while True:
                    message = json.loads(page.recv(timeout=DEADLINE_S))
                    if message["type"] == "state" and message["state"]["settings"]["opacity"] == 0.25:
                        break
                    assert time.monotonic() < deadline
            kinds = {json.loads(one.recv(timeout=DEADLINE_S))["type"] for _ in range(2)}
            assert "metrics" in kinds

    def test_without_a_face_the_picture_is_veiled_and_removing_the_face_veils_it_again(
        self, studio: Studio, examples: Path
    ) -> None:
        loop_the_clip(studio, examples)
        metrics_when(studio, "veiled")
        face_id = studio.wear(examples / "eileen_collins.png")
        metrics_when(studio, "swapped")
        studio.client.delete(f"/api/faces/{face_id}")
        metrics_when(studio, "veiled")

    def test_the_browsers_camera_is_taken_over_by_the_newest_page(self, studio: Studio, examples: Path) -> None:
        picture = cv2.imread(str(examples / "grace_hopper.jpg"))
        assert picture is not None
        data = cv2.imencode(".jpg", cv2.resize(picture, (640, 800)))[1].tobytes()
        studio.wear(examples / "eileen_collins.png")
        studio.client.put("/api/input", json={"kind": "browser"}).raise_for_status()
        with open_socket(studio, "/ws/camera") as first:
            shown, sequence, deadline = "", 0, time.monotonic() + DEADLINE_S
            while shown != "swapped":
                assert time.monotonic() < deadline, shown
                sequence += 1
                first.send(HEADER.pack(JPEG, sequence, 1000 * time.time()) + data)
                assert _answer(first, "ack") == sequence
                shown = studio.client.get("/api/metrics").json()["shown"]
            with open_socket(studio, "/ws/camera") as second:
                assert _answer(first, "state") == "taken"
                second.send(HEADER.pack(JPEG, 1, 1000 * time.time()) + data)
                assert _answer(second, "ack") == 1
                for nonsense in (b"", b"\x03", HEADER.pack(JPEG, 2, 0.0) + b"no picture"):
                    with open_socket(studio, "/ws/camera") as third:
                        third.send(nonsense)
        assert studio.client.get("/api/state").status_code == 200

    def test_settings_are_checked_and_limits_cannot_be_moved(self, studio: Studio) -> None:
        for values in ({"opacity": 7}, {"opacity": "loud"}, {"nonsense": 1}, {"max_pixels": 10**12}, {"engine": "x"}):
            answer = studio.client.patch("/api/settings", json=values)
            assert answer.status_code == 422, values
            assert answer.json()["error"]
        assert studio.client.patch("/api/settings", json=[1]).status_code == 422

    def test_a_face_that_is_kept_follows_the_sliders(self, studio: Studio, examples: Path) -> None:
        studio.wear(examples / "eileen_collins.png")

        def drawn() -> FacePatch:
            persona = studio.session.loop.snapshot.persona
            assert persona is not None
            frame = Frame(persona.source.image.copy(), 0, 0, LIVE_TIME_BASE)
            (patch,) = persona.engine.swap(frame, [TrackedFace(0, persona.source.landmarks, 1)], persona.prepared)
            assert patch is not None
            return patch

        soft = drawn()
        studio.client.patch("/api/settings", json={"sharpness": 1.0}).raise_for_status()
        assert not np.array_equal(soft.crop, drawn().crop)

    def test_presets_are_kept_exported_and_imported(self, studio: Studio) -> None:
        studio.client.patch("/api/settings", json={"opacity": 0.4, "eyes": "target"})
        assert studio.client.put("/api/presets/soft").status_code == 200
        studio.client.patch("/api/settings", json={"opacity": 1.0})
        assert studio.client.post("/api/presets/soft/apply").json()["settings"]["opacity"] == 0.4
        exported = studio.client.get("/api/presets.json")
        assert "attachment" in exported.headers["content-disposition"]
        studio.client.delete("/api/presets/soft")
        assert studio.state()["presets"] == {}
        studio.client.post("/api/presets.json", json=exported.json()).raise_for_status()
        assert studio.state()["presets"]["soft"]["eyes"] == "target"
        assert studio.client.post("/api/presets.json", json={"bad": {"opacity": 9}}).status_code == 422
        assert studio.client.put("/api/presets/" + "x" * 60).status_code == 422

    def test_forty_presets_kept_at_once_are_all_there(self, studio: Studio) -> None:
        def keep(number: int) -> tuple[str, int]:
            return f"p{number}", studio.client.put(f"/api/presets/p{number}").status_code

        with ThreadPoolExecutor(40) as threads:
            answers = dict(threads.map(keep, range(40)))
        assert set(answers.values()) == {200}
        assert set(studio.state()["presets"]) == set(answers)

    @pytest.mark.parametrize(
        "wanted",
        [
            {},
            {"kind": "telepathy"},
            {"kind": "camera"},
            {"kind": "camera", "device": "/dev/video0", "width": -5},
            {"kind": "camera", "device": "/dev/video0", "pixel_format": "magic"},
            {"kind": "network", "url": "gopher://x/y"},
            {"kind": "network", "url": "file:///etc/passwd"},
            {"kind": "file", "path": "/no/such/file.mp4"},
            {"kind": "file", "clip": "unknown"},
            {"kind": "screen", "left": "a"},
            {"kind": "camera", "device": "x" * 5000},
        ],
    )
    def test_inputs_that_make_no_sense_are_refused(self, studio: Studio, wanted: dict[str, Any]) -> None:
        answer = studio.client.put("/api/input", content=json.dumps(wanted), headers={"Content-Type": "application/json"})
        assert answer.status_code == 422
        assert answer.json()["remedy"]
        assert studio.state()["input"]["kind"] == "none"

    @pytest.mark.parametrize("wanted", [{"kind": "camera", "device": "\ud800"}, {"kind": "file", "path": "\ud800"}])
    def test_text_that_is_no_text_is_refused(self, studio: Studio, wanted: dict[str, Any]) -> None:
        answer = studio.client.put("/api/input", content=json.dumps(wanted), headers={"Content-Type": "application/json"})
        assert answer.status_code == 400
        assert studio.state()["input"]["kind"] == "none"

    def test_a_camera_that_is_not_there_says_so_and_the_rest_goes_on(self, studio: Studio, examples: Path) -> None:
        studio.client.put("/api/input", json={"kind": "camera", "device": "/dev/video77"}).raise_for_status()
        state = studio.wait(lambda state: state["input"]["state"] == "lost", "the message")
        assert "/dev/video77" in state["input"]["message"]
        assert state["input"]["remedy"]
        loop_the_clip(studio, examples)

    def test_an_uploaded_clip_is_looped(self, studio: Studio, examples: Path) -> None:
        with (examples / "clip.mp4").open("rb") as file:
            clip = studio.client.post("/api/clips", files={"clip": ("clip.mp4", file)}).json()
        studio.client.put("/api/input", json={"kind": "file", "clip": clip["id"]}).raise_for_status()
        studio.wait(lambda state: state["input"]["state"] == "live", "the clip")

    @pytest.mark.parametrize(
        "wanted",
        [
            {"kind": "recording", "container": "exe"},
            {"kind": "stream", "url": "ftp://x"},
            {"kind": "stream"},
            {"kind": "teleport"},
        ],
    )
    def test_outputs_that_make_no_sense_are_refused(self, studio: Studio, wanted: dict[str, Any]) -> None:
        answer = studio.client.post("/api/outputs", json=wanted)
        assert answer.status_code == 422
        assert studio.state()["outputs"] == []

    def test_a_stream_without_a_peer_is_tried_again_and_hides_its_key(self, studio: Studio, examples: Path) -> None:
        loop_the_clip(studio, examples)
        url = "rtmp://127.0.0.1:1/live/secret-stream-key"
        studio.client.post("/api/outputs", json={"kind": "stream", "url": url}).raise_for_status()
        state = studio.wait(lambda state: state["outputs"][0]["state"] == "retrying", "the retry")
        assert "secret-stream-key" not in json.dumps(state)
        again = studio.client.post("/api/outputs", json={"kind": "stream", "url": url})
        assert again.status_code == 422
        metrics_when(studio, "veiled")

    def test_two_keys_of_one_server_are_two_streams(self, studio: Studio) -> None:
        for key in ("one", "two"):
            wanted = {"kind": "stream", "url": f"RTMP://127.0.0.1:1/live/{key}"}
            assert studio.client.post("/api/outputs", json=wanted).status_code == 201
        control = {"kind": "stream", "url": "rtmp://127.0.0.1:1/li\x01ve"}
        assert studio.client.post("/api/outputs", json=control).status_code == 422

    def test_the_clip_in_use_outlives_later_uploads_and_keeps_its_name(self, studio: Studio, examples: Path) -> None:
        with (examples / "clip.mp4").open("rb") as file:
            used = studio.client.post("/api/clips", files={"clip": ("my clip.mp4", file)}).json()
        studio.client.put("/api/input", json={"kind": "file", "clip": used["id"]}).raise_for_status()
        for number in range(10):
            studio.client.post("/api/clips", files={"clip": (f"{number}.mp4", b"x")}).raise_for_status()
        state = studio.wait(lambda state: state["input"]["state"] == "live", "the clip")
        assert state["input"]["spec"]["name"] == "my clip.mp4"
        assert len(list(studio.uploads.iterdir())) <= 9

    def test_pictures_of_a_page_that_has_gone_are_not_shown_later(self, studio: Studio) -> None:
        data = cv2.imencode(".jpg", np.full((120, 320, 3), 90, np.uint8))[1].tobytes()
        with open_socket(studio, "/ws/camera") as page:
            for sequence in range(3):
                page.send(HEADER.pack(JPEG, sequence, 1000 * time.time()) + data)
        studio.wait(lambda state: state["browser_camera"] is None, "the page has gone")
        studio.client.put("/api/input", json={"kind": "browser"}).raise_for_status()
        state = studio.wait(lambda state: state["input"]["state"] in {"lost", "live"}, "an answer")
        assert state["input"]["state"] == "lost"

    @pytest.mark.parametrize("message", ["[]", '"x"', '{"want":{"width":Infinity}}', '{"ack":Infinity}', "[" * 100_000])
    def test_messages_that_make_no_sense_close_the_preview(self, studio: Studio, message: str) -> None:
        with open_socket(studio, "/ws/preview") as page:
            page.send(message)
            with pytest.raises(ConnectionClosed):
                drain(page)
        assert page.close_code == 1003

    def test_a_virtual_camera_without_a_driver_gives_the_guide(self, studio: Studio, examples: Path) -> None:
        loop_the_clip(studio, examples)
        studio.client.post("/api/outputs", json={"kind": "virtual-camera"}).raise_for_status()
        state = studio.wait(lambda state: state["outputs"][0]["state"] == "failed", "the failure")
        assert state["outputs"][0]["remedy"]


class TestFiles:
    """Pictures and videos as jobs."""

    def test_a_video_is_swapped_watched_and_fetched(self, studio: Studio, examples: Path) -> None:
        studio.wear(examples / "eileen_collins.png")
        with (examples / "clip.mp4").open("rb") as file:
            job_id = studio.client.post("/api/jobs", files={"file": ("my clip.mp4", file)}).json()["id"]
        state = studio.wait(lambda state: state["jobs"][0]["state"] == "done", "the job")
        assert state["jobs"][0]["frames"] == state["jobs"][0]["total"] > 0
        assert studio.client.get(f"/api/jobs/{job_id}/preview.jpg").headers["content-type"] == "image/jpeg"
        result = studio.client.get(f"/api/jobs/{job_id}/result")
        assert "my%20clip-mien.mp4" in result.headers["content-disposition"]
        assert count_frames(result.content)[0] == state["jobs"][0]["frames"]
        assert studio.client.delete(f"/api/jobs/{job_id}").status_code == 204
        assert studio.state()["jobs"] == []

    def test_a_picture_is_swapped_and_nonsense_fails_with_a_reason(self, studio: Studio, examples: Path) -> None:
        assert studio.client.post("/api/jobs", files={"file": ("a.jpg", b"x")}).status_code == 422, "no face is chosen"
        studio.wear(examples / "eileen_collins.png")
        with (examples / "grace_hopper.jpg").open("rb") as file:
            studio.client.post("/api/jobs", files={"file": ("grace.jpg", file)}).raise_for_status()
        studio.client.post("/api/jobs", files={"file": ("empty.mp4", b"")}).raise_for_status()
        studio.client.post("/api/jobs", files={"file": ("text.mp4", b"no video")}).raise_for_status()
        jobs = studio.wait(lambda state: state["jobs"][-1]["state"] == "failed", "the end")["jobs"]
        assert [each["state"] for each in jobs] == ["done", "failed", "failed"]
        assert all(each["message"] for each in jobs[1:])

    def test_pictures_of_phones_and_animations(self, studio: Studio, examples: Path, tmp_path: Path) -> None:
        """What a person drags in from a phone or a chat: as a face, as a target; the result has an ending that is written."""
        phone, moving = tmp_path / "IMG_0001.AVIF", tmp_path / "wave.gif"
        with PIL.Image.open(examples / "grace_hopper.jpg") as opened:
            opened.save(phone)
            frames = [opened.resize((256, 300)).rotate(angle) for angle in (0, 2)]
        frames[0].save(moving, save_all=True, append_images=frames[1:], duration=[70, 130], loop=0)
        studio.wear(phone)
        for path in (phone, moving):
            with path.open("rb") as file:
                studio.client.post("/api/jobs", files={"file": (path.name, file)}).raise_for_status()
        state = studio.wait(lambda state: all(job["state"] in {"done", "failed"} for job in state["jobs"]), "the jobs")
        assert [(job["state"], job["picture"], job["frames"]) for job in state["jobs"]] == [
            ("done", True, 1),
            ("done", False, 2),
        ]
        results = [studio.client.get(f"/api/jobs/{job['id']}/result") for job in state["jobs"]]
        names = [result.headers["content-disposition"] for result in results]
        assert ["IMG_0001-mien.jpg" in names[0], "wave-mien.gif" in names[1]] == [True, True]
        with PIL.Image.open(io.BytesIO(results[0].content)) as opened:
            assert opened.format == "JPEG"
        with PIL.Image.open(io.BytesIO(results[1].content)) as opened:
            assert getattr(opened, "n_frames", 1) == 2
            assert opened.info["duration"] == 70

    def test_the_page_offers_what_is_read(self, studio: Studio) -> None:
        html = Path(page.__file__).parent / "static" / "index.html"
        for input_id in ("add-face", "job-file"):
            (offered,) = re.findall(rf'id="{input_id}"[^>]*accept="([^"]+)"', html.read_text("utf-8"))
            assert {".heic", ".heif", ".avif"} <= set(offered.split(","))

    def test_a_job_can_be_cancelled(self, studio: Studio, examples: Path) -> None:
        studio.wear(examples / "eileen_collins.png")
        for _ in range(2):
            with (examples / "clip.mp4").open("rb") as file:
                studio.client.post("/api/jobs", files={"file": ("clip.mp4", file)}).raise_for_status()
        jobs = studio.wait(lambda state: state["jobs"][0]["frames"] > 3, "progress")["jobs"]
        for each in jobs:
            studio.client.delete(f"/api/jobs/{each['id']}")
        jobs = studio.wait(lambda state: state["jobs"][0]["state"] == "cancelled", "the end")["jobs"]
        assert [each["state"] for each in jobs] == ["cancelled", "cancelled"]


def test_the_size_of_a_jpeg_is_read_from_its_header() -> None:
    data = cv2.imencode(".jpg", np.zeros((37, 91, 3), np.uint8))[1].tobytes()
    assert jpeg_size(data) == (91, 37)
    padded = data[:2] + b"\xff" + data[2:]
    for broken in (b"", padded, b"\xff\xd8", data[:20], b"\xff\xd8" + bytes(50), b"RIFF" + data):
        assert jpeg_size(broken) is None


def _answer(socket: ClientConnection, name: str) -> Any:
    for _ in range(50):
        message = json.loads(socket.recv(timeout=DEADLINE_S))
        if name in message:
            return message[name]
    raise AssertionError(f"no {name}")


def test_the_page_has_words_for_every_setting_and_choice_in_both_languages() -> None:
    for language in ("en", "de"):
        words = (Path(page.__file__).parent / f"static/strings/{language}.js").read_text("utf-8")
        for row in (row for row in table() if row.group != "limits"):
            assert words.count(f"\n  set_{row.name}:") == 1, row.name
        for name in ("on", "off"):
            assert words.count(f"\n  choice_{name}:") == 1, name
