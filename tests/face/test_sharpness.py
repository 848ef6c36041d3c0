"""Known blur is measured, on any person's face."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.face.sharpness import FocusMeter, blur_of, face_focus, focus_of
from mien.types import Floats, Image
from tests.support.portraits import COLLINS, HOPPER, moved, portrait

WIDTH, HEIGHT = 300, 320
ALL = np.ones((HEIGHT, WIDTH), np.uint8)


def _face(path: Path) -> tuple[Image, Floats]:
    """The portrait with a face 240 pixels tall, and its landmarks."""
    face = portrait(path)
    points = face.landmarks.points
    scale = 240 / float(np.ptp(points[:, 1]))
    x, y = points[:, :2].mean(0)
    image, landmarks = moved(
        face, np.array([[scale, 0, WIDTH / 2 - scale * x], [0, scale, HEIGHT / 2 - scale * y]]), WIDTH, HEIGHT
    )
    return image, landmarks.points


def _blurred(image: Image, sigma: float) -> Image:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)


@pytest.mark.parametrize("path", [COLLINS, HOPPER])
@pytest.mark.parametrize("sigma", [0.8, 1.5, 2.5])
def test_blur_that_was_added_is_found(path: Path, sigma: float) -> None:
    image, points = _face(path)
    sharp, soft = face_focus(image, points, 0.0), face_focus(_blurred(image, sigma), points, 0.0)
    assert sharp is not None
    assert soft is not None
    assert np.sqrt(soft.blur**2 - sharp.blur**2) == pytest.approx(sigma, rel=0.2)
    assert soft.detail < 0.8 * sharp.detail


def test_blur_of_an_edge_is_its_own() -> None:
    edge = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    edge[:, WIDTH // 2 :] = 200
    for sigma in (1.0, 2.0):
        along, across = blur_of(_blurred(edge, sigma), ALL, (1.0, 0.0), 0.0)
        assert along == pytest.approx(sigma, rel=0.15)
        assert across == 4.0


def test_noise_that_is_known_does_not_count() -> None:
    image, points = _face(COLLINS)
    soft = _blurred(image, 1.5)
    noisy = np.clip(soft + np.random.default_rng(1).normal(0, 5, soft.shape), 0, 255).astype(np.uint8)
    clean, corrected, fooled = face_focus(soft, points, 0.0), face_focus(noisy, points, 5.0), face_focus(noisy, points, 0.0)
    assert clean is not None
    assert corrected is not None
    assert fooled is not None
    assert corrected.blur == pytest.approx(clean.blur, rel=0.2)
    assert corrected.detail == pytest.approx(clean.detail, abs=0.7)
    assert fooled.detail > 2 * clean.detail


def test_motion_blurs_along_its_way_only() -> None:
    image, _ = _face(COLLINS)
    line = np.full((1, 11), 1 / 11, np.float32)
    along, across = blur_of(np.asarray(cv2.filter2D(image, -1, line), np.uint8), ALL, (1.0, 0.0), 0.0)
    before = focus_of(image, ALL, 0.0).blur
    assert along > 1.6 * before
    assert across < 1.45 * before


def test_the_meter_rests_and_follows_a_change_of_focus() -> None:
    image, points = _face(COLLINS)
    meter = FocusMeter()
    first = meter.measure(image, points, 0.0)
    assert first is not None
    slightly, much = _blurred(image, 0.4), _blurred(image, 2.5)
    held = [meter.measure(slightly, points, 0.0) for _ in range(3)][-1]
    assert held is not None
    assert abs(held.blur - first.blur) < 0.05
    changed = [meter.measure(much, points, 0.0) for _ in range(3)][-1]
    assert changed == face_focus(much, points, 0.0)


def test_a_tiny_or_flat_face_tells_nothing() -> None:
    image, points = _face(COLLINS)
    assert face_focus(image, points * np.float32(0.1), 0.0) is None
    assert face_focus(np.full_like(image, 90), points, 0.0) is None
    assert face_focus(image, points + np.float32(5000), 0.0) is None
