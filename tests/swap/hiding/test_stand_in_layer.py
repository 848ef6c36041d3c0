"""Layer of stand-ins: opaque on the cover, inside the cover alone, and nothing where the mesh is not sure."""

from array import array
from dataclasses import replace
from fractions import Fraction
from functools import cache

import cv2
import numpy as np
import pytest

from mien.assembly import factory, stand_ins
from mien.assembly.hiding_stand_ins import StandInParts, open_parts
from mien.face.head_pose import yaw_of_mesh
from mien.settings import Settings
from mien.swap.hiding.cover_plan import CoverPlan
from mien.swap.hiding.face_path import FacePath, Sighting
from mien.swap.hiding.frame_print import print_of
from mien.swap.hiding.hider import Hider, StandIns
from mien.swap.hiding.stand_in_layer import StandInLayer
from mien.swap.persona import Persona, open_persona
from mien.swap.stages.cover import BLUR, Cover
from mien.types import Frame, Image, Landmarks, TrackedFace
from tests.support import portraits

_SECRET = 7


@cache
def _parts() -> StandInParts:
    return open_parts(Settings())


@cache
def _persona() -> Persona:
    source = stand_ins.open_stand_in("stand-in-3", _parts().models)
    return open_persona(_parts().engine, source)


def _scene() -> tuple[Image, TrackedFace, FacePath, CoverPlan]:
    """A portrait with its face, the path of one sighting and the plan of its cover."""
    image = cv2.resize(portraits.read(portraits.HOPPER), (384, 450), interpolation=cv2.INTER_AREA)
    landmarks = portraits.locate(np.asarray(image, np.uint8))
    seen = portraits.models().photo_detector.detect(np.asarray(image, np.uint8))[0]
    path = FacePath(5, last_bound=0)
    path.add(Sighting.of(0, seen), firm=True)
    face = TrackedFace(1, landmarks, 3, yaw_of_mesh(landmarks.points))
    return np.asarray(image, np.uint8), face, path, CoverPlan([path], array("d", [0.0]))


def _drawn(face: TrackedFace, picture: Image, path: FacePath, plan: CoverPlan, number: int = 0) -> tuple[Image, Image, int]:
    """Return the picture under its cover, the same with the layer, and the number of stand-ins."""
    covered = picture.copy()
    Cover(BLUR, _SECRET).draw(covered, plan.regions(0))
    layer = StandInLayer({5: path}, {5: _persona()})
    result = covered.copy()
    worn = layer.draw(Frame(result, 0, 0, Fraction(1, 25)), number, plan.regions(0), [face])
    assert layer.drawn == {"covered": 1, "with_stand_in": len(worn)}
    return covered, result, len(worn)


def test_a_sure_face_wears_another_one_inside_its_cover_alone() -> None:
    image, face, path, plan = _scene()
    covered, result, count = _drawn(face, image, path, plan)
    assert count == 1
    changed = (covered != result).any(axis=2)
    ((_, region),) = plan.regions(0)
    rows, columns = np.nonzero(changed)
    assert all(region.grown(2).holds(x, y) for x, y in zip(columns.tolist(), rows.tolist(), strict=True))
    assert changed.sum() > 0.5 * np.prod(np.ptp(face.landmarks.points[:, :2], axis=0))
    own, worn = (portraits.recogniser().describe(each, face.landmarks) for each in (image, result))
    assert np.linalg.norm(own - worn) > 0.55


def test_no_own_pixel_is_in_the_result() -> None:
    """The layer never sees the bare picture; and where its face is opaque, not even the cover comes through."""
    image, face, path, plan = _scene()
    covered, result, _ = _drawn(face, image, path, plan)
    nose, cheek = (face.landmarks.points[number, :2].round().astype(int) for number in (1, 50))
    for x, y in (nose, cheek):
        place = slice(y - 4, y + 5), slice(x - 4, x + 5)
        other = covered.copy()
        # A cheek that stands out in the bare picture: it may shift the mean tone, but must not show where it is.
        other[place] = np.clip(other[place].astype(int) + 60, 0, 255)
        shown = other.copy()
        StandInLayer({5: path}, {5: _persona()}).draw(Frame(shown, 0, 0, Fraction(1, 25)), 0, plan.regions(0), [face])
        assert np.abs(shown[place].astype(int) - result[place].astype(int)).max() <= 3


@pytest.mark.parametrize("fault", ["presence", "yaw", "place", "size", "frame"])
def test_where_the_mesh_is_unsure_the_cover_is_left_as_it_is(fault: str) -> None:
    image, face, path, plan = _scene()
    points = face.landmarks.points.copy()
    if fault == "presence":
        face = replace(face, landmarks=Landmarks(points, 0.89))
    elif fault == "yaw":
        face = replace(face, yaw=51.0)
    elif fault == "place":
        points[:, 0] += 0.6 * float(np.ptp(points[:, 0]))
        face = replace(face, landmarks=Landmarks(points, face.landmarks.presence))
    elif fault == "size":
        points = (points - points.mean(0)) * 0.5 + points.mean(0)
        face = replace(face, landmarks=Landmarks(points.astype(np.float32), face.landmarks.presence))
    covered, result, count = _drawn(face, image, path, plan, number=1 if fault == "frame" else 0)
    assert count == 0
    assert np.array_equal(covered, result)


def test_a_stream_shows_stand_ins_where_the_tracker_is_sure_and_covers_elsewhere() -> None:
    """Frame 1 is as bright, but its face is too blurred for the mesh; nothing outside the covers changes in either."""
    image, _, _, _ = _scene()
    seen = portraits.models().photo_detector.detect(image)[0]
    path = FacePath(5, last_bound=1)
    for number in range(2):
        path.add(Sighting.of(number, seen), firm=True)
    plan = CoverPlan([path], array("d", [0.0, 0.04]))
    layer = StandInLayer({5: path}, {5: _persona()})
    tracker = factory.open_hiding_tracker(_parts().settings, _parts().models, picture=False)
    gone = image.copy()
    x1, y1, x2, y2 = (round(value) for value in seen.box_xyxy)
    gone[y1 - 40 : y2 + 20, x1 - 40 : x2 + 40] = 120
    pictures = [image, gone]
    prints = [print_of(each) for each in pictures]
    hider = Hider(Cover(BLUR, _SECRET), plan, [0, 1], prints, None, StandIns(layer, tracker))
    for number, picture in enumerate(pictures):
        result = hider.swap_frame(Frame(picture.copy(), number, number, Fraction(1, 25))).frame.image
        covered = picture.copy()
        Cover(BLUR, _SECRET).draw(covered, plan.regions(number))
        assert np.array_equal(result, covered) == (number == 1)
        outside = np.full(picture.shape[:2], 255, np.uint8)
        ((_, region),) = plan.regions(number)
        axes = (round(region.half_across + 4), round(region.half_along + 4))
        cv2.ellipse(outside, (round(region.x), round(region.y)), axes, region.roll, 0, 360, 0, -1)
        assert np.array_equal(result[outside > 0], picture[outside > 0])
    assert layer.drawn == {"covered": 2, "with_stand_in": 1}
