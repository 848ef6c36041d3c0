"""People of paths: paths that look alike are one person, unless they are seen at once; those without a look stand alone."""

from array import array
from fractions import Fraction

import numpy as np

from mien.swap.hiding.face_path import FacePath, Sighting
from mien.swap.hiding.path_looks import LookPace
from mien.swap.hiding.path_people import PathPeople, PathPeopleTuning, PathPerson
from mien.swap.people.look import Look
from mien.testing import FakeRecogniser
from mien.types import Frame

RATE = 10
RED, BLUE = (40, 40, 220), (220, 60, 40)
Colour = tuple[int, int, int]


class _Looker:
    """Sees the colour of the picture at the path's last sighting."""

    recogniser = FakeRecogniser()

    def look(self, frame: Frame, path: FacePath) -> Look:
        x, y = round(path.last.box.x), round(path.last.box.y)
        box = path.last.box_xyxy
        return Look((frame.image[y, x] / 255).astype(np.float32), box[3] - box[1], 0.0, frame.time_s, box)


def _people(shown: dict[int, tuple[int, int, Colour]], size: float = 60.0) -> tuple[PathPerson, ...]:
    """The people of paths by number: each is seen from one frame to another, in a colour."""
    people = PathPeople(_Looker(), PathPeopleTuning(LookPace(every_s=0.0)))  # type: ignore[arg-type]
    paths = {number: FacePath(number) for number in shown}
    frames = 1 + max(last for _, last, _ in shown.values())
    for at in range(frames):
        image = np.zeros((100, 100 * len(shown), 3), np.uint8)
        now = []
        for place, (number, (first, last, colour)) in enumerate(shown.items()):
            if first <= at <= last:
                image[:, 100 * place : 100 * place + 100] = colour
                left = 100.0 * place + 20
                paths[number].add(Sighting(at, (left, 20.0, left + size, 20.0 + size), 0.0, 0.9), firm=True)
                now.append(paths[number])
        people.see(Frame(image, at, at, Fraction(1, RATE)), now)
    return people.people(list(paths.values()), array("d", [at / RATE for at in range(frames)]))


def test_paths_of_one_look_are_one_person() -> None:
    found = _people({4: (0, 9, RED), 7: (15, 24, BLUE), 9: (30, 39, RED)})
    assert [(each.number, each.paths) for each in found] == [(1, (4, 9)), (2, (7,))]
    assert all(each.template is not None for each in found)


def test_samples_name_paths_and_frames_in_which_they_are_seen() -> None:
    spans = {4: (0, 9, RED), 9: (30, 39, RED)}
    (person,) = _people(spans)
    assert len(person.samples) == 6
    assert all(spans[path][0] <= frame <= spans[path][1] for path, frame in person.samples)


def test_faces_that_are_seen_at_once_are_two_people() -> None:
    assert [each.paths for each in _people({1: (0, 20, RED), 2: (5, 20, RED)})] == [(1,), (2,)]


def test_a_small_face_is_a_person_of_its_own_who_cannot_be_told() -> None:
    found = _people({1: (0, 9, RED), 2: (20, 29, RED)}, size=30.0)
    assert [(each.paths, each.template, each.samples) for each in found] == [((1,), None, ()), ((2,), None, ())]
