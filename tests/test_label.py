"""The badge, and that nobody else makes a LabelledFrame."""

import ast
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import mien
from mien.settings import Settings
from mien.stages.label import Labeller, draw_badge
from mien.types import Frame, Image


def _frame(image: Image) -> Frame:
    return Frame(image, 3, 99, Fraction(1, 30))


@pytest.mark.parametrize("corner", ["bottom-right", "bottom-left", "top-right", "top-left"])
@pytest.mark.parametrize("size_wh", [(1280, 720), (640, 1136), (641, 361), (64, 48)])
def test_the_badge_stands_in_its_corner_and_nowhere_else(corner: str, size_wh: tuple[int, int]) -> None:
    width, height = size_wh
    image = np.full((height, width, 3), 128, np.uint8)
    labelled = Labeller(Settings(badge_corner=corner)).label(_frame(image))
    left, top, right, bottom = labelled.badge_xyxy
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
    labelled = Labeller(Settings(badge_size=size)).label(_frame(np.zeros((600, 1000, 3), np.uint8)))
    assert labelled.badge_xyxy[3] - labelled.badge_xyxy[1] == round(size * 600)


@pytest.mark.parametrize("level", [0, 90, 128, 255])
def test_the_letters_are_read_on_any_background(level: int) -> None:
    labelled = Labeller(Settings()).label(_frame(np.full((720, 1280, 3), level, np.uint8)))
    left, top, right, bottom = labelled.badge_xyxy
    badge = labelled.frame.image[top:bottom, left:right, 1].astype(int)
    assert np.percentile(badge, 95) - np.percentile(badge, 30) > 100


@pytest.mark.parametrize("size_wh", [(1, 1), (2, 2), (16, 16), (3, 300), (300, 3), (17, 5)])
def test_tiny_pictures_are_labelled_too(size_wh: tuple[int, int]) -> None:
    labelled = Labeller(Settings()).label(_frame(np.full((size_wh[1], size_wh[0], 3), 200, np.uint8)))
    assert (labelled.frame.image != 200).any()


def test_a_changed_size_gets_a_badge_of_its_own() -> None:
    labeller = Labeller(Settings())
    heights = []
    for height, width in ((720, 1280), (360, 640), (720, 1280)):
        labelled = labeller.label(_frame(np.zeros((height, width, 3), np.uint8)))
        heights.append(labelled.badge_xyxy[3] - labelled.badge_xyxy[1])
    assert heights[0] == heights[2] == pytest.approx(2 * heights[1], abs=1)


def test_a_read_only_picture_is_copied_and_time_is_kept() -> None:
    image = np.zeros((90, 160, 3), np.uint8)
    image.setflags(write=False)
    labelled = Labeller(Settings()).label(_frame(image))
    assert not image.any()
    assert labelled.frame.image.any()
    assert (labelled.frame.index, labelled.frame.pts, labelled.frame.time_base) == (3, 99, Fraction(1, 30))


@pytest.mark.parametrize("height", [1, 2, 5, 12, 43, 200])
def test_any_height_of_badge(height: int) -> None:
    plate, mask = draw_badge(height)
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
    assert makers == {"stages/label.py"}
