"""A beard is found where it was drawn, and the skin under it is the skin that was there."""

import numpy as np
import pytest

from mien.face.beard import BeardView, beard_view, reach_below
from mien.face.texels import SIDE
from mien.imaging import geometry
from mien.imaging.colour import LUMA
from mien.types import Floats, Image
from tests.support.beards import beard_texture, bearded
from tests.support.portraits import COLLINS, portrait

POINTS = portrait(COLLINS).landmarks.points
BARE = portrait(COLLINS).image
JAW = (150, 379, 176, 400, 199, 210, 430)
"""Landmarks of chin and jaw."""


def _view(image: Image, level: int = 120) -> BeardView:
    view = beard_view(image, POINTS, beard_texture(level))
    assert view is not None
    return view


def _at(view: BeardView, plane: Floats, points: tuple[int, ...] = JAW) -> Floats:
    left, top, right, bottom = view.box_xyxy
    scale = np.array([plane.shape[1] / (right - left), plane.shape[0] / (bottom - top)])
    x, y = ((POINTS[list(points), :2] - [left, top]) * scale).astype(int).T
    return np.asarray(plane[y, x], np.float32)


@pytest.mark.parametrize("kind", ["stubble", "short", "full"])
def test_the_skin_under_a_drawn_beard_is_found(kind: str) -> None:
    view, bare = _view(bearded(kind)), _view(BARE, 0)
    assert _at(view, view.share).mean() > 0.8
    hidden, seen, true = (_at(each, plane) @ LUMA for each, plane in ((view, view.skin), (view, view.seen), (bare, bare.seen)))
    assert np.abs(hidden - true).mean() < 0.75 * np.abs(seen - true).mean()


def test_the_colours_tell_a_beard_from_a_bare_face() -> None:
    assert _view(BARE, 0).signs < 0.2
    assert _view(bearded("stubble"), 0).signs > 0.25
    assert _view(bearded("full"), 0).signs > 0.4


def test_a_bare_face_has_hardly_a_share_of_one() -> None:
    view = _view(BARE, 0)
    assert view.share.mean() < 0.1


def test_it_reaches_no_farther_than_it_may() -> None:
    view = _view(bearded("full"))
    rows = np.flatnonzero(view.share.max(axis=1) > 0.01)
    _, top, _, bottom = view.box_xyxy
    lowest = top + (rows.max() + 1) * (bottom - top) / view.share.shape[0]
    unit = float(np.linalg.norm(POINTS[33] - POINTS[263]))
    assert lowest < POINTS[152, 1] + (reach_below(0.0) + 0.2) * unit
    assert top + rows.min() * (bottom - top) / view.share.shape[0] > POINTS[4, 1] - 0.3 * unit


def test_a_face_without_bare_skin_is_left_alone() -> None:
    covered = np.full((SIDE, SIDE), 255, np.uint8)
    assert beard_view(bearded("short"), POINTS, beard_texture(120), covered) is None
    assert beard_view(BARE, POINTS + np.array([9000, 0, 0], np.float32), beard_texture(120)) is None


def test_the_picture_may_cut_the_face() -> None:
    middle = int(POINTS[17, 1])
    view = beard_view(np.ascontiguousarray(bearded("short")[:middle]), POINTS, beard_texture(120))
    assert view is not None
    assert view.box_xyxy[3] == middle
    assert all(np.isfinite(plane).all() for plane in (view.skin, view.share, view.seen))


def test_every_value_is_finite_on_a_black_picture() -> None:
    assert beard_view(np.zeros_like(BARE), POINTS, beard_texture(255)) is None
    for level in (9, 255):
        view = beard_view(np.full_like(BARE, level), POINTS, beard_texture(255))
        assert view is not None
        assert all(np.isfinite(plane).all() for plane in (view.skin, view.share, view.seen))
    turned = geometry.apply(np.array([[0.0, -1, 700], [1, 0, 0]]), POINTS[:, :2])
    view = beard_view(BARE, np.column_stack([turned, POINTS[:, 2]]).astype(np.float32), beard_texture(255))
    assert view is None or np.isfinite(view.skin).all()
