"""The dialogs of the header in real Chromium, and every language on a phone: no text is wider than its control."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.axe import THEMES, violations
from tests.support.browser import CHROMIUM, Person, visiting
from tests.support.page_words import LANGUAGES, words
from tests.support.places import EXAMPLES
from tests.support.running_studio import Studio, running_studio

pytest.importorskip("playwright.sync_api", reason="NOT TESTED in a browser: playwright is not installed")

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="NOT TESTED in a browser: chromium is not installed"),
    pytest.mark.lasting_server,
]
TOO_WIDE = """
() => {
  const clips = (each) => ['auto', 'scroll', 'hidden'].includes(getComputedStyle(each).overflowX);
  const scrolls = (each) => each && (clips(each) || scrolls(each.parentElement));
  const found = [];
  for (const each of document.querySelectorAll('button, .button, summary, label, legend, h2, h3, p, b, code')) {
    if (!each.checkVisibility() || each.closest('.visually-hidden') || !each.textContent.trim()) continue;
    const box = each.getBoundingClientRect(), cut = getComputedStyle(each).textOverflow === 'ellipsis';
    const isControl = each.matches('button, .button, summary');
    const name = `${each.id || each.className}: ${each.textContent}`;
    if (isControl && !cut && each.scrollWidth > each.clientWidth + 1) found.push(name);
    if (box.width && box.right > innerWidth + 1 && !scrolls(each.parentElement)) found.push(`beyond the page: ${name}`);
  }
  if (document.documentElement.scrollWidth > innerWidth) found.push('the page scrolls sideways');
  for (const each of document.querySelectorAll('dialog[open]'))
    if (each.scrollWidth > each.clientWidth + 1) found.push(`${each.id} scrolls sideways`);
  return found;
}
"""
PANELS = "use-in", "models", "consents"


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    with running_studio(tmp_path_factory.mktemp("panels")) as running:
        running.add_face(EXAMPLES / "eileen_collins.png").raise_for_status()
        yield running


@pytest.fixture
def person(chromium: Any, studio: Studio, request: pytest.FixtureRequest) -> Iterator[Person]:
    with visiting(chromium, studio, **getattr(request, "param", {})) as made:
        yield made


def open_panel(person: Person, panel: str) -> None:
    person.page.evaluate("(panel) => document.querySelector(`#open-${panel}`).click()", panel)
    person.page.wait_for_selector(f"#{panel}-dialog[open] .panel-body > *")


@pytest.mark.parametrize("person", [{"viewport": {"width": 390, "height": 844}}], indirect=True, ids=["phone"])
def test_no_text_is_wider_than_its_control_in_any_language(person: Person) -> None:
    page, wide = person.page, dict[str, list[str]]()
    page.evaluate("() => document.querySelectorAll('details').forEach((each) => (each.open = true))")
    for language in LANGUAGES:
        page.select_option("#language", language)
        page.wait_for_function("(wanted) => document.documentElement.lang === wanted", arg=language)
        page.wait_for_function(
            "(title) => document.querySelector('#verify').textContent === title", arg=words(language)["verify"]
        )
        wide[language] = page.evaluate(TOO_WIDE)
        for panel in PANELS:
            open_panel(person, panel)
            wide[language] += page.evaluate(TOO_WIDE)
            page.evaluate("(panel) => document.querySelector(`#${panel}-dialog`).close()", panel)
        person.shoot(f"phone-{language}")
    assert wide == {language: [] for language in LANGUAGES}


@pytest.mark.parametrize("person", THEMES, indirect=True)
def test_axe_finds_nothing_in_the_panels_and_in_any_language(person: Person, request: pytest.FixtureRequest) -> None:
    page, found = person.page, dict[str, object]()
    person.show("#presets")
    page.wait_for_selector("#preset-form ~ fieldset")
    found["presets"] = violations(page)
    for panel in PANELS:
        open_panel(person, panel)
        found[panel] = violations(page)
        person.shoot(f"panel-{panel}-{request.node.callspec.id}")
        page.keyboard.press("Escape")
        page.wait_for_selector(f"#{panel}-dialog", state="hidden")
    for language in LANGUAGES if request.node.callspec.id == "dark" else ():
        page.select_option("#language", language)
        page.wait_for_function("(wanted) => document.documentElement.lang === wanted", arg=language)
        found[language] = violations(page)
    assert {where: each for where, each in found.items() if each} == {}


def test_the_panels_make_an_address_list_models_and_revoke_a_consent(chromium: Any, person: Person) -> None:
    page, studio = person.page, person.studio
    open_panel(person, "models")
    assert page.locator("#models-dialog li b").first.inner_text() == "face_mesh_478"
    page.keyboard.press("Escape")
    open_panel(person, "use-in")
    page.click("#use-in-dialog button:has-text('address for OBS')")
    address = page.locator("#use-in-dialog .copyable code", has_text="view=").inner_text()
    context = chromium.new_context()
    alone = context.new_page()
    alone.goto(address)
    alone.wait_for_function("() => document.body.classList.contains('clean') && window.mien?.shown > 0")
    assert alone.evaluate("() => location.search") == "?clean", "the token leaves the address"
    context.close()
    page.keyboard.press("Escape")
    open_panel(person, "consents")
    page.click("#consents-dialog li button")
    page.wait_for_function("() => document.querySelector('#consents-dialog .state').textContent.includes('revoked')")
    rows = json.loads(studio.client.get("/api/consents").text)
    assert [row["revoked_at"] is not None for row in rows] == [True]
