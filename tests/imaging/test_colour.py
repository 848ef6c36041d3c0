"""Light transfer and skin confidence, on pictures whose truth is known."""

import numpy as np
import pytest

from mien.imaging.blend import relight
from mien.imaging.colour import FacialParts, is_monochrome, light_map, skin_confidence
from mien.types import Array, Image

SIDE = 120
FULL = np.full((SIDE, SIDE), 255, np.uint8)


def _skin(level: int, seed: int = 0) -> Image:
    draw = np.random.default_rng(seed)
    base = np.array([0.6, 0.75, 1.0]) * level
    return np.clip(base + draw.normal(0, 4, (SIDE, SIDE, 1)), 0, 255).astype(np.uint8)


def _lit(crop: Image, target: Image, strength: float = 1.0, parts: FacialParts | None = None, dimmed: float = 1.0) -> Array:
    result = crop.copy()
    relight(result, FULL, light_map(crop, FULL, target, strength, parts, dimmed))
    return result.astype(np.float64)


@pytest.mark.parametrize(("own", "wanted"), [(200, 60), (60, 200), (150, 150), (30, 230)])
def test_the_mean_becomes_the_targets(own: int, wanted: int) -> None:
    target = _skin(wanted, 1)
    result = _lit(_skin(own), target)
    assert np.abs(result.mean((0, 1)) - target.mean((0, 1))).max() < 4


def _with_brows(picture: Image) -> Image:
    """The picture with something dark, so that it is no hazy one."""
    picture[8:16, 20:100] //= 5
    return picture


def _square(top: int, left: int, side: int) -> Array:
    return np.array([[left, top], [left + side, top], [left + side, top + side], [left, top + side]], np.float32)


def test_on_brighter_skin_hair_stays_dark_and_shadows_of_skin_grow_paler() -> None:
    dark = _skin(70)
    for left in (20, 70):
        dark[50:62, left : left + 24] //= 2
    target = _with_brows(_skin(210, 1))
    parts = FacialParts((), (_square(50, 20, 24),), ())
    plain, told = _lit(dark, target), _lit(dark, target, parts=parts)
    hair, skin = (slice(53, 59), slice(25, 39)), (slice(53, 59), slice(75, 89))
    assert told[hair].mean() < plain[hair].mean() - 10
    assert told[skin].mean() > plain[skin].mean() + 10
    assert abs(told[100:].mean() - plain[100:].mean()) < 3
    beard = _lit(dark, target, parts=FacialParts((), (), (_square(30, 50, 60),)))
    assert abs(beard[skin].mean() - plain[skin].mean()) < 5


def test_on_brighter_skin_brows_are_darker_than_what_lies_between_lids() -> None:
    dark = _skin(70)
    dark[50:62, 20:44] //= 2
    square, target, hair = (_square(50, 20, 24),), _with_brows(_skin(210, 1)), (slice(53, 59), slice(25, 39))
    brow, eye = (_lit(dark, target, parts=parts) for parts in (FacialParts(square, (), ()), FacialParts((), square, ())))
    assert 20 < brow[hair].mean() < eye[hair].mean() - 5


def test_grey_brows_of_red_skin_are_not_blue_on_paler_skin() -> None:
    red = np.clip(_skin(150) * np.array([0.8, 0.9, 1.1]), 0, 255).astype(np.uint8)
    red[54:66, 48:72] = 60
    many_colours = np.random.default_rng(2).normal(1, 0.05, (SIDE, SIDE, 3))
    pale = _with_brows(np.clip(_skin(180, 1) * np.array([1.4, 1.2, 1.0]) * many_colours, 0, 255).astype(np.uint8))
    brow, square = (slice(57, 63), slice(53, 67)), (_square(54, 48, 24),)
    told, untold = (_lit(red, pale, parts=parts)[brow].mean((0, 1)) for parts in (FacialParts(square, (), ()), None))
    assert untold[0] > untold[2] + 10, "bluer than red"
    assert abs(told[0] - told[2]) < 0.5 * (untold[0] - untold[2])


def test_parts_change_nothing_on_skin_as_bright() -> None:
    crop = _skin(140)
    crop[50:62, 20:44] //= 2
    parts = FacialParts((), (_square(50, 20, 24),), ())
    assert np.array_equal(_lit(crop, _skin(150, 1), parts=parts), _lit(crop, _skin(150, 1)))


def test_a_crop_that_was_darkened_before_is_no_darker_skin() -> None:
    dark = _skin(70)
    dark[50:62, 70:94] //= 2
    target, parts = _with_brows(_skin(140, 1)), FacialParts((), (), ())
    skin = slice(53, 59), slice(75, 89)
    taken, known = (_lit(dark, target, parts=parts, dimmed=dimmed) for dimmed in (1.0, 0.5))
    assert known[skin].mean() < taken[skin].mean() - 5


def test_light_from_one_side_is_taken_over() -> None:
    ramp = np.linspace(0.4, 1.0, SIDE)[None, :, None]
    target = (_skin(200, 1) * ramp).astype(np.uint8)
    result = _lit(_skin(150), target)
    wanted, got = (picture.mean((0, 2)) for picture in (target.astype(float), result))
    assert np.corrcoef(wanted, got)[0, 1] > 0.99
    assert got[100] - got[20] > 0.6 * (wanted[100] - wanted[20])


def test_strength_nought_changes_nothing() -> None:
    crop = _skin(180)
    assert np.abs(_lit(crop, _skin(60, 1), strength=0.0) - crop).max() <= 1


def test_a_picture_lit_like_itself_stays() -> None:
    crop = _skin(140)
    crop[80:90, 40:80] = (70, 60, 150)  # lips
    assert np.abs(_lit(crop, crop) - crop).max() <= 2


def test_highlights_on_dark_skin_do_not_explode_on_fair_skin() -> None:
    dark = _skin(60)
    dark[50:60, 50:60] = np.clip(dark[50:60, 50:60].astype(int) + 60, 0, 255)
    result = _lit(dark, _skin(220, 1))
    assert result[50:60, 50:60].mean() < 255
    assert result[50:60, 50:60].mean() - result[5:45].mean() < 110


@pytest.mark.parametrize("shape", [(4, 4), (5, 300), (300, 5)])
def test_odd_shapes(shape: tuple[int, int]) -> None:
    crop = np.full((*shape, 3), 90, np.uint8)
    light = light_map(crop, np.full(shape, 255, np.uint8), crop, 1.0)
    assert np.isfinite(light).all()


def test_an_empty_mask_gives_finite_maps() -> None:
    crop = np.zeros((40, 40, 3), np.uint8)
    assert np.isfinite(light_map(crop, np.zeros((40, 40), np.uint8), crop, 1.0)).all()


def test_hair_is_told_from_skin() -> None:
    picture = _skin(200)
    picture[:40] = (20, 25, 30)
    sample = np.zeros((SIDE, SIDE), np.uint8)
    sample[70:100, 30:90] = 255
    confidence = skin_confidence(picture, sample, 2.0)
    assert (confidence[:36] < 20).all()
    assert (confidence[50:] > 235).all()


def test_without_a_sample_all_is_skin() -> None:
    assert (skin_confidence(_skin(100), np.zeros((SIDE, SIDE), np.uint8), 2.0) == 255).all()


def test_black_and_white_and_sepia_are_one_tone() -> None:
    draw = np.random.default_rng(3)
    luma = draw.uniform(20, 230, (400, 1)).astype(np.float32)
    noise = draw.normal(0, 0.3, (400, 3)).astype(np.float32)
    assert is_monochrome(luma * np.array([1, 1, 1], np.float32) + noise)
    assert is_monochrome(luma * np.array([0.6, 0.85, 1.1], np.float32) + noise)
    lips = luma * np.array([0.7, 0.9, 1.1], np.float32) + noise
    lips[:60] *= np.array([1.0, 0.8, 1.1], np.float32)
    assert not is_monochrome(lips)
    assert not is_monochrome(luma[:8] * np.ones(3, np.float32)), "too few pixels to tell"


def test_the_tone_at_the_border_is_the_targets() -> None:
    crop, target = _skin(140), _skin(140, 1)
    crop[-20:] = crop[-20:] * 0.85  # a chin in shadow
    target[30:36, 40:80] = target[30:36, 40:80] * 0.3  # no picture without a dark spot is clear
    result = _lit(crop, target)
    before, after = ((picture[-8:] - target[-8:].astype(float)).mean() for picture in (crop.astype(float), result))
    assert before < -15
    assert abs(after) < 1.5
