"""The live picture of a running studio: inputs, settings, outputs, sockets."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed

from mien import studio as page
from mien.settings import table
from mien.studio.session import preview
from mien.studio.session.browser_camera import HEADER, JPEG, jpeg_size
from mien.studio.session.preview import HEADER as PREVIEW_HEADER
from mien.types import LIVE_TIME_BASE, FacePatch, Frame, TrackedFace
from tests.support.deadline import DEADLINE_S
from tests.support.running_studio import Studio, loop_clip, metrics_when
from tests.support.studio_clients import answer_of, count_frames, decoded, drain, next_bytes, open_socket


class TestLive:
    """The loop behind the page."""

    def test_a_clip_is_worn_watched_and_recorded(self, studio: Studio, examples: Path, small_clip: Path) -> None:
        studio.wear(examples / "eileen_collins.png")
        loop_clip(studio, small_clip)
        with open_socket(studio, "/ws/preview") as socket:
            socket.send(json.dumps({"want": {"before": True, "width": 320}}))
            before = seen = 0
            while not before or seen < 20:
                seen += 1
                message = next_bytes(socket)
                sequence, flags, capture_ms, after, before = PREVIEW_HEADER.unpack_from(message)
                assert flags == 0
                assert len(message) == PREVIEW_HEADER.size + after + before
                assert -50 < 1000 * time.time() - capture_ms < 5000
                socket.send(json.dumps({"ack": sequence}))
            pictures = message[PREVIEW_HEADER.size :]
            shown, raw = decoded(pictures[:after]), decoded(pictures[after:])
        assert shown.shape == raw.shape == (180, 320, 3)
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

    def test_a_client_that_never_reads_gets_two_frames_and_stops_nobody(
        self, studio: Studio, examples: Path, small_clip: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # Frames that are not acknowledged in time are given up, which a busy machine does meanwhile.
        monkeypatch.setattr(preview, "_ACKNOWLEDGED_WITHIN_S", 10 * DEADLINE_S)
        studio.wear(examples / "eileen_collins.png")
        loop_clip(studio, small_clip)
        with open_socket(studio, "/ws/preview") as lazy, open_socket(studio, "/ws/preview") as keen:
            for _ in range(25):
                keen.send(json.dumps({"ack": PREVIEW_HEADER.unpack_from(next_bytes(keen))[0]}))
            lazy.recv(timeout=DEADLINE_S)
            lazy.recv(timeout=DEADLINE_S)
            with pytest.raises(TimeoutError):
                lazy.recv(timeout=0.3)

    def test_ten_clients_and_one_that_talks_nonsense(self, studio: Studio, small_clip: Path) -> None:
        loop_clip(studio, small_clip)
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
            while json.loads(one.recv(timeout=DEADLINE_S))["type"] != "metrics":
                assert time.monotonic() < deadline

    def test_without_a_face_the_picture_is_veiled_and_removing_the_face_veils_it_again(
        self, studio: Studio, examples: Path, small_clip: Path
    ) -> None:
        loop_clip(studio, small_clip)
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
                assert answer_of(first, "ack") == sequence
                shown = studio.client.get("/api/metrics").json()["shown"]
            with open_socket(studio, "/ws/camera") as second:
                assert answer_of(first, "state") == "taken"
                second.send(HEADER.pack(JPEG, 1, 1000 * time.time()) + data)
                assert answer_of(second, "ack") == 1
                for nonsense in (b"", b"\x03", HEADER.pack(JPEG, 2, 0.0) + b"no picture"):
                    with open_socket(studio, "/ws/camera") as third:
                        third.send(nonsense)
        assert studio.client.get("/api/state").status_code == 200

    @pytest.mark.lasting_server
    def test_settings_are_checked_and_limits_cannot_be_moved(self, same_studio: Studio) -> None:
        for values in ({"opacity": 7}, {"opacity": "loud"}, {"nonsense": 1}, {"max_pixels": 10**12}, {"engine": "x"}):
            answer = same_studio.client.patch("/api/settings", json=values)
            assert answer.status_code == 422, values
            assert answer.json()["error"]
        assert same_studio.client.patch("/api/settings", json=[1]).status_code == 422

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
        assert studio.client.put("/api/presets", json={"name": "soft"}).status_code == 200
        studio.client.patch("/api/settings", json={"opacity": 1.0})
        assert studio.client.post("/api/presets/apply", json={"name": "soft"}).json()["settings"]["opacity"] == 0.4
        exported = studio.client.get("/api/presets.json")
        assert "attachment" in exported.headers["content-disposition"]
        studio.client.delete("/api/presets", params={"name": "soft"})
        assert studio.state()["presets"] == {}
        studio.client.post("/api/presets.json", json=exported.json()).raise_for_status()
        assert studio.state()["presets"]["soft"]["eyes"] == "target"
        assert studio.client.post("/api/presets.json", json={"bad": {"opacity": 9}}).status_code == 422
        assert studio.client.put("/api/presets", json={"name": "x" * 60}).status_code == 422

    def test_forty_presets_kept_at_once_are_all_there(self, studio: Studio) -> None:
        def keep(number: int) -> tuple[str, int]:
            return f"p{number}", studio.client.put("/api/presets", json={"name": f"p{number}"}).status_code

        with ThreadPoolExecutor(40) as threads:
            answers = dict(threads.map(keep, range(40)))
        assert set(answers.values()) == {200}
        assert set(studio.state()["presets"]) == set(answers)

    @pytest.mark.lasting_server
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
    def test_inputs_that_make_no_sense_are_refused(self, same_studio: Studio, wanted: dict[str, Any]) -> None:
        answer = same_studio.client.put("/api/input", content=json.dumps(wanted), headers={"Content-Type": "application/json"})
        assert answer.status_code == 422
        assert answer.json()["remedy"]
        assert same_studio.state()["input"]["kind"] == "none"

    @pytest.mark.lasting_server
    @pytest.mark.parametrize("wanted", [{"kind": "camera", "device": "\ud800"}, {"kind": "file", "path": "\ud800"}])
    def test_text_that_is_no_text_is_refused(self, same_studio: Studio, wanted: dict[str, Any]) -> None:
        answer = same_studio.client.put("/api/input", content=json.dumps(wanted), headers={"Content-Type": "application/json"})
        assert answer.status_code == 400
        assert same_studio.state()["input"]["kind"] == "none"

    def test_states_are_numbered_and_so_is_the_answer_to_a_change(self, studio: Studio, small_clip: Path) -> None:
        before = studio.state()
        answer = studio.client.put("/api/input", json={"kind": "file", "path": str(small_clip)}).json()
        after = studio.state()
        assert before["revision"] < answer["revision"] < after["revision"]
        assert before["run"] == after["run"]
        assert answer["kind"] == "file"

    def test_who_asks_is_covered(self, studio: Studio, examples: Path, small_clip: Path) -> None:
        studio.wear(examples / "eileen_collins.png")
        loop_clip(studio, small_clip)
        metrics_when(studio, "swapped")
        assert studio.client.put("/api/cover", json={"on": True}).json() == {"on": True}
        assert studio.state()["covered"] is True
        assert metrics_when(studio, "veiled")["why"] == "asked"
        assert studio.client.put("/api/cover", json={"on": "perhaps"}).status_code == 422
        studio.client.put("/api/cover", json={"on": False}).raise_for_status()
        metrics_when(studio, "swapped")
        assert studio.state()["covered"] is False

    def test_a_camera_that_is_not_there_says_so_and_the_rest_goes_on(self, studio: Studio, small_clip: Path) -> None:
        studio.client.put("/api/input", json={"kind": "camera", "device": "/dev/video77"}).raise_for_status()
        state = studio.wait(lambda state: state["input"]["state"] == "lost", "the message")
        assert "/dev/video77" in state["input"]["message"]
        assert state["input"]["remedy"]
        loop_clip(studio, small_clip)

    def test_an_uploaded_clip_is_looped(self, studio: Studio, small_clip: Path) -> None:
        with small_clip.open("rb") as file:
            clip = studio.client.post("/api/clips", files={"clip": ("clip.mp4", file)}).json()
        studio.client.put("/api/input", json={"kind": "file", "clip": clip["id"]}).raise_for_status()
        studio.wait(lambda state: state["input"]["state"] == "live", "the clip")

    @pytest.mark.lasting_server
    @pytest.mark.parametrize(
        "wanted",
        [
            {"kind": "recording", "container": "exe"},
            {"kind": "stream", "url": "ftp://x"},
            {"kind": "stream"},
            {"kind": "teleport"},
        ],
    )
    def test_outputs_that_make_no_sense_are_refused(self, same_studio: Studio, wanted: dict[str, Any]) -> None:
        answer = same_studio.client.post("/api/outputs", json=wanted)
        assert answer.status_code == 422
        assert same_studio.state()["outputs"] == []

    def test_a_stream_without_a_peer_is_tried_again_and_hides_its_key(self, studio: Studio, small_clip: Path) -> None:
        loop_clip(studio, small_clip)
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

    def test_the_clip_in_use_outlives_later_uploads_and_keeps_its_name(self, studio: Studio, small_clip: Path) -> None:
        with small_clip.open("rb") as file:
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

    @pytest.mark.lasting_server
    @pytest.mark.parametrize("message", ["[]", '"x"', '{"want":{"width":Infinity}}', '{"ack":Infinity}', "[" * 100_000])
    def test_messages_that_make_no_sense_close_the_preview(self, same_studio: Studio, message: str) -> None:
        with open_socket(same_studio, "/ws/preview") as page:
            page.send(message)
            with pytest.raises(ConnectionClosed):
                drain(page)
        assert page.close_code == 1003

    def test_a_virtual_camera_without_a_driver_gives_the_guide(self, studio: Studio, small_clip: Path) -> None:
        loop_clip(studio, small_clip)
        studio.client.post("/api/outputs", json={"kind": "virtual-camera"}).raise_for_status()
        state = studio.wait(lambda state: state["outputs"][0]["state"] == "failed", "the failure")
        assert state["outputs"][0]["remedy"]


def test_the_size_of_a_jpeg_is_read_from_its_header() -> None:
    data = cv2.imencode(".jpg", np.zeros((37, 91, 3), np.uint8))[1].tobytes()
    assert jpeg_size(data) == (91, 37)
    padded = data[:2] + b"\xff" + data[2:]
    for broken in (b"", padded, b"\xff\xd8", data[:20], b"\xff\xd8" + bytes(50), b"RIFF" + data):
        assert jpeg_size(broken) is None


def test_the_page_has_words_for_every_setting_and_choice_in_both_languages() -> None:
    for language in ("en", "de"):
        words = (Path(page.__file__).parent / f"static/strings/{language}.js").read_text("utf-8")
        for row in (row for row in table() if row.group != "limits"):
            assert words.count(f"\n  set_{row.name}:") == 1, row.name
        for name in ("on", "off"):
            assert words.count(f"\n  choice_{name}:") == 1, name
