"""The check of a call through the studio: three words over HTTP, no score; the tab in real Chromium."""

import io
import json
import threading
import zipfile
from collections.abc import Callable
from contextlib import nullcontext
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from mien.assembly.check_source import Opened
from mien.check.requests.asks import Ask
from mien.check.requests.gauge import Gauge
from mien.check.requests.requests import Requests
from mien.check.requests.sighting import Sighting
from mien.errors import SourceLost, UnreadableMedia, UsageError
from mien.media.capture.x_windows import XWindow
from mien.provenance.mark.pattern import Marker
from mien.studio.session import call_check
from mien.studio.session.call_check import CallCheck
from mien.studio.session.check_requests import CallRequest
from mien.testing import SyntheticCamera
from mien.types import Frame, Landmarks
from tests.support.axe import violations
from tests.support.browser import CHROMIUM, visiting
from tests.support.calls import bump, sighting
from tests.support.deadline import DEADLINE_S
from tests.support.marked import ID, clip_frames, marked, resized
from tests.support.page_words import LANGUAGES, words
from tests.support.running_studio import Studio, running_studio
from tests.support.studio_clients import check_when, count_frames
from tests.support.xserver import x_display
from tests.support.xwindow import shown_window

needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="NOT TESTED in a browser: chromium is not installed")
_ALLOWED = {
    "phase", "source", "live", "looks", "seconds", "lost", "mark", "badge", "request", "answers", "said", "error",
    "photo", "compared",
}  # fmt: skip


def _film(path: Path, mark_id: int | None) -> Path:
    """Write a film of three seconds, marked or not."""
    draw = np.random.default_rng(3)
    scene = np.kron(draw.integers(60, 190, (36, 64, 3)), np.ones((10, 10, 1))).astype(np.uint8)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=30, options={"crf": "18", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for number in range(90):
            picture = np.roll(scene, number, axis=1)
            if mark_id is not None:
                Marker(mark_id).mark(picture)
            frame = av.VideoFrame.from_ndarray(picture, "bgr24")
            frame.pts, frame.time_base = number, Fraction(1, 30)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def _checked(studio: Studio, film: Path) -> dict[str, Any]:
    with film.open("rb") as file:
        answer = studio.client.post("/api/check/file", files={"file": (film.name, file)})
    assert answer.status_code == 201, answer.text
    return check_when(studio, lambda state: state["phase"] in {"ended", "failed"})


def test_a_marked_and_an_unmarked_film(studio: Studio, tmp_path: Path) -> None:
    assert studio.client.get("/api/check").json()["phase"] == "none"
    assert studio.client.get("/api/check/notes.zip").status_code == 422
    unmarked = _checked(studio, _film(tmp_path / "plain.mp4", None))
    assert (unmarked["phase"], unmarked["mark"], unmarked["badge"]) == ("ended", "not seen", "not seen")
    marked = _checked(studio, _film(tmp_path / "worn.mp4", ID))
    assert (marked["phase"], marked["mark"], marked["source"]) == ("ended", "seen", "worn.mp4")
    assert set(marked) == _ALLOWED, "words and counts of seconds, nothing that was measured"
    assert list(studio.uploads.iterdir()) == [], "the film is not kept"
    studio.client.put("/api/check/list", json={"answers": {"call-back": True, "slow": None}}).raise_for_status()
    with zipfile.ZipFile(io.BytesIO(studio.client.get("/api/check/notes.zip").content)) as notes:
        page = notes.read("notes.html").decode()
        assert json.loads(notes.read("notes.html.sig"))["file"] == "notes.html"
    assert "worn.mp4" in page
    assert "You called back on a number that you had before. The host: yes." in page
    assert f"{ID:06x}" not in page
    assert " looks, first after" not in page


def test_a_picture_of_this_installation_is_refused(studio: Studio, tmp_path: Path) -> None:
    state = _checked(studio, _film(tmp_path / "own.mp4", studio.session.loop.mark_id))
    assert (state["phase"], state["looks"], state["error"]["key"]) == ("failed", 0, "check-mirror")
    assert studio.client.get("/api/check/notes.zip").status_code == 422


@pytest.mark.lasting_server
@pytest.mark.parametrize(
    ("body", "key"),
    [
        ({"kind": "screen"}, "check-told"),
        ({"kind": "screen", "told": True, "region": [0, 0, 0, 5]}, "check-region"),
        ({"kind": "screen", "told": True, "region": "all"}, "check-region"),
        ({"kind": "window", "told": True, "device": " "}, "check-window"),
        ({"kind": "stream", "told": True, "device": "HOST/NAME"}, "check-stream"),
        ({"kind": "mirror", "told": True}, "request-422"),
        ({"kind": "stream", "told": True, "device": "rtsp://" + 2000 * "x"}, "request-422"),
        ({"kind": "camera", "told": True, "device": "x\0y"}, "request-422"),
        ({"kind": "camera", "told": True, "device": "0\n"}, "request-422"),
    ],
)
def test_a_call_that_cannot_be_checked(same_studio: Studio, body: dict[str, Any], key: str) -> None:
    answer = same_studio.client.post("/api/check/call", json=body)
    assert (answer.status_code, answer.json()["key"]) == (422, key)


class Damaged(SyntheticCamera):
    """A recording that turns out to be cut short while it is read."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def read(self) -> Frame | None:
        raise UnreadableMedia(f"{self._path} is cut short", f"save {self._path} again", values={"file": self._path})


def test_errors_about_a_recording_name_the_file_of_the_person(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = cv2.imencode(".png", np.zeros((8, 8, 3), np.uint8))[1].tobytes()
    answer = studio.client.post("/api/check/file", files={"file": ("me.png", picture)})
    assert answer.json()["error"] == "me.png is a picture"
    monkeypatch.setattr(call_check, "open_source", lambda text, _: Opened(Damaged(text), "stored", False))
    error = _checked(studio, _film(tmp_path / "talk.mp4", None))["error"]
    assert (error["error"], error["remedy"]) == ("talk.mp4 is cut short", "save talk.mp4 again")
    assert error["values"] == {"file": "talk.mp4"}


def test_a_camera_that_is_not_there_is_told(studio: Studio) -> None:
    studio.client.post("/api/check/call", json={"kind": "camera", "device": "99", "told": True}).raise_for_status()
    state = check_when(studio, lambda state: state["phase"] == "failed")
    assert state["error"]["remedy"]


class Unasked(SyntheticCamera):
    """A camera that looks on for a second a picture, and tells when it is closed."""

    def __init__(self) -> None:
        super().__init__(rate=Fraction(8), frames=400, images=(np.full((90, 160, 3), 90, np.uint8),))
        self.now_s = 0.0
        self.reads = 0
        self.ask: Callable[[], object] = lambda: None
        self.closed = threading.Event()

    def read(self) -> Frame | None:
        self.now_s += 1.0
        self.reads += 1
        if self.reads <= 100:
            self.ask()
        return super().read()

    def __exit__(self, *told: Any) -> None:
        super().__exit__(*told)
        self.closed.set()


def test_a_check_ends_when_no_page_asks_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    camera = Unasked()
    monkeypatch.setattr(call_check, "open_source", lambda *_: Opened(camera, "camera 0", True))
    monkeypatch.setattr(call_check, "_searcher", lambda live: nullcontext())
    check = CallCheck(tmp_path, lambda: pytest.fail("nothing is signed"), forbidden=False, clock=lambda: camera.now_s)
    camera.ask = check.described
    check.watch_call(CallRequest(kind="camera", told=True))
    assert camera.closed.wait(DEADLINE_S)
    check.stop()
    assert camera.reads == 100 + 90, "while a page asks, and 90 s longer"
    assert check.described()["phase"] == "ended"


class Faulty(SyntheticCamera):
    """A camera whose driver fails in a way that nobody foresaw."""

    def read(self) -> Frame | None:
        raise ValueError("embedded null byte")


def test_an_error_that_nobody_foresaw_ends_the_check(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_check, "open_source", lambda *_: Opened(Faulty(), "camera 0", True))
    studio.client.post("/api/check/call", json={"kind": "camera", "told": True}).raise_for_status()
    state = check_when(studio, lambda state: state["phase"] != "opening" and state["error"] is not None)
    assert (state["phase"], state["error"]["key"]) == ("failed", "mien-error")
    assert "null byte" not in state["error"]["error"], "what only a programmer understands is in the log"


def test_nothing_is_checked_in_a_shared_studio(tmp_path: Path) -> None:
    with running_studio(tmp_path, password="a long password") as studio:
        with pytest.raises(UsageError, match="for the host alone"):
            studio.session.check.watch_call(CallRequest(kind="screen", told=True))
        with pytest.raises(UsageError, match="for the host alone"):
            studio.session.check.watch_file(_film(tmp_path / "worn.mp4", ID), "worn.mp4")
        assert studio.session.check.pairs() == []


class ScriptedGauge(Gauge):
    """A gauge that sees a hand from 8 to 10 s, whatever the picture shows."""

    def __init__(self) -> None:
        pass

    @property
    def landmarks(self) -> Landmarks | None:
        return None

    def measure(self, frame: Frame, at_s: float) -> Sighting:
        return sighting(at_s, middle=bump(at_s, 8, 10, 0.3), middle_xy=(80.0, 45.0), eyes_px=30.0)


class Gated(SyntheticCamera):
    """A camera that waits in the second request until it may go on."""

    going_on = threading.Event()

    def read(self) -> Frame | None:
        frame = super().read()
        if frame is not None and frame.index == 130:
            assert self.going_on.wait(DEADLINE_S)
        return frame


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Gated:
    """A call in which a hand is asked for, which is seen, and then a look up."""
    asks = Ask("hand", "left", 1.0), Ask("up", "", 1.0)
    camera = Gated(rate=Fraction(8), frames=240, images=(np.full((90, 160, 3), 90, np.uint8),))
    camera.going_on.clear()
    monkeypatch.setattr(call_check, "open_source", lambda *_: Opened(camera, "camera 0", True))
    monkeypatch.setattr(call_check, "drawn", lambda _: asks)
    monkeypatch.setattr(call_check, "_searcher", lambda live: nullcontext())
    monkeypatch.setattr(
        call_check,
        "open_requests",
        lambda asking, asks, data: (Requests(asks, ScriptedGauge(), keep=asking.keep), None),
    )
    return camera


@pytest.mark.parametrize("keeps", [True, False])
def test_requests_are_answered_declined_and_repeated(studio: Studio, call: Gated, keeps: bool) -> None:
    wanted = {"kind": "camera", "device": "0", "told": True, "asks": True, "keeps": keeps}
    studio.client.post("/api/check/call", json=wanted).raise_for_status()
    state = check_when(studio, lambda state: bool(state["answers"]) and state["request"]["kind"] == "up")
    hand = {"kind": "hand", "side": "left", "count": 0, "seen": "seen", "reason": "", "has_film": keeps}
    assert state["answers"] == [hand], "no latency, no share, no degrees"
    repeat = studio.client.get("/api/check/repeats/0")
    assert repeat.status_code == (200 if keeps else 422)
    if keeps:
        assert count_frames(repeat.content)[0] > 10
    studio.client.post("/api/check/request/declined").raise_for_status()
    call.going_on.set()
    state = check_when(studio, lambda state: state["phase"] == "ended")
    assert [(each["seen"], each["reason"]) for each in state["answers"]] == [("seen", ""), ("cannot tell", "declined")]
    assert studio.client.get("/api/check/repeats/1").status_code == 422, "a declined request leaves nothing"
    with zipfile.ZipFile(io.BytesIO(studio.client.get("/api/check/notes.zip").content)) as notes:
        page = notes.read("notes.html").decode()
    assert ("data:video/mp4" in page) == keeps
    assert "That is no sign" in page
    assert " % of nose and mouth" not in page
    assert "after the request" not in page


@needs_browser
@pytest.mark.lasting_server
def test_the_tab_in_a_browser(chromium: Any, studio: Studio, tmp_path: Path) -> None:
    # Colours that fade from one theme to the other would be measured in between.
    with visiting(chromium, studio, reduced_motion="reduce") as person:
        page = person.page
        page.click("#tab-check")
        page.wait_for_selector("#check-told")
        for name, mark_id, word in (("plain.mp4", None, "not seen"), ("worn.mp4", ID, "seen")):
            page.set_input_files("#check-file", str(_film(tmp_path / name, mark_id)))
            page.wait_for_function(
                "([name, word]) => document.querySelector('#check-state').textContent.startsWith(`${name} was looked at`)"
                " && document.querySelector('#check-mark').textContent === word",
                arg=[name, word],
            )
        person.shoot("check-seen")
        assert page.locator("#check-notes").is_visible()
        with page.expect_download() as download:
            page.click("#check-notes")
        assert download.value.suggested_filename == "notes.zip"
        for scheme in ("dark", "light"):
            page.emulate_media(color_scheme=scheme)
            assert violations(page) == [], scheme
            person.shoot(f"check-{scheme}")
        page.set_viewport_size({"width": 390, "height": 844})
        for language in LANGUAGES:
            page.select_option("#language", language)
            page.wait_for_function(
                "(word) => document.querySelector('#check-mark').textContent === word", arg=words(language)["check_seen"]
            )
            assert page.evaluate("() => [document.documentElement.scrollWidth, innerWidth]") == [390, 390], language
            person.shoot(f"check-phone-{language}")


@needs_browser
@pytest.mark.lasting_server
def test_what_the_host_said_and_chose_outlives_the_language_and_the_page(chromium: Any, studio: Studio, tmp_path: Path) -> None:
    _checked(studio, _film(tmp_path / "plain.mp4", None))

    def said() -> dict[str, Any]:
        found: dict[str, Any] = studio.client.get("/api/check").json()["said"]
        return found

    with visiting(chromium, studio) as person:
        page = person.page
        page.click("#tab-check")
        page.check("#check-told")
        page.fill("#check-region", "1,2,300,400")
        page.select_option('[data-point="call-back"]', "yes")
        person.until(lambda: said().get("call-back") is True, "the first answer")
        page.select_option("#language", "de")
        page.wait_for_function(
            "(word) => document.querySelector('#check-list h3').textContent === word", arg=words("de")["check_list"]
        )
        assert page.is_checked("#check-told")
        assert page.input_value("#check-region") == "1,2,300,400"
        page.select_option('[data-point="slow"]', "no")
        person.until(lambda: said().get("slow") is False, "the second answer")
        expected = {"call-back": True, "question": None, "second": None, "slow": False}
        assert said() == expected, "an answer leaves those before it"
        # The tab stays open.
        page.reload()
        page.wait_for_selector("#check-list")
        person.until(lambda: page.locator('[data-point="call-back"]').input_value() == "yes", "the first answer is shown")
        assert page.input_value('[data-point="slow"]') == "no"


@needs_browser
@pytest.mark.lasting_server
def test_the_pair_of_words_is_that_of_the_minute(chromium: Any, studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = "winter lamp"
    monkeypatch.setattr(studio.session.check, "pairs", lambda: [{"name": "Ada", "pair": pair}])
    with visiting(chromium, studio) as person:
        page = person.page
        page.clock.install()
        page.click("#tab-check")
        page.locator(".own", has_text="winter lamp").wait_for()
        page.fill("#check-pairs input", "half typed")
        pair = "river stone"
        page.clock.fast_forward(60_000)
        page.locator(".own", has_text="river stone").wait_for()
        assert page.input_value("#check-pairs input") == "half typed"


@needs_browser
@pytest.mark.lasting_server
def test_the_window_of_the_call_is_offered_by_its_title_and_looked_at(
    chromium: Any, studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("tkinter", reason="NO WINDOW TESTED: this Python has no tkinter")
    picture = tmp_path / "call.png"
    assert cv2.imwrite(str(picture), resized(marked(clip_frames(0, 1)[0]), 640, 360))
    with (
        x_display(1280, 800) as display,
        shown_window(display, "Notes", "200x150+30+600"),
        shown_window(display, "Notes", "200x150+300+600"),
        shown_window(display, "Call with Anna – Meet", "640x360+300+200", str(picture)) as window,
        visiting(chromium, studio) as person,
    ):
        monkeypatch.setenv("DISPLAY", display)
        monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
        page = person.page
        page.click("#tab-check")
        page.select_option("#check-kind", "window")
        page.wait_for_selector("#check-windows option", state="attached")
        offered = page.eval_on_selector_all("#check-windows option", "(all) => all.map((each) => each.value)")
        titles = [each for each in offered if not each.startswith("0x")]
        assert (len(offered), titles) == (3, ["Call with Anna – Meet"]), "two of one title are offered by their numbers"
        assert page.locator("#check-region").is_hidden()
        page.check("#check-told")
        page.fill("#check-window", "meet")
        page.click("#check-start")
        person.until(lambda: studio.client.get("/api/check").json()["mark"] == "seen", "the mark is seen")
        window.terminate()
        state = check_when(studio, lambda state: state["phase"] in {"ended", "failed"})
        assert (state["phase"], state["source"]) == ("ended", 'window "meet"')
        assert "was closed or minimised" in state["lost"]


def test_windows_are_not_told_to_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_check, "shown_windows", lambda: [XWindow(32, "Bank", 10, 10)])
    with running_studio(tmp_path) as own:
        assert own.client.get("/api/check/windows").json() == [{"id": "0x20", "title": "Bank"}]
    shared = CallCheck(tmp_path, lambda: pytest.fail("nothing is signed"), forbidden=True)
    assert shared.windows() == []


def test_a_stream_is_looked_at(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def opened(text: str, region: tuple[int, int, int, int] | None) -> Opened:
        asked.append(text)
        assert region is None
        raise SourceLost("the stream is away", "start it")

    monkeypatch.setattr(call_check, "open_source", opened)
    body = {"kind": "stream", "told": True, "device": " rtsp://192.0.2.1/call ", "region": [0, 0, 5, 5]}
    assert studio.client.post("/api/check/call", json=body).json()["error"] == "the stream is away"
    assert asked == ["rtsp://192.0.2.1/call"]
