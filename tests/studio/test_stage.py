"""The page as a stage, in real Chromium: what it tells, when it is told late or wrong, and for whom it can be used."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from mien.errors import OutputError
from mien.studio.session import outputs
from tests.support.axe import THEMES, violations
from tests.support.browser import CHROMIUM, HELD_BACK, UNNAMED, Person, visiting
from tests.support.deadline import DEADLINE_S
from tests.support.running_studio import Studio, running_studio

pytest.importorskip("playwright.sync_api", reason="NOT TESTED in a browser: playwright is not installed")

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="NOT TESTED in a browser: chromium is not installed"),
    pytest.mark.lasting_server,
]

NO_CAMERA = """
navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', window.refusal ?? 'NotAllowedError'));
"""
SMALL_TARGETS = """
(least) => [...document.querySelectorAll('button, select, .button, [role=tab], summary, input[type=range]')]
  .filter((each) => each.checkVisibility() && !each.closest('#film-dialog'))
  .map((each) => [each.id || each.className || each.textContent, each.getBoundingClientRect()])
  .filter(([, box]) => box.width && (box.height < least || box.width < Math.min(least, 32)))
  .map(([name, box]) => `${name} ${Math.round(box.width)} x ${Math.round(box.height)}`)
"""


@pytest.fixture(scope="module")
def lasting_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    with running_studio(tmp_path_factory.mktemp("studio")) as studio:
        yield studio


@pytest.fixture
def person(chromium: Any, lasting_studio: Studio, request: pytest.FixtureRequest) -> Iterator[Person]:
    with visiting(chromium, lasting_studio, **getattr(request, "param", {})) as made:
        yield made
    lasting_studio.session.cover(False)
    lasting_studio.client.put("/api/input", json={"kind": "none"}).raise_for_status()


def tab_to(person: Person, selector: str) -> None:
    """Press Tab until this element has the focus."""
    for _ in range(120):
        person.page.keyboard.press("Tab")
        if person.page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"Tab never reaches {selector}")


def says(person: Person, selector: str, words: str) -> None:
    person.page.wait_for_function(
        "([selector, words]) => document.querySelector(selector)?.textContent.includes(words)", arg=[selector, words]
    )


def test_the_whole_job_is_done_by_keyboard_alone(person: Person) -> None:
    page, keys = person.page, person.page.keyboard
    assert page.locator("#steps li.done").count() == 1, "the camera is chosen"
    assert page.locator("#figures").is_hidden(), "nothing runs"
    assert page.locator("#record").is_disabled()
    tab_to(person, "#step-stand-in")
    keys.press("Enter")
    page.wait_for_selector("#step-photo.done")
    person.shoot("stage-steps")
    tab_to(person, "#input-apply")
    keys.press("Enter")
    person.see("swapped")
    says(person, "#pill", "Worn")
    assert page.locator("#exactly").inner_text() == "Others see exactly this picture"
    assert page.locator("#figures").is_visible()
    person.shoot("stage-worn")
    keys.press("r")
    says(person, "#pill-recording", "REC 0:0")
    keys.press("Escape")
    says(person, "#pill", "Covered: you asked for it")
    person.see("veiled")
    person.shoot("stage-covered")
    page.wait_for_selector("#empty:not([hidden])")
    words = cv2.imdecode(np.frombuffer(page.locator("#exactly").screenshot(), np.uint8), cv2.IMREAD_GRAYSCALE)
    assert words is not None
    assert words.max() > 220, "what others see can be read over the veil, too"
    keys.press("Escape")
    says(person, "#cover", "Uncover")
    keys.press("x")
    says(person, "#pill", "Worn")
    keys.press("s")
    says(person, "#exactly", "Only you see this view")
    keys.press("s")
    keys.press("r")
    page.locator("#output-list .result").wait_for()
    tab_to(person, "#output-list .result")
    keys.press("o")
    page.wait_for_selector("#steps", state="visible")
    assert page.locator("#input-apply").inner_text().strip().endswith("Start")
    assert person.studio.session.feed.feeder is None, "the camera is off"
    tab_to(person, "#tab-live")
    keys.press("ArrowRight")
    assert page.locator("#view-files").is_visible()
    tab_to(person, "#job-file")
    person.shoot("stage-files")
    assert page.evaluate(UNNAMED) == []


def test_late_events_undo_nothing_and_silence_is_told(person: Person) -> None:
    page = person.page
    page.add_init_script(HELD_BACK)
    page.reload()
    page.wait_for_selector("#main-settings label")
    page.evaluate("() => { late = 1000; }")
    person.studio.client.post("/api/faces/stand-in-2/select").raise_for_status()
    person.start_browser_camera()
    person.see("swapped")
    assert person.studio.session.feed.feeder is not None, "the camera goes on"
    # The answer to Start is newer than what was told before.
    page.evaluate("() => { late = 0; }")
    says(person, "#pill", "Worn")
    page.evaluate("() => { held = true; }")
    page.wait_for_selector("#frame.stale")
    says(person, "#pill", "has not answered for")
    assert page.locator("#record").is_disabled()
    person.shoot("stage-silent")
    page.evaluate("() => { held = false; }")
    page.wait_for_selector("#frame:not(.stale)")
    says(person, "#pill", "Worn")


def test_states_and_reasons_are_told(person: Person) -> None:
    page = person.page
    page.add_init_script(HELD_BACK)
    page.reload()
    page.wait_for_function("() => window.metrics && window.state")
    page.evaluate(
        "() => { held = true; state.face = 'stand-in-1'; Object.assign(state.input, { kind: 'browser', state: 'live' }); }"
    )

    def told(**figures: Any) -> str:
        page.evaluate(
            """(figures) => {
              tell({ type: 'state', state: { ...state, revision: state.revision++, browser_camera: 'page' } });
              tell({ type: 'metrics', metrics: { ...metrics, fps: 30, ...figures } });
            }""",
            figures,
        )
        return str(page.locator("#pill").inner_text())

    for why, words in (("dark", "too dark"), ("turned", "head turned away"), ("hand", "something in front of the face")):
        assert told(shown="covered", why=why) == f"Covered: {words}"
    assert told(shown="refused", why="content") == "Covered: content check"
    for why, words in (
        ("silent", "no picture comes"),
        ("starting", "the models are loading"),
        ("", "the first picture is being made"),
    ):
        for _ in range(3):
            assert told(shown="none", why=why, fps=0) == words
        assert page.locator("#slow").is_hidden(), "nothing comes: that is not slow"
    assert page.locator("#empty-title").inner_text() == "Opening…"
    assert told(shown="veiled", why="", crowded=True) == "Covered: too many faces"
    assert told(shown="passed", why="").lower() == "your own face is shown"
    assert page.locator("#pill").get_attribute("data-state") == "own"
    person.shoot("stage-own")
    page.evaluate("() => Object.assign(state.input, { width: 1280, height: 720 })")
    for _ in range(3):
        told(shown="swapped", why="", fps=8)
    assert page.locator("#slow-words").inner_text() == "Too slow: 8 fps; use 640 × 480."
    told(shown="veiled", why="unseen", fps=0)
    assert page.locator("#slow-words").inner_text() == "Too slow: < 1 fps; use 640 × 480."
    assert told(shown="veiled", why="unseen", fps=5) == "Covered: this machine is too slow"
    person.shoot("stage-slow")
    with page.expect_request(lambda request: request.method == "PUT" and request.url.endswith("/api/input")) as sent:
        page.click("#slow-act")
    assert (sent.value.post_data_json["width"], sent.value.post_data_json["height"]) == (640, 480)
    page.evaluate("() => { state.version = '99.0'; tell({ type: 'state', state: { ...state, revision: 1e9 } }); }")
    says(person, "#alerts", "mien 99.0 runs now")
    assert page.locator("#alerts button", has_text="Reload").is_visible()


@pytest.mark.parametrize("person", [{"permissions": []}], indirect=True)
def test_a_camera_that_is_denied_or_missing_stays_on_the_stage(person: Person) -> None:
    page = person.page
    page.add_init_script(NO_CAMERA)
    page.reload()
    page.wait_for_selector("#main-settings label")
    person.choose("browser")
    for refusal, title, remedy in (
        ("NotAllowedError", "does not allow the camera", "icon on the left of the address"),
        ("NotFoundError", "has no camera", "Plug one in"),
        ("NotReadableError", "camera is in use", "Close the program"),
    ):
        page.evaluate("(name) => { window.refusal = name; }", refusal)
        page.click(person.opener if refusal == "NotAllowedError" else "#empty-act")
        says(person, "#empty-title", title)
        says(person, "#empty-text", remedy)
        person.until(lambda: person.studio.state()["input"]["kind"] == "none", "the input is closed")
        person.studio.session.notify()
        says(person, "#empty-title", title)
    person.shoot("stage-denied")
    assert page.locator("#toast div").count() == 0


def test_a_failed_recording_stays_and_a_removed_face_comes_back(
    person: Person, examples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, studio = person.page, person.studio

    def refuse(*given: Any, **named: Any) -> None:
        raise OutputError("the disk is full", "free some space")

    face = studio.wear(examples / "eileen_collins.png")
    person.start_browser_camera()
    person.see("swapped")
    monkeypatch.setattr(outputs, "Recorder", refuse)
    page.click("#record")
    alert = page.locator("#output-alerts .alert")
    alert.wait_for()
    assert "failed" in alert.inner_text()
    assert "the disk is full – free some space" in alert.inner_text()
    person.shoot("stage-failed")
    alert.locator(".dismiss").click()
    alert.wait_for(state="detached")

    card = page.locator(f'[data-face-id="{face}"]')
    person.act(card, "remove")
    card.wait_for(state="detached")
    person.until(lambda: studio.session.wardrobe.face is None, "it is taken off at once")
    person.shoot("stage-undo", passing=True)
    page.locator("#toast button").click()
    card.wait_for()
    person.until(lambda: studio.session.wardrobe.face == face, "it is worn again")
    person.act(card, "remove")
    # Leaving the page ends the time to undo.
    page.goto("about:blank")
    person.until(lambda: all(each["id"] != face for each in studio.state()["faces"]), "it is removed")


def test_single_keys_can_be_switched_off(person: Person) -> None:
    page = person.page
    page.keyboard.press("?")
    page.uncheck("#keys-on")
    page.keyboard.press("Escape")
    page.wait_for_selector("#help-dialog", state="hidden")
    page.keyboard.press("l")
    assert page.locator("#panel").is_visible(), "the key does nothing"
    page.keyboard.press("Escape")
    person.until(lambda: person.studio.session.loop.is_covered, "Escape covers all the same")
    page.reload()
    page.wait_for_selector("#main-settings label")
    page.click("#help")
    assert not page.is_checked("#keys-on")
    page.check("#keys-on")
    page.keyboard.press("Escape")
    page.keyboard.press("l")
    page.wait_for_selector("#panel", state="hidden")


@pytest.mark.parametrize("person", THEMES, indirect=True)
def test_axe_finds_nothing_in_any_view(person: Person) -> None:
    page = person.page

    def check(where: str) -> None:
        assert violations(page) == [], where

    check("empty stage")
    assert page.evaluate(SMALL_TARGETS, 32) == []
    person.show("#expert")
    person.show("#outputs")
    person.studio.client.put("/api/input", json={"kind": "browser"}).raise_for_status()
    says(person, "#empty-title", "No page sends its camera")
    check("expert, outputs and a silent camera")
    page.click("#tab-files")
    check("files")
    for opens, dialog in (("#help", "#help-dialog"), ("#verify", "#verify-dialog")):
        page.click(opens)
        page.wait_for_selector(f"{dialog}[open]")
        check(dialog)
        page.keyboard.press("Escape")
        page.wait_for_selector(dialog, state="hidden")


@pytest.mark.parametrize(
    ("person", "least"),
    [
        ({"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}, 44),
        ({"viewport": {"width": 720, "height": 450}, "device_scale_factor": 2}, 32),
    ],
    indirect=["person"],
    ids=["phone", "200 percent"],
)
def test_the_picture_stays_in_sight_on_a_small_screen(person: Person, least: int) -> None:
    page = person.page
    assert page.evaluate(SMALL_TARGETS, least) == []
    person.studio.client.post("/api/faces/stand-in-1/select").raise_for_status()
    person.start_browser_camera()
    person.see("swapped")
    page.wait_for_selector("#steps", state="hidden")
    person.show("#expert")
    page.locator("#setting-sharpness").scroll_into_view_if_needed()
    # The picture is there while a slider is set.
    page.wait_for_function("() => scrollY > 100 && document.querySelector('#frame').getBoundingClientRect().y >= -1")
    box = page.locator("#frame").bounding_box()
    assert box["height"] <= 0.5 * page.viewport_size["height"]
    width = page.viewport_size["width"]
    assert page.evaluate("() => [document.documentElement.scrollWidth, innerWidth]") == [width, width]
    person.shoot(f"stage-small-{least}")


def test_a_page_whose_studio_still_starts_says_so(chromium: Any, lasting_studio: Studio) -> None:
    context = chromium.new_context(locale="en-GB")
    try:
        page = context.new_page()
        page.set_default_timeout(1000 * DEADLINE_S)
        page.add_init_script(HELD_BACK.replace("held = false", "held = true"))
        page.goto(lasting_studio.page)
        page.locator("#empty-title").wait_for(state="visible")
        assert page.inner_text("#empty-title") == "Opening…"
        page.wait_for_function("() => window.state")
        page.evaluate("window.tell({ type: 'state', state: window.state })")
        page.wait_for_function("() => document.querySelector('#empty-title').textContent !== 'Opening…'")
    finally:
        context.close()


@pytest.mark.parametrize("locale", ["en-GB", "de-DE", "fr-FR"])
def test_the_page_loads_little(chromium: Any, lasting_studio: Studio, locale: str) -> None:
    context = chromium.new_context(locale=locale)
    page = context.new_page()
    scripts: list[Any] = []
    page.on("response", lambda answer: scripts.append(answer) if answer.url.endswith(".js") else None)
    page.goto(lasting_studio.page)
    page.wait_for_selector("#main-settings label")
    page.wait_for_load_state("networkidle")
    loaded = {answer.url: len(answer.body()) for answer in scripts}
    assert sum(loaded.values()) < 150_000, loaded
    assert all(re.search(r"/static/(strings/)?\w+\.js$", url) for url in loaded)
    context.close()
