"""Photos of one person in another light: the truth is the target, and a step at the border is measured in levels."""

from dataclasses import replace

import numpy as np
import pytest

from mien.assembly import factory
from mien.lab.evaluate import border, measures
from mien.lab.evaluate.lab import Lab
from mien.lab.evaluate.portraits import Portrait
from mien.models.library.store import Store
from mien.settings import Settings
from tests.support.portraits import COLLINS, HOPPER, models, portrait


def _person(name: str, number: int) -> Portrait:
    seen = portrait(COLLINS if number % 2 else HOPPER)
    return Portrait(f"{name}/{number:03d}.png", f"{name}/{number:03d}", seen.image, seen.landmarks, seen.descriptor)


def _lab(people: tuple[Portrait, ...], **settings: float) -> Lab:
    store = Store()
    return Lab(Settings(**settings), store, models(), factory.open_recogniser(store), people)  # type: ignore[arg-type]


def test_a_photo_is_the_person_in_another_light() -> None:
    person = _person("omi", 1)
    luma = {name: float(tone(person).mean()) for name, tone in border.TONES.items()}
    own = float(person.image.mean())
    assert luma["dark"] < 0.6 * own < own < luma["bright"]
    side = border.TONES["lamp at the side"](person).astype(float) / np.maximum(person.image, 1)
    x = int(person.landmarks.points[4, 0])
    rows = slice(int(person.landmarks.points[10, 1]), int(person.landmarks.points[152, 1]))
    assert abs(side[rows, :x].mean() - side[rows, x:].mean()) > 0.03


def test_people_kept_for_the_last_look_are_not_measured() -> None:
    people = tuple(_person(name, number) for name in ("omi", "london") for number in (1, 3, 5, 6))
    chosen = border.chosen(_lab(people), 4)
    assert len(chosen) == 4
    assert {each.person for each in chosen} == {"omi/001", "omi/005", "london/001", "london/005"}


def test_a_step_is_measured_where_there_is_one() -> None:
    person = _person("omi", 1)
    own = person.landmarks.points
    inside = measures.face_mask(own, person.image.shape, 0.02) > 0
    stepped = person.image.copy()
    stepped[inside] = np.clip(stepped[inside].astype(int) + 20, 0, 255)
    assert measures.seam_step(person.image, own, person.image, own) == 0
    assert measures.seam_step(stepped, own, person.image, own) == pytest.approx(20, abs=3)
    assert measures.change_inside(stepped, own, person.image, own).mean() == pytest.approx(20, abs=2)


def test_the_light_of_the_target_takes_the_step_away() -> None:
    person = _person("omi", 1)
    steps = []
    for light in (1.0, 0.0):
        lab = _lab((person,), light=light)
        steps.append(border.worn(lab, person, border.TONES["dark"](person))[0])
    assert steps[0] < 6 < steps[1]


def test_nobody_to_measure_is_told() -> None:
    closing = _person("omi", 3)
    section = border.measure(_lab((closing, replace(closing, name="omi/006.png", person="omi/006"))), lambda: None)
    assert section.figures == ()
    assert "NOT MEASURED" in section.notes[0]
