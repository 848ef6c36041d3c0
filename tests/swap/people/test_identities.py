"""Identities: when tracks are looked at, what a look may change, and from which frame a decision holds."""

from fractions import Fraction

import numpy as np

from mien.face.mean_face import face_model
from mien.swap.people.identities import STRANGER, UNKNOWN, Identities, Wanted
from mien.swap.people.template import template_of_photo
from mien.types import Floats, Frame, IdentityLimits, Image, Landmarks, TrackedFace

RATE = 30
BOB, EVE, MAX = (0.0, 0.0), (1.0, 0.0), (0.0, 1.0)
"""Descriptors of three people."""


class Known:
    """A recogniser that reads the descriptor off the picture: two channels under the nose, in steps of 1/200."""

    limits = IdentityLimits(photo=0.5, protect=0.45, cluster=0.4)

    def __init__(self) -> None:
        self.looks = 0

    def describe(self, image: Image, landmarks: Landmarks) -> Floats:
        self.looks += 1
        x, y = landmarks.points[1, :2].astype(int)
        return (image[y, x, :2].astype(np.float32) / 200).astype(np.float32)


def wanted(name: str, place: tuple[float, float], *not_in_s: tuple[float, float]) -> Wanted:
    # Longer than the differences, so that the length of a descriptor says nothing.
    return Wanted(name, (template_of_photo(np.array(place, np.float32)),), not_in_s)


def face(number: int, x: float, yaw: float = 0.0, size: float = 100.0) -> TrackedFace:
    shape = face_model().shape
    points = (shape - shape.mean(0)) * (size / np.ptp(shape[:, 1]))
    points[:, :2] += (x, 150)
    return TrackedFace(number, Landmarks(points.astype(np.float32), 1.0), 1, yaw)


def frame(index: int, shown: dict[float, tuple[float, float]]) -> Frame:
    """A picture in which someone with this descriptor stands at each x."""
    image = np.zeros((300, 900, 3), np.uint8)
    for x, place in shown.items():
        image[:, max(int(x) - 60, 0) : int(x) + 60, :2] = np.round(np.array(place) * 200)
    return Frame(image, index, index, Fraction(1, RATE))


PEOPLE = wanted("bob", BOB), wanted("eve", EVE)


def names(identities: Identities, count: int, *numbers: int) -> list[str | None]:
    found = [identities.who(number, count, count / RATE).person for number in numbers]
    return [None if person is None else person.name for person in found]


def test_people_are_known_at_birth_one_look_a_frame_and_seldom_after() -> None:
    recogniser = Known()
    identities = Identities(recogniser)
    faces = face(1, 100), face(2, 400), face(3, 700)
    for index in range(61):
        identities.update(frame(index, {100: BOB, 400: EVE, 700: MAX}), faces, PEOPLE)
        assert recogniser.looks <= index + 1
    assert names(identities, 0, 1, 2, 3) == ["bob", "eve", None], "a decision holds from the birth on"
    assert identities.who(3, 0, 0 / RATE) is STRANGER
    assert recogniser.looks <= 12, "not every frame is looked at"


def test_a_picture_is_looked_at_whole() -> None:
    identities = Identities(Known(), looks_a_frame=None)
    identities.update(frame(0, {100: EVE, 400: BOB}), (face(1, 100), face(2, 400)), PEOPLE)
    assert names(identities, 0, 1, 2) == ["eve", "bob"]


def test_a_face_that_says_nothing_is_unknown_until_it_turns() -> None:
    recogniser = Known()
    identities = Identities(recogniser)
    for index in range(5):
        identities.update(frame(index, {100: BOB}), (face(1, 100, yaw=60 if index < 4 else 10),), PEOPLE)
        assert (identities.who(1, index, index / RATE) is UNKNOWN) == (index < 4)
    assert recogniser.looks == 1
    assert names(identities, 0, 1) == ["bob"], "who asks later hears it for the frames before, too"


def test_the_nearest_is_nobody_beyond_the_limit_and_doubt_is_no_answer() -> None:
    for distance, expected in ((0.3, "known"), (0.47, "unknown"), (0.6, "stranger")):
        identities = Identities(Known())
        identities.update(frame(0, {100: (0.0, distance)}), (face(1, 100),), (wanted("bob", BOB),))
        assert identities.who(1, 0, 0 / RATE).certainty == expected


def test_between_two_alike_people_nobody_is_chosen() -> None:
    twins = wanted("one", (0.0, 0.0)), wanted("other", (0.1, 0.0))
    identities = Identities(Known())
    identities.update(frame(0, {100: (0.05, 0.3)}), (face(1, 100),), twins)
    assert identities.who(1, 0, 0 / RATE) is UNKNOWN


def test_a_doubtful_look_leaves_a_known_face_what_it_is() -> None:
    identities = Identities(Known())
    for index in range(200):
        place = BOB if index < 30 else (0.0, 0.5)
        identities.update(frame(index, {100: place}), (face(1, 100),), PEOPLE)
    assert names(identities, 199, 1) == ["bob"]


def test_people_who_change_places_between_two_frames_are_put_right_from_there() -> None:
    recogniser = Known()
    identities = Identities(recogniser)
    for index in range(110):
        exchanged = index >= 70
        shown = frame(index, {100: EVE if exchanged else BOB, 400: BOB if exchanged else EVE})
        # The heads look different: light from above or from below.
        slope = np.linspace(0, 255, 300).astype(np.uint8)[:, None]
        shown.image[:, :250, 2] = slope[::-1] if exchanged else slope
        shown.image[:, 250:, 2] = slope if exchanged else slope[::-1]
        if index == 70:
            before = recogniser.looks
        identities.update(shown, (face(1, 100), face(2, 400)), PEOPLE)
    assert names(identities, 69, 1, 2) == ["bob", "eve"]
    assert names(identities, 70, 1, 2) == ["eve", "bob"], "without a crossing, a loss, or a check that was due"
    assert recogniser.looks - before <= 10


def test_tracks_that_were_exchanged_at_a_crossing_are_put_right_from_where_they_met() -> None:
    identities = Identities(Known())
    met = 0
    for index in range(60):
        # Bob goes right, Eve left; the tracker lets each track follow the wrong face after they met.
        bob_x, eve_x = 200 + 8.0 * index, 680 - 8.0 * index
        left, right = (1, 2) if index <= 30 else (2, 1)
        if abs(bob_x - eve_x) < 20:
            met = index
        identities.update(
            frame(index, {bob_x: BOB, eve_x: EVE} if index < 30 else {eve_x: EVE, bob_x: BOB}),
            (face(left, bob_x), face(right, eve_x)), PEOPLE,
        )  # fmt: skip
    assert names(identities, 5, 1, 2) == ["bob", "eve"]
    assert names(identities, met + 2, 1, 2) == ["eve", "bob"]
    assert names(identities, 59, 1, 2) == ["eve", "bob"]


def test_who_leaves_and_comes_back_is_the_same_under_another_number() -> None:
    identities = Identities(Known())
    for index in range(200):
        present = index < 60 or index >= 150
        faces = (face(1 if index < 60 else 2, 100),) if present else ()
        identities.update(frame(index, {100: BOB}), faces, PEOPLE)
    assert names(identities, 150, 2) == ["bob"]


def test_a_track_that_passes_to_another_person_is_noticed_at_the_next_check() -> None:
    identities = Identities(Known())
    for index in range(150):
        identities.update(frame(index, {100: BOB if index < 60 else MAX}), (face(1, 100),), PEOPLE)
    assert names(identities, 10, 1) == ["bob"]
    assert identities.who(1, 149, 149 / RATE) is STRANGER


def test_nobody_is_a_person_where_that_is_struck_out() -> None:
    people = (wanted("bob", BOB, (0.0, 0.5)),)
    identities = Identities(Known())
    for index in range(60):
        number = 1 if index < 30 else 2
        identities.update(frame(index, {100: BOB}), (face(number, 100),), people)
    assert names(identities, 10, 1) == [None]
    assert names(identities, 40, 2) == ["bob"]


def test_a_struck_out_time_within_a_track_ends_with_itself() -> None:
    """Looks inside of it, at which nobody may be the person, say nothing about the time before and after it."""
    people = (wanted("bob", BOB, (0.3, 1.0)),)
    identities = Identities(Known())
    for index in range(round(4 * RATE)):
        identities.update(frame(index, {100: BOB}), (face(1, 100),), people)
    for index in range(round(1 * RATE), round(4 * RATE)):
        assert names(identities, index, 1) == ([None] if index <= RATE else ["bob"]), index
    late = Identities(Known())
    for index in range(round(0.75 * RATE)):
        late.update(frame(index, {100: BOB}), (face(1, 100),), people)
    assert names(late, round(0.25 * RATE), 1) == ["bob"], "asked half a second later"


def test_other_people_are_found_in_what_was_seen_already() -> None:
    recogniser = Known()
    identities = Identities(recogniser)
    for index in range(10):
        identities.update(frame(index, {100: MAX}), (face(1, 100),), PEOPLE)
    looks, more = recogniser.looks, (*PEOPLE, wanted("max", MAX))
    identities.update(frame(10, {100: MAX}), (face(1, 100),), more)
    assert names(identities, 10, 1) == ["max"]
    assert names(identities, 9, 1) == [None], "what left before stays as it was"
    assert recogniser.looks <= looks + 1
    assert identities.template(1) is not None
    assert identities.template(7) is None


def test_the_same_frames_give_the_same_answers() -> None:
    def run() -> list[list[str | None]]:
        identities, draw = Identities(Known()), np.random.default_rng(3)
        found = []
        for index in range(120):
            place = (float(draw.uniform(0, 1)), 0.0)
            identities.update(frame(index, {100: BOB, 400: place}), (face(1, 100), face(2 + index // 40, 400)), PEOPLE)
            found.append(names(identities, index, 1, 2 + index // 40))
        return found

    assert run() == run()
