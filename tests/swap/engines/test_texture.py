"""The source's texture: nothing is lost, nothing is invented, light goes, the hidden side is completed."""

from dataclasses import replace
from functools import cache
from itertools import pairwise

import cv2
import numpy as np
import pytest

from mien.assembly.factory import open_source
from mien.face import landmark_sets
from mien.face.mean_face import face_model, head_pose, texture_points
from mien.imaging.blend import mix_textures
from mien.models.format.parsing import FaceClass
from mien.swap.engines.mesh.texture import border_opacity, chain, completed, merged, textures_of
from mien.swap.source.load import together
from mien.swap.source.regions import GRID, regions
from mien.swap.source.view import LARGEST, View, size_for, unwrapped, view_of
from mien.types import Array, Floats, Image, Landmarks, PhotoFault, SourceFace
from tests.support.portraits import COLLINS, models, portrait


@cache
def source() -> SourceFace:
    return open_source(portrait(COLLINS).image, models())


def _mirrored(face: SourceFace) -> SourceFace:
    points = face.landmarks.points[face_model().mirror].copy()
    points[:, 0] = face.image.shape[1] - 1 - points[:, 0]
    return SourceFace(np.ascontiguousarray(face.image[:, ::-1]), replace(face.landmarks, points=points), f"{face.digest}m")


def _lit(face: SourceFace, slope: float) -> SourceFace:
    """The photo darkened from one side to the other, by this share of its brightness at the borders of the face."""
    points = face.landmarks.points
    across = (np.arange(face.image.shape[1]) - points[:, 0].mean()) / (np.ptp(points[:, 0]) / 2)
    gain = np.exp(slope * np.clip(across, -1, 1))[None, :, None]
    return replace(face, image=np.clip(face.image * gain, 0, 255).astype(np.uint8))


def _skin(image: Image) -> Array:
    """Mean brightness of the right and of the left cheek of a texture."""
    small = np.asarray(cv2.resize(image[:, :, :3], (GRID, GRID), interpolation=cv2.INTER_AREA), np.float64).mean(2)
    half = GRID // 2
    sample = regions().sample > 0
    return np.array([small[:, :half][sample[:, :half]].mean(), small[:, half:][sample[:, half:]].mean()])


def _view(shade: float, well: Floats) -> View:
    """A plain grey view that is seen well where `well` says."""
    own = np.full((GRID, GRID, 3), shade, np.uint8)
    even = np.ones((GRID, GRID, 3), np.float32)
    return View(own, even, even, well, well, well, np.zeros((GRID, GRID), np.float32), np.zeros((GRID, GRID), np.float32))


def _half(left: float, right: float) -> Floats:
    well = np.full((GRID, GRID), left, np.float32)
    well[:, GRID // 2 :] = right
    return well


def test_texels_are_where_the_landmarks_are() -> None:
    size = 400
    points = texture_points(size)
    points = np.hstack([points + 30, np.zeros((478, 1))]).astype(np.float32)
    draw = np.random.default_rng(1)
    photo = cv2.GaussianBlur(draw.integers(0, 255, (470, 470, 3), np.uint8), (0, 0), 2)
    texture = unwrapped(np.asarray(photo, np.uint8), points, size)
    inside: Image = np.zeros((size, size), np.uint8)
    oval = texture_points(size)[list(range(468))].round().astype(np.int32)
    cv2.fillConvexPoly(inside, cv2.convexHull(oval), 255)
    inside = np.asarray(cv2.erode(inside, np.ones((15, 15), np.uint8)), np.uint8)
    difference = cv2.absdiff(texture, photo[30:430, 30:430])[inside > 0]
    assert np.percentile(difference, 99) <= 1


def test_the_texture_is_as_large_as_the_photo_deserves() -> None:
    points = source().landmarks.points
    assert size_for(points) < size_for(points * 2) < size_for(points * 40) == LARGEST
    textures = textures_of(source())
    assert len(textures[0].image) == size_for(points)
    sides = [len(texture.image) for texture in textures]
    assert all(0.68 < b / a < 0.74 for a, b in pairwise(sides))
    assert np.abs(textures[-1].points - texture_points(sides[-1])).max() == 0


def test_a_small_texture_is_the_large_one_made_smaller() -> None:
    full = textures_of(source())[0].image
    for texture in chain(full)[:5]:
        wanted = cv2.resize(full, texture.image.shape[1::-1], interpolation=cv2.INTER_AREA)
        assert cv2.absdiff(texture.image, wanted).mean() < 0.6


def test_resampling_keeps_the_fine_detail() -> None:
    face = source()
    points = face.landmarks.points
    size = size_for(points)
    texture = unwrapped(face.image, points, size)
    # Back in the photo, by the nearest affine map of the cheek and the nose, whose triangles hardly bend.
    part = [50, 101, 36, 205, 187, 123, 117, 118]
    linear, _ = cv2.estimateAffine2D(texture_points(size)[part], points[part, :2])
    again = cv2.warpAffine(texture, linear, face.image.shape[1::-1], flags=cv2.INTER_CUBIC)
    inside: Image = np.zeros(face.image.shape[:2], np.uint8)
    cv2.fillConvexPoly(inside, cv2.convexHull(points[part, :2].round().astype(np.int32)), 255)
    inside = np.asarray(cv2.erode(inside, np.ones((3, 3), np.uint8)), np.uint8)

    def detail(image: Image) -> float:
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32)
        return float((grey - cv2.GaussianBlur(grey, (0, 0), 1.0))[inside > 0].std())

    assert detail(np.asarray(again, np.uint8)) > 0.85 * detail(face.image)


@pytest.mark.parametrize("slope", [-0.5, 0.5])
def test_light_from_the_side_is_taken_out(slope: float) -> None:
    plain, lit = (_skin(textures_of(face)[0].image) for face in (source(), _lit(source(), slope)))
    before = _skin(unwrapped(_lit(source(), slope).image, source().landmarks.points, 256))
    assert abs(np.log(before[0] / before[1])) > 0.3
    assert abs(np.log(lit[0] / lit[1])) < 0.12
    assert lit == pytest.approx(plain, rel=0.15)


def test_a_tint_that_no_skin_has_is_taken_out_and_black_stays_black() -> None:
    face = source()
    orange = replace(face, image=np.clip(face.image * [0.45, 0.8, 1.1], 0, 255).astype(np.uint8))
    image = textures_of(orange)[0].image[:, :, :3]
    small = cv2.resize(image, (GRID, GRID), interpolation=cv2.INTER_AREA)
    blue, green, red = np.median(small[regions().sample > 0].astype(float), axis=0)
    luma = 0.114 * blue + 0.587 * green + 0.299 * red
    assert 0.62 < blue / luma < 0.95
    assert 1.05 < red / luma < 1.36
    dark = image[image.max(2) < 40].astype(int)
    assert len(dark) > 5
    assert dark.min(axis=1).mean() < 12


def test_what_one_side_hides_is_mirrored_in_its_tone() -> None:
    own = np.full((GRID, GRID, 3), 100, np.uint8)
    own[:, GRID // 2 :] = 250
    view = replace(_view(100, _half(1.0, 0.0)), own=own)
    image = completed(view)
    assert np.abs(image[:, -20:, :3].astype(int) - 100).max() <= 1, "the left side, not what was hidden"
    assert image[:, -20:, 3].min() == 255


def test_what_both_sides_hide_is_smooth_skin_and_left_to_the_target() -> None:
    well = np.ones((GRID, GRID), np.float32)
    well[:30] = 0
    own = np.full((GRID, GRID, 3), 120, np.uint8)
    own[:30] = np.random.default_rng(0).integers(0, 255, (30, GRID, 3), np.uint8)
    image = completed(replace(_view(120, well), own=own))
    assert np.abs(image[:, :, :3].astype(int) - 120).max() <= 1, "no hair, no background"
    assert image[:28, :, 3].max() == 0
    assert image[34:, :, 3].min() == 255


def test_a_turned_photo_shows_no_background() -> None:
    face = source()
    pose = head_pose(face.landmarks.points)
    turn = np.radians(15)
    rotation = np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]])
    points = replace(pose, rotation=pose.rotation @ rotation).place(pose.unplace(face.landmarks.points))
    # A photo of skin before a green wall: the drawn head covers exactly the landmarks.
    photo = np.full((*face.image.shape[:2], 3), (40, 200, 40), np.uint8)
    cv2.fillConvexPoly(photo, cv2.convexHull(points[:, :2].round().astype(np.int32)), (140, 160, 200))
    inner = points.copy()
    inner[:, 0] += 4 * np.sign(points[:, 0] - points[:, 0].mean())
    image = textures_of(SourceFace(photo, Landmarks(inner, 1.0), "x"))[0].image.astype(int)
    opaque = image[:, :, 3] > 128
    assert opaque.mean() > 0.5
    assert ((image[:, :, 1] - image[:, :, 2])[opaque] > 10).mean() < 0.003, "0.0017 to 0.0021, by processor"


def test_several_views_give_each_texel_the_best_one_in_the_tone_of_the_first() -> None:
    first, second = _view(100, _half(1.0, 0.1)), _view(160, _half(0.6, 1.0))
    both = merged([first, second])
    assert merged([first]) is first
    assert np.abs(both.own.astype(int) - 100).max() <= 3
    assert both.well.min() == pytest.approx(1.0)


def test_a_second_photo_shows_what_the_first_one_hides() -> None:
    face = source()
    hidden = replace(face, image=face.image.copy())
    x, y = face.landmarks.points[[425, 280], :2].mean(0).round().astype(int)
    cv2.circle(hidden.image, (int(x), int(y)), 5, (0, 0, 0), -1)
    view = view_of(hidden.image, face.landmarks, 256, folds=True)
    spot = texture_points(256)[[425, 280]].mean(0)
    cover = np.ones((GRID, GRID), np.float32)
    cv2.circle(cover, (int(spot[0] / 2), int(spot[1] / 2)), 10, 0.0, -1)
    seen = replace(view, well=view.well * cover, seen=view.seen * cover)
    other = view_of(face.image, face.landmarks, 256, folds=True)
    place = slice(int(spot[1]) - 3, int(spot[1]) + 4), slice(int(spot[0]) - 3, int(spot[0]) + 4)
    assert view.own[place].min() < 40
    assert merged([seen, other]).own[place].min() > 80


def test_photos_of_both_sides_cover_more_than_one() -> None:
    face = source()
    alone, both = (textures_of(each)[0].image[:, :, 3] for each in (face, together(face, _mirrored(face))))
    assert both.shape == alone.shape
    assert both.mean() >= alone.mean() - 1


def test_closed_lips_leave_the_opening_of_the_mouth_to_the_target() -> None:
    face = source()
    middle = (texture_points(256)[13] + texture_points(256)[14]) / 2
    place = int(middle[1]), int(middle[0])
    assert completed(view_of(face.image, face.landmarks, 256))[place][3] == 255, "Collins shows her teeth"
    closed = face.landmarks.points.copy()
    for upper, lower in ((13, 14), (82, 87), (312, 317), (81, 178), (311, 402), (80, 88), (310, 318)):
        closed[[upper, lower]] = closed[[upper, lower]].mean(0)
    assert completed(view_of(face.image, replace(face.landmarks, points=closed), 256))[place][3] < 10


def test_the_border_is_soft_and_the_middle_is_whole() -> None:
    opacity = border_opacity()
    assert opacity[[10, 152, 234, 454]].max() == 0
    assert opacity[[1, 50, 280, 13, 18]].min() > 0.95
    assert opacity[199] > 0.9 > 0.6 > opacity[151] > 0.1, "narrower along the jaw than on the forehead"


def test_the_kernel_mixes_by_its_shares() -> None:
    own = np.zeros((8, 8, 3), np.uint8)
    own[:, :4], own[:, 4:] = 40, 80
    gain = np.full((4, 4, 3), 1.5, np.float32)
    shares = np.tile(np.array([0.5, 0.25, 0.75], np.float32), (4, 4, 1))
    rest = np.full((4, 4, 3), 200, np.float32)
    out = np.empty((8, 8, 4), np.uint8)
    mix_textures(own, gain, 2 * gain, shares, rest, out)
    assert out[0, 0].tolist() == [140, 140, 140, 191], "30 of its own, 60 of the mirror picture, 50 of the rest"
    assert out[7, 7].tolist() == [140, 140, 140, 191]


def test_a_second_photo_shows_the_brow_that_hair_hides_in_the_first() -> None:
    face = source()
    assert face.classes is not None
    classes = face.classes.copy()
    brow = texture_points(GRID)[list(landmark_sets.RIGHT_BROW)]
    (left, _), (right, bottom) = brow.min(0).astype(int) - 5, brow.max(0).astype(int) + 5
    area = np.s_[: int(bottom), int(left) : int(right)]
    classes[(slice(None), *area)], classes[(FaceClass.HAIR, *area)] = 0, 255
    fringed = replace(face, classes=classes)
    alone, both, clean = (textures_of(each)[0] for each in (fringed, together(fringed, face), face))
    x, y = clean.points[105].round().astype(int)
    place = np.s_[int(y) - 4 : int(y) + 5, int(x) - 12 : int(x) + 13, :3]
    apart = [float(np.abs(each.image[place].astype(int) - clean.image[place]).mean()) for each in (both, alone)]
    assert apart[0] < 4
    assert apart[1] > 2 * apart[0], "alone, it is the mirror image of the other brow"


def test_faults_that_a_further_photo_mends_are_dropped() -> None:
    glasses, light = PhotoFault("glasses", 0.25, "glasses"), PhotoFault("light", 0.2, "light")
    first = replace(source(), faults=(glasses, light), warnings=("glasses", "light"))
    both = together(first, source())
    assert both.faults == (light,)
    assert both.warnings == ("light",)
    assert together(first, replace(source(), faults=(glasses,))).faults == (glasses, light)


def test_the_dark_half_in_hard_light_is_mirrored_unless_the_lit_one_is_hidden() -> None:
    face = source()
    middle = float(face.landmarks.points[[1, 4, 168], 0].mean())
    dark = face.image.copy()
    dark[:, : int(middle)] = dark[:, : int(middle)] // 4
    assert face.classes is not None
    assert view_of(dark, face.landmarks, 256, face.classes).mirrored[:, :50].min() == 1
    assert not view_of(face.image, face.landmarks, 256, face.classes).mirrored.any()
    classes = face.classes.copy()
    brow = texture_points(GRID)[list(landmark_sets.LEFT_BROW)]
    area = np.s_[: int(brow[:, 1].max()) + 5, int(brow[:, 0].min()) - 5 : int(brow[:, 0].max()) + 5]
    classes[(slice(None), *area)], classes[(FaceClass.HAIR, *area)] = 0, 255
    mirrored = view_of(dark, face.landmarks, 256, classes).mirrored
    assert float((mirrored * mirrored[:, ::-1]).max()) < 0.3, "of a texel and its mirror image one stays"
