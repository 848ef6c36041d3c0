"""Light estimated from the texture of a face whose light is known."""

import cv2
import numpy as np
import pytest

from mien.face.lighting import FIT_SIDE, SIDE, TUNING, _basis, _fill, gains, lasting_light, light_of, skin_prior
from mien.face.mean_face import face_model
from mien.face.texels import texel_map
from mien.imaging.colour import LUMA
from mien.types import Array, Floats, Image

TEXELS = 128
ALL = texel_map(TEXELS).inside.astype(np.float32)


def _face(level: float = 150.0) -> Floats:
    """A person in even light: the prior's colours with fine skin texture; float32 (TEXELS, TEXELS, 3)."""
    wide = cv2.resize(skin_prior(), (TEXELS, TEXELS), interpolation=cv2.INTER_LINEAR)
    pores = np.random.default_rng(1).normal(1, 0.02, wide.shape)
    return np.asarray(np.clip(wide * level * pores, 0, 255), np.float32)


def _lamp(x: float) -> Floats:
    """The light of a lamp to the side, by Lambert's law; float32 (TEXELS, TEXELS), 1 in the mean."""
    texels, shape = texel_map(TEXELS), face_model().shape
    a, b, c = (shape[texels.triangles[:, corner]] for corner in range(3))
    normals = np.zeros((len(shape), 3), np.float32)
    for corner in range(3):
        np.add.at(normals, texels.triangles[:, corner], np.cross(b - a, c - a))
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-6)
    towards = np.array([x, -0.3, 1.0 if normals[4, 2] > 0 else -1.0], np.float32)
    facing = (normals @ (towards / np.linalg.norm(towards)))[texels.corners]
    light = 0.3 + np.maximum((facing * texels.weights).sum(2), 0)
    lit: Floats = (light / light[texels.inside].mean()).astype(np.float32)
    return lit


def _alike(a: Array, b: Array) -> float:
    middle = slice(SIDE // 5, -SIDE // 5)
    return float(np.corrcoef(a[middle, middle].ravel(), b[middle, middle].ravel())[0, 1])


def _small(light: Floats) -> Floats:
    return np.asarray(cv2.resize(light, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.float32)


def _as_seen(texture: Floats) -> Image:
    return np.clip(texture, 0, 255).astype(np.uint8)


def test_a_face_that_stays_as_it_is_has_no_new_light() -> None:
    face = _face()
    light = light_of(_as_seen(face), face, ALL)
    assert light.shape == (SIDE, SIDE, 3)
    assert np.abs(light - 1).max() < 0.02


@pytest.mark.parametrize("factor", [0.3, 0.7, 1.5])
def test_a_flash_is_told_at_once_and_in_full(factor: float) -> None:
    face = _face(100)
    light = light_of(_as_seen(face * factor), face, ALL)
    inside = texel_map(SIDE).inside
    assert light[inside].mean() == pytest.approx(factor, rel=0.08)


def test_the_edge_of_a_shadow_is_told() -> None:
    face = _face()
    shadowed = face.copy()
    shadowed[:, : TEXELS // 2] *= 0.5
    light = light_of(_as_seen(shadowed), face, ALL).mean(2)
    row = light[round(0.62 * SIDE)]
    assert row[SIDE // 2 - 8] == pytest.approx(0.52, abs=0.06)
    assert row[SIDE // 2 + 7] == pytest.approx(1.0, abs=0.06)


def test_a_blush_is_told_in_colour() -> None:
    face = _face()
    red = face * np.array([0.85, 0.85, 1.1], np.float32)
    light = light_of(_as_seen(red), face, ALL)[SIDE // 2, SIDE // 3]
    assert light[2] / light[0] == pytest.approx(1.1 / 0.85, rel=0.05)


def test_a_mouth_that_opens_is_no_shadow() -> None:
    face = _face()
    open_mouth = face.copy()
    texels = texel_map(TEXELS)
    open_mouth[texels.triangle >= texels.triangles.shape[0] - 18] = 10
    light = light_of(_as_seen(open_mouth), face, ALL)
    assert light[texel_map(SIDE).inside].min() > 0.75


def test_what_is_not_seen_takes_the_light_of_its_surroundings() -> None:
    face = _face()
    hidden = ALL.copy()
    hidden[:, 80:] = 0
    covered = _as_seen(face * 0.6)
    covered[:, 80:] = 255
    light = light_of(covered, face, hidden)
    assert light[SIDE // 2, 50].mean() == pytest.approx(0.6, abs=0.08)


@pytest.mark.parametrize("seen", [0.0, 1.0])
def test_black_and_unseen_faces_give_finite_light(seen: float) -> None:
    black = np.zeros((TEXELS, TEXELS, 3), np.float32)
    light = (
        light_of(_as_seen(black), _face(), ALL * np.float32(seen)) * lasting_light(black, ALL * np.float32(seen))[:, :, None]
    )
    assert np.isfinite(light).all()
    assert (light > 0).all()


@pytest.mark.parametrize("x", [-1.5, -0.7, 0.7, 1.5])
def test_a_lamp_to_the_side_is_told_from_one_picture(x: float) -> None:
    truth = _lamp(x)
    estimated = lasting_light(_face(130) * truth[:, :, None], ALL)
    assert _alike(estimated, _small(truth)) > 0.97


def test_even_light_is_even_and_a_beard_is_no_light() -> None:
    face = _face()
    even = lasting_light(face, ALL)
    assert np.abs(even - 1).max() < 0.1
    bearded = face.copy()
    bearded[80:, 40:88] *= 0.55
    inside = texel_map(SIDE).inside
    assert np.abs(lasting_light(bearded, ALL) / even - 1)[inside].mean() < 0.12


def test_gains_carry_the_light_to_the_picture_and_leave_its_level_alone() -> None:
    points = (face_model().shape * 90.0 + np.array([120, 110, 0])).astype(np.float32)
    mask = np.zeros((220, 240), np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(points[:, :2].round().astype(np.int32)), 255)
    light = np.ones((SIDE, SIDE, 3), np.float32)
    light[:, : SIDE // 2] = 0.5
    gain = gains(light, points, mask, 1.0)
    row, column = (round(float(points[4, axis]) * gain.shape[1 - axis] / mask.shape[1 - axis]) for axis in (1, 0))
    assert gain[row, column - 6].mean() == pytest.approx(0.5, abs=0.03)
    assert gain[row, column + 6].mean() == pytest.approx(1.0, abs=0.03)
    assert gain.max() <= 1
    assert np.abs(gains(light, points, mask, 0.0) - 1).max() < 1e-6
    seen = cv2.resize(mask, (gain.shape[1], gain.shape[0]), interpolation=cv2.INTER_NEAREST) > 0
    assert np.abs(gains(np.full_like(light, 2.0), points, mask, 1.0)[seen] - 1).max() < 0.02


@pytest.mark.parametrize(("lamp", "hidden"), [(-1.2, 0), (0.5, 60), (1.5, 0)])
def test_the_fit_of_a_lamp_is_that_of_the_plain_formula(lamp: float, hidden: int) -> None:
    mean, seen = _face(110) * _lamp(lamp)[:, :, None], ALL * np.float32(0.9)
    seen[:, :hidden] = 0
    basis = _basis()
    small = (cv2.resize(each, (FIT_SIDE, FIT_SIDE), interpolation=cv2.INTER_AREA) for each in (mean @ LUMA, seen))
    grey, weight = (each.ravel()[basis.fitted].astype(np.float64) for each in small)
    wanted = grey / (weight @ grey / (weight @ basis.skin) * basis.skin + 1e-6)
    trust, found = weight, np.zeros(9)
    for _ in range(2):
        matrix = (basis.basis * trust[:, None]).T @ basis.basis / trust.sum() + np.diag(TUNING.stiffness)
        found = np.linalg.solve(matrix, basis.basis.T @ (trust * wanted) / trust.sum())
        trust = weight * np.clip(0.25 / (np.abs(wanted - basis.basis @ found) + 1e-6), 0, 1)
    strength = np.var(basis.basis @ found)
    fitted = 1 + (basis.harmonics.reshape(-1, 9) @ found - 1) * strength / (strength + TUNING.even_spread**2)
    assert np.abs(lasting_light(mean, seen).ravel() - np.maximum(fitted, TUNING.darkest)).max() < 1e-4


def test_a_mesh_outside_the_crop_gives_no_gain() -> None:
    points = (face_model().shape * 90.0 - np.array([900, 900, 0])).astype(np.float32)
    light = np.full((SIDE, SIDE, 3), 0.5, np.float32)
    assert (gains(light, points, np.zeros((50, 60), np.uint8), 1.0) == 1).all()


def test_cells_beside_the_mesh_take_the_mean_of_their_neighbours() -> None:
    drawn = np.random.default_rng(1).uniform(-1, 1, (9, 8, 4)).astype(np.float32)
    drawn[:, :, 3] = drawn[:, :, 3] > 0
    drawn[:, :, :3] *= drawn[:, :, 3:]
    near, made = cv2.blur(drawn, (5, 5)), np.empty((9, 8, 3), np.float32)
    _fill(drawn, near, made)
    cover = drawn[:, :, 3:]
    wanted = np.where(cover > 0, drawn[:, :, :3], near[:, :, :3] / (near[:, :, 3:] + 1e-6))
    np.testing.assert_allclose(made, wanted - drawn[:, :, :3][drawn[:, :, 3] > 0].max(), atol=1e-5)
