"""Occluders are told from the face: textures made from the bundled portrait."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.face.landmark_sets import INNER_LIPS, LEFT_EYE, RIGHT_EYE
from mien.face.mean_face import face_model
from mien.face.texels import SIDE, facing, texel_map, unwrap
from mien.swap.memory.occlusion.change import without_limb
from mien.swap.memory.occlusion.light_fit import fitted_light
from mien.swap.memory.occlusion.skin import non_skin
from mien.swap.memory.occlusion.track import TUNING, OcclusionTuning, TrackOcclusion
from mien.types import Array, Floats, Image, Mask
from tests.support.portraits import COLLINS, HOPPER, portrait

_ONES = np.ones((SIDE, SIDE), np.float32)
_KNOWN = np.full((SIDE, SIDE), 30, np.float32)
_INSIDE = texel_map().inside


def _texture(path: Path = HOPPER) -> Image:
    face = portrait(path)
    return unwrap(face.image, face.landmarks.points)


def _visible(path: Path = HOPPER) -> Floats:
    return (facing(portrait(path).landmarks.points) > 0.25).astype(np.float32)


def _noisy(texture: Image, seed: int, strength: float = 2.5) -> Image:
    noise = np.random.default_rng(seed).normal(0, strength, texture.shape)
    return np.asarray(np.clip(texture + cv2.GaussianBlur(noise, (0, 0), 0.7), 0, 255), np.uint8)


def _hand(texture: Image) -> tuple[Image, Array]:
    """Three skin-coloured fingers that reach up from the chin, and where they are."""
    area = np.zeros((SIDE, SIDE), np.uint8)
    light = np.ones((SIDE, SIDE), np.float32)
    skin = np.median(texture[70:84, 26:40].reshape(-1, 3), axis=0)
    for x in (44, 58, 72):
        own = np.zeros_like(area)
        cv2.line(own, (x, 140), (x - 4, 66), 255, 12)
        distance = cv2.distanceTransform(own, cv2.DIST_L2, 5)
        light = np.where(own > 0, 0.62 + 0.38 * np.sqrt(np.clip(distance / 5, 0, 1)), light).astype(np.float32)
        area |= own
    shown = np.where(area[:, :, None] > 0, skin * light[:, :, None], texture)
    return np.clip(shown, 0, 255).astype(np.uint8), (area > 0) & _INSIDE


def _block(texture: Image, colour: tuple[int, int, int]) -> tuple[Image, Array]:
    """A thing of one colour over the chin and the mouth."""
    area = np.zeros((SIDE, SIDE), bool)
    area[84:, 48:80] = True
    shown = texture.copy()
    shown[area] = colour
    return shown, area & _INSIDE


def _run(occlusion: TrackOcclusion, frames: list[Image], path: Path = HOPPER) -> Mask:
    mean, mask = _texture(path), np.zeros((SIDE, SIDE), np.uint8)
    for now in frames:
        mask = occlusion.update(now, mean, _KNOWN, _visible(path))
    return mask


def _warmed(path: Path = HOPPER, tuning: OcclusionTuning = TUNING) -> TrackOcclusion:
    """A track that has shown its free face for a while."""
    occlusion = TrackOcclusion(tuning)
    _run(occlusion, [_noisy(_texture(path), seed) for seed in range(8)], path)
    return occlusion


def _share(mask: Mask, area: Array) -> float:
    return float((mask[area & (_visible() > 0)] > 127).mean())


@pytest.mark.parametrize("colour", [(40, 42, 44), (200, 205, 208), (160, 80, 40), (60, 200, 60)])
def test_a_thing_is_kept_within_two_frames_and_let_go_after(colour: tuple[int, int, int]) -> None:
    occlusion = _warmed()
    shown, area = _block(_texture(), colour)
    mask = _run(occlusion, [_noisy(shown, 20 + seed) for seed in range(2)])
    assert _share(mask, area) > 0.95
    away = _INSIDE & (cv2.dilate(area.astype(np.uint8), np.ones((9, 9))) == 0)
    assert _share(mask, away) < 0.03
    mask = _run(occlusion, [_noisy(_texture(), 30 + seed) for seed in range(4)])
    assert _share(mask, _INSIDE) < 0.03


def test_a_hand_of_the_same_skin_is_kept() -> None:
    occlusion = _warmed(COLLINS)
    shown, area = _hand(_texture(COLLINS))
    mask = _run(occlusion, [_noisy(shown, 20 + seed) for seed in range(4)], COLLINS)
    assert _share(mask, area) > 0.7
    assert _share(mask, _low() & _INSIDE & (cv2.dilate(area.astype(np.uint8), np.ones((17, 17))) == 0)) < 0.05


def _low() -> Array:
    """Below the brows: what hangs into the forehead is hair."""
    low: Array = np.arange(SIDE)[:, None] > 48
    return low


def _lit(texture: Image, gain: Array) -> Image:
    return np.clip(texture * gain, 0, 255).astype(np.uint8)


_ACROSS = np.linspace(-1, 1, SIDE, dtype=np.float32)[None, :, None]


@pytest.mark.parametrize(
    "gain",
    [
        np.float32(0.5) * np.ones((1, 1, 3), np.float32),
        1 + 0.35 * _ACROSS,
        np.array([1.2, 1.0, 0.8], np.float32)[None, None],
        0.85 - 0.3 * np.square(_ACROSS),
    ],
    ids=["darker", "from the side", "another white", "from the middle"],
)
def test_light_is_no_thing(gain: Array) -> None:
    mask = _run(_warmed(), [_noisy(_lit(_texture(), gain), 20 + seed) for seed in range(3)])
    assert _share(mask, _INSIDE) < 0.01


@pytest.mark.parametrize("shift", [(1, 0), (0, 2), (-2, 1)])
def test_landmarks_that_are_a_little_off_make_no_thing(shift: tuple[int, int]) -> None:
    moved = cv2.warpAffine(_texture(), np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float32), (SIDE, SIDE))
    mask = _run(_warmed(), [_noisy(np.asarray(moved, np.uint8), 20 + seed) for seed in range(3)])
    assert _share(mask, _INSIDE & ~_rim()) < 0.01


def _rim() -> Array:
    inner = cv2.erode(_INSIDE.astype(np.uint8), np.ones((9, 9)), borderValue=0)
    rim: Array = inner == 0
    return rim


def test_an_open_mouth_and_closed_eyes_make_no_thing() -> None:
    shown = _texture()
    uv = face_model().uv * SIDE - 0.5
    for loop, colour in ((INNER_LIPS, (30, 25, 60)), (RIGHT_EYE, (110, 140, 190)), (LEFT_EYE, (110, 140, 190))):
        cv2.fillConvexPoly(shown, cv2.convexHull(uv[list(loop)].round().astype(np.int32)), colour)
    mask = _run(_warmed(), [_noisy(shown, 20 + seed) for seed in range(3)])
    assert _share(mask, _INSIDE) < 0.02


def test_a_face_never_seen_before_gives_no_evidence() -> None:
    shown, _ = _hand(_texture())
    mask = TrackOcclusion().update(shown, _texture(), np.zeros_like(_ONES), _visible())
    assert _share(mask, _INSIDE) < 0.02


def test_what_stays_for_long_becomes_the_face() -> None:
    occlusion = _warmed(tuning=OcclusionTuning(patience_frames=20))
    shown, area = _block(_texture(), (40, 140, 90))
    mean = _texture()
    masks = [occlusion.update(shown, mean, _KNOWN, np.minimum(_visible(), 0.85)) for _ in range(30)]
    assert _share(masks[15], area) > 0.9
    assert _share(masks[-1], area) < 0.1


@pytest.mark.parametrize("path", [HOPPER, COLLINS])
def test_skin_and_features_are_skin_but_hair_may_not_be(path: Path) -> None:
    found = non_skin(_texture(path), _visible(path), np.zeros((64, 64), np.uint8))
    assert float(found[24:].mean()) < 0.01


@pytest.mark.parametrize("colour", [(36, 34, 32), (60, 130, 60), (170, 70, 30)])
def test_a_thing_that_is_there_from_the_first_frame_is_kept(colour: tuple[int, int, int]) -> None:
    shown, area = _block(_texture(), colour)
    mask = TrackOcclusion().update(shown, shown, np.zeros_like(_ONES), _visible())
    assert _share(mask, area) > 0.8
    assert _share(mask, _INSIDE & (cv2.dilate(area.astype(np.uint8), np.ones((9, 9))) == 0)) < 0.05


def test_the_light_is_what_most_texels_agree_on() -> None:
    difference = np.zeros((SIDE, SIDE, 3), np.float32)
    difference += np.array([0.3, -0.1, 0.05], np.float32)
    difference[80:, 40:90] = -1.5
    light = fitted_light(difference, _INSIDE.astype(np.float32), np.zeros((6, 3), np.float32))
    assert light[0] == pytest.approx([0.3, -0.1, 0.05], abs=0.05)
    assert np.abs(light[1:]).max() < 0.1


def test_what_changes_most_of_the_face_gives_nothing_back() -> None:
    colours = np.random.default_rng(4).integers(0, 255, (16, 16, 3)).astype(np.uint8)
    shown = np.asarray(cv2.resize(colours, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST), np.uint8)
    shown[:25] = _texture()[:25]
    mask = _run(_warmed(), [_noisy(shown, 20 + seed) for seed in range(3)])
    assert _share(mask, _INSIDE) < 0.05


def test_a_thing_that_was_taken_for_the_face_is_unlearned_when_it_goes() -> None:
    shown, area = _block(_texture(), (60, 75, 100))
    occlusion, mean = TrackOcclusion(), shown
    for seed in range(6):
        occlusion.update(_noisy(shown, seed), mean, _KNOWN, _visible())
    for seed in range(3):
        mask = occlusion.update(_noisy(_texture(), 20 + seed), mean, _KNOWN, _visible())
        assert _share(mask, _INSIDE) < 0.03
    inner = cv2.erode(area.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    assert float(occlusion.stale[inner & (_visible() > 0)].mean()) > 0.5
    assert float(occlusion.stale[_INSIDE & ~area].mean()) < 0.05


def test_nothing_is_unlearned_where_a_thing_comes_in() -> None:
    occlusion = _warmed()
    shown, _ = _block(_texture(), (60, 75, 100))
    _run(occlusion, [_noisy(shown, 20 + seed) for seed in range(3)])
    assert float(occlusion.stale[_INSIDE].mean()) < 0.01


def test_a_coloured_lamp_from_the_side_is_no_thing() -> None:
    share = 1 / (1 + np.exp(-8 * _ACROSS))
    gain = share * np.array([0.75, 0.95, 1.2], np.float32) + (1 - share) * np.array([0.75, 0.6, 0.42], np.float32)
    mask = _run(_warmed(), [_noisy(_lit(_texture(), gain), 20 + seed) for seed in range(4)])
    assert _share(mask, _INSIDE) < 0.05


def test_a_thing_of_two_colours_is_followed_over_the_mouth() -> None:
    area = np.zeros((SIDE, SIDE), bool)
    area[76:, 38:90] = True
    area &= _INSIDE
    shown = _texture()
    shown[area] = (196, 206, 210)
    shown[98:112][area[98:112]] = (50, 50, 190)
    mask = TrackOcclusion().update(shown, shown, np.zeros_like(_ONES), _visible())
    assert _share(mask, area) > 0.92
    assert _share(mask, _INSIDE & (cv2.dilate(area.astype(np.uint8), np.ones((9, 9))) == 0)) < 0.03


def test_the_limb_of_a_turned_head_tells_nothing() -> None:
    assert np.array_equal(without_limb(_visible()), _visible())
    turned = np.asarray((np.arange(SIDE)[None, :] < 70) & _INSIDE, np.float32)
    seen = without_limb(turned)
    assert np.array_equal(seen[:, :64], turned[:, :64])
    assert float(seen[:, 66:].max()) == 0.0
