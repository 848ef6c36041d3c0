"""Faults of photos are told, worst first."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.assembly.factory import open_source
from mien.face.mean_face import texture_points
from mien.models.format.parsing import FaceClass
from mien.swap.engines.mesh.texture import textures_of
from mien.swap.source.appraisal import TUNING, appraise
from mien.swap.source.regions import GRID
from mien.types import Image, SourceFace
from tests.support.portraits import COLLINS, HOPPER, models, portrait


def _with_a_fringe() -> Image:
    """Collins with dark hair from her hairline down to her lids, strand by strand."""
    face = portrait(COLLINS)
    image, points = face.image.copy(), face.landmarks.points
    draw = np.random.default_rng(4)
    (left, top), right = points[[54, 10], :2].min(0), float(points[284, 0])
    lids = float(points[[159, 386], 1].mean())
    eyes = float(np.linalg.norm(points[33] - points[263]))
    for x in np.arange(left - 0.1 * eyes, right + 0.1 * eyes, 0.7):
        tone = float(draw.uniform(15, 50))
        end = int(x + draw.normal(0, 0.02 * eyes)), int(lids - 0.1 * eyes + draw.normal(0, 0.015 * eyes))
        cv2.line(image, (int(x), int(top - 0.2 * eyes)), end, (tone * 0.7, tone * 0.8, tone), 2, cv2.LINE_AA)
    return image


def _names(face: SourceFace) -> list[str]:
    return [fault.name for fault in face.faults]


def test_a_frontal_photo_in_even_light_has_no_fault_to_be_told() -> None:
    face = open_source(portrait(COLLINS).image, models())
    assert face.warnings == ()
    assert face.score > 0.8


def test_glasses_are_told() -> None:
    face = open_source(portrait(HOPPER).image, models())
    assert "glasses" in _names(face)
    assert any("glasses" in warning for warning in face.warnings)


def test_a_fringe_is_told_first_and_not_worn() -> None:
    clean = open_source(portrait(COLLINS).image, models())
    face = open_source(_with_a_fringe(), models())
    assert face.faults[0].name == "brows"
    assert "hides the brows" in face.warnings[0]
    assert face.score < clean.score - 0.3
    texture, free = (textures_of(each)[0] for each in (face, clean))
    for number in (105, 334):
        x, y = texture.points[number].round().astype(int)
        assert texture.image[y, x, 3] < 40, "the brow of the wearer is kept"
        x, y = free.points[number].round().astype(int)
        assert free.image[y, x, 3] > 200


def test_a_small_soft_photo_is_told() -> None:
    face = portrait(COLLINS)
    eyes = float(np.linalg.norm(face.landmarks.points[33] - face.landmarks.points[263]))
    scale = 40 / eyes
    small = cv2.resize(face.image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    assert "small" in _names(open_source(np.asarray(small, np.uint8), models()))
    soft = cv2.GaussianBlur(face.image, (0, 0), 0.018 * eyes)
    assert "blurred" in _names(open_source(np.asarray(soft, np.uint8), models()))


def test_faults_come_worst_first() -> None:
    small = cv2.resize(_with_a_fringe(), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    severities = [fault.severity for fault in open_source(np.asarray(small, np.uint8), models()).faults]
    assert severities == sorted(severities, reverse=True)
    assert all(0 < severity < 1 for severity in severities)


def test_no_calm_portrait_is_said_to_have_a_fault(media: Path) -> None:
    wrong = {}
    paths = sorted((media / "faces" / "london").glob("*_neutral.jpg"))[::4]
    for path in paths:
        face = open_source(np.asarray(cv2.imread(str(path)), np.uint8), models())
        if face.warnings:
            wrong[path.name] = face.warnings
    assert paths
    assert not wrong
    assert TUNING.told > 0


@pytest.mark.parametrize("name", ["116", "254", "361"])
def test_glasses_of_every_kind_are_told(media: Path, name: str) -> None:
    photo = np.asarray(cv2.imread(str(media / "faces" / "everyday" / f"{name}.jpg")), np.uint8)
    assert "glasses" in _names(open_source(photo, models()))


def test_a_photo_without_colours_is_told() -> None:
    grey = cv2.cvtColor(cv2.cvtColor(portrait(COLLINS).image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    assert "colourless" in _names(open_source(np.asarray(grey, np.uint8), models()))
    assert "colourless" not in _names(open_source(portrait(COLLINS).image, models()))


@pytest.mark.parametrize(("kind", "words"), [(FaceClass.HAIR, "hair"), (FaceClass.THING, "a thing")])
def test_the_cover_of_the_brows_is_named(kind: FaceClass, words: str) -> None:
    face = open_source(portrait(COLLINS).image, models())
    assert face.classes is not None
    classes = face.classes.copy()
    low = int(texture_points(GRID)[[159, 386], 1].min()) - 4
    classes[:, :low], classes[kind, :low] = 0, 255
    (first, *_) = appraise(face.image, face.landmarks, classes)
    assert first.name == "brows"
    assert first.text.startswith(f"{words} hides the brows")


def test_face_paint_is_told() -> None:
    face = portrait(COLLINS)
    area, eyes = (
        np.zeros(face.image.shape[:2], np.float32),
        np.linalg.norm(face.landmarks.points[33] - face.landmarks.points[263]),
    )
    for number in (50, 280):
        x, y = face.landmarks.points[number, :2].round().astype(int)
        cv2.circle(area, (int(x), int(y)), round(0.2 * float(eyes)), 1.0, -1)
    painted = np.asarray(face.image * (1 + area[:, :, None] * np.array([0.3, -0.2, -0.5], np.float32)), np.uint8)
    assert "painted" in _names(open_source(painted, models()))
    assert "painted" not in _names(open_source(face.image, models()))


def _lit_on_one_cheek(gain: float) -> Image:
    """Collins with a hard-edged patch of light or shadow over her right cheek and the side of her nose."""
    face = portrait(COLLINS)
    area = np.zeros(face.image.shape[:2], np.float32)
    places = face.landmarks.points[[168, 4, 203, 206, 187, 123, 111], :2].round().astype(np.int32)
    cv2.fillConvexPoly(area, cv2.convexHull(places), 1.0)
    soft = cv2.GaussianBlur(area, (0, 0), 1.5)[:, :, None]
    return np.asarray(np.clip(face.image * (1 + (gain - 1) * soft), 0, 255), np.uint8)


def test_a_hard_shadow_on_one_side_is_told_once() -> None:
    faults = open_source(_lit_on_one_cheek(0.4), models()).faults
    (light,) = [fault for fault in faults if fault.name == "light"]
    assert "hard" in light.text
    assert light.severity > 0.1


def test_blown_out_skin_is_told() -> None:
    face = open_source(_lit_on_one_cheek(4.0), models())
    assert "blown" in _names(face)
    assert any("blown-out skin" in warning for warning in face.warnings)
