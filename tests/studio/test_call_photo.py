"""The photo of a check in the studio: chosen with consent, compared one to one, deleted; a word, and no number."""

import io
import re
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from mien.errors import UsageError
from mien.provenance.consent import COMPARISON, Consents
from mien.system.database import Database
from tests.support.axe import violations
from tests.support.browser import CHROMIUM, visiting
from tests.support.deadline import DEADLINE_S
from tests.support.page_words import LANGUAGES, words
from tests.support.running_studio import Studio, running_studio
from tests.support.studio_clients import check_when

needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="NOT TESTED in a browser: chromium is not installed")


@pytest.fixture(scope="module")
def recording(examples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of one person from the front: ten seconds of a portrait, 8 pictures a second."""
    portrait = cv2.imread(str(examples / "grace_hopper.jpg"))
    assert portrait is not None
    width, height = 2 * round(240 * portrait.shape[1] / portrait.shape[0]), 480
    picture = np.asarray(cv2.resize(portrait, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    path = tmp_path_factory.mktemp("recording") / "call.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=8, options={"crf": "18"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(80):
            frame = av.VideoFrame.from_ndarray(picture, "bgr24")
            frame.pts, frame.time_base = number, Fraction(1, 8)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def _choose(studio: Studio, photo: bytes, name: str = "anna.jpg", agreed: str | None = "true") -> Any:
    data = {} if agreed is None else {"agreed": agreed}
    return studio.client.post("/api/check/photo", files={"photo": (name, photo)}, data=data)


def _watched(studio: Studio, film: Path) -> dict[str, Any]:
    with film.open("rb") as file:
        studio.client.post("/api/check/file", files={"file": (film.name, file)}).raise_for_status()
    return check_when(studio, lambda state: state["phase"] in {"ended", "failed"})


def _consents(studio: Studio) -> list[tuple[str, str]]:
    return [(each.statement, each.photo) for each in Consents(Database(studio.data)).all()]


def _notes(studio: Studio) -> str:
    with zipfile.ZipFile(io.BytesIO(studio.client.get("/api/check/notes.zip").content)) as notes:
        return notes.read("notes.html").decode()


def test_another_person_is_not_like_the_photo_and_nothing_is_kept_but_the_word(
    studio: Studio, recording: Path, examples: Path
) -> None:
    chosen = _choose(studio, (examples / "eileen_collins.png").read_bytes(), "collins.png")
    assert (chosen.status_code, chosen.json()["photo"]) == (201, "collins.png")
    assert _consents(studio) == [], "nothing was compared yet"
    state = _watched(studio, recording)
    assert (state["phase"], state["compared"], state["photo"]) == ("ended", {"seen": "not seen", "reason": ""}, "")
    assert list(studio.uploads.iterdir()) == []
    assert _consents(studio) == [(COMPARISON, "collins.png")]
    page = _notes(studio)
    assert "The face does not resemble the one photo." in page
    assert "A swap made from this photo, or from another photo of that person, would match, too." in page
    assert not re.search(r"0\.\d\d", page), "no distance"
    again = _watched(studio, recording)
    assert again["compared"] is None, "the photo went with its check"
    assert "the one photo" not in _notes(studio)


def test_a_photo_without_agreement_or_without_a_picture_is_refused(studio: Studio, examples: Path) -> None:
    photo = (examples / "grace_hopper.jpg").read_bytes()
    for agreed in ("false", None):
        answer = _choose(studio, photo, agreed=agreed)
        assert (answer.status_code, answer.json()["key"]) == (422, "check-photo-agreed")
    answer = _choose(studio, b"no picture", "anna.jpg")
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("anna.jpg")
    assert studio.client.get("/api/check").json()["photo"] == ""
    assert list(studio.uploads.iterdir()) == []


def test_one_photo_waits_and_a_removed_one_is_deleted(studio: Studio, examples: Path) -> None:
    photo = (examples / "grace_hopper.jpg").read_bytes()
    for name in ("first.jpg", "second.jpg"):
        assert _choose(studio, photo, name).json()["photo"] == name
        assert len(list(studio.uploads.iterdir())) == 1
    assert studio.client.delete("/api/check/photo").status_code == 204
    assert studio.client.get("/api/check").json()["photo"] == ""
    assert list(studio.uploads.iterdir()) == []
    assert studio.client.delete("/api/check/photo").status_code == 204, "without a photo, too"


class _Turns:
    """A lock that two threads take and leave in turn: after each, one waits for the other."""

    def __init__(self) -> None:
        self._lock, self._both = threading.RLock(), threading.Barrier(2, timeout=DEADLINE_S)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()
        self._both.wait()


def test_of_two_photos_that_are_chosen_at_once_one_waits_and_the_other_is_deleted(
    studio: Studio, examples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check, paths = studio.session.check, [studio.uploads / name for name in ("first", "second")]
    for path in paths:
        path.write_bytes((examples / "grace_hopper.jpg").read_bytes())
    with monkeypatch.context() as patched, ThreadPoolExecutor(2) as pool:
        patched.setattr(check._waiting, "_lock", _Turns())
        for made in [pool.submit(check.choose_photo, path, path.name, agreed=True) for path in paths]:
            made.result()
    waits = studio.client.get("/api/check").json()["photo"]
    assert [path.name for path in studio.uploads.iterdir()] == [waits]


@pytest.mark.parametrize(("name", "shown"), [("a" * 300 + ".jpg", "a" * 80), ("/", "photo"), ("..", "..")])
def test_the_name_of_a_photo_is_short_and_never_empty(studio: Studio, examples: Path, name: str, shown: str) -> None:
    path = studio.uploads / "photo"
    path.write_bytes((examples / "grace_hopper.jpg").read_bytes())
    studio.session.check.choose_photo(path, Path(name).name, agreed=True)
    assert studio.client.get("/api/check").json()["photo"] == shown


def test_a_photo_of_nobody_ends_the_check_by_name_and_is_deleted(studio: Studio, recording: Path) -> None:
    wall = cv2.imencode(".png", np.full((200, 200, 3), 120, np.uint8))[1].tobytes()
    _choose(studio, wall, "wall.png").raise_for_status()
    state = _watched(studio, recording)
    assert (state["phase"], state["error"]["code"]) == ("failed", "no-source-face")
    assert list(studio.uploads.iterdir()) == []
    assert _consents(studio) == []


def test_no_photo_is_taken_in_a_shared_studio(tmp_path: Path, examples: Path) -> None:
    with running_studio(tmp_path, password="a long password") as studio:
        with pytest.raises(UsageError, match="for the host alone"):
            studio.session.check.choose_photo(examples / "grace_hopper.jpg", "anna.jpg", agreed=True)
        assert (examples / "grace_hopper.jpg").exists()


@needs_browser
@pytest.mark.lasting_server
def test_the_photo_in_a_browser(chromium: Any, studio: Studio, recording: Path, examples: Path) -> None:
    with visiting(chromium, studio, reduced_motion="reduce") as person:
        page = person.page
        page.click("#tab-check")
        page.wait_for_selector("#check-photo-agreed")
        page.set_input_files("#check-photo", str(examples / "grace_hopper.jpg"))
        page.get_by_text("the person in the photo has not agreed to be compared").wait_for()
        assert page.locator("#check-photo-drop").is_hidden()
        page.check("#check-photo-agreed")
        page.set_input_files("#check-photo", str(examples / "grace_hopper.jpg"))
        page.locator("#check-photo-name", has_text="grace_hopper.jpg waits").wait_for()
        person.shoot("check-photo-waits")
        page.click("#check-photo-drop")
        page.wait_for_function("() => document.querySelector('#check-photo-name').textContent === ''")
        assert not page.is_checked("#check-photo-agreed"), "it is stated of each photo"
        page.check("#check-photo-agreed")
        page.set_input_files("#check-photo", str(examples / "grace_hopper.jpg"))
        page.locator("#check-photo-name", has_text="grace_hopper.jpg waits").wait_for()
        with page.expect_response("**/api/check"):
            pass  # the page asks for it, or it would be deleted
        page.set_input_files("#check-file", str(recording))
        page.wait_for_function("() => document.querySelector('#check-photo-seen')?.textContent === 'seen'")
        page.wait_for_function("() => document.querySelector('#check-state').textContent.startsWith('call.mp4 was looked at')")
        assert page.locator("#check-photo-name").inner_text() == "", "it went with the check"
        assert page.get_by_text("A swap made from this photo").is_visible()
        for scheme in ("dark", "light"):
            page.emulate_media(color_scheme=scheme)
            assert violations(page) == [], scheme
            person.shoot(f"check-photo-{scheme}")
        page.set_viewport_size({"width": 390, "height": 844})
        for language in LANGUAGES:
            page.select_option("#language", language)
            page.locator("#view-check h3", has_text=words(language)["check_photo"]).wait_for()
            page.locator("#check-photo-seen", has_text=words(language)["check_seen"]).wait_for()
            assert page.evaluate("() => [document.documentElement.scrollWidth, innerWidth]") == [390, 390], language
            person.shoot(f"check-photo-phone-{language}")
