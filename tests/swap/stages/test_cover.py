"""Covers: nothing of the face is left, nothing else is touched."""

import numpy as np
import pytest

from mien.swap.stages.cover import BLUR, SOLID, STYLES, TUNING, Cover, HeadRegion, region_of_box, region_of_points
from mien.types import Image
from tests.support import portraits

NOISE = np.random.default_rng(5).integers(0, 256, (120, 160, 3)).astype(np.uint8)
BOX = (60.0, 40.0, 90.0, 80.0)


def _covered(style: str, region: HeadRegion, image: Image = NOISE, secret: int = 1, number: int = 0) -> Image:
    result = image.copy()
    Cover(style, secret).draw(result, [(number, region)])
    return result


@pytest.mark.parametrize("style", STYLES)
def test_the_box_and_the_room_around_it_are_covered_and_nothing_far_from_it(style: str) -> None:
    result = _covered(style, region_of_box(BOX))
    x1, y1, x2, y2 = (round(value) for value in BOX)
    changed = (result != NOISE).any(axis=2)
    assert changed[y1:y2, x1:x2].mean() > 0.99
    # Hair: above the box.
    assert changed[y1 - 12 : y1, 72:78].mean() > 0.99
    assert not changed[:, :40].any()
    assert not changed[:, 115:].any()


def test_a_solid_cover_leaves_one_level_of_every_face() -> None:
    result = _covered(SOLID, region_of_box(BOX))
    x1, y1, x2, y2 = (round(value) for value in BOX)
    assert (result[y1:y2, x1:x2] == TUNING.grey).all()


def test_a_blur_leaves_a_few_colours() -> None:
    """A smooth picture of 6 x 8 values is left: the means of these blocks predict all of it."""
    region = region_of_box((20.0, 15.0, 130.0, 110.0))
    picture = portraits.portrait(portraits.HOPPER).image[100:220, 100:260].copy()
    left = _covered(BLUR, region, picture).astype(np.float32)
    x1, y1, x2, y2 = (round(value) for value in (40, 30, 110, 90))
    # Between neighbours of a smooth ramp over blocks of 19 pixels there are no steps; the portrait has many.
    steps = np.abs(np.diff(left[y1:y2, x1:x2], axis=1)).max()
    assert steps < 8 < np.abs(np.diff(picture[y1:y2, x1:x2].astype(np.float32), axis=1)).max()


def test_noise_is_of_the_track_and_of_the_secret() -> None:
    """The same in each frame, so that it does not average out; other for another face and in another run."""
    grey, region = np.full((120, 160, 3), 128, np.uint8), region_of_box(BOX)
    first = _covered(BLUR, region, grey)
    assert (first == _covered(BLUR, region, grey)).all()
    assert (first != _covered(BLUR, region, grey, number=1)).any()
    assert (first != _covered(BLUR, region, grey, secret=2)).any()
    assert (_covered(BLUR, region, grey, secret=Cover(BLUR)._secret) != first).any()


def test_a_small_face_before_a_large_one_is_not_left_finer_than_it() -> None:
    """The large head is drawn last, in whatever order they come."""
    large, small = region_of_box((30.0, 20.0, 120.0, 110.0)), region_of_box((60.0, 50.0, 75.0, 70.0))
    results = []
    for order in ([(0, large), (1, small)], [(1, small), (0, large)]):
        result = NOISE.copy()
        Cover(BLUR, 1).draw(result, order)
        results.append(result)
    assert (results[0] == results[1]).all()


@pytest.mark.parametrize("box", [(-30.0, -30.0, 12.0, 10.0), (150.0, 100.0, 220.0, 190.0), (-200.0, 0.0, -100.0, 90.0)])
@pytest.mark.parametrize("style", STYLES)
def test_heads_at_and_beyond_the_border(style: str, box: tuple[float, float, float, float]) -> None:
    result = _covered(style, region_of_box(box))
    x1, y1, x2, y2 = (max(0, round(value)) for value in box)
    inside = (result != NOISE).any(axis=2)[y1 : max(y1, y2), x1 : max(x1, x2)]
    assert inside.size == 0 or inside.mean() > 0.98


@pytest.mark.parametrize("roll", [0.0, 90.0, 180.0, 270.0, 45.0])
def test_the_hair_is_above_the_head_however_it_lies(roll: float) -> None:
    region = region_of_box((50.0, 40.0, 90.0, 80.0), roll)
    up_x, up_y = np.sin(np.radians(roll)), -np.cos(np.radians(roll))
    assert region.holds(70 + 38 * up_x, 60 + 38 * up_y)
    assert not region.holds(70 - 38 * up_x, 60 - 38 * up_y)


def test_an_unknown_roll_leaves_room_on_all_sides() -> None:
    region = region_of_box((50.0, 40.0, 90.0, 80.0), None)
    assert all(region.holds(70 + 36 * x, 60 + 36 * y) for x, y in ((0, 1), (0, -1), (1, 0), (-1, 0)))


def test_landmarks_are_all_inside_and_a_turned_picture_turns_the_region() -> None:
    hopper = portraits.portrait(portraits.HOPPER)
    region = region_of_points(hopper.landmarks.points)
    assert all(region.holds(float(x), float(y)) for x, y in hopper.landmarks.points[:, :2])
    height = hopper.image.shape[0]
    sideways = np.stack([height - 1 - hopper.landmarks.points[:, 1], hopper.landmarks.points[:, 0]], axis=1)
    turned = region_of_points(sideways)
    assert turned.roll == pytest.approx(region.roll + 90, abs=1e-3)
    assert (turned.x, turned.y) == pytest.approx((height - 1 - region.y, region.x), abs=1e-2)


def test_an_unknown_style_is_refused() -> None:
    with pytest.raises(ValueError, match="sparkles"):
        Cover("sparkles")
