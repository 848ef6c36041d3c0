"""A photo's face as a texture: what is filled takes its colour from skin, and shadows of half a face leave no line."""

import cv2
import numpy as np

from mien.face.mean_face import texture_points
from mien.models.format.parsing import FaceClass
from mien.swap.source.regions import GRID
from mien.swap.source.view import View, view_of
from mien.types import Array, Image
from tests.support.portraits import COLLINS, portrait

_SIZE = 512


def _classes() -> Array:
    classes = np.zeros((len(FaceClass), GRID, GRID), np.uint8)
    classes[FaceClass.SKIN] = 255
    return classes


def _view(photo: Image, classes: Array | None = None) -> View:
    return view_of(photo, portrait(COLLINS).landmarks, _SIZE, _classes() if classes is None else classes)


def _tone(view: View, number: int, radius: int = 4) -> Array:
    """The lit colour around a landmark of a texture."""
    x, y = texture_points(_SIZE)[number].round().astype(int)
    gain = cv2.resize(view.gain, (_SIZE, _SIZE))
    part = np.s_[y - radius : y + radius + 1, x - radius : x + radius + 1]
    return np.asarray((view.own[part] * gain[part]).mean((0, 1)))


def test_skin_under_a_rim_between_the_brows_takes_nothing_of_the_brows() -> None:
    face = portrait(COLLINS)
    photo, classes = face.image.copy(), _classes()
    points = face.landmarks.points[:, :2]
    for loop in ((70, 63, 105, 66, 107, 55, 65, 52, 53, 46), (336, 296, 334, 293, 300, 276, 283, 282, 295, 285)):
        cv2.fillConvexPoly(photo, cv2.convexHull(points[list(loop)].round().astype(np.int32)), (10, 10, 10))
    bare = _tone(_view(photo), 9)
    x, y = texture_points(GRID)[9].round().astype(int)
    bridge = np.zeros((GRID, GRID), bool)
    bridge[y - 2 : y + 3, x - 6 : x + 7] = True
    classes[FaceClass.RIM, bridge], classes[FaceClass.SKIN, bridge] = 255, 0
    filled = _tone(_view(photo, classes), 9)
    assert np.abs(filled - bare).max() < 25


def test_what_is_left_of_a_dark_strand_does_not_grow_into_the_skin_beside_it() -> None:
    face = portrait(COLLINS)
    photo, classes = face.image.copy(), _classes()
    bare = _tone(_view(photo), 50)
    column, row = texture_points(GRID)[50].round().astype(int)
    seen = np.zeros((GRID, GRID), bool)
    seen[row - 3 : row + 4, column - 3 : column + 4] = True
    x, y = face.landmarks.points[50, :2].round().astype(int)
    eyes = float(np.linalg.norm(face.landmarks.points[33] - face.landmarks.points[263]))
    cv2.circle(photo, (int(x), int(y)), round(0.14 * eyes), (10, 10, 10), -1)
    classes[FaceClass.RIM, seen], classes[FaceClass.SKIN, seen] = 255, 0
    assert np.abs(_tone(_view(photo, classes), 50, 1) - bare).max() < 20


def test_blown_out_skin_takes_the_colour_of_the_skin_around_it() -> None:
    face = portrait(COLLINS)
    usual = _tone(_view(face.image), 50)
    photo = face.image.copy()
    x, y = face.landmarks.points[50, :2].round().astype(int)
    eyes = float(np.linalg.norm(face.landmarks.points[33] - face.landmarks.points[263]))
    cv2.circle(photo, (int(x), int(y)), round(0.12 * eyes), (255, 255, 255), -1)
    shown = _view(photo)
    assert np.abs(_tone(shown, 50) - usual).max() < 30
    column, row = texture_points(GRID)[50].round().astype(int)
    assert shown.guessed[row, column] > 0.9, "another photo knows better"


def test_the_edge_of_the_shadow_of_half_a_face_leaves_no_line_on_the_nose() -> None:
    face = portrait(COLLINS)
    height, width = face.image.shape[:2]
    ridge = face.landmarks.points[[168, 4], :2].mean(0)
    # The shadow begins on the lit half of the ridge.
    eyes = float(np.linalg.norm(face.landmarks.points[33] - face.landmarks.points[263]))
    across = (np.arange(width) - (ridge[0] - 0.02 * eyes))[None, :, None]
    dark = np.clip(0.5 + across / 4, 0, 1) * np.ones((height, 1, 1))
    photo = np.asarray(face.image * (1 - 0.6 * dark), np.uint8)
    shown = _view(photo)
    assert shown.mirrored[:, -30:].min() > 0.9
    middle, row = texture_points(_SIZE)[195].round().astype(int)
    beside = round(0.03 * _SIZE)
    lit = cv2.cvtColor(shown.own, cv2.COLOR_BGR2GRAY)[row - 5 : row + 6].mean(0)
    assert lit[middle - 4 : middle].min() > 0.8 * lit[middle - beside], "the lit half has no dark edge"
