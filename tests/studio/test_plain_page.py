"""Plain pictures in a real browser: it draws them in their colours, and sends the same bytes back."""

from typing import Any

import cv2
import numpy as np
import pytest

from mien.studio.session import plain_picture
from mien.studio.session.browser_camera import H264_DELTA, H264_KEY, PLAIN, BrowserFeed, Picture
from tests.support.browser import CHROMIUM, visiting
from tests.support.running_studio import Studio

pytest.importorskip("playwright.sync_api", reason="NOT TESTED in a browser: playwright is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="NOT TESTED in a browser: chromium is not installed")

_DRAWN = """async (values) => {
  const { canBePlain, plainIn, plainOf } = await import('/static/plainpicture.js');
  const bytes = new Uint8Array(values);
  const frame = plainIn(bytes);
  const canvas = new OffscreenCanvas(frame.codedWidth, frame.codedHeight);
  const context = canvas.getContext('2d');
  context.drawImage(frame, 0, 0);
  const sent = await plainOf(frame, 16);
  return [canBePlain, [...context.getImageData(0, 0, canvas.width, canvas.height).data], [...sent.subarray(16)],
    plainIn(new Uint8Array([255, 216, 255, 224, 0]))];
}"""


_GIVES_UP = """async () => {
  const { BrowserCamera } = await import('/static/browsercamera.js');
  const camera = new BrowserCamera(() => {});
  const seen = [];
  for (let sequence = 1; sequence <= 10; sequence += 1) {
    camera.inFlight.set(sequence, performance.timeOrigin + performance.now() - 2500);
    camera.giveUp();
    camera.acknowledged(sequence);
    seen.push(camera.isPlain);
  }
  return seen;
}"""


def test_frames_that_are_given_up_count_as_slow(chromium: Any, studio: Studio) -> None:
    context = chromium.new_context()
    page = context.new_page()
    page.goto(studio.page)
    assert page.evaluate(_GIVES_UP) == [True] * 9 + [False]
    context.close()


def test_the_page_draws_and_sends_plain_pictures(chromium: Any, studio: Studio) -> None:
    rows, columns = np.mgrid[:48, :64]
    picture = np.dstack([2 * rows + 60, 3 * columns + 20, 250 - 4 * rows]).astype(np.uint8)
    data = plain_picture.written(picture)
    assert data is not None
    context = chromium.new_context()
    page = context.new_page()
    page.goto(studio.page)
    can_be_plain, drawn, sent, compressed = page.evaluate(_DRAWN, list(data))
    context.close()
    assert can_be_plain
    assert compressed is None
    shown = cv2.cvtColor(np.array(drawn, np.uint8).reshape(48, 64, 4), cv2.COLOR_RGBA2BGR)
    assert np.abs(shown.astype(int) - picture).mean() < 2.5
    read = plain_picture.read(bytes(sent))
    assert read is not None
    assert np.abs(read.astype(int) - picture).mean() < 2.5


@pytest.mark.lasting_server
@pytest.mark.parametrize(
    ("missing", "kinds"), [("", {PLAIN}), ("delete window.VideoFrame;", {H264_KEY, H264_DELTA})], ids=["plain", "compressed"]
)
def test_the_camera_sends_plain_pictures_where_the_browser_can(
    chromium: Any, studio: Studio, monkeypatch: pytest.MonkeyPatch, missing: str, kinds: set[int]
) -> None:
    sent = set[int]()
    given = BrowserFeed.give

    def give(feed: BrowserFeed, feeder: str, picture: Picture) -> None:
        sent.add(picture.kind)
        given(feed, feeder, picture)

    monkeypatch.setattr(BrowserFeed, "give", give)
    with visiting(chromium, studio) as person:
        person.page.add_init_script(missing)
        person.page.reload()
        person.page.wait_for_selector("#main-settings label")
        person.start_browser_camera()
        person.page.wait_for_function("() => window.mien.shown > 3")
        person.until(lambda: sent >= kinds, "pictures of the camera")
    assert sent == kinds
