"""Eyes: the target's where the picture shows them, and lids that cover more of the photo's eyeball, which keeps its shape."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from mien.face import landmark_sets
from mien.face.mean_face import face_model, texture_points
from mien.swap.engines.mesh.eyes import (
    TUNING,
    PhotoEyes,
    covered,
    eye_triangles,
    openings,
    photo_eyes,
    photo_shares,
    with_eyes,
    with_eyes_opacity,
)
from mien.types import Floats, Image

_COUNT = 478
_RING = len(landmark_sets.RIGHT_EYE)
_UNCLEAR = PhotoEyes((0.3, 0.3), clear=False)
_EYES = (landmark_sets.RIGHT_EYE, landmark_sets.LEFT_EYE)


def test_the_outlines_of_both_eyes_and_the_edges_of_their_lids_follow_the_landmarks() -> None:
    points = face_model().shape
    found = with_eyes(points)
    right, left = (points[list(loop)] for loop in (landmark_sets.RIGHT_EYE, landmark_sets.LEFT_EYE))
    assert np.array_equal(found[:_COUNT], points)
    assert np.array_equal(found[_COUNT : _COUNT + 2 * _RING], np.concatenate([right, left]))
    inner = [
        outline + np.float32(TUNING.lid) * (points[iris] - outline)
        for outline, iris in ((right, landmark_sets.RIGHT_IRIS), (left, landmark_sets.LEFT_IRIS))
    ]
    assert np.allclose(found[_COUNT + 2 * _RING :], np.concatenate(inner))
    more = np.concatenate([points, points[:5]])
    assert np.array_equal(with_eyes(more), found), "what is added behind the landmarks is no eye"


def test_the_triangles_cover_both_eyes_once() -> None:
    points, drawn = with_eyes(texture_points(512)), np.zeros((512, 512), np.uint8)
    triangles = eye_triangles()
    for triangle in points[triangles]:
        one = np.zeros_like(drawn)
        cv2.fillConvexPoly(one, triangle.round().astype(np.int32), 1)
        drawn += one
    wanted = np.zeros_like(drawn)
    for loop in (landmark_sets.RIGHT_EYE, landmark_sets.LEFT_EYE):
        cv2.fillPoly(wanted, [points[list(loop)].round().astype(np.int32)], 1)
    assert np.array_equal(drawn > 0, wanted > 0)
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    twice = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    assert (twice > 0).all(), "a triangle that is seen from behind is not drawn"
    loops = [points[list(loop)] for loop in (landmark_sets.RIGHT_EYE, landmark_sets.LEFT_EYE)]
    assert twice.sum() / 2 == pytest.approx(sum(cv2.contourArea(loop) for loop in loops), rel=1e-3)


def test_the_opacity_is_the_photos_at_the_lids_and_its_share_within() -> None:
    own = np.full(_COUNT, 0.8, np.float32)
    own[[landmark_sets.RIGHT_IRIS, landmark_sets.LEFT_IRIS]] = 0, 0.6
    opacity = with_eyes_opacity(own, (0.25, 0.5))
    assert np.allclose(opacity[_COUNT : _COUNT + 2 * _RING], 0.8)
    assert np.allclose(opacity[_COUNT + 2 * _RING : _COUNT + 3 * _RING], 0.2)
    assert np.allclose(opacity[_COUNT + 3 * _RING :], 0.6), "worn glasses stay whole"
    assert np.allclose(opacity[[landmark_sets.RIGHT_IRIS, landmark_sets.LEFT_IRIS]], (0.2, 0.6))


def _face(points: Floats, white: int, loops: tuple[tuple[int, ...], ...] = _EYES) -> Image:
    """Return skin of 160 levels whose eyes have dark irises and whites of this level, BGR uint8 (512, 512, 3)."""
    image = np.full((512, 512, 3), 160, np.uint8)
    for loop, iris in zip(_EYES, (landmark_sets.RIGHT_IRIS, landmark_sets.LEFT_IRIS), strict=True):
        cv2.fillPoly(image, [points[list(loop), :2].round().astype(np.int32)], (white if loop in loops else 150,) * 3)
        x, y = points[iris, :2].tolist()
        cv2.circle(image, (round(x), round(y)), 7, (40, 40, 40), -1)
    return image


def _points() -> Floats:
    return np.column_stack([texture_points(512), np.zeros(_COUNT)]).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "white", "loops", "least", "most"),
    [
        ("open eyes", 150, _EYES, 0.0, 0.0),
        ("eyes in shadow", 50, _EYES, 1.0, 1.0),
        ("between", 88, _EYES, 0.2, 0.8),
        ("one eye in shadow", 50, _EYES[:1], 1.0, 1.0),
    ],
)
def test_the_photos_eyes_are_shown_where_the_targets_are_dark(
    name: str, white: int, loops: tuple[tuple[int, ...], ...], least: float, most: float
) -> None:
    right, left = photo_shares(_face(_points(), white, loops), _points(), _UNCLEAR)
    assert right == left, name
    assert least <= right <= most, name


def test_clear_eyes_of_the_photo_are_shown_whatever_the_targets_are() -> None:
    clear = replace(_UNCLEAR, clear=True)
    assert photo_shares(_face(_points(), 150), _points(), clear) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("name", "white", "gaze", "clear"),
    [
        ("clear eyes", 150, 0.0, True),
        ("eyes in shadow", 100, 0.0, False),
        ("whites that shine on dark skin", 220, 0.0, False),
        ("a small turn of the eyes", 150, 0.05, True),
        ("eyes to the right", 150, -0.1, False),
        ("eyes to the left", 150, 0.1, False),
    ],
)
def test_the_photos_eyes_are_clear_when_it_shows_their_whites_and_they_look_ahead(
    name: str, white: int, gaze: float, clear: bool
) -> None:
    points = _points()
    for iris, corners in (
        (landmark_sets.RIGHT_IRIS, landmark_sets.RIGHT_EYE_CORNERS),
        (landmark_sets.LEFT_IRIS, landmark_sets.LEFT_EYE_CORNERS),
    ):
        first, second = points[list(corners)]
        points[iris] = (first + second) / 2 + gaze * np.array([abs(second[0] - first[0]), 0, 0])
    found = photo_eyes(_face(points, white), points)
    assert found.clear == clear, name
    assert found.openings == openings(points)


def test_shut_lids_show_no_eye_of_the_photo() -> None:
    points = _points()
    for loop, iris in ((landmark_sets.RIGHT_EYE, landmark_sets.RIGHT_IRIS), (landmark_sets.LEFT_EYE, landmark_sets.LEFT_IRIS)):
        points[list(loop), 1] = points[iris, 1] + 0.1 * (points[list(loop), 1] - points[iris, 1])
    assert photo_shares(_face(_points(), 50), points, replace(_UNCLEAR, clear=True)) == (0.0, 0.0)


def test_the_far_eye_of_a_turned_head_does_not_count() -> None:
    points, nose = _points(), 256.0
    far = points[:, 0] > nose
    points[far, 0] = nose + 0.5 * (points[far, 0] - nose)
    assert photo_shares(_face(points, 50, _EYES[1:]), points, _UNCLEAR) == (0.0, 0.0)


def test_a_face_beyond_the_border_is_judged_by_what_is_seen() -> None:
    points = _points() - np.array([400, 0, 0], np.float32)
    assert all(0 <= share <= 1 for share in photo_shares(_face(_points(), 150), points, _UNCLEAR))


def _inner_edges(places: Floats) -> Floats:
    outlines = places[_COUNT : _COUNT + 2 * _RING]
    irises = np.repeat(places[[landmark_sets.RIGHT_IRIS, landmark_sets.LEFT_IRIS]], _RING, axis=0)
    return outlines + np.float32(TUNING.lid) * (irises - outlines)


def test_an_eye_that_is_closed_further_shows_less_of_the_photos() -> None:
    flat = texture_points(256)
    found = covered(flat, (0.4, 0.4), (0.2, 0.6))
    middle = flat[landmark_sets.RIGHT_IRIS, 1]
    own, shown = (values[list(landmark_sets.RIGHT_EYE)] for values in (flat, flat))
    shown = found[_COUNT : _COUNT + _RING]
    assert np.allclose(shown[:, 1] - middle, 0.5 * (own[:, 1] - middle), atol=1e-3)
    assert np.array_equal(shown[:, 0], own[:, 0])
    assert np.allclose(found[_COUNT + _RING : _COUNT + 2 * _RING], flat[list(landmark_sets.LEFT_EYE)]), (
        "a wider one is stretched"
    )
    assert np.allclose(found[_COUNT + 2 * _RING :], _inner_edges(found)), "the inner edges of lids follow their outlines"


def test_shut_lids_and_an_eye_without_width_are_bounded() -> None:
    flat = texture_points(256)
    middle = flat[landmark_sets.LEFT_IRIS, 1]
    shut = covered(flat, (0.4, 0.4), (0.0, 0.0))[_COUNT + _RING : _COUNT + 2 * _RING, 1] - middle
    assert np.allclose(shut, TUNING.least_open * (flat[list(landmark_sets.LEFT_EYE), 1] - middle), atol=1e-3)
    assert openings(np.zeros((_COUNT, 3), np.float32)) == (0.0, 0.0)


def test_an_opening_does_not_depend_on_the_size() -> None:
    points = face_model().shape
    assert np.allclose(openings(points), openings(points * 3))
    assert 0.15 < openings(points)[0] < 0.5
