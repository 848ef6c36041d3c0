"""Parts of the wearer's own face that are kept by choice."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest

from mien.assembly.factory import open_source
from mien.face import landmark_sets
from mien.imaging import geometry
from mien.settings import Settings, from_mapping
from mien.swap.engines.mesh.engine import MeshEngine
from mien.swap.persona import open_persona
from mien.swap.pipeline import swap_faces
from mien.swap.stages.own_parts import preserve_own_parts
from mien.swap.stream_memory import StreamMemory
from mien.testing import FakeEngine, fake_persona
from mien.types import Affine, Array, FacePatch, Floats, Frame, Image, Landmarks, TrackedFace
from tests.support.portraits import COLLINS, HOPPER, models, portrait

_PARTS = {
    "keep_mouth": (landmark_sets.OUTER_LIPS,),
    "keep_eyes": (landmark_sets.RIGHT_EYE, landmark_sets.LEFT_EYE),
    "keep_brows": (landmark_sets.RIGHT_BROW, landmark_sets.LEFT_BROW),
}


def _face(turned: float = 0.0) -> TrackedFace:
    """The portrait's face, its head turned by a yaw in degrees."""
    points = portrait(COLLINS).landmarks.points
    turn = np.radians(turned)
    rotation = np.array([[np.cos(turn), 0, -np.sin(turn)], [0, 1, 0], [np.sin(turn), 0, np.cos(turn)]])
    middle = points.mean(0)
    moved = ((points - middle) @ rotation.T + middle).astype(np.float32)
    return TrackedFace(1, Landmarks(moved, 1.0), 1, turned)


def _patch(face: TrackedFace, transform: Affine | None = None) -> FacePatch:
    """White over all of the picture, or a crop of 256 x 256 that lies as `transform` says."""
    height, width = (256, 256) if transform is not None else portrait(COLLINS).image.shape[:2]
    where = np.array([[1.0, 0, 0], [0, 1, 0]]) if transform is None else transform
    return FacePatch(np.zeros((height, width, 3), np.uint8), np.full((height, width), 255, np.uint8), where)


def _aligned(face: TrackedFace) -> Affine:
    to_crop = geometry.similarity(geometry.five_points(face.landmarks.points), geometry.TEMPLATES["arcface_128"] * 256)
    return geometry.invert(to_crop)


def _inside(shape: tuple[int, ...], points: Floats, grown: float = 0.0) -> Array:
    area = np.zeros(shape, np.uint8)
    cv2.fillPoly(area, [np.round(points).astype(np.int32)], 1)
    size = 2 * round(grown) + 1
    return np.asarray(cv2.dilate(area, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))) > 0


def _eye_distance(face: TrackedFace, patch: FacePatch) -> float:
    right, left = (face.landmarks.points[corner] for corner in landmark_sets.EYE_CORNERS)
    return float(np.linalg.norm(right - left)) / geometry.scale_of(patch.crop_to_frame)


@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.parametrize("turned", [0.0, 25.0])
@pytest.mark.parametrize("name", _PARTS)
def test_what_is_kept_is_taken_out_of_the_mask_with_a_soft_edge(name: str, turned: float, aligned: bool) -> None:
    face = _face(turned)
    patch = _patch(face, _aligned(face) if aligned else None)
    kept = preserve_own_parts(face, patch, from_mapping({name: True}))
    points = geometry.apply(geometry.invert(patch.crop_to_frame), face.landmarks.points[:, :2])
    eyes = _eye_distance(face, patch)
    inner = np.logical_or.reduce([_inside(patch.mask.shape, points[list(loop)]) for loop in _PARTS[name]])
    outer = np.logical_or.reduce([_inside(patch.mask.shape, points[list(loop)], 0.3 * eyes) for loop in _PARTS[name]])
    assert float(kept.mask[inner].mean()) < 25
    assert (kept.mask[~outer] == 255).all()
    steps = np.abs(np.diff(kept.mask.astype(int), axis=0)).max()
    assert steps <= 1.15 * 255 / (0.03 * eyes * np.sqrt(2 * np.pi)) + 2, "the edge has the sigma that was meant"
    assert kept.crop is patch.crop


def test_nothing_is_kept_without_being_asked() -> None:
    face = _face()
    patch = _patch(face)
    assert preserve_own_parts(face, patch, Settings()) is patch


def test_the_patch_that_was_given_stays_as_it_is() -> None:
    face = _face()
    patch = _patch(face)
    preserve_own_parts(face, patch, Settings(keep_mouth=True))
    assert (patch.mask == 255).all()


def test_a_mask_that_is_low_already_is_not_raised() -> None:
    face = _face()
    patch = replace(_patch(face), mask=np.full(_patch(face).mask.shape, 100, np.uint8))
    kept = preserve_own_parts(face, patch, Settings(keep_mouth=True, keep_eyes=True, keep_brows=True))
    assert int(kept.mask.max()) == 100
    assert int(kept.mask.min()) == 0


@pytest.mark.parametrize("shift", [(-20.0, 0.0), (0.0, -400.0), (5000.0, 5000.0), (-1e5, 3.0)])
def test_a_face_at_the_border_or_beyond(shift: tuple[float, float]) -> None:
    face = _face()
    points = face.landmarks.points.copy()
    points[:, :2] += np.array(shift, np.float32) - points[61, :2] * (shift[0] == -20.0)
    kept = preserve_own_parts(
        replace(face, landmarks=Landmarks(points, 1.0)), _patch(face), Settings(keep_mouth=True, keep_eyes=True)
    )
    assert (kept.mask[:, 250:] == 255).all()


def test_every_engine_gives_way() -> None:
    image = portrait(COLLINS).image.copy()
    before = image.copy()
    face = _face()
    persona = fake_persona(FakeEngine((0, 200, 0)))
    settings = Settings(keep_mouth=True, shape=0.0, grain=0.0)
    swap_faces(
        Frame(image, 0, 0, Fraction(1, 30)), (face,), {face.track_id: persona}, persona.retouch, settings, StreamMemory()
    )
    x, y = (round(float(value)) for value in face.landmarks.points[list(landmark_sets.OUTER_LIPS), :2].mean(0))
    assert np.array_equal(image[y, x], before[y, x])
    x, y = (round(float(value)) for value in face.landmarks.points[4, :2])
    assert (image[y, x] == (0, 200, 0)).all()


def _worn(**kept: bool) -> tuple[Image, Image]:
    """The portrait before and after it wears the other one."""
    image = portrait(COLLINS).image.copy()
    settings = Settings(shape=0.0, grain=0.0, resolution=1024, **kept)  # type: ignore[arg-type]
    persona = open_persona(MeshEngine(settings), open_source(portrait(HOPPER).image, models()))
    swap_faces(
        Frame(image, 0, 0, Fraction(1, 30)), (_face(),), {_face().track_id: persona}, persona.retouch, settings, StreamMemory()
    )
    return portrait(COLLINS).image, image


@pytest.mark.parametrize(("name", "loops"), _PARTS.items())
def test_the_wearers_own_part_shows_in_the_result(name: str, loops: Sequence[tuple[int, ...]]) -> None:
    before, kept = _worn(**{name: True})
    _, swapped = _worn()
    points = _face().landmarks.points[:, :2]
    inside = np.logical_or.reduce([_inside(before.shape[:2], points[list(loop)]) for loop in loops])
    far = ~np.logical_or.reduce([_inside(before.shape[:2], points[list(loop)], 40) for loop in loops])

    def apart(a: Image, b: Image, where: Array) -> float:
        return float(np.abs(a.astype(int) - b)[where].mean())

    assert apart(kept, before, inside) < 0.25 * apart(swapped, before, inside)
    assert apart(kept, swapped, far) < 0.5
