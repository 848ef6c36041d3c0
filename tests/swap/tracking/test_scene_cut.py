"""A hard cut is seen, motion and light are not taken for one."""

import numpy as np
import pytest

from mien.swap.tracking.scene_cut import SceneCuts
from mien.types import Array, Image
from tests.support.portraits import COLLINS, HOPPER, read


def _cuts(*images: Image) -> list[bool]:
    cuts = SceneCuts()
    return [cuts.is_cut(image) for image in images]


def _lit(image: Image, gain: float, lift: float | Array) -> Image:
    return np.asarray(np.clip(image.astype(np.float32) * gain + lift, 0, 255), np.uint8)


@pytest.fixture
def scene() -> Image:
    return read(COLLINS)


@pytest.fixture
def other() -> Image:
    return read(HOPPER)[:512, :512]


def test_another_picture_is_a_cut(scene: Image, other: Image) -> None:
    assert _cuts(scene, scene, other, other) == [False, False, True, False]


def test_a_cut_of_equal_brightness_is_seen(scene: Image) -> None:
    assert _cuts(scene, scene[::-1], scene) == [False, True, True]


def test_a_change_of_size_is_a_cut(scene: Image) -> None:
    assert _cuts(scene, scene[:256, :256]) == [False, True]


@pytest.mark.parametrize(("gain", "lift"), [(1.5, 20), (2.5, 40), (0.3, 0), (1, 80), (9, 255), (0, 0)])
def test_light_is_no_cut(scene: Image, gain: float, lift: float) -> None:
    assert not any(_cuts(scene, _lit(scene, gain, lift), scene))


@pytest.mark.parametrize("gain", [2.0, 3.5])
def test_a_flash_from_one_side_is_no_cut(scene: Image, gain: float) -> None:
    lamp = 1 + (gain - 1) / (1 + np.exp(-(np.arange(scene.shape[1])[None, :, None] - scene.shape[1] / 2) / 40))
    flash = np.asarray(np.clip(scene * lamp, 0, 255), np.uint8)
    assert not any(_cuts(scene, scene, flash, flash, scene))


def test_behind_a_black_frame_a_new_scene_is_a_cut(scene: Image, other: Image) -> None:
    assert _cuts(scene, _lit(scene, 0, 0), other) == [False, False, True]


@pytest.mark.parametrize("speed", [10, 40, 80])
def test_a_pan_is_no_cut(scene: Image, speed: int) -> None:
    wide = np.hstack([scene, scene[:, ::-1]])
    assert not any(_cuts(*(wide[:, x : x + 512] for x in range(0, 512, speed))))


def test_noise_in_the_dark_is_no_cut(scene: Image) -> None:
    random = np.random.default_rng(0)
    assert not any(_cuts(*(_lit(scene, 0.1, random.normal(0, 8, scene.shape)) for _ in range(10))))


def test_tiny_pictures_are_looked_at() -> None:
    assert _cuts(np.zeros((1, 1, 3), np.uint8), np.zeros((2, 2, 3), np.uint8)) == [False, False]
