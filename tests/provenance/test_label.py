"""Badge and mark of a frame, and the single maker of a LabelledFrame."""

import ast
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import mien
from mien.errors import MarkImpossible
from mien.provenance.label import Labeller, draw_badge
from mien.provenance.mark.decoder import MarkReader
from mien.provenance.mark.pattern import Marker
from mien.settings import Settings
from mien.types import Frame, Image, LabelledFrame

UNSEEN = Marker(0, strength=0)
"""Leaves the picture as the badge has left it."""


def _frame(image: Image) -> Frame:
    return Frame(image, 3, 99, Fraction(1, 30))


def _box(labelled: LabelledFrame) -> tuple[int, int, int, int]:
    assert labelled.badge_xyxy is not None
    return labelled.badge_xyxy


@pytest.mark.parametrize("corner", ["bottom-right", "bottom-left", "top-right", "top-left"])
@pytest.mark.parametrize("size_wh", [(1280, 720), (640, 1136), (641, 361), (160, 120)])
def test_the_badge_stands_in_its_corner_and_nowhere_else(corner: str, size_wh: tuple[int, int]) -> None:
    width, height = size_wh
    image = np.full((height, width, 3), 128, np.uint8)
    labelled = Labeller(Settings(badge_corner=corner), UNSEEN).label(_frame(image))
    left, top, right, bottom = _box(labelled)
    changed = (labelled.frame.image != 128).any(axis=2)
    assert changed[top:bottom, left:right].mean() > 0.8
    changed[top:bottom, left:right] = False
    assert not changed.any()
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    assert (top > height // 2) == corner.startswith("bottom")
    assert (left > width // 2) == corner.endswith("right")


@pytest.mark.parametrize("size", [0.03, 0.06, 0.25])
def test_the_size_is_a_share_of_the_shorter_side(size: float) -> None:
    _, top, _, bottom = _box(Labeller(Settings(badge_size=size), UNSEEN).label(_frame(np.zeros((600, 1000, 3), np.uint8))))
    assert bottom - top == round(size * 600)


@pytest.mark.parametrize("style", ["dark", "light", "letters", "eu"])
@pytest.mark.parametrize("level", [0, 90, 128, 255])
def test_the_letters_are_read_on_any_background(level: int, style: str) -> None:
    labelled = Labeller(Settings(badge_style=style), UNSEEN).label(_frame(np.full((720, 1280, 3), level, np.uint8)))
    left, top, right, bottom = _box(labelled)
    badge = labelled.frame.image[top:bottom, left:right, 1].astype(int)
    assert np.percentile(badge, 95) - np.percentile(badge, 5) > 100


@pytest.mark.parametrize("size_wh", [(1, 1), (2, 2), (16, 16), (3, 300), (300, 3), (17, 5)])
def test_tiny_pictures_do_not_leave(size_wh: tuple[int, int]) -> None:
    with pytest.raises(MarkImpossible, match="too few"):
        Labeller(Settings(), Marker(0xABCDEF)).label(_frame(np.full((size_wh[1], size_wh[0], 3), 200, np.uint8)))


def test_every_frame_is_marked_over_the_badge_too() -> None:
    labelled = Labeller(Settings(), Marker(0xABCDEF)).label(_frame(np.full((720, 1280, 3), 128, np.uint8)))
    plain = Labeller(Settings(), UNSEEN).label(_frame(np.full((720, 1280, 3), 128, np.uint8)))
    left, top, right, bottom = _box(labelled)
    changed = (labelled.frame.image != plain.frame.image).any(axis=2)
    assert changed[top:bottom, left:right].mean() > 0.3
    assert changed.mean() > 0.3
    reader = MarkReader()
    reader.add(labelled.frame.image)
    found = reader.read()
    assert found is not None
    assert found.mark_id == labelled.mark_id == 0xABCDEF


@pytest.mark.parametrize("badge", ["off-film", "off-satire", "off-research"])
def test_only_files_can_do_without_the_badge_and_never_without_the_mark(badge: str) -> None:
    def grey() -> Frame:
        return _frame(np.full((720, 1280, 3), 128, np.uint8))

    file = Labeller(Settings(badge=badge), Marker(0xABCDEF)).label(grey())
    assert file.badge_xyxy is None
    assert np.abs(file.frame.image.astype(int) - 128).max() < 8, "no badge is drawn"
    assert (file.frame.image != 128).any()
    live = Labeller(Settings(badge=badge), Marker(0xABCDEF), live=True).label(grey())
    assert live.badge_xyxy is not None
    assert np.abs(live.frame.image.astype(int) - 128).max() > 80


def test_a_changed_size_gets_a_badge_of_its_own() -> None:
    labeller = Labeller(Settings(), Marker(0xABCDEF))
    heights = []
    for height, width in ((720, 1280), (360, 640), (720, 1280)):
        labelled = labeller.label(_frame(np.zeros((height, width, 3), np.uint8)))
        _, top, _, bottom = _box(labelled)
        heights.append(bottom - top)
    assert heights[0] == heights[2] == pytest.approx(2 * heights[1], abs=1)


def test_a_read_only_picture_is_copied_and_time_is_kept() -> None:
    image = np.zeros((120, 160, 3), np.uint8)
    image.setflags(write=False)
    labelled = Labeller(Settings(), Marker(0xABCDEF)).label(_frame(image))
    assert not image.any()
    assert labelled.frame.image.any()
    assert (labelled.frame.index, labelled.frame.pts, labelled.frame.time_base) == (3, 99, Fraction(1, 30))


@pytest.mark.parametrize("style", ["dark", "light", "letters"])
@pytest.mark.parametrize("height", [1, 2, 5, 12, 43, 200])
def test_any_height_of_badge(height: int, style: str) -> None:
    plate, mask = draw_badge(height, style)
    assert plate.shape[:2] == mask.shape
    assert mask.shape[0] == height
    assert mask.max() > 100


def test_only_label_py_makes_labelled_frames() -> None:
    package = Path(mien.__file__).parent
    makers = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and (
            (isinstance(node.func, ast.Name) and node.func.id == "LabelledFrame")
            or (isinstance(node.func, ast.Attribute) and node.func.attr == "LabelledFrame")
        )
    }
    assert makers == {"provenance/label.py"}
