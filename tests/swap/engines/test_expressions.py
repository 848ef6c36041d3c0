"""Textures by expression: none at rest, whole at full motion, continuous between, in the tone of the photo."""

from dataclasses import replace
from functools import cache
from itertools import pairwise

import cv2
import numpy as np
import pytest

from mien.assembly.factory import open_source
from mien.face import landmark_sets
from mien.face.mean_face import expressions, head_pose, texture_points
from mien.settings import Settings
from mien.swap.engines.mesh.engine import MeshEngine, PreparedMesh
from mien.swap.engines.mesh.expressions import TUNING, ExpressionTextures, expression_textures, frames_of
from mien.swap.engines.mesh.texture import chain, completed, merged_views, uneven_views
from mien.types import Floats, Image, SourceFace
from tests.support.portraits import COLLINS, models, portrait


@cache
def source() -> SourceFace:
    return open_source(portrait(COLLINS).image, models())


def _moved(points: Floats, mode: int, amount: float) -> Floats:
    """Landmarks with an expression mode added."""
    pose = head_pose(points)
    shape = pose.unplace(points)
    return pose.place(shape + amount * expressions().modes[mode].reshape(shape.shape))


def _opening(mode: int) -> float:
    """Return the distance by which a mode opens the lips."""
    motion = expressions().modes[mode].reshape(-1, 3)
    return float(motion[14, 1] - motion[13, 1])


@cache
def opened() -> Floats:
    """The landmarks of the portrait with an opened mouth, by the mode that opens it most."""
    mode = int(np.argmax([abs(_opening(number)) for number in range(16)]))
    amount = 0.15 / _opening(mode)
    return _moved(source().landmarks.points, mode, amount)


def _painted(gain: float = 1.0) -> SourceFace:
    """A frame with an opened mouth, whose chin is painted green, in another light."""
    points = opened()
    image = source().image.copy()
    chin = points[[152, 148, 377, 18, 200], :2].mean(0)
    radius = round(0.12 * float(np.linalg.norm(points[33] - points[263])))
    cv2.circle(image, (round(float(chin[0])), round(float(chin[1]))), radius, (60, 200, 60), -1)
    image = np.clip(image * gain, 0, 255).astype(np.uint8)
    return replace(source(), image=image, landmarks=replace(source().landmarks, points=points), digest="painted")


def _calm(gain: float = 1.0) -> SourceFace:
    return replace(source(), image=np.clip(source().image * gain, 0, 255).astype(np.uint8), digest="calm")


@cache
def made(gain: float = 1.0, *, teeth: bool = False) -> tuple[Image, ExpressionTextures]:
    """The largest texture, and the expressions of a clip that is darker than the photo by `gain`."""
    face = replace(source(), expressions=(_calm(gain), _painted(gain)))
    view = merged_views(face, uneven_views(face))
    full = completed(view)
    frames = frames_of(face, view, full)
    assert frames is not None
    return full, expression_textures(frames, [len(each.image) for each in chain(full)], teeth=teeth)


def _green(image: Image) -> Image:
    blue, green, red = (image[:, :, channel].astype(int) for channel in range(3))
    return np.asarray(green > np.maximum(blue, red) + 15)


def test_a_photo_alone_has_none() -> None:
    view = merged_views(source(), uneven_views(source()))
    assert frames_of(source(), view, completed(view)) is None


def test_at_rest_the_texture_is_not_even_copied() -> None:
    full, textures = made()
    assert textures.mixed(full, 0, source().landmarks.points) is full


def test_the_same_expression_shows_the_frame_and_only_in_its_region() -> None:
    full, textures = made()
    mixed = textures.mixed(full, 0, opened())
    assert _green(mixed).sum() > 100
    assert not _green(full).any()
    brows = texture_points(len(full))[list(landmark_sets.BROW_TOPS), 1].max()
    assert not _green(mixed)[: int(brows)].any()
    assert (mixed[:, :, 3] == full[:, :, 3]).all()


@pytest.mark.parametrize("gain", [0.6, 1.3])
def test_a_clip_in_another_light_takes_the_tone_of_the_photo(gain: float) -> None:
    full, textures = made(gain)
    mixed = textures.mixed(full, 0, opened())
    changed = (mixed != full).any(axis=2) & ~cv2.dilate(_green(mixed).astype(np.uint8), np.ones((25, 25), np.uint8)).astype(
        bool
    )
    assert changed.sum() > 500
    assert abs(float(mixed[changed][:, :3].mean()) - float(full[changed][:, :3].mean())) < 6


def test_nothing_pops_on_the_way() -> None:
    full, textures = made()
    points = source().landmarks.points
    ways = np.linspace(0, 1, 41)
    images = [textures.mixed(full, 0, (1 - way) * points + way * opened()).astype(int) for way in ways]
    steps = [np.abs(a - b)[:, :, :3].max() for a, b in pairwise(images)]
    assert max(steps) < 0.15 * np.abs(images[-1] - images[0]).max()


def test_shares_are_bounded_and_together_at_most_one() -> None:
    draw = np.random.default_rng(5)
    for region in made()[1].regions:
        for _ in range(50):
            shares = region.shares(draw.normal(0, 0.3, (478, 3)).astype(np.float32))
            assert (shares >= 0).all()
            assert shares.sum() <= 1 + 1e-3


def test_memory_is_bounded() -> None:
    full, textures = made()
    parts = [part for region in textures.regions for size in region.parts for part in size]
    assert sum(part.image.nbytes for part in parts) < TUNING.most * 3 * full.nbytes


def test_the_inner_mouth_comes_from_the_clip_only_when_it_is_wanted() -> None:
    mouth = np.zeros(made()[0].shape[:2], np.uint8)
    loop = texture_points(len(mouth))[list(landmark_sets.INNER_LIPS)].round().astype(np.int32)
    cv2.fillPoly(mouth, [loop], 1)
    mouth = np.asarray(cv2.erode(mouth, np.ones((3, 3), np.uint8)), np.uint8)
    for teeth, least in ((True, 250), (False, 0)):
        full, textures = made(teeth=teeth)
        shown = textures.mixed(full, 0, opened())[mouth > 0][:, 3]
        assert shown.min() >= least
        if not teeth:
            assert (shown == full[mouth > 0][:, 3]).all()
        at_rest = textures.mixed(full, 0, source().landmarks.points)
        assert (at_rest[mouth > 0][:, 3] == full[mouth > 0][:, 3]).all()


def test_the_engine_keeps_them() -> None:
    prepared = MeshEngine(Settings()).prepare(replace(source(), expressions=(_calm(), _painted())))
    assert isinstance(prepared, PreparedMesh)
    assert prepared.expressions is not None
    assert MeshEngine(Settings()).prepare(source()).expressions is None
