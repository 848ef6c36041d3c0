"""Eyes: the target's where the picture shows them, and lids that cover more of the photo's eyeball, which keeps its shape."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from mien.face import landmark_sets
from mien.face.eye_openings import openings
from mien.face.mean_face import face_model, texture_points
from mien.swap.engines.mesh.eyes import (
    TUNING,
    PhotoEyes,
    covered,
    eye_triangles,
    photo_eyes,
    photo_shares,
    with_eyes,
    with_eyes_opacity,
)
from mien.types import Floats
from tests.support.eyes import face_points, face_with_eyes

_COUNT = 478
_RING = len(landmark_sets.RIGHT_EYE)
_OPEN = 0.3, 0.3
_UNCLEAR = PhotoEyes(_OPEN, clear=False)


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


@pytest.mark.parametrize(("name", "whites", "share"), [("open", 0.75, 0.0), ("in shadow", 0.4, 1.0), ("between", 0.55, 0.5)])
def test_the_photos_eyes_are_shown_where_the_targets_are_dark(name: str, whites: float, share: float) -> None:
    assert photo_shares(whites, _OPEN, _UNCLEAR) == pytest.approx((share, share), abs=1e-6), name


def test_clear_eyes_of_the_photo_are_shown_whatever_the_targets_are() -> None:
    assert photo_shares(0.9, _OPEN, replace(_UNCLEAR, clear=True)) == (1.0, 1.0)


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
    points = face_points()
    for iris, corners in (
        (landmark_sets.RIGHT_IRIS, landmark_sets.RIGHT_EYE_CORNERS),
        (landmark_sets.LEFT_IRIS, landmark_sets.LEFT_EYE_CORNERS),
    ):
        first, second = points[list(corners)]
        points[iris] = (first + second) / 2 + gaze * np.array([abs(second[0] - first[0]), 0, 0])
    found = photo_eyes(face_with_eyes(points, white), points)
    assert found.clear == clear, name
    assert found.openings == openings(points)


def test_shut_lids_show_no_eye_of_the_photo() -> None:
    assert photo_shares(0.4, (0.09, 0.2), replace(_UNCLEAR, clear=True)) == (0.0, 1.0)


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


def test_shut_lids_are_bounded() -> None:
    flat = texture_points(256)
    middle = flat[landmark_sets.LEFT_IRIS, 1]
    shut = covered(flat, (0.4, 0.4), (0.0, 0.0))[_COUNT + _RING : _COUNT + 2 * _RING, 1] - middle
    assert np.allclose(shut, TUNING.least_open * (flat[list(landmark_sets.LEFT_EYE), 1] - middle), atol=1e-3)
