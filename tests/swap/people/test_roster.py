"""The record of people: written and read back, strict about damage, and aware of films that changed."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.errors import UsageError
from mien.swap.people.roster import LIMITS, Stretch, as_bytes, film_at, path_from, path_to, read_roster, roster_of
from tests.support.rosters import roster

FOLDER = Path("/films/all.people")


def test_what_is_written_is_read_back() -> None:
    made = roster(3, films=2)
    back = roster_of(as_bytes(made, FOLDER), FOLDER)
    assert back.films == made.films
    assert back.unknown == made.unknown == (Stretch(0, 1.0, 2.0),)
    for before, after in zip(made.people, back.people, strict=True):
        assert (before.number, before.stretches, before.share, before.size) == (
            after.number, after.stretches, after.share, after.size,
        )  # fmt: skip
        for look, other in zip(before.looks, after.looks, strict=True):
            assert look.film == other.film
            assert np.allclose(look.descriptor, other.descriptor, atol=1e-6)
            assert (look.size, look.yaw, look.time_s, look.place_xyxy) == (
                other.size,
                other.yaw,
                other.time_s,
                other.place_xyxy,
            )


def _set(*path: Any, value: Any) -> Callable[[Any], None]:
    def change(content: Any) -> None:
        for key in path[:-1]:
            content = content[key]
        content[path[-1]] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        _set("version", value=2),
        _set("recogniser", value=""),
        _set("films", value={}),
        _set("films", 0, "digest", value="short"),
        _set("films", 0, "size", value=-1),
        _set("people", 0, "number", value=2),
        _set("people", 0, "number", value=True),
        _set("people", 0, "looks", value=[]),
        _set("people", 0, "looks", 0, "film", value=7),
        _set("people", 0, "looks", 0, "descriptor", value=[]),
        _set("people", 0, "looks", 0, "descriptor", value=[0.5]),
        _set("people", 0, "looks", 0, "descriptor", 0, value="x"),
        _set("people", 0, "looks", 0, "descriptor", 0, value=1e300),
        _set("people", 0, "looks", 0, "place", value=[1, 2, 3]),
        _set("people", 0, "stretches", value=[[0, 2, 1]]),
        _set("people", 0, "stretches", value=[[0, 1]]),
        _set("unknown", value=None),
        _set("people", 0, value=None),
    ],
)
def test_a_damaged_record_is_refused(change: Callable[[Any], None], tmp_path: Path) -> None:
    content = json.loads(as_bytes(roster(2), FOLDER))
    change(content)
    path = tmp_path / "people.json"
    path.write_text(json.dumps(content))
    with pytest.raises(UsageError, match=r"people\.json is damaged"):
        read_roster(path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b'{"version": 1}', b'{"version": NaN}'])
def test_what_is_no_record_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "people.json"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="damaged"):
        read_roster(path)


def test_a_missing_and_a_huge_record_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="missing"):
        read_roster(tmp_path / "people.json")
    with (tmp_path / "people.json").open("wb") as file:
        file.truncate(LIMITS.most_bytes + 1)
    with pytest.raises(UsageError, match="larger"):
        read_roster(tmp_path / "people.json")


def test_a_film_is_found_again_by_its_content(tmp_path: Path) -> None:
    film = tmp_path / "a.mp4"
    film.write_bytes(bytes(range(256)) * 20_000)
    known = replace(roster(1), films=(film_at(film, 3.0),))
    assert known.film_number(film) == 0
    moved = film.rename(tmp_path / "b.mp4")
    assert known.film_number(moved) == 0
    other = tmp_path / "c.mp4"
    other.write_bytes(b"another film")
    assert known.film_number(other) is None


@pytest.mark.parametrize("place", [1, 2_560_000, 5_119_999])
def test_a_changed_film_is_refused(place: int, tmp_path: Path) -> None:
    film = tmp_path / "a.mp4"
    content = bytearray(bytes(range(256)) * 20_000)
    film.write_bytes(content)
    known = replace(roster(1), films=(film_at(film, 3.0),))
    content[max(place - 200_000, 0) : place + 1] = bytes(len(content[max(place - 200_000, 0) : place + 1]))
    film.write_bytes(content)
    with pytest.raises(UsageError, match="has changed"):
        known.film_number(film)
    film.write_bytes(b"")
    with pytest.raises(UsageError, match="has changed"):
        known.film_number(film)


def test_a_film_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        film_at(tmp_path / "none.mp4", 0)


def test_a_folder_that_moved_with_its_film_still_knows_it(tmp_path: Path) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    folder = before / "film.people"
    folder.mkdir(parents=True)
    film = before / "film.mp4"
    film.write_bytes(bytes(range(256)) * 20_000)
    content = as_bytes(replace(roster(1), films=(film_at(film, 3.0),)), folder)
    assert json.loads(content)["films"][0]["path"] == "../film.mp4"
    (folder / "people.json").write_bytes(content)
    before.rename(after)
    moved = read_roster(after / "film.people" / "people.json")
    assert moved.films[0].path == str(after / "film.mp4")
    assert moved.film_number(after / "film.mp4") == 0
    (after / "film.mp4").write_bytes(b"another film")
    with pytest.raises(UsageError, match="has changed"):
        moved.film_number(after / "film.mp4")


@pytest.mark.posix
@pytest.mark.parametrize(
    ("folder", "path", "text"),
    [
        ("/films/a.people", "/films/a.mp4", "../a.mp4"),
        ("/films/a.people", "/films/a.people/a.mp4", "a.mp4"),
        ("/cards/a.people", "/films/a.mp4", "/films/a.mp4"),
        ("/all/cards/a.people", "/all/films/old/a.mp4", "../../films/old/a.mp4"),
        ("/all/cards/../a.people", "/all/a.mp4", "../a.mp4"),
    ],
)
def test_paths_are_relative_where_a_folder_is_shared(folder: str, path: str, text: str) -> None:
    assert path_from(Path(folder), path) == text
    assert path_to(Path(folder), text) == path


def test_films_of_one_name_have_their_folders_in_their_titles() -> None:
    made = roster(1, films=3)
    paths = "/all/first/party.jpg", "/all/second/party.jpg", "/all/first/solo.jpg"
    films = tuple(replace(film, path=path) for film, path in zip(made.films, paths, strict=True))
    titles = [replace(made, films=films).title(number) for number in range(3)]
    assert titles == ["first/party.jpg", "second/party.jpg", "solo.jpg"]
