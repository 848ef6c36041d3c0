"""A person at a page of the studio in real Chromium, with its fake camera."""

import base64
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mien.types import Image
from tests.support.deadline import DEADLINE_S
from tests.support.running_studio import Studio

CHROMIUM = next((Path(name) for name in ("/usr/bin/chromium", "/usr/bin/chromium-browser") if Path(name).exists()), None)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--use-fake-ui-for-media-stream",
         "--use-fake-device-for-media-stream"]  # fmt: skip
SHOTS = os.environ.get("MIEN_SCREENSHOTS")
"""A folder for pictures of every state, to be looked at."""
ALL_VIEWS = bool(os.environ.get("MIEN_SCREENSHOT_VIEWS"))
"""True where each state is shown in every size and both themes, too."""
_SIZES = (1440, 900), (1920, 1080), (390, 844)
SHOWS = """
(shown) => fetch('/api/metrics').then((answer) => answer.json())
  .then((figures) => figures.shown === shown && figures.capture_fps > 2)
"""
ASKED_OR_ADDED = """
(count) => document.querySelectorAll('[data-face-id]').length > count || document.querySelector('#consent-dialog').open
"""
UNNAMED = """
() => [...document.querySelectorAll('button, input, select, a[href]')].filter((each) => each.offsetParent &&
  !each.textContent.trim() && !each.ariaLabel && !each.labels?.length && !each.title).map((each) => each.id)
"""

HELD_BACK = """
const Native = WebSocket;
window.late = 0;
window.held = false;
window.WebSocket = class extends Native {
  set onmessage(told) {
    if (!this.url.endsWith('/ws/events')) { super.onmessage = told; return; }
    window.tell = (message) => told({ data: JSON.stringify(message) });
    super.onmessage = (event) => {
      const message = JSON.parse(event.data);
      if (message.type === 'state') window.state = message.state;
      if (message.type === 'metrics') window.metrics = message.metrics;
      if (window.late) setTimeout(() => told(event), window.late);
      else if (!window.held) told(event);
    };
  }
};
"""
"""Events reach the page `late` milliseconds later, or not at all while they are `held`; `tell` gives it others."""


class Person:
    """A page and what a person does with it."""

    def __init__(self, page: Any, studio: Studio) -> None:
        self.page = page
        self.studio = studio
        self.troubles: list[str] = []
        page.set_default_timeout(1000 * DEADLINE_S)
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("console", lambda message: self._heard(message))
        page.on("request", lambda request: self._asked(request.url))

    def _heard(self, message: Any) -> None:
        # A refused request is logged by the browser itself; what the page makes of it is looked at by the tests.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.troubles.append(message.text)

    def _asked(self, url: str) -> None:
        if not url.startswith((self.studio.base, "data:", "blob:")):
            self.troubles.append(f"the page asks somebody else: {url}")

    def open(self) -> None:
        self.page.goto(self.studio.page)
        self.page.wait_for_selector("#main-settings label")

    def add_face(self, photo: Path) -> bool:
        """Give a photo, and state why it may be used where the page asks; return True when it did."""
        page, before = self.page, self.page.locator("[data-face-id]").count()
        page.set_input_files("#add-face", str(photo))
        page.wait_for_function(ASKED_OR_ADDED, arg=before)
        is_asked = bool(page.locator("#consent-dialog").is_visible())
        if is_asked:
            page.check('[data-consent="public-domain"]')
            page.click("#consent-confirm")
        page.wait_for_function(ASKED_OR_ADDED.replace(" || document.querySelector('#consent-dialog').open", ""), arg=before)
        return is_asked

    def wear(self, photo: Path) -> None:
        """Wear the face of a photo, which is given unless an earlier test did."""
        if not any(face["name"] == photo.stem for face in self.studio.state()["faces"]):
            self.add_face(photo)
        face_id = next(face["id"] for face in self.studio.state()["faces"] if face["name"] == photo.stem)
        self.studio.client.post(f"/api/faces/{face_id}/select").raise_for_status()
        self.until(lambda: self.studio.session.wardrobe.face == face_id, "the face is worn")

    def check(self, *files: Path) -> dict[str, str]:
        """Look into a file, perhaps with its receipt; the words of each row."""
        page = self.page
        if not page.locator("#verify-dialog").is_visible():
            page.click("#verify")
            page.wait_for_selector("#verify-dialog[open]")
        page.set_input_files("#verify-file", str(files[0]))
        for receipt in files[1:]:
            page.locator("#verify-progress").wait_for(state="hidden")
            page.set_input_files("#verify-receipt", str(receipt))
        page.locator("#verify-progress").wait_for(state="hidden")
        return {row.get_attribute("data-row"): row.locator("p").inner_text() for row in page.locator(".finding").all()}

    def facts(self, row: str) -> dict[str, str]:
        """The details of a row of the report, unfolded."""
        finding = self.page.locator(f'.finding[data-row="{row}"]')
        finding.locator("summary").click()
        return dict(zip(finding.locator("dt").all_inner_texts(), finding.locator("dd").all_inner_texts(), strict=True))

    def start_browser_camera(self) -> None:
        self.choose("browser")
        self.page.click(self.opener)
        self.page.wait_for_function("() => document.querySelector('#input-state').textContent.includes('×')")

    def choose(self, kind: str) -> None:
        """Choose a kind of input, as if it was another one before."""
        self.page.evaluate("() => { document.querySelector('#input-kind').value = ''; }")
        self.page.select_option("#input-kind", kind)

    @property
    def opener(self) -> str:
        """The button that opens the chosen input, also in the place of one that runs."""
        return "#input-switch" if self.page.get_attribute("#input-apply", "data-running") == "true" else "#input-apply"

    def show(self, details: str) -> None:
        """Unfold a part of the panel."""
        self.page.locator(details).evaluate("(each) => { each.open = true; }")

    def act(self, card: Any, name: str) -> None:
        """Choose an act of the menu of a face."""
        card.locator(".menu").click()
        card.locator(f".acts .{name}").click()

    def see(self, shown: str) -> None:
        """Wait until the meter says that this is shown."""
        self.page.wait_for_function(SHOWS, arg=shown, polling=200)

    def picture(self) -> Image:
        """Return what the canvas shows, BGR."""
        address = self.page.evaluate("() => document.querySelector('#preview').toDataURL('image/png')")
        decoded = cv2.imdecode(np.frombuffer(base64.b64decode(address.partition(",")[2]), np.uint8), cv2.IMREAD_COLOR)
        assert decoded is not None
        return np.asarray(decoded, np.uint8)

    def shoot(self, name: str, *, passing: bool = False) -> None:
        """Leave a picture of the state; one that is `passing` does not last until all views are shown."""
        if SHOTS:
            self.page.screenshot(path=str(Path(SHOTS) / f"{name}.png"))
            if ALL_VIEWS and not passing:
                self._shoot_views(Path(SHOTS), name)

    def _shoot_views(self, folder: Path, name: str) -> None:
        """Show the state in every size and theme, as a person would who turns the phone; the page is left as it was."""
        page, size = self.page, self.page.viewport_size
        dark = page.evaluate("() => matchMedia('(prefers-color-scheme: dark)').matches")
        for scheme in ("dark", "light"):
            page.emulate_media(color_scheme=scheme)
            for width, height in _SIZES:
                page.set_viewport_size({"width": width, "height": height})
                page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
                path = folder / scheme / str(width) / f"{name}.png"
                page.screenshot(path=str(path), animations="disabled")
        page.emulate_media(color_scheme="dark" if dark else "light")
        page.set_viewport_size(size)

    def until(self, happened: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not happened():
            assert time.monotonic() < deadline, what
            self.page.wait_for_timeout(100)


@contextmanager
def visiting(chromium: Any, studio: Studio, **options: Any) -> Iterator[Person]:
    """A person at a fresh page of the studio; at the end nothing may have gone wrong in the page."""
    usual = {"viewport": {"width": 1440, "height": 900}, "permissions": ["camera"], "locale": "en-GB", "color_scheme": "dark"}
    context = chromium.new_context(**{**usual, **options})
    made = Person(context.new_page(), studio)
    made.open()
    yield made
    context.close()
    assert made.troubles == []
