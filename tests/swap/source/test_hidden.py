"""Hidden parts of a photo's texture, and what becomes of them."""

import cv2
import numpy as np
import pytest

from mien.face import landmark_sets
from mien.face.mean_face import texture_points
from mien.models.format.parsing import FaceClass
from mien.swap.source.hidden import Hidden, hidden_parts, terminator
from mien.swap.source.regions import GRID
from mien.types import Array, Floats, Image
from tests.support.portraits import COLLINS, portrait

_BROWS = landmark_sets.RIGHT_BROW, landmark_sets.LEFT_BROW


def _classes(*shown: tuple[FaceClass, Array]) -> Array:
    """Shares of a face that is skin, with brows, but for what is `shown`: a class and where."""
    classes = np.zeros((len(FaceClass), GRID, GRID), np.uint8)
    classes[FaceClass.SKIN] = 255
    for kind, where in ((FaceClass.BROW, _hull(*_BROWS[0]) | _hull(*_BROWS[1])), *shown):
        classes[:, where] = 0
        classes[kind, where] = 255
    return classes


def _hull(*loop: int) -> Array:
    area = np.zeros((GRID, GRID), np.uint8)
    cv2.fillConvexPoly(area, cv2.convexHull(texture_points(GRID)[list(loop)].round().astype(np.int32)), 1)
    return area > 0


def _own(classes: Array) -> Image:
    """A texture whose hair and rims are dark."""
    dark = classes[[FaceClass.HAIR, FaceClass.RIM, FaceClass.THING]].max(axis=0) > 127
    small = np.where(dark[:, :, None], np.uint8(30), np.array([120, 140, 190], np.uint8)).astype(np.uint8)
    return np.asarray(cv2.resize(small, (2 * GRID, 2 * GRID), interpolation=cv2.INTER_NEAREST), np.uint8)


def _hidden(classes: Array, yaw: float = 0.0, points: Floats | None = None) -> Hidden:
    found = portrait(COLLINS).landmarks.points if points is None else points
    return hidden_parts(_own(classes), classes, found, yaw, np.ones((GRID, GRID), np.float32))


def _over(number: int) -> Array:
    """Hair from the top of the texture down to the lids, over one brow."""
    flat = texture_points(GRID)[list(_BROWS[number])]
    rows, columns = np.mgrid[0:GRID, 0:GRID]
    between = (columns > flat[:, 0].min() - 4) & (columns < flat[:, 0].max() + 4)
    return np.asarray((rows < flat[:, 1].max() + 3) & between)


def test_a_bare_face_is_worn_as_it_is() -> None:
    found = _hidden(_classes())
    assert not found.holes.any()
    assert not found.unknown.any()
    assert not found.mirrored.any()
    assert found.brows == 2
    assert not found.closed


def test_brows_under_a_fringe_are_not_worn() -> None:
    found = _hidden(_classes((FaceClass.HAIR, _over(0)), (FaceClass.HAIR, _over(1))))
    assert found.brows == 0
    for loop in _BROWS:
        assert float(found.unknown[_hull(*loop)].mean()) > 0.95
    between = texture_points(GRID)[[9, 8]].mean(0).astype(int)
    assert found.unknown[between[1], between[0]] > 0.8, "what lies between them goes with them"


@pytest.mark.parametrize("number", [0, 1])
def test_one_hidden_brow_is_the_mirror_image_of_the_other(number: int) -> None:
    found = _hidden(_classes((FaceClass.HAIR, _over(number))))
    assert found.brows == 1
    assert float(found.mirrored[_hull(*_BROWS[number])].mean()) > 0.95
    assert float(found.mirrored[_hull(*_BROWS[1 - number])].max()) < 0.1
    assert float(found.unknown[_hull(*_BROWS[number])].mean()) < 0.3


def test_brows_under_rims_are_worn() -> None:
    rims = _hull(*_BROWS[0]) | _hull(*_BROWS[1])
    found = _hidden(_classes((FaceClass.RIM, rims)))
    assert found.brows == 2
    assert float(found.unknown[rims].max()) < 0.05
    assert float(found.rims[cv2.resize(rims.astype(np.uint8), (256, 256)) > 0].mean()) > 0.9
    assert not _hidden(_classes((FaceClass.HAIR, _over(0)))).rims.any()


def test_hair_on_the_forehead_hides_what_lies_above_it() -> None:
    strip = np.zeros((GRID, GRID), bool)
    strip[16:24, 50:78] = True
    found = _hidden(_classes((FaceClass.HAIR, strip)))
    assert float(found.unknown[4:16, 56:72].min()) > 0.5
    assert found.brows == 2


def test_the_lids_below_hidden_brows_are_worn() -> None:
    found = _hidden(_classes((FaceClass.HAIR, _over(0) & ~_lids(0)), (FaceClass.HAIR, _over(1) & ~_lids(1))))
    assert found.brows == 0
    for number in (0, 1):
        assert float(found.unknown[_lids(number)].mean()) < 0.15
        assert float(_small(found.holes)[_lids(number)].max()) < 0.3, "lashes are no edge of hair"


def test_half_an_eye_under_hair_is_not_filled_from_around() -> None:
    x = int(texture_points(GRID)[landmark_sets.RIGHT_IRIS][0].round())
    half = _lids(0) & (np.arange(GRID)[None] < x - 2)
    found = _hidden(_classes((FaceClass.HAIR, half)))
    eye = _hull(*landmark_sets.RIGHT_EYE)
    assert float(found.unknown[eye & half].mean()) > 0.7
    assert float(found.unknown[eye & (np.arange(GRID)[None] > x + 4)].max()) < 0.3
    assert float(found.unknown[_lids(1)].max()) < 0.05


def _lids(number: int) -> Array:
    return _hull(*(landmark_sets.RIGHT_LIDS, landmark_sets.LEFT_LIDS)[number])


def _small(holes: Floats) -> Floats:
    return np.asarray(cv2.resize(holes, (GRID, GRID), interpolation=cv2.INTER_AREA), np.float32)


def test_a_thin_strand_on_a_cheek_is_filled() -> None:
    strand = np.zeros((GRID, GRID), np.uint8)
    cv2.line(strand, (30, 60), (40, 95), 1, 2)
    found = _hidden(_classes((FaceClass.HAIR, strand > 0)))
    assert float(found.holes[cv2.resize(strand, (256, 256), interpolation=cv2.INTER_NEAREST) > 0].mean()) > 0.9
    assert float(found.unknown.max()) < 0.3


def test_rims_are_filled_and_the_eyes_are_kept() -> None:
    lenses, rims = np.zeros((GRID, GRID), np.uint8), np.zeros((GRID, GRID), np.uint8)
    for loop in (landmark_sets.RIGHT_EYE, landmark_sets.LEFT_EYE):
        x, y = texture_points(GRID)[list(loop)].mean(0).round().astype(int).tolist()
        cv2.ellipse(lenses, (x, y), (17, 11), 0, 0, 360, 1, -1)
        cv2.ellipse(rims, (x, y), (17, 11), 0, 0, 360, 1, 2)
    found = _hidden(_classes((FaceClass.LENS, lenses > 0), (FaceClass.RIM, rims > 0)))
    wide = cv2.resize(rims, (256, 256), interpolation=cv2.INTER_NEAREST) > 0
    assert float(found.holes[wide].mean()) > 0.85
    for loop in (landmark_sets.RIGHT_EYE, landmark_sets.LEFT_EYE):
        eye = cv2.resize(_hull(*loop).astype(np.uint8), (256, 256), interpolation=cv2.INTER_NEAREST) > 0
        assert float(found.holes[eye].mean()) < 0.15
    assert float(found.unknown.max()) < 0.05


def test_a_thick_rim_at_the_corner_of_an_eye_is_filled() -> None:
    hinge = np.zeros((GRID, GRID), bool)
    x, y = texture_points(GRID)[landmark_sets.EYE_CORNERS[0]].round().astype(int).tolist()
    hinge[y - 3 : y + 4, x - 12 : x] = True
    found = _hidden(_classes((FaceClass.RIM, hinge)))
    assert float(found.holes[2 * y - 3 : 2 * y + 4, 2 * x - 10 : 2 * x - 3].min()) > 0.8, "a blot would stay at the lids"
    bare = _hidden(_classes((FaceClass.RIM, np.roll(hinge, -8, axis=1))))
    assert float(bare.holes[2 * y, 2 * x - 1]) < 0.3, "no rim lies there"


def _with_thin_rims(kind: FaceClass) -> tuple[Image, Array, Array]:
    """A face with a thin dark line below each pane, that line, and classes that show rims beside the panes alone."""
    lens, arms, line = (np.zeros((GRID, GRID), np.uint8), np.zeros((GRID, GRID), np.uint8), np.zeros((256, 256), np.uint8))
    for loop in (landmark_sets.RIGHT_EYE, landmark_sets.LEFT_EYE):
        x, y = texture_points(GRID)[list(loop)].mean(0).round().astype(int).tolist()
        cv2.ellipse(lens, (x, y), (15, 10), 0, 0, 360, 1, -1)
        cv2.ellipse(line, (2 * x, 2 * y), (34, 30), 0, 30, 150, 1, 1)
    arms[_arm_rows(), :30] = arms[_arm_rows(), -30:] = 1
    classes = _classes((FaceClass.LENS, lens > 0), (kind, arms > 0))
    own = _own(classes)
    own[line > 0] = 70
    return own, classes, line > 0


def _arm_rows() -> slice:
    y = int(texture_points(GRID)[landmark_sets.EYE_CORNERS[0], 1])
    return slice(y - 3, y + 3)


def test_a_thin_rim_that_the_parser_misses_is_filled() -> None:
    own, classes, line = _with_thin_rims(FaceClass.RIM)
    seen = np.ones((GRID, GRID), np.float32)
    found = hidden_parts(own, classes, portrait(COLLINS).landmarks.points, 0.0, seen)
    assert float(found.holes[line].mean()) > 0.9
    own, classes, line = _with_thin_rims(FaceClass.SKIN)
    found = hidden_parts(own, classes, portrait(COLLINS).landmarks.points, 0.0, seen)
    assert float(found.holes[line].mean()) < 0.5, "without any rim it is a wrinkle"


def test_what_the_pads_of_thin_glasses_reflect_is_filled() -> None:
    x, y = texture_points(GRID)[list(landmark_sets.RIGHT_EYE)].mean(0).round().astype(int).tolist()
    spot = 2 * x, 2 * (y + 5)
    filled = []
    for kind in (FaceClass.RIM, FaceClass.SKIN):
        own, classes, _ = _with_thin_rims(kind)
        cv2.circle(own, spot, 1, (255, 255, 255), -1)
        found = hidden_parts(own, classes, portrait(COLLINS).landmarks.points, 0.0, np.ones((GRID, GRID), np.float32))
        filled.append(float(found.holes[spot[1], spot[0]]))
    assert filled[0] > 0.6
    assert filled[1] < 0.2, "without glasses it is a tear or a spot of shine"


def test_the_edge_of_hair_is_wider_on_a_cheek_than_on_the_forehead() -> None:
    strands = np.zeros((GRID, GRID), np.uint8)
    strands[20:100, 24:30] = 1
    x = 2 * 30 + 5
    holes = _hidden(_classes((FaceClass.HAIR, strands > 0))).holes
    cheek, forehead = 2 * 85, 2 * 22
    assert float(holes[cheek, x]) > 0.9
    assert float(holes[forehead, x]) < 0.3
    things = _hidden(_classes((FaceClass.THING, strands > 0))).holes
    assert float(things[cheek, x]) < 0.3, "a thing throws no strands"


def test_a_pale_rim_is_found_by_its_lens() -> None:
    lens = np.zeros((GRID, GRID), np.uint8)
    x, y = texture_points(GRID)[list(landmark_sets.RIGHT_EYE)].mean(0).round().astype(int).tolist()
    cv2.ellipse(lens, (x, y), (17, 14), 0, 0, 360, 1, -1)
    found = _hidden(_classes((FaceClass.LENS, lens > 0)))
    assert float(found.holes[2 * (y + 14), 2 * x]) > 0.8, "its lower edge"


@pytest.mark.parametrize(("yaw", "far"), [(30.0, np.s_[:, :50]), (-30.0, np.s_[:, 78:])])
def test_the_far_half_of_a_turned_face_is_mirrored(yaw: float, far: tuple[slice, slice]) -> None:
    found = _hidden(_classes(), yaw)
    assert float(found.mirrored[far].min()) == 1
    near = found.mirrored[:, ::-1][far]
    assert float(near.max()) == 0
    ridge = texture_points(256)[195].round().astype(int)
    assert float(found.ridge[ridge[1], ridge[0]]) > 0.9, "beyond the ridge the mesh finds background"


def test_only_half_the_nose_of_a_face_that_is_turned_a_little_is_mirrored() -> None:
    found = _hidden(_classes(), 12.0)
    wing, cheek = texture_points(GRID)[[129, 187]].round().astype(int)
    assert float(found.mirrored[wing[1], wing[0]]) > 0.9
    assert float(found.mirrored[cheek[1], cheek[0]]) < 0.1
    assert not _hidden(_classes(), 8.0).mirrored.any()


def test_the_near_brow_may_come_from_the_far_side() -> None:
    found = _hidden(_classes((FaceClass.HAIR, _over(1))), 30.0)
    assert float(found.mirrored[_hull(*_BROWS[0])].mean()) < 0.1, "the far brow is free"
    assert float(found.mirrored[_hull(*_BROWS[1])].mean()) > 0.95


def test_closed_eyes_are_not_worn() -> None:
    points = portrait(COLLINS).landmarks.points.copy()
    for upper, lower in ((159, 145), (386, 374)):
        points[[upper, lower]] = points[[upper, lower]].mean(0)
    found = _hidden(_classes(), points=points)
    assert found.closed
    assert float(found.unknown[_hull(*landmark_sets.RIGHT_EYE)].min()) > 0.9


def _panes(kind: FaceClass) -> tuple[FaceClass, Array]:
    panes = np.zeros((GRID, GRID), np.uint8)
    for loop in (landmark_sets.RIGHT_EYE, landmark_sets.LEFT_EYE):
        x, y = texture_points(GRID)[list(loop)].mean(0).round().astype(int).tolist()
        cv2.ellipse(panes, (x, y), (18, 13), 0, 0, 360, 1, -1)
    return kind, panes > 0


def test_eyes_behind_dark_glasses_are_not_worn() -> None:
    found = _hidden(_classes(_panes(FaceClass.SHADE)))
    assert found.dark
    for loop in (landmark_sets.RIGHT_EYE, landmark_sets.LEFT_EYE):
        assert float(found.unknown[_hull(*loop)].min()) > 0.9
    assert not _hidden(_classes(_panes(FaceClass.LENS))).dark


def test_tinted_panes_count_as_dark() -> None:
    classes = _classes(_panes(FaceClass.LENS))
    own = _own(classes)
    pane = cv2.resize(classes[FaceClass.LENS], own.shape[1::-1], interpolation=cv2.INTER_NEAREST) > 0
    own[pane] = own[pane] // 2
    found = hidden_parts(own, classes, portrait(COLLINS).landmarks.points, 0.0, np.ones((GRID, GRID), np.float32))
    assert found.dark


def test_a_hand_at_the_chin_leaves_the_forehead() -> None:
    hand = np.zeros((GRID, GRID), bool)
    hand[100:128, 40:90] = True
    found = _hidden(_classes((FaceClass.HAND, hand)))
    assert float(found.unknown[110:120, 55:75].min()) > 0.9
    assert float(found.unknown[:40].max()) < 0.05


def test_a_reflection_in_one_pane_hides_no_eye_of_the_photo() -> None:
    kind, panes = _panes(FaceClass.LENS)
    spot = panes.copy()
    spot[:, GRID // 2 :] = False
    spot &= np.cumsum(spot, axis=1) % 5 == 0
    found = _hidden(_classes((kind, panes), (FaceClass.SHADE, spot)))
    assert not found.dark
    for loop in (landmark_sets.RIGHT_EYE, landmark_sets.LEFT_EYE):
        assert float(found.unknown[_hull(*loop)].max()) < 0.1


def test_a_dark_spot_makes_no_dark_glasses() -> None:
    spot = np.zeros((GRID, GRID), bool)
    spot[80:82, 30:32] = True
    classes = _classes((FaceClass.LENS, spot))
    own = _own(classes)
    own[160:164, 60:64] = 20
    found = hidden_parts(own, classes, portrait(COLLINS).landmarks.points, 0.0, np.ones((GRID, GRID), np.float32))
    assert not found.dark


def test_the_shadow_of_half_a_face_ends_on_nose_and_upper_lip() -> None:
    strip = terminator(None)
    for number in (195, 164):
        x, y = texture_points(256)[number].round().astype(int)
        assert strip[y, x] > 0.9
    for number in (50, 98, 327, 13, 152):
        x, y = texture_points(256)[number].round().astype(int)
        assert strip[y + 1 if number == 13 else y - 1, x] == 0, "no cheek, no nostrils, no lips, no chin"
    moustache = np.zeros((GRID, GRID), bool)
    x, y = texture_points(GRID)[164].round().astype(int)
    moustache[y - 6 : y + 7, x - 10 : x + 11] = True
    assert terminator(_classes((FaceClass.BEARD, moustache)))[2 * y, 2 * x] == 0
    moustache[:, x:] = False
    assert terminator(_classes((FaceClass.BEARD, moustache)))[2 * y, 2 * x] > 0.9, "on one side alone it is the shadow"
