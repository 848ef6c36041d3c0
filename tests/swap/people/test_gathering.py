"""People out of tracks: who left and came back, who stood side by side, and who took over another's track."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from mien.errors import UsageError
from mien.face.mean_face import face_model
from mien.swap.people.appearance import Appearance, View
from mien.swap.people.gathering import TUNING, FoundPeople, Gathering, joined
from mien.swap.people.look import Look
from mien.swap.people.roster import Stretch
from mien.types import Floats, Frame, IdentityLimits, Image, Landmarks, TrackedFace

ANN, BOB, EVE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
RATE = 25


class ByColour:
    """A recogniser that knows a face by the colour of its nose."""

    limits = IdentityLimits(photo=0.5, protect=0.45, cluster=0.4)

    def __init__(self) -> None:
        self.calls = 0

    def describe(self, image: Image, landmarks: Landmarks) -> Floats:
        self.calls += 1
        x, y = landmarks.points[1, :2].astype(int)
        return np.asarray(image[y, x] / 255, np.float32)


def face(track_id: int, x: float, size: float = 80, yaw: float = 0) -> TrackedFace:
    shape = face_model().shape
    points = (shape - shape.mean(0)) * (size / np.ptp(shape[:, 1]))
    points[:, :2] += (x, 100)
    return TrackedFace(track_id, Landmarks(points.astype(np.float32), 1.0), 1, yaw)


class Films:
    """Films of painted faces."""

    def __init__(self, gathering: Gathering) -> None:
        self.gathering = gathering
        self.index = 0

    def show(self, seconds: float, *shown: tuple[TrackedFace, tuple[int, int, int]]) -> None:
        for _ in range(round(seconds * RATE)):
            image = np.zeros((200, 400, 3), np.uint8)
            for each, colour in shown:
                x = int(each.landmarks.points[1, 0])
                image[:, x - 30 : x + 30] = colour
            frame = Frame(image, self.index, self.index, Fraction(1, RATE))
            self.gathering.look(frame, [each for each, _ in shown], self.index / RATE, 1 / RATE)
            self.index += 1

    def next(self) -> None:
        self.gathering.start_film()
        self.index = 0


@pytest.fixture
def films() -> Films:
    made = Films(Gathering(ByColour()))
    made.next()
    return made


def times(found: FoundPeople) -> list[list[tuple[int, float, float]]]:
    return [
        [(each.film, round(each.start_s, 2), round(each.end_s, 2)) for each in one.person.stretches] for one in found.people
    ]


def test_who_leaves_and_comes_back_is_one_person(films: Films) -> None:
    films.show(4, (face(1, 100), ANN))
    films.show(3)
    films.show(2, (face(2, 300), ANN))
    films.show(1, (face(3, 100), BOB))
    found = films.gathering.people()
    assert times(found) == [[(0, 0, 4), (0, 7, 9)], [(0, 9, 10)]]
    assert [each.person.number for each in found.people] == [1, 2]
    assert found.unknown == ()
    assert found.people[0].person.size == pytest.approx(80, abs=0.1)
    assert 0 < found.people[0].person.share < 0.2


def test_the_longest_in_sight_is_number_one_and_keys_stay(films: Films) -> None:
    films.show(2, (face(1, 100), ANN))
    (before,) = films.gathering.people().people
    films.show(5, (face(2, 100), BOB))
    found = films.gathering.people()
    assert [each.person.seconds for each in found.people] == pytest.approx([5, 2])
    assert found.people[1].key == before.key


def test_two_alike_side_by_side_are_two_people(films: Films) -> None:
    films.show(2, (face(1, 100), ANN), (face(2, 300), ANN))
    assert len(films.gathering.people().people) == 2


def test_two_alike_in_one_picture_are_two_people(films: Films) -> None:
    films.show(1 / RATE, (face(1, 100), ANN), (face(2, 300), ANN))
    assert len(films.gathering.people().people) == 2


def test_a_track_doubled_for_a_moment_is_one_person(films: Films) -> None:
    films.show(2, (face(1, 100), ANN))
    films.show((TUNING.side_by_side - 1) / RATE, (face(1, 100), ANN), (face(2, 300), ANN))
    assert len(films.gathering.people().people) == 1


def test_a_person_is_the_same_in_another_film(films: Films) -> None:
    films.show(2, (face(1, 100), ANN))
    films.next()
    films.show(3, (face(1, 100), BOB), (face(2, 300), ANN))
    assert times(films.gathering.people()) == [[(0, 0, 2), (1, 0, 3)], [(1, 0, 3)]]


def test_a_track_that_another_takes_over_is_cut(films: Films) -> None:
    films.show(4, (face(1, 100), ANN))
    films.show(6, (face(1, 100), BOB))
    found = films.gathering.people()
    assert len(found.people) == 2
    # Looked at every 2 s: so far from the moment the cut may be.
    starts = {tuple(each.person.looks[0].descriptor.round()): each.person.stretches[0].start_s for each in found.people}
    assert starts[1, 0, 0] == 0
    assert starts[0, 1, 0] == pytest.approx(4, abs=2.1)
    assert all(len({tuple(look.descriptor.round()) for look in each.person.looks}) == 1 for each in found.people)


def test_tracks_that_change_places_when_they_cross_are_cut_at_once(films: Films) -> None:
    films.show(1.6, (face(1, 100), ANN), (face(2, 300), BOB))
    films.show(0.2, (face(1, 180), ANN), (face(2, 220), BOB))
    films.show(1, (face(1, 300), BOB), (face(2, 100), ANN))
    found = films.gathering.people()
    assert len(found.people) == 2
    assert [each.person.seconds for each in found.people] == pytest.approx([2.8, 2.8], abs=0.2)
    assert all(len({tuple(look.descriptor.round()) for look in each.person.looks}) == 1 for each in found.people)


def test_two_who_stay_close_are_found(films: Films) -> None:
    films.show(3, (face(1, 150), ANN), (face(2, 210), BOB))
    assert [len(each.person.looks) for each in films.gathering.people().people] == [3, 3]


def test_a_track_that_comes_back_is_looked_at(films: Films) -> None:
    films.show(1.6, (face(1, 100), ANN))
    films.show(0.4)
    films.show(0.8, (face(1, 100), BOB))
    assert len(films.gathering.people().people) == 2


def test_one_bad_look_cuts_no_track(films: Films) -> None:
    films.show(4, (face(1, 100), ANN))
    films.show(1 / RATE, (face(1, 100), EVE))
    films.show(6, (face(1, 100), ANN))
    assert times(films.gathering.people()) == [[(0, 0, 10.04)]]


def test_small_and_turned_faces_are_unknown_and_cost_nothing(films: Films) -> None:
    films.show(2, (face(1, 100, size=30), ANN), (face(2, 300, yaw=60), BOB))
    found = films.gathering.people()
    assert found.people == ()
    assert found.unknown == (Stretch(0, 0.0, 2.0),)
    assert films.gathering.looks == 0


def test_an_unknown_track_becomes_known_when_it_is_seen_well(films: Films) -> None:
    films.show(2, (face(1, 100, yaw=60), ANN))
    films.show(1 / RATE, (face(1, 100), ANN))
    found = films.gathering.people()
    assert times(found) == [[(0, 0, 2.04)]]
    assert found.unknown == ()


def test_looks_and_pictures_are_bounded(films: Films) -> None:
    films.show(60, (face(1, 100), ANN))
    assert films.gathering.looks <= 35
    (found,) = films.gathering.people().people
    assert len(found.person.looks) <= TUNING.looks
    assert len(found.pictures) == TUNING.views
    assert all(picture.startswith(b"\xff\xd8") for picture in found.pictures)


def test_better_views_replace_those_of_the_start(films: Films) -> None:
    films.show(3, (face(1, 100, size=45, yaw=30), ANN))
    films.show(3, (face(1, 100, size=90), ANN))
    (found,) = films.gathering.people().people
    assert [round(look.size) for look in found.person.looks[:3]] == [90, 90, 90]


def test_too_many_appearances_are_refused() -> None:
    films = Films(Gathering(ByColour(), replace(TUNING, most=3)))
    films.next()
    for number in range(3):
        films.show(1 / RATE, (face(number, 100), ANN))
    with pytest.raises(UsageError, match="more than 3 times"):
        films.show(1 / RATE, (face(9, 100), ANN))


def test_times_that_touch_are_joined() -> None:
    parts = [Stretch(0, 5, 6), Stretch(0, 0, 2), Stretch(0, 1, 1.5), Stretch(0, 2.5, 3), Stretch(1, 3, 4)]
    assert joined(parts, 1.0) == [Stretch(0, 0, 3), Stretch(0, 5, 6), Stretch(1, 3, 4)]


def test_a_look_is_due_at_birth_then_now_and_then() -> None:
    appearance = Appearance(0, 0.0)
    assert not appearance.is_due(0.0, 0.0)
    assert appearance.is_due(50.0, 0.0)
    for number in range(3):
        appearance.add(View(Look(np.zeros(3, np.float32), 50, 0, number * 0.5, (0, 0, 1, 1)), b""))
    assert not appearance.is_due(50.0, 1.2)
    assert not appearance.is_due(50.0, 1.9)
    assert appearance.is_due(70.0, 1.9)
    assert appearance.is_due(50.0, 3.0)
