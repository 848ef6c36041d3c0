"""The photo's beard goes on over the oval, hair by hair, and nothing else of the photo does."""

from dataclasses import replace
from fractions import Fraction
from functools import cache

import cv2
import numpy as np
import pytest

from mien.assembly import factory
from mien.face import landmark_sets
from mien.face.texels import SIDE
from mien.lab.evaluate import measures
from mien.models.format.parsing import FaceClass
from mien.settings import Settings
from mien.swap.engines.mesh.beard_layer import beard_layer, vertices
from mien.swap.engines.mesh.engine import MeshEngine, PreparedMesh
from mien.types import FacePatch, Frame, Image, KnownFace, Mask, SourceFace, TrackedFace
from tests.support.beards import beard_texture, bearded
from tests.support.portraits import COLLINS, HOPPER, models, portrait

TARGET = portrait(HOPPER)


@cache
def _source(kind: str | None, level: int = 200) -> SourceFace:
    source = factory.open_source(portrait(COLLINS).image, models())
    assert source.classes is not None
    classes = source.classes.copy()
    classes[FaceClass.BEARD] = beard_texture(level if kind else 0)
    if kind is None:
        return replace(source, classes=classes)
    landmarks = portrait(COLLINS).landmarks
    return replace(source, image=bearded(kind), landmarks=landmarks, classes=classes)


@cache
def _prepared(kind: str | None, beard: str = "auto") -> PreparedMesh:
    return MeshEngine(Settings(beard=beard)).prepare(_source(kind))


def _patch(prepared: PreparedMesh, occluder: Mask | None = None, image: Image = TARGET.image) -> FacePatch:
    known = KnownFace(TARGET.landmarks.points, occluder)
    face = TrackedFace(1, TARGET.landmarks, 1, known=known)
    (patch,) = MeshEngine(Settings()).swap(Frame(image, 0, 0, Fraction(1, 30)), [face], prepared)
    assert patch is not None
    return patch


def _in_frame(patch: FacePatch) -> tuple[Mask, Mask]:
    """Return the patch's mask and its brightness in the pixels of the frame."""
    size = TARGET.image.shape[1::-1]
    grey = cv2.cvtColor(patch.crop, cv2.COLOR_BGR2GRAY)
    mask, grey = (np.asarray(cv2.warpAffine(each, patch.crop_to_frame, size), np.uint8) for each in (patch.mask, grey))
    return mask, grey


def _below_the_oval() -> Mask:
    """Return the pixels just under the chin."""
    mask = measures.face_mask(TARGET.landmarks.points, TARGET.image.shape)
    chin = TARGET.landmarks.points[[149, 176, 148, 152, 377, 400, 378], :2].round().astype(np.int32)
    area = np.zeros_like(mask)
    cv2.polylines(area, [chin], isClosed=False, color=255, thickness=9)
    area[mask > 0] = 0
    return area


def test_a_photo_without_a_beard_has_no_layer() -> None:
    assert _prepared(None).beard is None
    assert beard_layer(replace(_source("full"), classes=None)) is None
    assert _prepared("full", "target").beard is None, "the target's beard is to show"
    assert _prepared("full").beard is not None


def test_the_beard_reaches_over_the_oval() -> None:
    bare, hairy = (_in_frame(_patch(_prepared(kind)))[0] for kind in (None, "full"))
    under = _below_the_oval() > 0
    assert bare[under].max() == 0
    assert hairy[under].mean() > 60
    rim = measures.face_mask(TARGET.landmarks.points, TARGET.image.shape, 0.03) > 0
    rim &= measures.face_mask(TARGET.landmarks.points, TARGET.image.shape, 0.1) == 0
    rim[: int(TARGET.landmarks.points[17, 1])] = False
    assert hairy[rim].mean() > bare[rim].mean() + 40


def test_only_hair_is_carried() -> None:
    layer = _prepared("full").beard
    assert layer is not None
    image = layer.images[0]
    covered = image[:, :, 3] > 128
    assert 0.02 < covered.mean() < 0.5
    skin = portrait(COLLINS).image[tuple(portrait(COLLINS).landmarks.points[205, 1::-1].astype(int))]
    assert np.median(image[covered][:, :3]) < 0.7 * skin.mean()
    assert not image[[0, -1], :, 3].any()
    assert not image[:, [0, -1], 3].any()


def test_an_occluder_at_the_jaw_is_in_front_of_the_beard_beyond_it() -> None:
    hand = np.zeros((SIDE, SIDE), np.uint8)
    hand[70:] = 255
    under = _below_the_oval() > 0
    free, covered = (_in_frame(_patch(_prepared("full"), each))[0][under].mean() for each in (None, hand))
    assert covered < 0.1 * free


def test_the_layer_follows_the_light_of_the_target() -> None:
    under = _below_the_oval() > 0
    dim = np.asarray(TARGET.image * 0.5, np.uint8)
    levels = []
    for image in (TARGET.image, dim):
        mask, grey = _in_frame(_patch(_prepared("full"), image=image))
        levels.append(float(grey[under & (mask > 120)].mean()))
    assert 0.1 < levels[1] / levels[0] < 0.7


def test_the_ring_lies_outside_the_oval_in_any_pose() -> None:
    layer = _prepared("full").beard
    assert layer is not None
    for angle in (0.0, 40.0, 160.0):
        turn = cv2.getRotationMatrix2D((300.0, 300.0), angle, 1.0)
        points = portrait(COLLINS).landmarks.points.copy()
        points[:, :2] = points[:, :2] @ turn[:, :2].T + turn[:, 2]
        outer = vertices(points, layer.away)[len(points) :, :2]
        oval = points[list(landmark_sets.FACE_OVAL), :2].astype(np.float32)
        inside = [cv2.pointPolygonTest(oval, (float(x), float(y)), False) > 0 for x, y in outer]
        assert not any(inside)


@pytest.mark.parametrize("kind", ["short", "full"])
def test_the_same_photo_gives_the_same_layer(kind: str) -> None:
    first, second = (beard_layer(_source(kind)) for _ in range(2))
    assert first is not None
    assert second is not None
    assert all((a == b).all() for a, b in zip(first.images, second.images, strict=True))


def test_dark_red_pixels_leave_no_specks_beyond_the_oval() -> None:
    clean = _source("full")
    specked = clean.image.copy()
    specks = np.random.default_rng(0).random(specked.shape[:2]) < 0.04
    specked[specks] = specked[specks] * np.array([0.3, 0.35, 0.8])
    plain, dotted = (beard_layer(replace(clean, image=image)) for image in (clean.image, specked))
    assert plain is not None
    assert dotted is not None
    seen = (plain.images[0][:, :, 3] > 128) & (dotted.images[0][:, :, 3] > 128)
    darker = [float(np.percentile(each.images[0][seen][:, 1], 1)) for each in (plain, dotted)]
    assert darker[1] > 0.5 * darker[0], "what is not of the beard's colour takes that of the hair around it"
