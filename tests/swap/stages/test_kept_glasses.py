"""The wearer's glasses stay whole in front of the new face, also where the parser misses them; bare faces are not touched."""

from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest

from mien.face.aligned_crop import cut
from mien.imaging import geometry
from mien.models.format.parsing import SIDE, TEMPLATE, FaceClass
from mien.swap.stages.kept_glasses import TUNING, KeptGlasses
from mien.swap.stream_state import stream_bytes
from mien.types import FacePatch, Frame, Image, KnownFace, Mask, ParsedFace, TrackedFace
from tests.support.portraits import COLLINS, portrait

_NEW = 90


def _worn(rim: int = 25, *, missed: bool = False, thickness: int = 2) -> tuple[Image, TrackedFace, Mask]:
    """Return a portrait with drawn rims, the face as parsed, and the rims, uint8 (h, w), 255 on them.

    The parser has `missed` the lower half of the rims.
    """
    person = portrait(COLLINS)
    image, points = person.image.copy(), person.landmarks.points
    eyes = float(np.linalg.norm(points[33, :2] - points[263, :2]))
    rims, lenses = np.zeros(image.shape[:2], np.uint8), np.zeros(image.shape[:2], np.uint8)
    middles = [points[list(pair), :2].mean(axis=0).round().astype(int) for pair in ((33, 133), (263, 362))]
    axes = round(0.3 * eyes), round(0.22 * eyes)
    for x, y in middles:
        cv2.ellipse(lenses, (int(x), int(y)), axes, 0, 0, 360, 255, -1)
        cv2.ellipse(rims, (int(x), int(y)), axes, 0, 0, 360, 255, thickness, cv2.LINE_AA)
    (right_x, right_y), (left_x, left_y) = middles
    cv2.line(rims, (int(right_x) + axes[0], int(right_y)), (int(left_x) - axes[0], int(left_y)), 255, thickness, cv2.LINE_AA)
    image[:] = image + (rim - image.astype(np.float32)) * (rims[:, :, None] / np.float32(255))
    seen = rims.copy()
    if missed:
        seen[int(middles[0][1]) :] = 0
    crop = cut(image, points, TEMPLATE, SIDE)
    shares = np.zeros((len(FaceClass), SIDE, SIDE), np.uint8)
    for kind, area in ((FaceClass.RIM, cv2.dilate(seen, np.ones((5, 5)))), (FaceClass.LENS, lenses)):
        shares[kind] = cv2.warpAffine(area, crop.frame_to_crop, (SIDE, SIDE), flags=cv2.INTER_AREA)
    parsed = ParsedFace(shares, geometry.apply(crop.frame_to_crop, points[:, :2]))
    return image, TrackedFace(1, person.landmarks, 1, known=KnownFace(points, parsed=parsed)), rims


def _result(glasses: KeptGlasses, image: Image, face: TrackedFace, off: frozenset[int] = frozenset()) -> FacePatch:
    """Return a grey patch over the whole picture with the glasses cut out."""
    patch = FacePatch(np.full_like(image, _NEW), np.full(image.shape[:2], 255, np.uint8), np.eye(2, 3))
    ((_, kept),) = glasses.keep(Frame(image, 0, 0, Fraction(1, 30)), [(face, patch)], off)
    return kept


def _shown(patch: FacePatch, image: Image, rims: Mask) -> float:
    """Return the share of the rims' pixels that the result shows as the picture does."""
    share = patch.mask[:, :, None] / np.float32(255)
    result = image + (patch.crop - image.astype(np.float32)) * share
    return float((np.abs(result - image).max(axis=2)[rims > 230] < 25).mean())


@pytest.mark.parametrize(("rim", "thickness", "missed"), [(25, 2, False), (25, 2, True), (215, 1, True), (60, 3, False)])
def test_rims_stay_whole_also_where_the_parser_misses_them(rim: int, thickness: int, missed: bool) -> None:
    image, face, rims = _worn(rim, missed=missed, thickness=thickness)
    patch = _result(KeptGlasses(), image, face)
    assert _shown(patch, image, rims) > 0.9
    far = cv2.dilate(rims, np.ones((25, 25), np.uint8)) == 0
    beside = far[:, :, None] & (np.abs(patch.crop.astype(int) - _NEW) > 0)
    eyes = face.landmarks.points[[468, 473], :2].round().astype(int)
    assert all(patch.mask[y, x] == 255 for x, y in eyes)
    # What is kept beside them are arms, and what was taken for one.
    assert (patch.mask[far] < 200).mean() < 0.002
    assert beside.mean() < 0.01


def _blind(face: TrackedFace) -> TrackedFace:
    """Return the face as a parser sees it that sees nothing."""
    assert face.known is not None
    assert face.known.parsed is not None
    nothing = replace(face.known.parsed, shares=np.zeros_like(face.known.parsed.shares))
    return replace(face, known=replace(face.known, parsed=nothing))


@pytest.mark.parametrize(("rim", "thickness"), [(25, 2), (215, 1)])
def test_the_picture_tells_of_glasses_that_the_parser_does_not_see(rim: int, thickness: int) -> None:
    image, face, rims = _worn(rim, thickness=thickness)
    assert _shown(_result(KeptGlasses(), image, _blind(face)), image, rims) > 0.85


def test_they_move_with_the_head_and_go_when_nothing_shows_them_any_more() -> None:
    image, face, rims = _worn()
    memory = KeptGlasses()
    _result(memory, image, face)
    moved = np.roll(image, (3, 6), axis=(0, 1))
    points = face.landmarks.points + np.array([6, 3, 0], np.float32)
    after = replace(_blind(face), landmarks=replace(face.landmarks, points=points))
    patch = _result(memory, moved, after)
    assert _shown(patch, moved, np.roll(rims, (3, 6), axis=(0, 1))) > 0.9
    bare = np.roll(portrait(COLLINS).image, (3, 6), axis=(0, 1))
    for _ in range(TUNING.kept_frames + 2 * TUNING.every_frames):
        patch = _result(memory, bare, after)
    assert patch.mask.min() == 255


def test_bare_faces_dark_glasses_and_those_that_were_taken_off_are_left_alone() -> None:
    image, face, _ = _worn()
    assert face.known is not None
    parsed = face.known.parsed
    assert parsed is not None
    others = [replace(face.known, parsed=each) for each in (None, replace(parsed, dark=True))]
    seen = [(image, replace(face, known=known)) for known in (None, *others)]
    for picture, each in (*seen, (portrait(COLLINS).image, _blind(face))):
        patch = _result(KeptGlasses(), picture, each)
        assert patch.mask.min() == 255
        assert (patch.crop == _NEW).all()
    assert _result(KeptGlasses(), image, face, frozenset({1})).mask.min() == 255


def test_a_face_at_the_border_of_the_picture_does_no_harm() -> None:
    image, face, _ = _worn()
    x = int(face.landmarks.points[468, 0])
    part = np.ascontiguousarray(image[:, x:])
    moved = face.landmarks.points - np.array([x, 0, 0], np.float32)
    patch = _result(KeptGlasses(), part, replace(face, landmarks=replace(face.landmarks, points=moved)))
    assert patch.mask.min() < 100


def test_what_is_known_of_glasses_goes_on_elsewhere_with_the_same_bits() -> None:
    image, face, _ = _worn()
    here = KeptGlasses()
    _result(here, image, face)
    (elsewhere,) = stream_bytes({}).read(stream_bytes({}).write((here,), {}), {})
    for _ in range(TUNING.every_frames + 1):
        wanted, found = (_result(each, image, face) for each in (here, elsewhere))
        np.testing.assert_array_equal(found.mask, wanted.mask)
        np.testing.assert_array_equal(found.crop, wanted.crop)
