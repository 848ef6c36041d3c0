"""Known blur is measured, on any person's face."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.face.sharpness import FocusMeter, face_focus
from mien.types import Floats, Image
from tests.support.portraits import COLLINS, HOPPER, moved, portrait

WIDTH, HEIGHT = 300, 320


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


def _smeared(image: Image, length: int, angle: float = 0.0) -> Image:
    """Return the picture as a shutter sees it that is open for a way of `length` pixels."""
    x, y = length / 2 * np.cos(np.radians(angle)), length / 2 * np.sin(np.radians(angle))
    steps = [np.array([[1, 0, x * share], [0, 1, y * share]]) for share in np.linspace(-1, 1, 2 * length + 1)]
    shifted = [cv2.warpAffine(image, step, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE) for step in steps]
    return np.asarray(np.mean(shifted, axis=0).round(), np.uint8)


def _trails(*shots: tuple[Image, tuple[float, float]]) -> list[float]:
    """Return the trail that a meter sees in each picture of a face that moves so; it has seen the face at rest before."""
    image, points = _face(COLLINS)
    meter = FocusMeter()
    for _ in range(3):
        meter.measure(image, points, 0.0)
    found = [meter.measure(shot, points, 0.0, motion) for shot, motion in shots]
    return [float("nan") if each is None else each.trail for each in found]


@pytest.mark.parametrize("angle", [0.0, 40.0, 90.0])
def test_the_trail_of_an_open_shutter_is_measured(angle: float) -> None:
    image, _ = _face(COLLINS)
    motion = 24 * np.cos(np.radians(angle)), 24 * np.sin(np.radians(angle))
    short, long = _trails((_smeared(image, 8, angle), motion), (_smeared(image, 16, angle), motion))
    assert 4 < short < 14
    assert 10 < long < 26


@pytest.mark.parametrize("sigma", [0.0, 1.2, 2.0])
def test_a_way_between_two_frames_is_no_trail(sigma: float) -> None:
    image, points = _face(COLLINS)
    soft = _blurred(image, sigma) if sigma else image
    meter = FocusMeter()
    trails = [meter.measure(soft, points, 0.0, (30.0, 4.0)) for _ in range(6)]
    assert all(each is not None and each.trail < 1 for each in trails)


def test_a_frame_that_is_blended_of_two_is_not_sharp() -> None:
    image, _ = _face(COLLINS)
    away = np.asarray(np.roll(image, 16, axis=1), np.uint8)
    blended = np.asarray((image.astype(np.uint16) + away) // 2, np.uint8)
    sharp, soft, again = _trails((image, (16.0, 0.0)), (blended, (8.0, 0.0)), (image, (8.0, 0.0)))
    assert sharp < 1
    assert soft > 6
    assert again < 1


def test_a_flash_is_no_trail() -> None:
    image, _ = _face(COLLINS)
    assert _trails((np.asarray(image // 3, np.uint8), (20.0, 0.0)))[0] < 1


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
    assert changed is not None
    assert changed.trail == 0


def test_a_tiny_or_flat_face_tells_nothing() -> None:
    image, points = _face(COLLINS)
    assert face_focus(image, points * np.float32(0.1), 0.0) is None
    assert face_focus(np.full_like(image, 90), points, 0.0) is None
    assert face_focus(image, points + np.float32(5000), 0.0) is None
