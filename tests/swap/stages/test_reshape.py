"""The change of shape: landmarks and picture go together, and nothing else moves."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from mien.face import landmark_sets
from mien.face.landmark_sets import LOWER_LIP, UPPER_LIP
from mien.face.mean_face import face_model, head_pose, neutral
from mien.imaging import geometry
from mien.swap.stages.reshape import TUNING, reach, reshape
from mien.types import Array, Floats, Image, KnownFace, Landmarks, TrackedFace
from tests.support.portraits import COLLINS, HOPPER, locate, portrait

_LIDS = [*landmark_sets.RIGHT_EYE, *landmark_sets.LEFT_EYE, *landmark_sets.INNER_LIPS]


def _face(points: Floats, presence: float = 1.0) -> TrackedFace:
    return TrackedFace(1, Landmarks(points, presence), 1)


def _eye_distance(points: Floats) -> float:
    right, left = landmark_sets.EYE_CORNERS
    return float(np.linalg.norm(points[right] - points[left]))


def _bent(strength: float = 1.0) -> tuple[Image, TrackedFace]:
    """Collins with the proportions of Hopper."""
    target, source = portrait(COLLINS), portrait(HOPPER)
    image = target.image.copy()
    (face,) = reshape(image, (_face(target.landmarks.points),), neutral(source.landmarks.points), strength)
    return image, face


def _placed(yaw: float, shape: Floats | None = None) -> Floats:
    """The mean face, 100 pixels between the eyes, turned by degrees of yaw, in the middle of 400 x 400."""
    angle = np.radians(yaw)
    rotation = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    points = 100 * ((face_model().shape if shape is None else shape) @ rotation.T) + [200, 180, 0]
    return np.asarray(points, np.float32)


def _wider(factor: float = 1.08) -> Floats:
    return np.asarray(face_model().shape * [factor, 1, 1], np.float32)


def _noise() -> Image:
    soft = cv2.GaussianBlur(np.random.default_rng(5).integers(0, 256, (400, 400, 3), np.uint8), (0, 0), 2)
    return np.asarray(cv2.normalize(soft, np.empty(0), 0, 255, cv2.NORM_MINMAX), np.uint8)


def _at(picture: Image, places: Array) -> Array:
    """Colours (n, 3) at points (n, 2), bilinear."""
    x, y = (np.ascontiguousarray(places[None, :, axis], np.float32) for axis in (0, 1))
    return np.asarray(cv2.remap(picture, x, y, cv2.INTER_LINEAR)[0], np.float64)


def test_the_face_takes_the_proportions_of_the_source() -> None:
    wanted, before = neutral(portrait(HOPPER).landmarks.points), neutral(portrait(COLLINS).landmarks.points)
    _, face = _bent()
    after = neutral(face.landmarks.points)

    def apart(a: Floats) -> float:
        return float(np.linalg.norm((a - wanted)[: landmark_sets.SKIN_POINTS, :2], axis=1).mean())

    assert apart(after) < 0.5 * apart(before)


def test_the_picture_goes_with_the_landmarks() -> None:
    image, face = _bent()
    found = locate(image).points
    before = portrait(COLLINS).landmarks.points
    moved = np.linalg.norm(face.landmarks.points - before, axis=1)[_LIDS]
    missed = np.linalg.norm((found - face.landmarks.points)[:, :2], axis=1)[_LIDS]
    assert missed.mean() < 0.015 * _eye_distance(before)
    assert moved.max() > 2 * missed.mean()


def test_what_was_under_a_held_landmark_is_under_it_afterwards() -> None:
    before = _noise()
    image, points = before.copy(), _placed(0)
    (face,) = reshape(image, (_face(points),), _wider(), 1.0)
    held = [*landmark_sets.FACE_OVAL, *_LIDS]
    assert np.linalg.norm((face.landmarks.points - points)[held, :2], axis=1).max() > 4

    difference = np.abs(_at(before, points[held]) - _at(image, face.landmarks.points[held]))
    unmoved = np.abs(_at(before, points[held]) - _at(image, points[held]))
    assert difference.mean() < 5 < 15 < unmoved.mean()


def test_pixels_out_of_reach_keep_their_value() -> None:
    before = _noise()
    image, points = before.copy(), (0.5 * _placed(0)).astype(np.float32)
    reshape(image, (_face(points),), _wider(), 1.0)
    x1, y1, x2, y2 = reach(points)
    changed = (image != before).any(axis=2)
    assert changed.any()
    changed[max(0, y1) : y2, max(0, x1) : x2] = False
    assert not changed.any()


@pytest.mark.parametrize("reason", ["no strength", "the same shape", "a profile", "an unsure face"])
def test_nothing_moves_without_a_reason(reason: str) -> None:
    points = _placed(75 if reason == "a profile" else 0)
    shape = neutral(points) if reason == "the same shape" else _wider()
    face = _face(points, 0.2 if reason == "an unsure face" else 1.0)
    before = _noise()
    image = before.copy()
    assert reshape(image, (face,), shape, 0.0 if reason == "no strength" else 1.0) == (face,)
    assert np.array_equal(image, before)


def test_the_change_fades_with_the_turn_and_without_steps() -> None:
    sizes = []
    for yaw in range(0, 80, 2):
        (face,) = reshape(_noise(), (_face(_placed(yaw)),), _wider(), 1.0)
        sizes.append(float(np.linalg.norm(face.landmarks.points - _placed(yaw), axis=1).mean()))
    assert sizes[-1] == 0
    assert sizes[0] > 1
    assert np.abs(np.diff(sizes)).max() < 0.2 * sizes[0]


def test_half_the_strength_is_half_the_way() -> None:
    points = portrait(COLLINS).landmarks.points
    whole, half = (_bent(strength)[1].landmarks.points - points for strength in (1.0, 0.5))
    assert np.linalg.norm(half - whole / 2, axis=1).mean() < 0.15 * np.linalg.norm(whole, axis=1).mean()


def test_what_is_known_of_a_face_counts_before_what_one_frame_shows() -> None:
    points, known = _placed(0), KnownFace(_wider())
    face = replace(_face(points), known=known)
    assert reshape(_noise(), (face,), _wider(), 1.0) == (face,)


def test_a_neighbour_goes_along() -> None:
    points = _placed(0)
    neighbour = points * np.float32(0.3) + np.array([250, 130, 0], np.float32)
    faces = (_face(points), TrackedFace(2, Landmarks(neighbour, 0.2), 1))
    before = _noise()
    image = before.copy()
    _, other = reshape(image, faces, _wider(1.15), 1.0)
    assert np.linalg.norm(other.landmarks.points - neighbour, axis=1).max() > 1
    spots = other.landmarks.points[:1, :2], neighbour[:1, :2]
    now, then = (_at(picture, places) for picture, places in zip((image, before), spots, strict=True))
    assert np.abs(now - then).max() < 12


@pytest.mark.parametrize("shift", [(-190.0, 0.0), (190.0, 0.0), (0.0, -180.0), (0.0, 200.0), (-5000.0, 0.0)])
def test_a_face_at_the_border(shift: tuple[float, float]) -> None:
    image, points = _noise(), _placed(0) + np.array([*shift, 0], np.float32)
    (face,) = reshape(image, (_face(points),), _wider(), 1.0)
    assert np.isfinite(face.landmarks.points).all()


@pytest.mark.parametrize("scale", [0.01, 0.2, 10.0])
def test_any_size_of_face(scale: float) -> None:
    points = (_placed(0) - 200) * np.float32(scale) + 200
    (face,) = reshape(_noise(), (_face(points.astype(np.float32)),), _wider(), 1.0)
    moved = np.linalg.norm(face.landmarks.points - points, axis=1).max()
    assert moved < 0.17 * 100 * scale


def test_of_a_face_larger_than_the_picture_only_what_is_seen_is_computed() -> None:
    big = np.asarray(cv2.resize(_noise(), None, fx=4, fy=4), np.uint8)
    points = 4 * _placed(0)
    whole, part = big.copy(), big[600:900, 600:900].copy()
    (face,) = reshape(whole, (_face(points),), _wider(), 1.0)
    (seen,) = reshape(part, (_face(points - np.array([600, 600, 0], np.float32)),), _wider(), 1.0)
    # At its border the part has nothing to fetch; well inside, nothing tells the two from each other.
    inside = np.s_[100:200, 100:200]
    assert np.abs(part[inside].astype(int) - whole[600:900, 600:900][inside]).max() <= 2
    assert np.abs(seen.landmarks.points[1] + [600, 600, 0] - face.landmarks.points[1]).max() < 0.1


def test_a_landmark_gone_astray_costs_no_time_and_no_memory() -> None:
    points = _placed(0)
    points[10, :2] = 1e5, -1e5
    (face,) = reshape(_noise(), (_face(points),), _wider(), 1.0)
    assert np.isfinite(face.landmarks.points).all()


def test_the_bent_picture_is_never_folded() -> None:
    extreme = np.asarray(face_model().shape * [1.4, 0.7, 1], np.float32)
    image = np.dstack([np.tile(np.arange(400) * 255 // 399, (400, 1))] * 3).astype(np.uint8)
    reshape(image, (_face(_placed(0)),), extreme, 1.0)
    assert np.diff(image[:, :, 0].astype(int), axis=1).min() >= -1


def test_the_pose_stays() -> None:
    before = portrait(COLLINS).landmarks.points
    _, face = _bent()
    turn = head_pose(face.landmarks.points).rotation @ head_pose(before).rotation.T
    assert max(abs(angle) for angle in geometry.angles_of(turn)) < 2


def test_half_a_face_behind_another_is_not_bent_and_bends_nobody() -> None:
    near, points = TrackedFace(2, Landmarks(_placed(0) + np.array([60, 0, 0], np.float32), 0.2), 1), _placed(0)
    before, image = _noise(), _noise()
    behind = replace(_face(points), known=KnownFace(face_model().shape, behind=frozenset({2})))
    assert reshape(image, (behind, near), _wider(1.15), 1.0)[0] is behind
    assert np.array_equal(image, before)
    free = replace(_face(points), known=KnownFace(face_model().shape))
    assert reshape(image, (free, near), _wider(1.15), 1.0)[0] is not free


def test_the_border_and_the_eyes_move_the_whole_way() -> None:
    target, shape = _placed(0), _wider()
    (face,) = reshape(_noise(), (_face(target),), shape, 1.0)
    for group in (landmark_sets.FACE_OVAL, landmark_sets.RIGHT_EYE, landmark_sets.LEFT_EYE):
        numbers = list(group)
        wanted = TUNING.gain * 100 * (shape - neutral(target))[numbers, 0]
        moved = (face.landmarks.points - target)[numbers, 0]
        assert float((moved * wanted).sum() / (wanted**2).sum()) == pytest.approx(1, abs=0.06)


def test_a_source_that_is_wider_on_one_side_does_not_turn_the_face() -> None:
    shape = neutral(_placed(0))
    shape[shape[:, 0] > 0.1, 0] *= 1.15
    target = _placed(0)
    (face,) = reshape(_noise(), (_face(target),), shape, 1.0)
    moved = (face.landmarks.points - target)[[454, 234], 0]
    assert moved[0] > 2
    assert moved[1] == pytest.approx(-moved[0], rel=0.1), "both sides alike"


def _lips(thickness: float) -> Floats:
    """The mean face with lips as thick as this, times their own."""
    shape = face_model().shape.copy()
    for lines in (UPPER_LIP, LOWER_LIP):
        for line in lines[:-1]:
            shape[list(line), 1] += (thickness - 1) * (shape[list(line), 1] - shape[list(lines[-1]), 1])
    return shape


def test_full_lips_thin_as_the_targets_when_these_are_pressed() -> None:
    rest = _face(_placed(0))
    thickness = []
    for pressed in (1.0, 0.6):
        known = KnownFace(face_model().shape)
        face = replace(rest, landmarks=Landmarks(_placed(0, _lips(pressed)), 1.0), known=known)
        (worn,) = reshape(_noise(), (face,), _lips(1.8), 1.0)
        thickness.append(float(worn.landmarks.points[17, 1] - worn.landmarks.points[14, 1]))
    full, thin = thickness
    # Without proportion 0.6 of the target's own and all that the source's are thicker: 0.8.
    assert thin / full == pytest.approx(0.55, abs=0.1)
