"""Transfer of the picture's tone to the face of a network."""

import numpy as np
import pytest

from mien.swap.engines.tone import matched
from mien.types import Image


def _skin(level: tuple[int, int, int], seed: int = 1) -> Image:
    noise = np.random.default_rng(seed).normal(0, 12, (128, 128, 1))
    return np.asarray(np.clip(np.array(level) + noise, 0, 255), np.uint8)


def test_colours_are_led_over_to_the_pictures() -> None:
    target, own = _skin((90, 110, 150)), _skin((100, 125, 140), 2)
    where = np.full((128, 128), 255, np.uint8)
    led = matched(own, target, where, 1.0)
    assert np.abs(led.mean((0, 1)) - target.mean((0, 1))).max() < 0.6
    half = matched(own, target, where, 0.5)
    assert np.abs(half.mean((0, 1)) - (own.mean((0, 1)) + target.mean((0, 1))) / 2).max() < 0.8
    assert matched(own, target, where, 0.0) is own
    assert np.array_equal(matched(own, own, where, 1.0), own)


def test_colours_move_no_farther_than_light_does() -> None:
    where = np.full((128, 128), 255, np.uint8)
    led = matched(_skin((30, 30, 30)), _skin((200, 200, 200)), where, 1.0)
    assert np.abs(led.mean((0, 1)) - 30).max() < 34


@pytest.mark.parametrize("level", [20, 240])
def test_a_thing_that_nobody_has_told_of_does_not_colour_the_face(level: int) -> None:
    """Live, things before the face are painted over: the face must not grow dark while a telephone passes."""
    target, own = _skin((90, 110, 150)), _skin((100, 125, 140), 2)
    where = np.full((128, 128), 255, np.uint8)
    free = matched(own, target, where, 1.0)
    target[:, 40:90] = level
    assert np.abs(matched(own, target, where, 1.0).astype(int) - free).max() <= 2
