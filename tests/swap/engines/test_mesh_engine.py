"""The embedded engine on the bundled portraits: identity moves, the rest stays."""

from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest

from mien.assembly.factory import open_pipeline, open_source
from mien.contracts import Engine
from mien.face import landmark_sets
from mien.face.creases import creases_of
from mien.face.mean_face import neutral, texture_points
from mien.face.texels import SIDE, unwrap
from mien.lab.evaluate.measures import face_mask, landmark_error, pose_error
from mien.models.format.parsing import FaceClass
from mien.settings import Settings
from mien.swap.engines.mesh.engine import MeshEngine
from mien.swap.stages.compose import compose
from mien.types import FacePatch, Frame, Image, KnownFace, Landmarks, ParsedFace, TrackedFace
from tests.support.portraits import COLLINS, HOPPER, WORN_BELOW, locate, models, moved, portrait, recogniser


def _patch(image: Image, landmarks: Landmarks, settings: Settings | None = None) -> FacePatch | None:
    engine = MeshEngine(settings or Settings())
    prepared = engine.prepare(open_source(portrait(HOPPER).image, models()))
    return engine.swap(Frame(image, 0, 0, Fraction(1)), [TrackedFace(1, landmarks, 1)], prepared)[0]


def _swapped(image: Image, landmarks: Landmarks, settings: Settings | None = None) -> Image:
    patch = _patch(image, landmarks, settings)
    assert patch is not None
    result = image.copy()
    compose(result, patch)
    return result


def test_the_engine_keeps_its_contract() -> None:
    assert isinstance(MeshEngine(Settings()), Engine)


@pytest.mark.parametrize("settings", [Settings(), Settings(eyes="target"), Settings(eyes="source"), Settings(mouth="source")])
def test_identity_moves_to_the_source_and_the_pose_stays(settings: Settings) -> None:
    source, target = portrait(HOPPER), portrait(COLLINS)
    result = _swapped(target.image, target.landmarks, settings)
    landmarks = locate(result)
    descriptor = recogniser().describe(result, landmarks)
    to_source = float(np.linalg.norm(descriptor - source.descriptor))
    # With the wearer's whole eyes, and without the glasses of the photo, both are as near.
    lead = -0.03 if settings.eyes == "target" else 0.0
    assert to_source + lead < float(np.linalg.norm(descriptor - target.descriptor))
    assert to_source < WORN_BELOW
    assert pose_error(landmarks.points, target.landmarks.points) < 4
    assert landmark_error(landmarks.points, target.landmarks.points) < 3


def test_outside_the_face_no_pixel_changes() -> None:
    target = portrait(COLLINS)
    result = _swapped(target.image, target.landmarks)
    points = target.landmarks.points[:, :2]
    hull = np.zeros(target.image.shape[:2], np.uint8)
    cv2.fillConvexPoly(hull, cv2.convexHull(points.round().astype(np.int32)), 255)
    outside = cv2.dilate(hull, np.ones((5, 5), np.uint8)) == 0
    assert np.array_equal(result[outside], target.image[outside])
    assert (result != target.image).any()


def test_the_frame_is_not_changed_by_the_engine() -> None:
    target = portrait(COLLINS)
    before = target.image.copy()
    _patch(target.image, target.landmarks)
    assert np.array_equal(before, target.image)


def test_the_iris_is_the_targets_unless_the_settings_say_otherwise() -> None:
    target = portrait(COLLINS)
    with_target_eyes = _patch(target.image, target.landmarks, Settings(eyes="target"))
    with_blended_eyes = _patch(target.image, target.landmarks)
    with_source_eyes = _patch(target.image, target.landmarks, Settings(eyes="source"))
    assert with_target_eyes is not None
    assert with_source_eyes is not None
    assert with_blended_eyes is not None
    x, y = target.landmarks.points[468, :2] - with_target_eyes.crop_to_frame[:, 2]
    iris = round(float(y)), round(float(x))
    assert with_target_eyes.mask[iris] == 0
    assert with_blended_eyes.mask[iris] < 60
    assert with_source_eyes.mask[iris] > 200


@pytest.mark.parametrize(
    ("name", "shift"),
    [
        ("left border", (-130.0, 0.0)),
        ("right border", (250.0, 0.0)),
        ("top", (0.0, -60.0)),
        ("bottom", (0.0, 350.0)),
        ("corner", (-130.0, -60.0)),
    ],
)
def test_a_face_cut_by_the_border_is_swapped_as_far_as_it_is_seen(name: str, shift: tuple[float, float]) -> None:
    to_frame = np.array([[1.0, 0, shift[0]], [0, 1.0, shift[1]]])
    image, landmarks = moved(portrait(COLLINS), to_frame, 512, 512)
    patch = _patch(image, landmarks)
    assert patch is not None, name
    assert patch.mask.any()
    result = image.copy()
    compose(result, patch)
    assert (result != image).any()


@pytest.mark.parametrize("shift", [(-4000.0, 0.0), (0.0, 4000.0)])
def test_a_face_outside_the_picture_gives_no_patch(shift: tuple[float, float]) -> None:
    image, landmarks = moved(portrait(COLLINS), np.array([[1.0, 0, shift[0]], [0, 1.0, shift[1]]]), 64, 64)
    assert _patch(image, landmarks) is None


@pytest.mark.parametrize("scale", [0.05, 0.15, 0.5, 3.0])
def test_any_size_of_face(scale: float) -> None:
    image, landmarks = moved(portrait(COLLINS), np.array([[scale, 0, 20.0], [0, scale, 20.0]]), 900, 700)
    result = _swapped(image, landmarks)
    assert (result != image).any()


def test_a_face_larger_than_the_resolution_is_computed_smaller_and_lies_at_its_place() -> None:
    image, landmarks = moved(portrait(COLLINS), np.array([[3.0, 0, -300], [0, 3.0, -100]]), 900, 700)
    coarse, fine = (
        _patch(image, landmarks, Settings(resolution=128)),
        _patch(image, landmarks, Settings(resolution=2048)),
    )
    assert coarse is not None
    assert fine is not None
    assert max(coarse.mask.shape) == 128
    assert max(fine.mask.shape) > 300
    one, other = image.copy(), image.copy()
    compose(one, coarse)
    compose(other, fine)
    assert cv2.absdiff(one, other).mean() < 2


def test_a_profile_leaves_no_hole_and_no_streak_outside_the_hull() -> None:
    target = portrait(COLLINS)
    points = target.landmarks.points.copy()
    middle = points.mean(0)
    turn = np.radians(70)
    rotation = np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]])
    points = ((points - middle) @ rotation.T + middle).astype(np.float32)
    patch = _patch(target.image, Landmarks(points, 1.0))
    assert patch is not None
    hull = np.zeros(patch.mask.shape, np.uint8)
    local = points[:, :2] - patch.crop_to_frame[:, 2].astype(np.float32)
    cv2.fillConvexPoly(hull, cv2.convexHull(local.round().astype(np.int32)), 255)
    assert not patch.mask[cv2.dilate(hull, np.ones((5, 5), np.uint8)) == 0].any()


def test_opacity_of_the_composer() -> None:
    target = portrait(COLLINS)
    patch = _patch(target.image, target.landmarks)
    assert patch is not None
    results = []
    for opacity in (0.0, 0.5, 1.0):
        image = target.image.copy()
        compose(image, patch, opacity)
        results.append(image.astype(int))
    assert np.array_equal(results[0], target.image)
    assert np.abs(results[1] - (results[0] + results[2]) / 2).max() <= 2


@pytest.mark.parametrize("turn", [0.0, 30.0])
def test_a_turned_patch_is_composed_at_its_place(turn: float) -> None:
    angle = np.radians(turn)
    linear = 2 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    to_frame = np.hstack([linear, [[60.0], [40.0]]])
    patch = FacePatch(np.full((20, 20, 3), 255, np.uint8), np.full((20, 20), 255, np.uint8), to_frame)
    image = np.zeros((120, 160, 3), np.uint8)
    compose(image, patch)
    centre = to_frame[:, :2] @ [9.5, 9.5] + to_frame[:, 2]
    ys, xs = np.nonzero(image[:, :, 0] > 127)
    assert np.abs([xs.mean() - centre[0], ys.mean() - centre[1]]).max() < 0.6
    assert len(xs) == pytest.approx(1600, rel=0.06)


@pytest.mark.parametrize("tones", [(1.0, 1.0, 1.0), (0.6, 0.85, 1.1)], ids=["grey", "sepia"])
def test_a_picture_of_one_tone_gets_a_face_of_that_tone(tones: tuple[float, float, float]) -> None:
    grey = cv2.cvtColor(portrait(HOPPER).image, cv2.COLOR_BGR2GRAY).astype(np.float32)
    image = np.asarray(np.clip(grey[:, :, None] * np.array(tones), 0, 255), np.uint8)
    engine = MeshEngine(Settings())
    prepared = engine.prepare(open_source(portrait(COLLINS).image, models()))
    (patch,) = engine.swap(Frame(image, 0, 0, Fraction(1, 30)), [TrackedFace(1, portrait(HOPPER).landmarks, 1)], prepared)
    assert patch is not None
    drawn = patch.crop[patch.mask > 200].astype(float)
    drawn = drawn[(drawn > 15).all(axis=1) & (drawn < 240).all(axis=1)]
    assert len(drawn) > 1000
    apart = drawn / np.array(tones)
    assert float(np.percentile(np.ptp(apart, axis=1), 95)) < 12, "in colour it is 60"


def test_the_outline_of_a_turned_face_is_soft() -> None:
    target = portrait(COLLINS)
    turned = _turned(target.landmarks, 35.0)
    engine = MeshEngine(Settings())
    prepared = engine.prepare(open_source(portrait(HOPPER).image, models()))
    patch = engine.swap(Frame(target.image, 0, 0, Fraction(1)), [TrackedFace(1, turned, 1, yaw=35.0)], prepared)[0]
    assert patch is not None
    beside = cv2.erode((patch.mask > 0).astype(np.uint8), np.ones((3, 3), np.uint8)) == 0
    assert patch.mask[beside].max() < 160
    assert patch.mask[beside].mean() < 40
    assert patch.mask.max() > 250


def _turned(landmarks: Landmarks, degrees: float) -> Landmarks:
    """Turn the mesh about its upright axis."""
    points, angle = landmarks.points.astype(np.float64), np.deg2rad(degrees)
    middle = points.mean(0)
    about = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    return Landmarks(((points - middle) @ about.T + middle).astype(np.float32), landmarks.presence)


def test_the_photos_glasses_are_worn_whole_on_request() -> None:
    target = portrait(COLLINS)
    bare, worn = (_patch(target.image, target.landmarks, Settings(source_glasses=each)) for each in ("off", "on"))
    assert bare is not None
    assert worn is not None
    # Hopper's rims are dark at the outer ends of the brows, where the border of the face is soft.
    offset = bare.crop_to_frame[:, 2]
    for number in (46, 276):
        x, y = (target.landmarks.points[number, :2] - offset).round().astype(int)
        spot = slice(y - 4, y + 5), slice(x - 4, x + 5)
        assert worn.crop[spot].mean() < bare.crop[spot].mean() - 15
    assert int(worn.mask.sum()) > int(bare.mask.sum())
    assert worn.mask.astype(int).sum() > bare.mask.astype(int).sum()


def test_over_dark_glasses_that_stay_no_second_pair_is_worn() -> None:
    target = portrait(COLLINS)
    parsed = ParsedFace(np.zeros((len(FaceClass), 96, 96), np.uint8), target.landmarks.points[:, :2].copy())
    patches = []
    for asked, dark in (("off", False), ("on", True), ("on", False)):
        engine = MeshEngine(Settings(source_glasses=asked))
        known = KnownFace(target.landmarks.points, parsed=replace(parsed, dark=dark))
        face = TrackedFace(1, target.landmarks, 1, known=known)
        prepared = engine.prepare(open_source(portrait(HOPPER).image, models()))
        patches.append(engine.swap(Frame(target.image, 0, 0, Fraction(1)), [face], prepared)[0])
    bare, over_dark, worn = patches
    assert bare is not None
    assert over_dark is not None
    assert worn is not None
    assert np.array_equal(bare.crop, over_dark.crop)
    assert np.array_equal(bare.mask, over_dark.mask)
    assert not np.array_equal(bare.crop, worn.crop)


def _lit(image: Image, gain: float) -> Image:
    """Return the picture as a camera shows it in `gain` times the light, blown out where that is too much."""
    return np.asarray(np.clip(np.power(image / 255, 2.2) * gain, 0, 1) ** (1 / 2.2) * 255, np.uint8)


def test_in_a_flash_the_face_is_as_bright_and_as_deep_as_in_calm_light() -> None:
    target = portrait(COLLINS)
    calm = _lit(target.image, 0.3)
    pipeline = open_pipeline(Settings(grain=0, smoothing=0), models(), open_source(portrait(HOPPER).image, models()))
    results = []
    for index in range(9):
        image = _lit(calm, 4.0) if index == 8 else calm.copy()
        results.append(pipeline.swap_frame(Frame(image, index, index, Fraction(1, 30))).frame.image)
    wanted, made = _lit(results[7], 4.0), results[8]
    mask = face_mask(target.landmarks.points, made.shape, 0.15) > 0
    off = made[mask].astype(float) - wanted[mask]
    assert abs(off.mean()) < 4
    assert np.abs(off).mean() < 7


def test_on_pale_skin_the_dark_ring_round_a_shaved_mouth_fades_and_lips_stay() -> None:
    """Dark skin is darker round the mouth by itself: only where a beard grows is that hair."""
    target, photo = portrait(HOPPER), portrait(COLLINS)
    source = open_source(photo.image, models())
    shade = np.ones(source.image.shape[:2], np.float32)
    points = source.landmarks.points[:, :2].round().astype(np.int32)
    cv2.fillConvexPoly(shade, cv2.convexHull(points[[98, 327, 287, 57]]), 0.6)
    dark = source.image * 0.4 * cv2.GaussianBlur(shade, (0, 0), 2)[:, :, None]
    engine = MeshEngine(Settings())
    shaved = engine.prepare(replace(source, image=np.asarray(dark, np.uint8)))
    bearded = replace(shaved, rough=(landmark_sets.BEARD,))
    assert shaved.beard is None
    frame, face = Frame(target.image, 0, 0, Fraction(1)), TrackedFace(1, target.landmarks, 1)
    patches = [engine.swap(frame, [face], prepared)[0] for prepared in (shaved, bearded)]
    crops = [each.crop.astype(np.float32) for each in patches if each is not None]
    assert patches[0] is not None
    local = target.landmarks.points[:, :2] - patches[0].crop_to_frame[:, 2]
    above, forehead, lip = (local[number].round().astype(int) for number in (165, 151, 17))
    away, beside, mouth = (
        [float(crop[y - 3 : y + 4, x - 3 : x + 4].mean()) for crop in crops] for x, y in (above, forehead, lip)
    )
    assert away[0] > away[1] + 4
    assert abs(beside[0] - beside[1]) < 2
    assert abs(mouth[0] - mouth[1]) < 4


def test_creases_that_are_known_are_pressed_into_the_new_face_and_nothing_else_is() -> None:
    target = portrait(COLLINS)
    texture = unwrap(target.image, target.landmarks.points)
    middle, line = texture_points(SIDE)[9].round().astype(int), texture.copy()
    line[middle[1] + 1 : middle[1] + 8, middle[0] - 3] //= 2
    seen = np.ones((SIDE, SIDE), np.float32)
    creases = creases_of(line, texture.astype(np.float32), seen, 1.0)
    engine = MeshEngine(Settings())
    prepared = engine.prepare(open_source(portrait(HOPPER).image, models()))
    made = []
    for each in (None, creases):
        face = TrackedFace(1, target.landmarks, 1, known=KnownFace(neutral(target.landmarks.points), creases=each))
        patch = engine.swap(Frame(target.image, 0, 0, Fraction(1)), [face], prepared)[0]
        assert patch is not None
        made.append(patch)
    local = target.landmarks.points - np.array([*made[0].crop_to_frame[:, 2], 0], np.float32)
    bare, creased = (unwrap(patch.crop, local).astype(np.float32) for patch in made)
    change = (creased - bare)[:, :, 1] / (bare[:, :, 1] + 1)
    assert change[middle[1] + 2 : middle[1] + 7, middle[0] - 3].mean() < -0.1
    assert np.abs(change[2 * middle[1] :]).max() == 0
