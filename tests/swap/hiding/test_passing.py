"""A find is gone a moment before and after, or there all the time."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from mien.swap.hiding.passing import TUNING, is_passing
from mien.swap.tracking.box import FaceBox
from mien.types import Image

_SIZE = 40
_BOX = FaceBox(160.0, 120.0, float(_SIZE))
_MIDDLE = TUNING.steps


def _texture(seed: int, levels: float = 60.0) -> Image:
    """A thing of a few dark and bright places, as a face or a fist is, BGR uint8 (40, 40, 3)."""
    grey = cv2.resize(np.random.default_rng(seed).normal(0, levels, (5, 5)), (_SIZE, _SIZE), interpolation=cv2.INTER_CUBIC)
    return np.repeat(np.clip(128 + grey, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def _frames(place: Callable[[int], tuple[float, float] | None], levels: float = 60.0, seed: int = 1) -> list[Image]:
    """Frames of a wall with a thing in the middle at `place(frame)`, None = it is not there."""
    frames = []
    for number in range(2 * TUNING.steps + 1):
        wall = np.random.default_rng(9).integers(90, 110, (240, 320, 3)).astype(np.uint8)
        at = place(number - _MIDDLE)
        if at is not None:
            x, y = round(at[0]), round(at[1])
            wall[y - _SIZE // 2 : y + _SIZE // 2, x - _SIZE // 2 : x + _SIZE // 2] = _texture(seed, levels)
        frames.append(wall)
    return frames


def _flash(first: int, last: int) -> Callable[[int], tuple[float, float] | None]:
    return lambda step: (160.0, 120.0) if first <= step <= last else None


@pytest.mark.parametrize(
    ("place", "passing"),
    [
        pytest.param(lambda step: (160.0, 120.0), False, id="it rests"),
        pytest.param(
            lambda step: (160.0 + 15 * step, 120.0 - 6 * step), False, id="it moves by two fifths of its size a frame"
        ),
        pytest.param(_flash(0, 0), True, id="one frame"),
        pytest.param(_flash(-2, 2), True, id="five frames"),
        pytest.param(_flash(0, 9), False, id="it appears and stays"),
        pytest.param(_flash(-9, 0), False, id="it was there and goes"),
        pytest.param(lambda step: (160.0 + 38 * step, 120.0), True, id="it moves by its own size a frame"),
    ],
)
def test_what_is_gone_before_and_after_passes_and_what_stays_or_moves_does_not(
    place: Callable[[int], tuple[float, float] | None], passing: bool
) -> None:
    assert is_passing(_frames(place), _BOX) == passing


def test_a_change_of_light_is_no_passing() -> None:
    frames = _frames(lambda step: (160.0, 120.0))
    dimmed = [np.asarray(cv2.convertScaleAbs(frame, alpha=0.4 + 0.1 * n), np.uint8) for n, frame in enumerate(frames)]
    assert not is_passing(dimmed, _BOX)


def test_without_contrast_it_cannot_be_told() -> None:
    assert not is_passing(_frames(_flash(0, 0), levels=4.0), _BOX)


@pytest.mark.parametrize("x", [15.0, 305.0])
def test_at_the_border_it_cannot_be_told(x: float) -> None:
    frames = _frames(_flash(0, 0))
    shift = np.array([[1.0, 0.0, x - 160.0], [0.0, 1.0, 0.0]])
    moved = [np.asarray(cv2.warpAffine(frame, shift, (320, 240)), np.uint8) for frame in frames]
    assert not is_passing(moved, FaceBox(x, 120.0, 40.0))


def test_what_leaves_the_picture_while_it_is_followed_does_not_pass() -> None:
    frames = _frames(lambda step: (160.0 + 15 * step, 120.0))
    cut = [np.ascontiguousarray(frame[:, :186]) for frame in frames]
    assert not is_passing(cut, _BOX)
