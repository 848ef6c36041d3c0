"""The review page in a real browser: decisions are made with the mouse, and what is saved is what a rerun reads."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.assembly.review_page import Shown, Subject, page
from mien.swap.hiding.decisions import FaceDecision, read_decisions
from mien.swap.hiding.risks import Moment

CHROMIUM = Path("/usr/bin/chromium")


def _picture(size_wh: tuple[int, int], level: int) -> bytes:
    _, coded = cv2.imencode(".jpg", np.full((size_wh[1], size_wh[0], 3), level, np.uint8))
    return coded.tobytes()


def _page(name: str = "a film.mp4") -> bytes:
    moments = [
        Moment(10, (100.0, 50.0, 140.0, 90.0), "seen once, score 0.41: not covered", covered=False, risk=0.9),
        Moment(30, (300.0, 50.0, 320.0, 70.0), "<b>small</b>", covered=True, risk=0.5),
    ]
    shown = [Shown(each, each.frame / 25, _picture((60, 60), 90), _picture((640, 360), 140)) for each in moments]
    return page(Subject(name, "ab" * 32, None, 4.5, (1280, 720)), shown, 3)


def test_names_and_words_cannot_break_out_of_the_page() -> None:
    content = _page("</script><script>alert(1)</script>.mp4").decode()
    assert "<script>alert" not in content
    assert "<b>small" not in content
    assert "3 moments of less risk" in content


def test_the_page_loads_nothing() -> None:
    content = _page().decode()
    assert "default-src 'none'" in content
    assert "http://" not in content
    assert "https://" not in content


def test_decisions_are_saved_as_they_were_made(tmp_path: Path) -> None:
    playwright_api = pytest.importorskip("playwright.sync_api", reason="NOT TESTED in a browser: playwright is not installed")
    if not CHROMIUM.exists():
        pytest.skip("NOT TESTED in a browser: chromium is not installed")
    place = tmp_path / "review.html"
    place.write_bytes(_page())
    with playwright_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        try:
            view = browser.new_page()
            problems: list[str] = []
            view.on("pageerror", lambda error: problems.append(str(error)))
            view.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
            view.goto(place.as_uri())
            view.check("input[name=do-0][value=cover]")
            view.check("input[name=do-1][value=keep]")
            area = view.locator(".whole").nth(1).bounding_box()
            place_of = view.locator(".place").nth(1).bounding_box()
            assert area is not None
            assert place_of is not None
            assert (place_of["x"] - area["x"], place_of["y"] - area["y"]) == pytest.approx(
                (300 / 1280 * area["width"], 50 / 720 * area["height"]), abs=1
            )
            view.mouse.move(area["x"] + area["width"] / 4, area["y"] + area["height"] / 4)
            view.mouse.down()
            view.mouse.move(area["x"] + area["width"] / 2, area["y"] + area["height"] / 2)
            view.mouse.up()
            with view.expect_download() as saving:
                view.click("#save")
            saved = tmp_path / "saved.json"
            saving.value.save_as(saved)
            assert problems == []
        finally:
            browser.close()
    found = read_decisions(saved.read_bytes())
    found.check_fits("ab" * 32, None, 4.5)
    assert found.faces == (
        FaceDecision(0.4, (100.0, 50.0, 140.0, 90.0), covered=True),
        FaceDecision(1.2, (300.0, 50.0, 320.0, 70.0), covered=False),
    )
    (region,) = found.regions
    assert region.box_xyxy == pytest.approx((320, 180, 640, 360), abs=4)
    assert (region.from_s, region.to_s) == (0.7, 1.7)
