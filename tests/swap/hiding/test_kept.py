"""People who stay: from one sure look to the next, and nowhere else."""

from array import array
from fractions import Fraction

import numpy as np
import pytest

from mien.swap.hiding.face_path import FacePath, Sighting
from mien.swap.hiding.kept import KeptPeople, KeptTuning
from mien.swap.hiding.path_looks import LookPace
from mien.swap.people.identities import Wanted
from mien.swap.people.template import template_of_photo
from mien.swap.tracking.rotated_detector import RotatedSearch
from mien.testing import FakeRecogniser
from mien.types import Detection, Floats, Frame, Image, Landmarks
from tests.support import portraits

RATE = 25
ME = (200, 120, 80)
OTHER = (40, 120, 200)


class _Whole:
    """A detector that sees a face in the middle of every crop."""

    def detect(self, image: Image) -> list[Detection]:
        height, width = image.shape[:2]
        box = (0.25 * width, 0.25 * height, 0.75 * width, 0.75 * height)
        points = np.array([[0.4, 0.4], [0.6, 0.4], [0.5, 0.5], [0.42, 0.6], [0.58, 0.6]], np.float32) * [width, height]
        return [Detection(box, points.astype(np.float32), 0.9)]


class _Frontal:
    """A landmarker that fits one frontal face of a size."""

    def __init__(self, height: float) -> None:
        points = portraits.portrait(portraits.HOPPER).landmarks.points.copy()
        points -= points.min(0)
        self.landmarks = Landmarks((points * (height / points[:, 1].max()) + 10).astype(np.float32), 1.0)

    def fit(self, image: Image, around: Floats) -> Landmarks:
        return self.landmarks


def _spans(
    colours: list[tuple[int, int, int]], size: float = 60.0, struck: tuple[tuple[float, float], ...] = ()
) -> list[tuple[int, int]]:
    """The spans in which a path in frames of these colours stays; the recogniser of the tests tells colours."""
    recogniser = FakeRecogniser()
    me = template_of_photo((np.array(ME) / 255).astype(np.float32))
    kept = KeptPeople(
        [Wanted("me", (me,), struck)], _Frontal(size), recogniser, RotatedSearch(_Whole()), KeptTuning(LookPace(every_s=0.0))
    )
    path = FacePath(4, last_bound=len(colours) - 1)
    for number, colour in enumerate(colours):
        path.add(Sighting(number, (20.0, 20.0, 20.0 + size, 20.0 + size), 0.0, 0.9), firm=True)
        image = np.full((120, 120, 3), colour, np.uint8)
        kept.see(Frame(image, number, number, Fraction(1, RATE)), [path])
    times = array("d", [number / RATE for number in range(len(colours))])
    return list(kept.spans([path], times).get(4, ()))


def test_the_person_stays_from_the_first_look_to_the_last() -> None:
    assert _spans([ME] * 10) == [(0, 9)]


def test_everybody_else_is_covered() -> None:
    assert _spans([OTHER] * 10) == []


def test_a_path_that_goes_over_to_somebody_else_is_covered_from_the_last_sure_look() -> None:
    assert _spans([ME] * 6 + [OTHER] * 2 + [ME] * 6) == [(0, 5), (8, 13)]


def test_small_faces_are_covered() -> None:
    assert _spans([ME] * 10, size=30.0) == []


def test_at_a_time_that_is_struck_out_for_the_person_the_face_is_covered() -> None:
    """Seconds 0.16 to 0.2 are frames 4 and 5; the stretches that stay end and begin at looks outside of them."""
    assert _spans([ME] * 10, struck=((0.16, 0.2),)) == [(0, 3), (6, 9)]
    assert _spans([ME], struck=((0.0, 0.0),)) == []


def test_a_picture_has_one_look() -> None:
    assert _spans([ME]) == [(0, 0)]


@pytest.mark.parametrize("apart", [30, 45])
def test_looks_that_are_far_apart_do_not_bridge_the_time_between(apart: int) -> None:
    recogniser = FakeRecogniser()
    me = template_of_photo((np.array(ME) / 255).astype(np.float32))
    kept = KeptPeople([Wanted("me", (me,))], _Frontal(60.0), recogniser, RotatedSearch(_Whole()))
    path = FacePath(1, last_bound=99)
    image = np.full((120, 120, 3), ME, np.uint8)
    for number in range(apart + 1):
        if number in {0, apart}:
            path.add(Sighting(number, (20.0, 20.0, 80.0, 80.0), 0.0, 0.9), firm=True)
        kept.see(Frame(image, number, number, Fraction(1, RATE)), [path])
    times = array("d", [number / RATE for number in range(100)])
    assert bool(kept.spans([path], times)) == (apart / RATE <= KeptTuning().most_apart_s)
