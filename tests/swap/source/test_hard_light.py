"""Hard light and smiles: patches of light and folds go, the face's own relief, beard and features stay."""

import cv2
import numpy as np
import pytest

from mien.face import landmark_sets
from mien.face.mean_face import texture_points
from mien.face.texels import texel_map
from mien.models.format.parsing import FaceClass
from mien.swap.source.fill import HOLE_SIDE
from mien.swap.source.hard_light import TUNING, blown_out, even_face, evened, mouth_width, smile_folds, unevenness
from mien.swap.source.light import tint_of, untinted
from mien.swap.source.regions import GRID
from mien.types import Array, Floats, Image
from tests.support.portraits import COLLINS, portrait

_EVEN = np.ones((GRID, GRID, 3), np.float32)
_SEEN = texel_map(GRID).inside.astype(np.float32)
_CALM, _GRIN = 0.55, 0.85  # widths of the mouth in eye distances


def _face() -> Image:
    """A face in even light with a relief of its own, BGR uint8 (256, 256, 3)."""
    usual = even_face(HOLE_SIDE)
    luma, blue, red = (usual.mean[:, :, channel] for channel in range(3))
    relief = cv2.GaussianBlur(np.random.default_rng(3).normal(size=(HOLE_SIDE, HOLE_SIDE)).astype(np.float32), (0, 0), 8)
    whole = 110 * np.exp(luma + np.minimum(usual.deviation[:, :, 0], 0.06) * relief / relief.std())
    picture = np.dstack([whole * 0.8 * np.exp(blue), np.zeros_like(whole), whole * 1.2 * np.exp(red)])
    picture[:, :, 1] = (whole - 0.114 * picture[:, :, 0] - 0.299 * picture[:, :, 2]) / 0.587
    return np.asarray(np.clip(picture + 0.5, 0, 255), np.uint8)


def _spot(middle: int, radius: float) -> Floats:
    """A soft disc round a landmark, float32 (256, 256, 1), 0..1."""
    area = np.zeros((HOLE_SIDE, HOLE_SIDE), np.float32)
    x, y = texture_points(HOLE_SIDE)[middle].round().astype(int)
    cv2.circle(area, (int(x), int(y)), round(radius * HOLE_SIDE), 1.0, -1)
    return np.asarray(cv2.GaussianBlur(area, (0, 0), 2), np.float32)[:, :, None]


def _mended(picture: Image, mouth: float = _CALM, classes: Array | None = None, *, folds: bool = False) -> Image:
    return evened(picture, _EVEN, _SEEN, unevenness(picture, _EVEN, _SEEN, _SEEN, classes), mouth, folds=folds)


def _shine(*, right_cheek: bool = True) -> Floats:
    """Sun on forehead, nose and cheeks, as a factor."""
    spots = [_spot(151, 0.12), _spot(4, 0.08), _spot(280, 0.08)] + [_spot(50, 0.12)] * right_cheek
    return np.asarray(1 + 0.9 * np.maximum.reduce(spots))


def _error(picture: Image, wanted: Image, where: Floats) -> float:
    return float((np.abs(picture.astype(np.float32) - wanted) * where).sum() / (3 * where.sum()))


def test_an_evenly_lit_calm_face_stays_as_it_is() -> None:
    face = _face()
    assert unevenness(face, _EVEN, _SEEN, _SEEN, None).hardness < 1.0
    assert np.array_equal(_mended(face), face)


def test_patches_of_sun_go() -> None:
    face, shine = _face(), _shine()
    sunny = np.asarray(np.clip(face * shine, 0, 255), np.uint8)
    assert unevenness(sunny, _EVEN, _SEEN, _SEEN, None).hardness > TUNING.hardness[1]
    where = np.asarray((shine > 1.7).astype(np.float32))
    before, after = _error(sunny, face, where), _error(_mended(sunny), face, where)
    assert after < 0.3 * before


def test_light_of_several_colours_is_taken_off() -> None:
    face = _face()
    warm = np.maximum.reduce([_spot(50, 0.2), _spot(4, 0.14)])
    lit = np.asarray(np.clip(face * (1 + warm * np.array([-0.5, 0, 0.25], np.float32)), 0, 255), np.uint8)
    found = unevenness(lit, _EVEN, _SEEN, _SEEN, None)
    assert found.hue > TUNING.hue[1]
    where = np.asarray(warm > 0.5, np.float32)
    assert _error(_mended(lit), face, where) < 0.6 * _error(lit, face, where)


def test_skin_beside_a_patch_stays() -> None:
    face, shine = _face(), _shine()
    mended = _mended(np.asarray(np.clip(face * shine, 0, 255), np.uint8))
    beside = np.asarray((shine < 1.01) & (even_face(HOLE_SIDE).deviation[:, :, :1] < TUNING.steady), np.float32)
    # The middle of the skin is sought among all of it, the patches included.
    assert _error(mended, face, beside) < 4


def test_a_beard_stays_dark() -> None:
    face, shine = _face(), _shine()
    beard = _spot(152, 0.12)
    shown = np.asarray(np.clip(face * shine * (1 - 0.6 * beard), 0, 255), np.uint8)
    classes = np.zeros((len(FaceClass), GRID, GRID), np.uint8)
    classes[FaceClass.BEARD] = 255 * cv2.resize(beard, (GRID, GRID))
    where = np.asarray(beard > 0.9, np.float32)
    assert _error(_mended(shown, classes=classes), shown, where) < 3
    assert _error(_mended(shown), shown, where) > 10


def test_eyes_stay_dark() -> None:
    face, shine = _face(), _shine()
    pupil = _spot(landmark_sets.RIGHT_IRIS, 0.02)
    shown = np.asarray(np.clip(face * shine * (1 - 0.7 * pupil), 0, 255), np.uint8)
    assert _error(_mended(shown), shown, np.asarray(pupil > 0.9, np.float32)) < 8


def _fold() -> Floats:
    """A line from the wing of the nose past the mouth, float32 (256, 256, 1), 0..1."""
    fold = np.zeros((HOLE_SIDE, HOLE_SIDE), np.float32)
    start, end = texture_points(HOLE_SIDE)[[203, 212]].round().astype(int)
    cv2.line(fold, (int(start[0]), int(start[1])), (int(end[0]), int(end[1])), 1.0, 4)
    return np.asarray(cv2.GaussianBlur(fold, (0, 0), 1.5), np.float32)[:, :, None]


def test_folds_of_a_smile_go_and_those_of_a_calm_face_stay() -> None:
    face, fold = _face(), _fold()
    calm, folded = (np.asarray(face * (1 - share * fold), np.uint8) for share in (0.2, 0.5))
    where = np.asarray(fold > 0.6, np.float32)
    assert np.array_equal(_mended(calm, _CALM), calm)
    assert _error(_mended(folded, _GRIN), face, where) < 0.3 * _error(folded, face, where)


def test_folds_that_stay_are_whole_lines_in_hard_light() -> None:
    face, fold = _face(), _fold()
    light = np.asarray(0.6 + 0.4 * _shine(right_cheek=False) ** 2)
    soft, hard = (np.asarray(np.clip(face * each * (1 - 0.4 * fold), 0, 255), np.uint8) for each in (1.0, light))
    assert unevenness(hard, _EVEN, _SEEN, _SEEN, None).hardness > TUNING.hardness[0]
    line = (fold[:, :, 0] > 0.6) & (smile_folds() > 0.9)
    shown = [_mended(each, _GRIN, folds=True) for each in (soft, hard)]
    depth = [float((np.log(face[line] + 6.0) - np.log(each[line] + 6.0)).mean()) for each in shown]
    assert 0.05 < depth[1] <= depth[0] < 0.4, "hard light makes no deeper fold"
    darker = [
        float((face[y][line[y]].astype(float) - shown[1][y][line[y]]).mean()) for y in range(150, 200) if line[y].sum() > 1
    ]
    assert min(darker) > 5, "nowhere broken"


def test_painted_lips_of_a_smile_keep_their_width_and_stain_no_skin() -> None:
    face, flat = _face(), texture_points(HOLE_SIDE)
    area = np.zeros((HOLE_SIDE, HOLE_SIDE), np.uint8)
    for loop, value in ((landmark_sets.OUTER_LIPS, 1), (landmark_sets.INNER_LIPS, 0)):
        cv2.fillPoly(area, [flat[list(loop)].round().astype(np.int32)], value)
    painted = np.where(area[:, :, None] > 0, np.asarray(face * np.array([0.5, 0.4, 0.75]), np.uint8), face)
    mended = _mended(painted, _GRIN)
    redness = [np.log(each[:, :, 2] + 1.0) - np.log(each[:, :, 1] + 1.0) for each in (face, painted, mended)]
    for upper, lower in ((185, 191), (40, 80), (409, 415), (270, 310), (146, 95), (91, 88), (375, 324), (321, 318)):
        x, y = ((flat[upper] + flat[lower]) / 2).round().astype(int)
        bare, lip, left = (float(each[y, x]) for each in redness)
        assert left - bare > 0.6 * (lip - bare)
    beside = np.asarray(cv2.dilate(area, np.ones((25, 25), np.uint8)) - cv2.dilate(area, np.ones((9, 9), np.uint8)), np.float32)
    assert _error(mended, _mended(face, _GRIN), beside[:, :, None]) < 1


def test_a_moustache_in_a_smile_stays() -> None:
    face, fold = _face(), np.maximum(_fold(), _fold()[:, ::-1])
    hairy = np.asarray(face * (1 - 0.5 * fold), np.uint8)
    classes = np.zeros((len(FaceClass), GRID, GRID), np.uint8)
    classes[FaceClass.BEARD] = np.clip(400 * cv2.resize(fold, (GRID, GRID)), 0, 255)
    where = np.asarray(fold > 0.6, np.float32)
    assert _error(_mended(hairy, _GRIN, classes), hairy, where) < 3


def _cast_shadow() -> Floats:
    """A shadow with an edge over the skin right of the nose, below the eye, as a factor; float32 (256, 256, 1)."""
    flat = texture_points(HOLE_SIDE)
    area = np.zeros((HOLE_SIDE, HOLE_SIDE), np.float32)
    places = flat[[4, 168, 347, 411, 423]].round().astype(np.int32)
    cv2.fillConvexPoly(area, cv2.convexHull(places), 1.0)
    return np.asarray(1 - 0.6 * cv2.GaussianBlur(area, (0, 0), 1.0), np.float32)[:, :, None]


def test_a_shadow_of_one_side_is_lifted() -> None:
    face, shadow = _face(), _cast_shadow()
    shaded = np.asarray(face * shadow, np.uint8)
    found = unevenness(shaded, _EVEN, _SEEN, _SEEN, None)
    assert found.lopsided > TUNING.lopsided[1]
    assert found.hardness < TUNING.hardness[0], "the rest of the face is evenly lit"
    mended = _mended(shaded)
    skin = even_face(HOLE_SIDE).deviation[:, :, :1] < TUNING.steady
    dark = np.asarray((shadow < 0.45) & skin, np.float32)
    assert _error(mended, face, dark) < 0.4 * _error(shaded, face, dark)
    other = np.asarray(dark[:, ::-1])
    assert _error(mended, face, other) < 4, "the lit side stays"


def test_the_edge_of_a_lifted_shadow_leaves_no_line() -> None:
    face, shadow = _face(), _cast_shadow()
    shaded = np.asarray(face * shadow, np.uint8)
    skin = even_face(HOLE_SIDE).deviation[:, :, :1] < TUNING.steady
    edge = np.asarray((shadow > 0.5) & (shadow < 0.9) & skin, np.float32)
    assert edge.sum() > 50
    assert _error(_mended(shaded), face, edge) < 0.5 * _error(shaded, face, edge)


def test_sides_that_differ_as_faces_do_stay() -> None:
    face = _face()
    warmer = np.asarray(face * (1 - 0.05 * _spot(280, 0.08)), np.uint8)
    assert unevenness(warmer, _EVEN, _SEEN, _SEEN, None).lopsided < TUNING.lopsided[0]
    assert np.array_equal(_mended(warmer), warmer)


def test_a_hard_patch_is_evened_on_a_face_in_even_light() -> None:
    face = _face()
    both = np.maximum(_spot(50, 0.08), _spot(280, 0.08))
    shown = np.asarray(np.clip(face * (1 + 0.8 * both), 0, 255), np.uint8)
    assert unevenness(shown, _EVEN, _SEEN, _SEEN, None).hardness < TUNING.hardness[0]
    where = np.asarray(both > 0.9, np.float32)
    assert _error(_mended(shown), face, where) < 0.5 * _error(shown, face, where)


def test_a_deep_fold_that_looks_like_hair_goes_in_hard_light() -> None:
    fold = np.maximum(_fold(), _fold()[:, ::-1])
    lit = np.asarray(np.clip(_face() * _shine(), 0, 255), np.uint8)
    folded, hairy = (
        np.asarray(lit * (1 - fold * np.array(share, np.float32)), np.uint8) for share in ((0.78, 0.72, 0.62), (0.7, 0.7, 0.7))
    )
    classes = np.zeros((len(FaceClass), GRID, GRID), np.uint8)
    classes[FaceClass.BEARD] = np.clip(150 * cv2.resize(fold, (GRID, GRID)), 0, 90)
    where = np.asarray(fold > 0.6, np.float32)
    assert _error(_mended(folded, _GRIN, classes), _mended(lit), where) < 0.4 * _error(folded, lit, where)
    assert _error(_mended(hairy, _GRIN, classes), _mended(lit), where) > 0.5 * _error(hairy, lit, where), "hair is not red"


def test_blown_out_skin_is_found_and_bright_eyes_and_teeth_are_not() -> None:
    face = _face()
    assert not blown_out(face).any()
    shown = face.copy()
    shown[(_spot(50, 0.08) > 0.5)[:, :, 0]] = (240, 255, 255)
    for number in (landmark_sets.LEFT_IRIS, 13):
        shown[(_spot(number, 0.01) > 0.5)[:, :, 0]] = 255
    lost = blown_out(shown)
    x, y = texture_points(HOLE_SIDE)[50].round().astype(int)
    assert lost[y, x] > 0.9
    for number in (landmark_sets.LEFT_IRIS, 13, 280):
        x, y = texture_points(HOLE_SIDE)[number].round().astype(int)
        assert lost[y, x] < 0.2
    red = face.copy()
    red[:, :, 2] = 255
    assert not blown_out(red).any(), "red alone is clipped early"


def test_nothing_is_changed_where_the_face_is_not_seen() -> None:
    sunny = np.asarray(np.clip(_face() * _shine(), 0, 255), np.uint8)
    nothing = np.zeros((GRID, GRID), np.float32)
    found = unevenness(sunny, _EVEN, nothing, nothing, None)
    assert found.hardness == 0
    assert np.array_equal(evened(sunny, _EVEN, _SEEN, found, _CALM), sunny)


def test_the_width_of_a_mouth_does_not_depend_on_the_size() -> None:
    points = portrait(COLLINS).landmarks.points
    assert mouth_width(points * 2) == pytest.approx(mouth_width(points))
    assert 0.45 < mouth_width(points) < 0.9


def test_a_neutral_highlight_on_red_skin_does_not_turn_green() -> None:
    skin = np.full((GRID, GRID, 3), (45, 70, 150), np.uint8)
    skin[40:60, 55:75] = 190
    tint = tint_of(skin)
    assert tint is not None
    even = untinted(skin, tint)
    green, red = (int(value) for value in even[50, 65, 1:])
    assert green <= red + 2
    # The skin itself loses its excess of red.
    assert int(even[100, 64, 2]) < 140


def test_paint_is_told_from_skin() -> None:
    face = _face()
    assert unevenness(face, _EVEN, _SEEN, _SEEN, None).painted == 0
    blue = face.copy()
    blue[_spot(50, 0.2)[:, :, 0] > 0.5] = (200, 80, 40)
    assert unevenness(blue, _EVEN, _SEEN, _SEEN, None).painted > 0.05
