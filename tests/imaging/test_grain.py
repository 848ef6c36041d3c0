"""Noise that is known is measured, and made again."""

import cv2
import numpy as np
import pytest

from mien.imaging.blend import speckle
from mien.imaging.colour import LUMA
from mien.imaging.grain import GrainMeter, difference_grain, noise_tile, still_grain, tile_offset
from mien.types import Array, Floats, Grain, Image

SIDE = 160


def _scene() -> Floats:
    """A smooth picture with some edges, float32."""
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    picture = np.repeat((90 + 0.3 * x + 0.2 * y)[:, :, None], 3, axis=2)
    cv2.circle(picture, (60, 60), 20, (60.0, 80.0, 120.0), -1)
    return picture


def _noisy(luma: float, chroma: float, size: float, seed: int) -> Image:
    draw = np.random.default_rng(seed)
    noise = draw.standard_normal((SIDE, SIDE, 3)).astype(np.float32)
    if size > 0:
        noise = np.asarray(cv2.GaussianBlur(noise, (0, 0), size), np.float32)
    noise /= noise.std((0, 1))
    blue, red = chroma * noise[:, :, 1], chroma * noise[:, :, 2]
    green = -(0.114 * blue + 0.299 * red) / 0.587
    return np.clip(_scene() + np.dstack([blue, green, red]) + luma * noise[:, :, :1], 0, 255).astype(np.uint8)


@pytest.mark.parametrize(("luma", "chroma", "size"), [(2.0, 1.0, 0.0), (5.0, 3.0, 0.0), (4.0, 0.0, 0.7), (6.0, 6.0, 1.2)])
def test_noise_is_told_from_two_frames(luma: float, chroma: float, size: float) -> None:
    grain = difference_grain(_noisy(luma, chroma, size, 1), _noisy(luma, chroma, size, 2))
    assert grain is not None
    assert grain.luma == pytest.approx(luma, rel=0.2, abs=0.15)
    assert grain.chroma == pytest.approx(chroma, rel=0.25, abs=0.35)
    assert grain.size == pytest.approx(size, abs=0.35)


def test_a_flicker_of_the_lamp_is_no_noise() -> None:
    before = _noisy(1.0, 0.0, 0.0, 1)
    now = np.clip(_noisy(1.0, 0.0, 0.0, 2).astype(int) + 12, 0, 255).astype(np.uint8)
    grain = difference_grain(before, now)
    assert grain is not None
    assert grain.luma < 1.5


@pytest.mark.parametrize("sigma", [1.0, 3.0, 6.0])
def test_noise_is_told_from_a_single_picture(sigma: float) -> None:
    grain = still_grain(_noisy(sigma, 0.0, 0.0, 3))
    assert grain is not None
    assert not grain.fresh
    assert grain.luma == pytest.approx(sigma, rel=0.2, abs=0.3)


@pytest.mark.parametrize("masked", [False, True])
def test_the_noise_of_a_picture_is_that_of_the_filter_itself(masked: bool) -> None:
    picture, mask = _noisy(3.0, 2.0, 0.0, 4)[:155, :147], np.zeros((155, 147), np.uint8)
    cv2.circle(mask, (70, 75), 60, 255, -1)
    rough = cv2.sepFilter2D(picture, cv2.CV_32F, *2 * (np.array([1.0, -2.0, 1.0]),), borderType=cv2.BORDER_REPLICATE) / 6

    def blocks(values: Array) -> Array:
        return values[:152, :144].reshape(19, 8, 18, 8, -1).swapaxes(1, 2).reshape(19 * 18, 64, -1)

    seen = (blocks(mask) > 0).all((1, 2)) if masked else np.ones(19 * 18, bool)
    luma = np.square(blocks(rough @ LUMA)[seen]).mean((1, 2))
    coloured = np.square(blocks(rough[:, :, ::2])[seen]).mean((1, 2))
    wanted = [float(np.percentile(1.15 * each, 25)) for each in (luma, coloured)]
    grain = still_grain(picture, mask if masked else None)
    assert grain is not None
    assert grain.luma == pytest.approx(np.sqrt(wanted[0]), rel=1e-4)
    assert grain.chroma == pytest.approx(np.sqrt(wanted[1] - wanted[0]), rel=1e-3)


def test_the_meter_follows_a_face_in_motion_and_settles() -> None:
    meter, known = GrainMeter(), None
    wide = np.zeros((300, 300, 3), np.uint8)
    for index in range(12):
        wide[20 : 20 + SIDE, 10 + 2 * index : 10 + 2 * index + SIDE] = _noisy(3.0, 1.0, 0.0, index)
        known = meter.measure(wide, (10 + 2 * index, 20, 10 + 2 * index + SIDE, 20 + SIDE), (2.0, 0.0))
    assert known is not None
    assert known.luma == pytest.approx(3.0, rel=0.2)


def test_small_faces_and_dark_pictures_tell_nothing() -> None:
    assert GrainMeter().measure(np.zeros((20, 20, 3), np.uint8), (0, 0, 20, 20), (0, 0)) is None
    assert difference_grain(np.zeros((80, 80, 3), np.uint8), np.zeros((80, 80, 3), np.uint8)) is None
    assert still_grain(np.full((10, 10, 3), 90, np.uint8)) is None


@pytest.mark.parametrize("wanted", [Grain(3.0, 1.5, 0.0), Grain(4.0, 0.5, 0.7), Grain(2.0, 2.0, 1.2)])
def test_more_noise_is_like_the_noise_that_was_measured(wanted: Grain) -> None:
    shots = []
    for index in range(2):
        crop = np.full((SIDE, SIDE, 3), 120, np.uint8)
        left, top = tile_offset(index, 1)
        speckle(crop, np.full((SIDE, SIDE), 255, np.uint8), noise_tile(wanted), left, top, wanted.luma, wanted.chroma)
        shots.append(crop)
    grain = difference_grain(shots[0], shots[1])
    assert grain is not None
    assert grain.luma == pytest.approx(wanted.luma, rel=0.2)
    assert grain.chroma == pytest.approx(wanted.chroma, rel=0.25, abs=0.35)
    assert grain.size == pytest.approx(wanted.size, abs=0.35)


def test_noise_stays_under_the_mask_and_its_place_changes_with_the_frame() -> None:
    crop = np.full((40, 40, 3), 120, np.uint8)
    mask = np.zeros((40, 40), np.uint8)
    mask[:20] = 1
    speckle(crop, mask, noise_tile(Grain(5.0, 0.0, 0.0)), 3, 500, 5.0, 0.0)
    assert (crop[20:] == 120).all()
    assert crop[:20].std() > 3
    for step in (1, 512, 1001, 40_000, 1 << 16):
        assert len({tile_offset(step * number, track) for number in range(50) for track in range(4)}) > 195
    assert tile_offset(7, 2) == tile_offset(7, 2)


def _rest(meter: GrainMeter, luma: float, frames: range, bend: float = 0.0) -> Grain | None:
    known = None
    for index in frames:
        known = meter.measure(_noisy(luma, 0.0, 0.0, index), (0, 0, SIDE, SIDE), (0.0, 0.0), bend)
    return known


def test_a_face_that_comes_back_has_the_noise_that_it_had() -> None:
    meter = GrainMeter()
    before = _rest(meter, 2.0, range(10))
    meter.pause()
    assert meter.measure(_noisy(2.0, 0.0, 0.0, 50), (0, 0, SIDE, SIDE), (0.0, 0.0)) == before, "before anything is compared"
    (first,) = [_rest(meter, 6.0, range(60, 61))]
    assert before is not None
    assert first is not None
    assert first.luma < 4.6, "one measurement of a picture that may still turn is not believed wholly"
    settled = _rest(meter, 6.0, range(61, 100))
    assert settled is not None
    assert settled.luma == pytest.approx(6.0, rel=0.15)


def test_a_meter_starts_from_the_noise_of_the_camera() -> None:
    assert GrainMeter(known=Grain(2.0, 1.0, 0.0)).measure(_noisy(2.0, 0.0, 0.0, 1), (0, 0, SIDE, SIDE), (0, 0)) is not None


def test_a_head_that_turns_slowly_tells_nothing() -> None:
    assert _rest(GrainMeter(), 6.0, range(10), bend=0.3) is None
    assert _rest(GrainMeter(), 6.0, range(10), bend=0.1) is not None
