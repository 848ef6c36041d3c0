"""Rare and hostile situations in real Chromium: two pages at once, a reload, a full disk, an old page, 500 faces."""

import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from mien.studio.session import session as session_module
from mien.studio.session.database import StudioDatabase, to_json
from mien.studio.session.gallery_face import GALLERY_LIMITS
from tests.support.browser import CHROMIUM, HELD_BACK, Person, visiting
from tests.support.places import EXAMPLES
from tests.support.running_studio import Studio, running_studio

pytest.importorskip("playwright.sync_api", reason="NOT TESTED in a browser: playwright is not installed")

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="NOT TESTED in a browser: chromium is not installed"),
    pytest.mark.lasting_server,
]


def _fill(data: Path, count: int) -> None:
    """Save faces as a studio does; all are one photo with thumbnails of their own colour."""
    data.mkdir()
    photo = data / "photo.png"
    photo.write_bytes((EXAMPLES / "eileen_collins.png").read_bytes())
    facts: dict[str, object] = {"consent": "self", "number": None, "photo": "photo.png", "more": []}
    rows = []
    for number in range(count):
        folder = data / "faces" / f"face{number:03}"
        folder.mkdir(parents=True)
        os.link(photo, folder / "photo.png")
        colour = np.full((192, 192, 3), (number % 250, 90, 250 - number % 250), np.uint8)
        (folder / "thumb.jpg").write_bytes(cv2.imencode(".jpg", colour)[1].tobytes())
        rows.append((folder.name, to_json({**facts, "name": f"person {number}"})))
    with StudioDatabase(data).opened() as connection:
        connection.executemany("INSERT INTO faces VALUES (?, ?)", rows)


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """A studio whose gallery is full."""
    folder = tmp_path_factory.mktemp("full")
    _fill(folder / "data", GALLERY_LIMITS.faces)
    with running_studio(folder) as running:
        running.client.post("/api/faces/stand-in-1/select").raise_for_status()
        yield running


@pytest.fixture
def person(chromium: Any, studio: Studio, request: pytest.FixtureRequest) -> Iterator[Person]:
    with visiting(chromium, studio, **getattr(request, "param", {})) as made:
        yield made
    studio.client.put("/api/input", json={"kind": "none"}).raise_for_status()


def _asks_for_thumbs(person: Person) -> list[str]:
    asked: list[str] = []
    person.page.on("request", lambda request: asked.append(request.url) if "/face" in request.url else None)
    return asked


def test_five_hundred_faces_are_loaded_as_they_are_seen_and_found_by_name(person: Person) -> None:
    page = person.page
    thumbs = _asks_for_thumbs(person)
    page.reload()
    page.wait_for_function("(n) => document.querySelectorAll('[data-face-id]').length === n", arg=GALLERY_LIMITS.faces)
    person.until(lambda: bool(thumbs), "faces are loaded")
    page.wait_for_load_state("networkidle")
    assert len([each for each in thumbs if each.endswith("thumb.jpg")]) < 120, "only what is near is loaded"
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    box = page.locator("#stand-ins").bounding_box()
    assert box["x"] + box["width"] < page.viewport_size["width"], "the stand-ins are not behind 500 faces"
    assert page.locator("#frame").bounding_box()["height"] > 400, "the stage keeps its room"
    person.shoot("gallery")
    page.fill("#face-search", "Person 49")
    page.wait_for_function("() => document.querySelectorAll('[data-face-id]').length === 11")
    person.shoot("gallery-found")
    page.fill("#face-search", "nobody at all")
    page.wait_for_function("() => document.querySelectorAll('[data-face-id]').length === 0")
    page.fill("#face-search", "")
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_function("(n) => document.querySelectorAll('[data-face-id]').length === n", arg=GALLERY_LIMITS.faces)
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    person.shoot("gallery-phone")


def test_a_full_gallery_says_so(person: Person) -> None:
    page = person.page
    page.set_input_files("#add-face", str(EXAMPLES / "grace_hopper.jpg"))
    page.wait_for_selector("#toast div")
    assert f"holds {GALLERY_LIMITS.faces} faces" in page.locator("#toast").inner_text()
    assert not list(person.studio.uploads.iterdir()), "the upload is not kept"


def test_two_pages_that_press_start_at_once_share_one_camera(person: Person) -> None:
    other = Person(person.page.context.new_page(), person.studio)
    pages = person, other
    for each in pages:
        each.page.add_init_script(HELD_BACK)
        each.open()
        each.choose("browser")
    # Both press before either page hears of the other.
    for each in pages:
        each.page.evaluate("() => { held = true; }")
    for each in pages:
        each.page.evaluate("() => document.querySelector('#input-apply').click()")
    for each in pages:
        each.page.evaluate("() => { held = false; }")
    taken = "() => document.querySelector('#alerts .alert') !== null"
    person.until(lambda: any(each.page.evaluate(taken) for each in pages), "one page is told")
    person.see("swapped")
    told = [bool(each.page.evaluate(taken)) for each in pages]
    assert sorted(told) == [False, True], "the other one sends"
    loser = pages[told.index(True)]
    assert "Another page" in loser.page.locator("#alerts").inner_text()
    loser.page.locator("#alerts button", has_text="Use this camera").click()
    pages[told.index(False)].page.wait_for_selector("#alerts .alert")
    person.see("swapped")
    assert other.troubles == []
    other.page.close()


def test_a_recording_outlives_a_reload(person: Person) -> None:
    page, studio = person.page, person.studio
    person.start_browser_camera()
    person.see("swapped")
    page.click("#record")
    page.wait_for_function("() => document.querySelector('#pill-recording').textContent.startsWith('REC')")

    def frames() -> int:
        return max((int(row["frames"]) for row in studio.session.outputs.described()), default=0)

    person.until(lambda: frames() > 5, "frames")
    page.reload()
    page.wait_for_function("() => /REC 0:0[1-9]/.test(document.querySelector('#pill-recording').textContent)")
    assert page.locator("#record").get_attribute("aria-pressed") == "true"
    before = frames()
    person.until(lambda: frames() > before + 5, "the recording goes on")
    person.see("swapped")
    page.click("#record")
    page.locator('#output-list [data-state="closed"] .result').wait_for()
    assert len(studio.state()["outputs"]) == 1, "one recording, not two"


def test_a_page_from_before_an_update_asks_to_be_loaded_again(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    page = person.page
    monkeypatch.setattr(session_module, "__version__", "99.0")
    person.studio.session.notify()
    alert = page.locator("#alerts .alert")
    alert.wait_for()
    assert "mien 99.0 runs now" in alert.inner_text()
    with page.expect_navigation():
        alert.locator("button", has_text="Reload").click()
    page.wait_for_selector("#main-settings label")
    assert page.locator("#alerts .alert").count() == 0


class FullDisk:
    """A file that takes this many bytes."""

    def __init__(self, room: int) -> None:
        self.room = room

    def write(self, data: bytes) -> int:
        self.room -= len(data)
        if self.room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return len(data)


def test_a_disk_that_fills_during_an_upload_is_named(person: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page, disk = person.page, FullDisk(30_000_000)
    film = tmp_path / "film.mp4"
    with film.open("wb") as file:
        file.truncate(200_000_000)
    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "write", lambda self, data: disk.write(data))
    page.click("#tab-files")
    page.set_input_files("#job-file", str(film))
    page.wait_for_selector("#toast div")
    said = page.locator("#toast").inner_text()
    person.shoot("upload-full")
    assert "No space left" in said or "full" in said, said
    assert page.locator("#job-sending p").count() == 0
    assert not list(person.studio.uploads.iterdir())
