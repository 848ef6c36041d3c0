"""Enrolment: looks at one face, kept apart from others, until there are enough."""

import numpy as np
import pytest

from mien.live.enrolment import TUNING, Enrolment
from mien.swap.people.look import TUNING as LOOK
from mien.testing import FakeRecogniser
from mien.types import LIVE_TIME_BASE, Frame, Image, Landmarks, TrackedFace

GREY, RED = (120, 120, 120), (0, 0, 250)
"""The fake recogniser tells people by the colour of the picture."""


def frame(time_s: float, colour: tuple[int, int, int] = GREY) -> Frame:
    image: Image = np.full((240, 320, 3), colour, np.uint8)
    return Frame(image, 0, round(time_s / LIVE_TIME_BASE), LIVE_TIME_BASE)


def face(track_id: int, size: float = 100, x: float = 100, yaw: float = 0) -> TrackedFace:
    points = np.zeros((478, 3), np.float32)
    points[:, 0] = np.linspace(x, x + 60, 478)
    points[:, 1] = np.linspace(20, 20 + size, 478)
    return TrackedFace(track_id, Landmarks(points, 1.0), 5, yaw)


def test_it_ends_after_its_time_with_what_it_saw() -> None:
    enrolment = Enrolment(FakeRecogniser(), 2.0)
    for step in range(21):
        assert not enrolment.ended
        enrolment.see(frame(step / 10), [face(1)])
    assert enrolment.ended
    assert enrolment.share == 1
    template = enrolment.wait(0)
    assert template is not None
    assert template.mean == pytest.approx(np.array(GREY) / 255)
    assert template.looks == LOOK.best


def test_without_enough_looks_nobody_is_known() -> None:
    enrolment = Enrolment(FakeRecogniser(), 0.0)
    for step in range(40):
        enrolment.see(frame(step / 10), [face(1, yaw=60), face(2, size=20)])
    assert not enrolment.ended, "too turned, too small"
    assert enrolment.share == 0
    assert enrolment.wait(0) is None
    enrolment.see(frame(9), [face(1)])
    assert enrolment.wait(0) is None, "nothing is taken after the end"


def test_a_named_track_is_looked_at_and_no_other() -> None:
    enrolment = Enrolment(FakeRecogniser(), 0.0, track_id=2)
    enrolment.see(frame(0), [face(1, size=180)])
    assert enrolment.share == 0
    steps = 0
    while not enrolment.ended:
        steps += 1
        enrolment.see(frame(steps * TUNING.between_s), [face(1, size=180), face(2)])
    assert steps == LOOK.best


def test_the_largest_face_is_taken_and_kept_while_it_is_there() -> None:
    enrolment = Enrolment(FakeRecogniser(), 0.0)
    enrolment.see(frame(0), [face(1), face(2, size=90)])
    enrolment.see(frame(1, RED), [face(1), face(2, size=200)])
    enrolment.see(frame(2, RED), [face(2, size=200)])
    enrolment.see(frame(3, RED), [face(2, size=200)])
    assert not enrolment.ended, "looks at another track do not count together"
    enrolment.see(frame(4, RED), [face(2, size=200)])
    template = enrolment.wait(0)
    assert template is not None
    assert template.mean == pytest.approx(np.array(RED) / 255)


def test_a_track_that_passes_on_to_another_person_begins_anew() -> None:
    enrolment = Enrolment(FakeRecogniser(), 0.0, track_id=1)
    for time_s, colour in enumerate((GREY, GREY, RED, RED)):
        enrolment.see(frame(time_s, colour), [face(1)])
    assert not enrolment.ended
    enrolment.see(frame(4, RED), [face(1)])
    template = enrolment.wait(0)
    assert template is not None
    assert template.mean == pytest.approx(np.array(RED) / 255)


@pytest.mark.parametrize(
    ("faces", "hindrance"),
    [
        ([[]] * 9, "nobody"),
        ([[face(1, yaw=60)]] * 9, "turned"),
        ([[face(1, size=20)]] * 9, "small"),
        ([[face(1, x=290)]] * 9, "cut"),
        ([[face(number)] for number in range(2, 20)], "changing"),
        ([[]] * 3 + [[face(1, yaw=60)]] * 7, "turned"),
        ([[face(1)], [face(1)]], "slow"),
        ([], "slow"),
    ],
)
def test_the_main_hindrance_is_known(faces: list[list[TrackedFace]], hindrance: str) -> None:
    enrolment = Enrolment(FakeRecogniser(), 3.0)
    for step, seen in enumerate(faces):
        enrolment.see(frame(step / 10), seen)
    assert enrolment.wait(0) is None
    assert enrolment.hindrance == hindrance
