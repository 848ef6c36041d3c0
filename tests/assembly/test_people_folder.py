"""The folder of people: its files, what stays of an earlier one, and nothing half written."""

import os
import stat
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.assembly.people_folder import TUNING, PeopleFolder, card, clock, contact, length, sheet, sight, times
from mien.assembly.people_search import PeopleFound
from mien.errors import OutputError
from mien.swap.people.corrections import read_people
from mien.swap.people.gathering import FoundPerson
from mien.swap.people.roster import Stretch
from tests.support.rosters import roster


def jpeg(level: int) -> bytes:
    _, coded = cv2.imencode(".jpg", np.full((200, 200, 3), level, np.uint8))
    return coded.tobytes()


def found(people: int, films: int = 1) -> PeopleFound:
    made = roster(people, films)
    return PeopleFound(made, tuple(FoundPerson(each.number, each, (jpeg(10), jpeg(120))) for each in made.people), ())


def test_the_folder_holds_everything_and_is_private(tmp_path: Path) -> None:
    place = tmp_path / "film.people"
    PeopleFolder(place, overwrite=False).write(found(12))
    assert sorted(each.name for each in place.iterdir()) == ["cards", "contact.jpg", "people.json", "people.toml"]
    assert len(list((place / "cards").iterdir())) == 12
    assert [person.number for person in read_people(place).people] == list(range(1, 13))
    assert [each.name for each in tmp_path.iterdir()] == ["film.people"]
    if os.name == "posix":
        assert stat.S_IMODE(place.stat().st_mode) == 0o700


def test_the_sheet_that_is_written_can_be_read_and_edited(tmp_path: Path) -> None:
    place = tmp_path / "film.people"
    PeopleFolder(place, overwrite=False).write(found(3, films=2))
    path = place / "people.toml"
    text = path.read_text("utf-8").replace('[person.2]\nname = ""', '[person.2]\nname = "Bob"\nmerge = [3]')
    path.write_text(text, "utf-8")
    assert [(each.number, each.name, each.merged) for each in read_people(path).people] == [(1, "", ()), (2, "Bob", (3,))]


def test_names_of_films_put_nothing_into_the_sheet() -> None:
    made = roster(1)
    odd = replace(made, films=(replace(made.films[0], path='/a\n[person.1]\nwear = "x"'),))
    assert [line for line in sheet(odd, Path("/elsewhere")).splitlines() if not line.startswith("#")] == [
        "",
        "",
        "[person.1]",
        'name = ""',
    ]


def test_an_earlier_folder_is_replaced_only_when_asked(tmp_path: Path) -> None:
    place = tmp_path / "film.people"
    PeopleFolder(place, overwrite=False).write(found(3))
    with pytest.raises(OutputError, match="exists already"):
        PeopleFolder(place, overwrite=False).check()
    (place / "bob.jpg").write_bytes(b"photo")
    (place / "mine").mkdir()
    (place / "mine" / "note").write_text("x")
    (place / "people.toml").write_text('[person.1]\nname = "Ann"\n')
    PeopleFolder(place, overwrite=True).write(found(2))
    assert (place / "bob.jpg").read_bytes() == b"photo"
    assert (place / "mine" / "note").read_text() == "x"
    assert (place / "people.toml.before").read_text() == '[person.1]\nname = "Ann"\n'
    assert len(list((place / "cards").iterdir())) == 2
    assert [each.name for each in tmp_path.iterdir()] == ["film.people"]


def test_other_folders_and_files_are_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"x")
    (tmp_path / "file").write_bytes(b"x")
    for name, words in (("photos", "not a folder of mien people"), ("file", "not a folder"), ("none/film", "does not exist")):
        with pytest.raises(OutputError, match=words):
            PeopleFolder(tmp_path / name, overwrite=True).check()


@pytest.mark.parametrize("error", [OSError(28, "no space"), KeyboardInterrupt()])
def test_what_fails_leaves_the_earlier_folder(error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "film.people"
    PeopleFolder(place, overwrite=False).write(found(3))

    def fail(descriptor: int) -> None:
        raise error

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises((OutputError, KeyboardInterrupt)):
        PeopleFolder(place, overwrite=True).write(found(2))
    assert [each.name for each in tmp_path.iterdir()] == ["film.people"]
    assert len(read_people(place).people) == 3


def test_cards_and_sheet_show_faces_and_numbers() -> None:
    people = found(200)
    drawn = contact(people.people)
    assert drawn.shape[0] < 4000
    assert drawn.shape[1] < 4000
    middle = TUNING.gap + TUNING.tile // 2
    assert np.abs(drawn[middle, middle].astype(int) - 10).max() < 4
    one = card(people.people[7], people.roster)
    right = middle + TUNING.tile + TUNING.gap
    assert np.abs(one[middle, middle].astype(int) - 10).max() < 4
    assert np.abs(one[middle, right].astype(int) - 120).max() < 4
    # The third tile is empty: there were two views.
    assert one[middle, right + TUNING.tile + TUNING.gap].tolist() == [255, 255, 255]
    number = one[TUNING.gap : TUNING.gap + 40, TUNING.gap : TUNING.gap + 25]
    assert number.min() < 60
    assert number.max() == 255
    assert one[TUNING.gap + TUNING.tile :].min() < 100


def test_a_card_of_many_times_stays_small() -> None:
    people = found(1)
    person = replace(people.people[0].person, stretches=tuple(Stretch(0, 10 * each, 10 * each + 5) for each in range(500)))
    drawn = card(replace(people.people[0], person=person), people.roster)
    assert drawn.shape[0] < 400


def test_times_are_written_as_not_takes_them() -> None:
    assert [clock(seconds) for seconds in (0, 9.96, 59.99, 61, 3725.26)] == [
        "00:00.0", "00:09.9", "00:59.9", "01:01.0", "1:02:05.2",
    ]  # fmt: skip
    assert [length(seconds) for seconds in (6.24, 125.4, 3725)] == ["6.2 s", "2:05 min", "1:02:05 h"]
    stretches = [Stretch(0, 0, 1), Stretch(0, 2, 3), Stretch(1, 0, 1)]
    assert times(stretches, roster(1, films=2), 100) == ["film 1: 00:00.0-00:01.0, 00:02.0-00:03.0", "film 2: 00:00.0-00:01.0"]
    assert times(stretches[:2], roster(1), 20) == ["00:00.0-00:01.0", "00:02.0-00:03.0"]


def test_pictures_are_counted_and_films_timed() -> None:
    person = roster(1).people[0]
    film, pictures = Stretch(0, 0, 6.2), (Stretch(1, 0, 0), Stretch(2, 0, 0))
    assert sight(replace(person, stretches=(film,))) == "in sight 6.2 s"
    assert sight(replace(person, stretches=pictures[:1])) == "in 1 picture"
    assert sight(replace(person, stretches=(film, *pictures))) == "in sight 6.2 s, in 2 pictures"


def test_pictures_are_named_where_films_have_times() -> None:
    made = roster(1, films=3)
    films = (
        made.films[0],
        *(replace(each, path=f"/a/b{number}.jpg", seconds=0.0) for number, each in enumerate(made.films[1:])),
    )
    album = replace(made, films=films)
    assert times([Stretch(0, 0, 1), Stretch(1, 0, 0), Stretch(2, 0, 0)], album, 100) == [
        "film 1: 00:00.0-00:01.0, b0.jpg, b1.jpg"
    ]
    assert times([Stretch(1, 0, 0), Stretch(2, 0, 0)], album, 8) == ["b0.jpg", "b1.jpg"]
