"""Creases of the brows: drawn ones are found and pressed in as deep as they are, and nothing else is."""

import itertools

import cv2
import numpy as np
import pytest

from mien.face import landmark_sets
from mien.face.creases import TUNING, brow_height, creases_of, creasing, learnable, press
from mien.face.lighting import skin_prior
from mien.face.mean_face import face_model, texture_points
from mien.face.texels import SIDE, texel_map, unwrap
from mien.types import Array, Floats, Image

SEEN = texel_map().inside.astype(np.float32)
FROWN, RAISED = "frown", "raised"
SHARES = {FROWN: 1.0, RAISED: -1.0}


def _skin() -> Floats:
    return np.asarray(cv2.resize(skin_prior(), (SIDE, SIDE), interpolation=cv2.INTER_LINEAR) * 110, np.float32)


def _drawn(kind: str, side: int = SIDE, depth: float = 0.25) -> Floats:
    """Creases of known depth, float32 (side, side): the logarithm of the brightness that they leave."""
    points, unit = texture_points(side), side / SIDE
    y, x = np.mgrid[0:side, 0:side].astype(np.float32)
    lines = np.zeros((side, side), np.float32)
    if kind == FROWN:
        top, middle = points[9], points[8]
        for sign in (-1, 1):
            across = (x - middle[0] - sign * 2.5 * unit) / (0.8 * unit)
            along = (y - (top[1] + middle[1]) / 2) / (middle[1] - top[1])
            lines -= depth * np.exp(-(across**2) / 2 - (1.2 * along) ** 4)
        return lines
    for share in (0.35, 0.55):
        middle = points[9] + share * (points[10] - points[9])
        lines -= depth * np.exp(-(((y - middle[1]) / (0.8 * unit)) ** 2) / 2 - ((x - middle[0]) / (14 * unit)) ** 4)
    return lines


def _look(creases: Floats, noise: float = 0.0, seed: int = 1) -> Image:
    grain = np.random.default_rng(seed).normal(0, noise, (SIDE, SIDE, 1)) if noise else 0
    return np.asarray(np.clip(_skin() * np.exp(creases)[:, :, None] + grain + 0.5, 0, 255), np.uint8)


def _whole(creases: Floats) -> Floats:
    """The creases in the whole texture: `press` knows their place, and is asked with the texture itself as the picture."""
    points = np.column_stack([texture_points(SIDE), np.zeros(len(face_model().uv), np.float32)]).astype(np.float32)
    flat = np.full((SIDE, SIDE, 3), 200, np.uint8)
    press(creases, points, flat, np.full((SIDE, SIDE), 255, np.uint8), 1.0)
    return np.asarray(np.log(flat[:, :, 1] / np.float32(200)), np.float32)


@pytest.mark.parametrize("kind", [FROWN, RAISED])
def test_creases_are_found_where_they_are_and_nearly_as_deep(kind: str) -> None:
    truth = _drawn(kind)
    found = creases_of(_look(truth, noise=1.5), _skin(), SEEN, SHARES[kind])
    assert found is not None
    carried = _whole(found)
    near = cv2.dilate((truth < -0.03).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    # The light carries a part, too.
    assert 0.45 < (carried * truth)[near].sum() / (truth**2)[near].sum() < 1.1
    assert np.corrcoef(carried[near], truth[near])[0, 1] > 0.85
    assert np.abs(carried[cv2.dilate(near.astype(np.uint8), np.ones((7, 7), np.uint8)) == 0]).mean() < 0.002


def test_noise_light_and_a_trembling_mesh_are_no_creases() -> None:
    shifted = cv2.warpAffine(_look(np.zeros((SIDE, SIDE), np.float32)), np.array([[1, 0, 0.3], [0, 1, 0.2]]), (SIDE, SIDE))
    lamp = np.linspace(0.6, 1.4, SIDE, dtype=np.float32)[None, :, None]
    looks = (
        _look(np.zeros((SIDE, SIDE), np.float32), noise=1.5),
        np.asarray(shifted, np.uint8),
        np.asarray(np.clip(_skin() * lamp, 0, 255), np.uint8),
    )
    for look, share in itertools.product(looks, SHARES.values()):
        found = creases_of(look, _skin(), SEEN, share)
        assert found is not None
        assert np.sqrt(np.square(found).mean()) < 0.006  # of drawn creases 0.024


def test_wrinkles_that_always_show_are_not_taken() -> None:
    wrinkles = _drawn(RAISED)
    usual = np.asarray(_skin() * np.exp(wrinkles)[:, :, None], np.float32)
    found = creases_of(_look(wrinkles, noise=0.5), usual, SEEN, SHARES[RAISED])
    assert found is not None
    assert np.abs(found).max() < 0.03


def test_a_memory_that_began_in_a_frown_does_not_draw_it_in_white() -> None:
    frown = _drawn(FROWN)
    usual = np.asarray(_skin() * np.exp(frown)[:, :, None], np.float32)
    found = creases_of(_look(np.zeros_like(frown)), usual, SEEN, 1.0)
    assert found is not None
    assert found.max() <= TUNING.brightest


def test_hair_of_raised_brows_is_no_crease_between_them() -> None:
    found = creases_of(_look(_drawn(FROWN)), _skin(), SEEN, SHARES[RAISED])
    assert found is not None
    assert found.min() > -0.05


def test_what_is_hidden_has_no_creases() -> None:
    assert creases_of(_look(_drawn(FROWN)), _skin(), np.zeros_like(SEEN), 1.0) is None


@pytest.mark.parametrize(
    ("way", "yaw", "share"),
    [(0.0, 0.0, 0.0), (0.004, 0.0, 0.0), (0.02, 0.0, 1.0), (-0.02, 0.0, -1.0), (0.02, 40.0, 0.0), (0.02, -40.0, 0.0)],
)
def test_only_brows_that_move_on_a_frontal_face_crease_it(way: float, yaw: float, share: float) -> None:
    assert creasing(way, yaw) == pytest.approx(share)
    assert creases_of(_look(_drawn(FROWN)), _skin(), SEEN, 0.0) is None


def test_creases_come_in_without_steps() -> None:
    shares = [creasing(way, yaw) for yaw in (0.0, 20.0, 30.0) for way in np.arange(0, 0.03, 0.0005)]
    steps = np.abs(np.diff(np.reshape(shares, (3, -1)), axis=1))
    assert steps.max() < 0.2


def test_brows_are_measured_on_the_head_whatever_its_place_and_size() -> None:
    shape = face_model().shape.copy()
    before = brow_height(100 * shape + np.float32(200))
    shape[[55, 107, 285, 336], 1] += 0.02
    assert brow_height(60 * shape + np.float32(50)) - before == pytest.approx(0.02, abs=0.001)


def test_a_creased_forehead_is_not_learnt_and_the_rest_is() -> None:
    free, points = learnable(0.9), texture_points(SIDE).round().astype(int)
    assert free[points[9, 1], points[9, 0]] == pytest.approx(0.1, abs=0.02)
    for landmark in (landmark_sets.OUTER_LIPS[0], 4, 50):
        assert free[points[landmark, 1], points[landmark, 0]] == 1


def _placed(size: float = 120.0) -> Floats:
    return np.asarray(size * face_model().shape + [160, 170, 0], np.float32)


def test_a_crop_is_creased_where_the_face_is() -> None:
    truth, points = _drawn(RAISED), _placed()
    found = creases_of(_look(truth), _skin(), SEEN, SHARES[RAISED])
    assert found is not None
    crop = np.full((320, 320, 3), 180, np.uint8)
    press(found, points, crop, np.full((320, 320), 255, np.uint8), 1.0)
    carried = np.log(unwrap(crop, points)[:, :, 1].clip(1) / np.float32(180))
    near = truth < -0.03
    assert np.corrcoef(carried[near], truth[near])[0, 1] > 0.8
    changed = (crop != 180).any(axis=2)
    below = points[landmark_sets.EYE_CORNERS[0], 1] + 0.2 * 120
    assert changed.any()
    assert not changed[round(float(below)) :].any()


@pytest.mark.parametrize("strength", [0.0, 1.0])
def test_nothing_changes_without_strength_or_outside_the_mask(strength: float) -> None:
    found = creases_of(_look(_drawn(RAISED)), _skin(), SEEN, SHARES[RAISED])
    assert found is not None
    mask = np.full((320, 320), 255 if strength == 0 else 0, np.uint8)
    crop = np.full((320, 320, 3), 180, np.uint8)
    press(found, _placed(), crop, mask, strength)
    assert (crop == 180).all()


@pytest.mark.parametrize("size", [0.5, 3.0, 2000.0])
def test_tiny_huge_and_cut_faces_are_creased_or_left(size: float) -> None:
    found = creases_of(_look(_drawn(FROWN)), _skin(), SEEN, 1.0)
    assert found is not None
    crop: Array = np.full((200, 240, 3), 128, np.uint8)
    press(found, _placed(size), crop, np.full((200, 240), 255, np.uint8), 1.0)
    assert crop.min() >= 80
