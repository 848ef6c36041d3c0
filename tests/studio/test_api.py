"""The API for programs: a swap through HTTP alone, tokens that last, answers that are what their description says."""

import json
import runpy
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import BaseModel
from scripts import openapi
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from mien.media.capture import devices
from mien.media.capture.devices import CameraDevice, MicrophoneDevice, ScreenDevice, VirtualCameraDevice
from mien.media.capture.v4l2 import CameraMode
from mien.media.files.picture_read import read_picture
from mien.studio.server.routes import machine_schemas, schemas
from mien.studio.session import preview
from tests.support.deadline import DEADLINE_S
from tests.support.places import EXAMPLES
from tests.support.running_studio import Studio, loop_clip, running_studio
from tests.support.studio_clients import next_bytes

HOPPER, COLLINS = EXAMPLES / "grace_hopper.jpg", EXAMPLES / "eileen_collins.png"
pytestmark = pytest.mark.lasting_server
UNKNOWN = "mien_" + "x" * 43


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    with running_studio(tmp_path_factory.mktemp("api")) as running:
        yield running


swap = runpy.run_path(str(EXAMPLES / "swap_over_http.py"))["swap"]


def _token(studio: Studio, scope: str) -> dict[str, Any]:
    made: dict[str, Any] = (
        studio.client.post("/api/tokens", json={"name": "a program", "scope": scope}).raise_for_status().json()
    )
    return made


def _with(studio: Studio, token: str, path: str = "/api/state") -> int:
    return httpx.get(studio.base + path, headers={"Authorization": f"Bearer {token}"}).status_code


def test_a_program_swaps_a_picture_through_http_alone(studio: Studio, tmp_path: Path) -> None:
    result = tmp_path / "result.jpg"
    headers = {"Authorization": f"Bearer {_token(studio, 'control')['token']}"}
    with httpx.Client(base_url=studio.base, headers=headers, timeout=DEADLINE_S, trust_env=False) as client:
        job = swap(client, COLLINS, HOPPER, result, "public-domain", '{"badge_corner": "top-left"}')
        assert job["state"] == "done"
        with result.open("rb") as file:
            report = client.post("/api/verify", files={"file": (result.name, file)}).json()
        with pytest.raises(RuntimeError, match="badge_corner"):
            swap(client, COLLINS, HOPPER, result, "public-domain", '{"badge_corner": "nowhere"}')
        with pytest.raises(RuntimeError, match="max_pixels"):
            swap(client, COLLINS, HOPPER, result, "public-domain", '{"max_pixels": 1}')
    assert report["credentials"]["state"] == "trusted"
    assert report["mark"]["state"] == "found"
    limits = {"max_pixels": 1 << 28, "max_bytes": 1 << 28}
    before, after = (read_picture(path, **limits).frame.image for path in (HOPPER, result))
    assert (before[:20, :60] != after[:20, :60]).any(), "the badge is where this job wanted it"
    assert studio.state()["settings"]["badge_corner"] != "top-left", "the settings of the session stay"


def test_the_face_of_a_known_photo_says_which_consent_is_used(studio: Studio) -> None:
    assert studio.add_face(HOPPER).json()["earlier_consent"] is None
    with HOPPER.open("rb") as file:
        again = studio.client.post("/api/faces", files={"photo": ("again.jpg", file)}).raise_for_status().json()
    found = again["earlier_consent"]
    assert found["statement"] == "public-domain"
    rows = studio.client.get("/api/consents").json()
    assert found["id"] in [row["id"] for row in rows if row["revoked_at"] is None]
    studio.client.post(f"/api/faces/{again['id']}/select").raise_for_status()
    studio.client.delete(f"/api/consents/{found['id']}").raise_for_status()
    assert studio.state()["face"] is None, "a revoked face comes off at once"
    with HOPPER.open("rb") as file:
        refused = studio.client.post("/api/faces", files={"photo": ("again.jpg", file)})
    assert refused.json()["code"] == "consent-needed"


class TestTokens:
    """A token is shown once, lasts, and opens what its scope says until it is revoked."""

    def test_a_control_token_opens_everything_until_it_is_revoked(self, studio: Studio) -> None:
        made = _token(studio, "control")
        assert _with(studio, made["token"]) == 200
        assert _with(studio, UNKNOWN) == 401
        listed = studio.client.get("/api/tokens").text
        assert made["id"] in listed
        assert made["token"] not in listed
        secret = made["token"].encode()
        assert all(secret not in file.read_bytes() for file in studio.data.glob("*.sqlite*"))
        studio.client.delete(f"/api/tokens/{made['id']}").raise_for_status()
        assert _with(studio, made["token"]) == 401
        assert studio.client.delete(f"/api/tokens/{made['id']}").json()["key"] == "token-gone"

    def test_a_view_address_shows_the_labelled_picture_and_nothing_else(self, studio: Studio, small_clip: Path) -> None:
        made = _token(studio, "view")
        assert made["address"].startswith(f"{studio.base}/?clean&view=")
        answer = httpx.get(made["address"])
        assert answer.status_code == 200
        cookie = answer.headers["set-cookie"].split(";")[0]
        name, value = cookie.split("=", 1)
        for path, status in (("/?clean", 200), ("/static/app.js", 200), ("/api/state", 401), ("/docs", 401), ("/metrics", 401)):
            assert httpx.get(studio.base + path, cookies={name: value}).status_code == status, path
        changed = httpx.patch(
            f"{studio.base}/api/settings", json={"opacity": 0.1}, cookies={name: value}, headers={"Origin": studio.base}
        )
        assert changed.status_code == 401
        loop_clip(studio, small_clip)
        studio.wear(COLLINS)
        headers = {"Cookie": cookie}
        for path in ("/ws/events", "/ws/camera"):
            with pytest.raises((InvalidStatus, ConnectionClosed)), connect(
                studio.socket + path, origin=Origin(studio.base), additional_headers=headers, proxy=None
            ) as socket:  # fmt: skip
                socket.recv(timeout=DEADLINE_S)
        with connect(
            f"{studio.socket}/ws/preview", origin=Origin(studio.base), additional_headers=headers, proxy=None, max_size=None
        ) as socket:  # fmt: skip
            socket.send(json.dumps({"want": {"width": 320, "before": True, "classes": True, "faces": True}}))
            for _ in range(3):
                message = next_bytes(socket)
                sequence, faces, _, after, before = preview.HEADER.unpack_from(message)
                assert (faces, before) == (0, 0), "nothing but the labelled picture"
                assert after > 0
                socket.send(json.dumps({"ack": sequence}))
        studio.client.delete(f"/api/tokens/{made['id']}").raise_for_status()
        assert httpx.get(made["address"]).status_code == 401
        assert httpx.get(f"{studio.base}/?clean", cookies={name: value}).status_code == 401

    @pytest.mark.parametrize("name", ["", " ", "x" * 41, "a\nb"])
    def test_odd_names_are_refused(self, studio: Studio, name: str) -> None:
        answer = studio.client.post("/api/tokens", json={"name": name, "scope": "view"})
        assert (answer.status_code, answer.json()["key"]) == (422, "token-name")


class TestPresets:
    """Any name, a question before one is replaced, and parts of the session beside the settings."""

    @pytest.mark.parametrize("name", ["a/b", "..", "?", "\u4e2d\u6587", "%2F"])
    def test_any_name_can_be_kept_applied_and_removed(self, studio: Studio, name: str) -> None:
        assert name in studio.client.put("/api/presets", json={"name": name}).raise_for_status().json()
        again = studio.client.put("/api/presets", json={"name": name})
        assert (again.status_code, again.json()["code"], again.json()["values"]) == (409, "preset-exists", {"name": name})
        studio.client.put("/api/presets", json={"name": name, "replace": True}).raise_for_status()
        studio.client.post("/api/presets/apply", json={"name": name}).raise_for_status()
        studio.client.delete("/api/presets", params={"name": name}).raise_for_status()
        assert name not in studio.state()["presets"]

    def test_one_of_a_newer_version_is_taken_without_what_is_unknown(self, studio: Studio) -> None:
        answer = studio.client.post("/api/presets.json", json={"new": {"opacity": 0.5, "aura": 3}}).raise_for_status().json()
        assert answer["left_out"] == ["aura"]
        assert answer["presets"]["new"]["opacity"] == 0.5
        assert "aura" not in answer["presets"]["new"]
        studio.client.delete("/api/presets", params={"name": "new"})

    def test_face_and_input_come_back_and_what_is_gone_is_named(self, studio: Studio) -> None:
        face = studio.wear(COLLINS)
        wanted = {"name": "all", "parts": ["face", "input", "outputs"], "replace": True}
        studio.client.put("/api/input", json={"kind": "screen", "width": 64, "height": 48}).raise_for_status()
        assert studio.client.put("/api/presets", json=wanted).json()["key"] == "preset-face-unsaved"
        studio.client.post(f"/api/faces/{face}/save").raise_for_status()
        kept = studio.client.put("/api/presets", json=wanted).raise_for_status().json()["all"]["with"]
        assert kept["face"] == face
        studio.client.put("/api/input", json={"kind": "none"}).raise_for_status()
        studio.client.post("/api/faces/none/select").raise_for_status()
        applied = studio.client.post("/api/presets/apply", json={"name": "all"}).raise_for_status().json()
        assert applied["left_out"] == []
        state = studio.state()
        assert (state["face"], state["input"]["kind"], state["input"]["spec"]["width"]) == (face, "screen", 64)
        studio.client.put("/api/input", json={"kind": "none"}).raise_for_status()
        studio.client.delete(f"/api/faces/{face}").raise_for_status()
        assert studio.client.post("/api/presets/apply", json={"name": "all"}).json()["left_out"] == ["face"]

    def test_an_imported_one_opens_no_address_and_no_file(self, studio: Studio) -> None:
        given = {
            "input": {"kind": "network", "url": "rtsp://192.0.2.1/a"},
            "outputs": [{"kind": "stream", "url": "rtmp://192.0.2.1/a"}, {"kind": "virtual-camera", "device": ""}],
        }
        answer = studio.client.post("/api/presets.json", json={"theirs": {"with": given}}).raise_for_status().json()
        assert answer["presets"]["theirs"]["with"] == {"outputs": [{"kind": "virtual-camera", "device": ""}]}


class TestDescription:
    """The description in docs/ is that of the code, and the answers are what it says."""

    def test_the_file_in_docs_is_up_to_date(self, studio: Studio) -> None:
        found = studio.client.get("/api/openapi.json").json()
        assert openapi.FILE.read_text("utf-8") == openapi.written(found), "run .venv/bin/python scripts/openapi.py"
        assert found["security"] == [{"bearer": []}]

    def test_every_route_has_a_typed_answer(self, studio: Studio) -> None:
        for path, operations in studio.client.get("/api/openapi.json").json()["paths"].items():
            for method, operation in operations.items():
                answers = {status: each.get("content", {}) for status, each in operation["responses"].items()}
                ok = next(content for status, content in answers.items() if status.startswith("2"))
                assert all(each.get("schema") != {} for each in ok.values()), (method, path)
                assert "4XX" in answers, (method, path)

    @pytest.mark.parametrize(
        ("path", "model"),
        [
            ("state", schemas.StudioState),
            ("metrics", schemas.Metrics),
            ("devices", machine_schemas.Devices),
            ("models", machine_schemas.ModelList),
        ],
    )
    def test_an_answer_has_the_fields_of_its_model_and_no_others(
        self, studio: Studio, path: str, model: type[BaseModel]
    ) -> None:
        found = model.model_validate(studio.client.get(f"/api/{path}").raise_for_status().json())
        assert _unknown(found) == []

    def test_the_devices_of_a_desktop_are_listed(self, studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
        modes = (CameraMode(1280, 720, (60.0, 30.0), "mjpeg"),)
        there: dict[str, tuple[Any, ...]] = {
            "cameras": (CameraDevice("/dev/video0", "Webcam", modes), CameraDevice("video=Old", "Old")),
            "microphones": (MicrophoneDevice("hw:0", "Microphone"),),
            "screens": (ScreenDevice(":0", "display :0", 1920, 1080), ScreenDevice("desktop", "all screens")),
            "virtual_cameras": (VirtualCameraDevice("/dev/video10", "mien"),),
        }
        for kind, listed in there.items():
            monkeypatch.setattr(devices, f"list_{kind}", lambda listed=listed: listed)
        answer = studio.client.get("/api/devices").raise_for_status().json()
        assert answer == {kind: json.loads(json.dumps([asdict(each) for each in listed])) for kind, listed in there.items()}
        assert _unknown(machine_schemas.Devices.model_validate(answer)) == []

    def test_the_page_about_it_is_the_studios_own(self, studio: Studio) -> None:
        page = studio.client.get("/docs")
        assert page.status_code == 200
        assert "http" not in page.text.replace("https://github", "")


def _unknown(value: object) -> list[str]:
    """Return the fields that an answer has and its model does not state."""
    if isinstance(value, BaseModel):
        own = [f"{type(value).__name__}.{name}" for name in value.model_extra or {}]
        return own + [each for name in type(value).model_fields for each in _unknown(getattr(value, name))]
    if isinstance(value, list):
        return [each for item in value for each in _unknown(item)]
    return []
