"""people.toml: what it may say, and one clear line for each mistake."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mien.errors import UsageError
from mien.swap.people.corrections import LIMITS, KnownPeople, people_of, read_people
from mien.swap.people.roster import FILE_NAME
from tests.support.rosters import roster, written


def read(sheet: str, people: int = 7, films: int = 1) -> KnownPeople:
    return people_of(sheet.encode(), roster(people, films), Path("/folder"))


def test_an_untouched_sheet_has_everybody() -> None:
    known = read("", people=200)
    assert [person.number for person in known.people] == list(range(1, 201))
    assert all(person.wear is None and len(person.templates) == 1 for person in known.people)


def test_names_photos_merges_and_times() -> None:
    known = read('[person.2]\nname = "Bob"\nwear = "bob.jpg"\nmerge = [5, 7]\nnot = ["00:12-00:19", "10:00.5 - 0:11:00"]\n')
    assert [person.number for person in known.people] == [1, 2, 3, 4, 6]
    bob = known.people[1]
    assert (bob.name, bob.wear, bob.merged) == ("Bob", Path("/folder/bob.jpg"), (5, 7))
    assert len(bob.templates) == 3
    assert [(each.start_s, each.end_s) for each in bob.not_in] == [(12, 19), (600.5, 660)]
    assert known.find("Bob") is known.find("2") is known.find("7") is bob
    assert known.find("9") is known.find("bob") is None
    assert not bob.may_be(0, 15)
    assert bob.may_be(0, 20)
    assert bob.may_be(None, 15)


def test_looks_of_struck_out_times_are_in_no_template() -> None:
    whole, part = read("").people[0], read('[person.1]\nnot = ["00:10-00:10.5"]').people[0]
    assert (whole.templates[0].looks, part.templates[0].looks) == (3, 2)
    assert np.allclose(whole.templates[0].mean, part.templates[0].mean)


def test_merges_go_on_through_others() -> None:
    known = read('[person.1]\nmerge = [2]\n[person.2]\nmerge = [3]\n[person.3]\nname = "Eve"\nwear = "/a/eve.jpg"')
    assert [person.number for person in known.people] == [1, 4, 5, 6, 7]
    assert (known.people[0].name, known.people[0].merged, known.people[0].wear) == ("Eve", (2, 3), Path("/a/eve.jpg"))


def test_times_of_several_films_name_the_film() -> None:
    (stretch,) = read('[person.1]\nnot = ["film1.mp4 00:01-00:02"]', films=2).people[0].not_in
    assert stretch.film == 1


@pytest.mark.posix
@pytest.mark.parametrize("name", ["/films/film1.mp4", "../films/film1.mp4", "film1.mp4"])
def test_a_film_is_named_by_name_or_by_path(name: str) -> None:
    (stretch,) = read(f'[person.1]\nnot = ["{name} 00:01-00:02"]', films=2).people[0].not_in
    assert stretch.film == 1


@pytest.mark.posix
def test_films_of_one_name_are_told_apart_by_their_paths() -> None:
    made = roster(1, 2)
    films = tuple(replace(film, path=f"/all/{number}/film.mp4") for number, film in enumerate(made.films))
    folder, both = Path("/all/film.people"), replace(made, films=films)
    with pytest.raises(ValueError, match=r'such as "\.\./0/film\.mp4 00:12-00:19"'):
        people_of(b'[person.1]\nnot = ["film.mp4 00:01-00:02"]', both, folder)
    (stretch,) = people_of(b'[person.1]\nnot = ["../1/film.mp4 00:01-00:02"]', both, folder).people[0].not_in
    assert stretch.film == 1


@pytest.mark.parametrize(
    "sheet", ["\ufeff[person.1]\nname = 'Ann'", "[person.1]\r\nname = 'Ann'\r\n", "[person.1]\nname = 'Ann'"]
)
def test_sheets_of_any_editor_are_read(sheet: str) -> None:
    assert read(sheet).people[0].name == "Ann"


@pytest.mark.parametrize(
    ("sheet", "words"),
    [
        ("[person.9]", "there is no person '9'; the cards have 1 to 7"),
        ("[person.0]", "there is no person '0'"),
        ("[person.bob]", "there is no person 'bob'"),
        ("[person.01]", "there is no person '01'"),
        ("[people.1]", "unknown key 'people'"),
        ("person = 3", r"write \[person\.1\]"),
        ("person.1 = 3", r"person 1 is not a table"),
        ('[person.1]\nwears = "a"', "person 1: unknown key 'wears'; known are name, wear, merge, not"),
        ("[person.1]\nname = 3", "person 1: name is not a line"),
        ('[person.1]\nname = "a\\nb"', "person 1: name is not a line"),
        (f'[person.1]\nname = "{"a" * 81}"', "person 1: name is not a line of at most 80"),
        ('[person.1]\nname = "12"', "could be taken for a number"),
        ('[person.1]\nname = "Bob"\n[person.2]\nname = "Bob"', "persons 1 and 2 have the same name"),
        ("[person.1]\nwear = 3", "person 1: wear is not the name of a photo"),
        ('[person.1]\nwear = ""', "person 1: wear is not the name of a photo"),
        ("[person.1]\nmerge = 2", "merge is not a list"),
        ('[person.1]\nmerge = ["2"]', "merge is not a list"),
        ("[person.1]\nmerge = [true]", "merge is not a list"),
        ("[person.1]\nmerge = [8]", "person 1: merge names 8, and the cards have 1 to 7"),
        ("[person.1]\nmerge = [1]", "person 1 is merged into itself"),
        ("[person.1]\nmerge = [2]\n[person.2]\nmerge = [1]", "is merged into itself by way of"),
        ("[person.1]\nmerge = [3]\n[person.2]\nmerge = [3]", "person 3 is merged into 1 and into 2"),
        ('[person.1]\nwear = "a"\nmerge = [2]\n[person.2]\nwear = "b"', "person 1 has two photos to wear"),
        ('[person.1]\nnot = "00:12-00:19"', "not is not a list"),
        ("[person.1]\nnot = [3]", "3 in not is no part of a film"),
        ('[person.1]\nnot = ["12"]', "'12' in not is no part of a film"),
        ('[person.1]\nnot = ["00:19-00:12"]', "ends before it starts"),
        ('[person.1]\nnot = ["1:2:3:4-9"]', "is no part of a film"),
        ('[person.1]\nnot = ["99:00-99:10"]', "the film lasts 1000 s"),
        ('[person.1]\nnot = ["other.mp4 00:12-00:19"]', "write which film"),
        ('[person.1]\nnot = ["00:00-00:59"]', "strikes out every view"),
        ("[person.1", "end of a table declaration"),
        ("[person.1]\n[person.1]", "at line 2"),
        (f"x = {'[' * 50_000}", "nested too deeply"),
    ],
)
def test_each_mistake_has_one_line(sheet: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        read(sheet)
    assert "\n" not in str(caught.value)


def test_with_several_films_times_without_one_are_refused() -> None:
    with pytest.raises(ValueError, match=r'such as "film0\.mp4 00:12-00:19"'):
        read('[person.1]\nnot = ["00:12-00:19"]', films=2)


def test_a_folder_and_its_sheet_are_the_same(tmp_path: Path) -> None:
    sheet = written(tmp_path, roster(2), '[person.2]\nname = "Ida"')
    assert read_people(tmp_path).people[1].name == read_people(sheet).people[1].name == "Ida"


def test_files_that_cannot_be_read_are_said_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"people\.toml is missing"):
        read_people(tmp_path)
    sheet = written(tmp_path, roster(2))
    sheet.write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="not UTF-8"):
        read_people(sheet)
    sheet.write_bytes(b"#" * (LIMITS.most_bytes + 1))
    with pytest.raises(UsageError, match="larger than 1024 KiB"):
        read_people(sheet)
    sheet.write_bytes(b"")
    (tmp_path / FILE_NAME).write_bytes(b"{")
    with pytest.raises(UsageError, match=r"people\.json is damaged"):
        read_people(sheet)
    (tmp_path / FILE_NAME).unlink()
    with pytest.raises(UsageError, match=r"people\.json is missing"):
        read_people(sheet)
