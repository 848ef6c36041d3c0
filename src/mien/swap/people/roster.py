"""People found in films: the record beside `people.toml`, by which a later run finds them again; JSON, read strictly."""

import hashlib
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from mien.errors import UsageError
from mien.swap.people.look import Look

FILE_NAME = "people.json"
_VERSION = 1  # of the file's form; another one is refused
_BLOCK = 1 << 20  # bytes at either end of a film that its digest covers
_SAMPLES = 16  # blocks of 64 KiB between the ends; more would slow down the start on a disk that turns
_REMEDY = "make the folder again: mien people FILM... -o FOLDER"


@dataclass(frozen=True, slots=True)
class RosterLimits:
    """Sizes up to which a record is read: what 1,000 people in a day of film take, with room to spare."""

    most_bytes: int = 64 << 20
    most_films: int = 1000
    most_people: int = 1000
    most_looks: int = 64
    """Looks of one person."""
    most_stretches: int = 100_000
    """Stretches of one person, and of all unknown tracks."""
    most_numbers: int = 4096
    """Numbers of a descriptor."""


LIMITS = RosterLimits()


@dataclass(frozen=True, slots=True)
class Film:
    """A film as it was when people were looked for: `digest` is the SHA-256 of samples of its bytes, both ends among them.

    `path` is absolute; a record holds it relative to its folder.
    """

    path: str
    size: int
    modified_ns: int
    digest: str
    seconds: float

    @property
    def name(self) -> str:
        """Name without folders."""
        return Path(self.path).name


@dataclass(frozen=True, slots=True)
class Stretch:
    """Part of a film, numbered from 0, in seconds from its start."""

    film: int
    start_s: float
    end_s: float

    def holds(self, film: int, time_s: float) -> bool:
        """Return True for a moment within the part."""
        return film == self.film and self.start_s <= time_s <= self.end_s


@dataclass(frozen=True, slots=True)
class Person:
    """One person of the films: looks, best first, and the times in sight.

    `share` is the mean share of the picture that the face's box takes while it is in sight, 0..1, `size` the mean height of
    the face in pixels.
    """

    number: int
    looks: tuple[Look, ...]
    stretches: tuple[Stretch, ...]
    share: float
    size: float

    @property
    def seconds(self) -> float:
        """Time in sight."""
        return sum(each.end_s - each.start_s for each in self.stretches)


@dataclass(frozen=True, slots=True)
class Roster:
    """All people of some films; `unknown` are the times of tracks without a usable look. `recogniser` made the descriptors."""

    recogniser: str
    films: tuple[Film, ...]
    people: tuple[Person, ...]
    unknown: tuple[Stretch, ...] = field(default=())

    def person(self, number: int) -> Person | None:
        """Return the person of this number, None where there is none."""
        return next((person for person in self.people if person.number == number), None)

    def title(self, film: int) -> str:
        """Return the name of a film, with that of its folder where another one has the same name."""
        found = self.films[film]
        alike = sum(each.name == found.name for each in self.films)
        return found.name if alike == 1 else "/".join(Path(found.path).parts[-2:])

    def film_number(self, path: Path) -> int | None:
        """Return the number, from 0, of a film of the roster, None for another film.

        Raises `UsageError` for a file that has the place of a film of the roster, but has changed.
        """
        now = film_at(path, 0.0)
        for number, film in enumerate(self.films):
            if (film.size, film.digest) == (now.size, now.digest):
                return number
        if any(film.path == now.path for film in self.films):
            raise UsageError(f"{path} has changed since people were looked for in it", _REMEDY)
        return None


def film_at(path: Path, seconds: float) -> Film:
    """Return the record of a file that lasts `seconds`; raises `UsageError` when it cannot be read."""
    try:
        with path.open("rb") as file:
            state = path.stat()
            digest = _digest(file, state.st_size)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read", "check the name and the permissions") from error
    return Film(os.path.normpath(path.absolute()), state.st_size, state.st_mtime_ns, digest, seconds)


def path_from(folder: Path, path: str) -> str:
    """Return a film's path as it is seen from a folder, so that both can be moved together.

    One that shares no folder but the root with it stays absolute.
    """
    place, absolute = Path(os.path.normpath(folder.absolute())), Path(path)
    shared = [part for part in place.parents if part in absolute.parents and part != part.parent]
    return Path(os.path.relpath(absolute, place)).as_posix() if shared else path


def path_to(folder: Path, text: str) -> str:
    """Return the absolute path that a text of `path_from` names."""
    return os.path.normpath(folder.absolute() / text)


def _digest(file: BinaryIO, size: int) -> str:
    found = hashlib.sha256(str(size).encode())
    found.update(file.read(_BLOCK))
    for number in range(1, _SAMPLES + 1):
        file.seek(size * number // (_SAMPLES + 1))
        found.update(file.read(_BLOCK >> 4))
    file.seek(max(size - _BLOCK, 0))
    found.update(file.read(_BLOCK))
    return found.hexdigest()


def as_bytes(roster: Roster, folder: Path) -> bytes:
    """Return the record as JSON, to be kept in a folder."""
    content = {
        "version": _VERSION,
        "recogniser": roster.recogniser,
        "films": [
            {"path": path_from(folder, film.path), "size": film.size, "modified_ns": film.modified_ns, "digest": film.digest,
             "seconds": round(film.seconds, 3)}
            for film in roster.films
        ],
        "people": [
            {"number": person.number, "share": round(person.share, 6), "size": round(person.size, 1),
             "stretches": _stretches(person.stretches), "looks": [_look(each) for each in person.looks]}
            for person in roster.people
        ],
        "unknown": _stretches(roster.unknown),
    }  # fmt: skip
    return (json.dumps(content, separators=(",", ":"), allow_nan=False) + "\n").encode()


def _stretches(stretches: Sequence[Stretch]) -> list[list[float]]:
    return [[each.film, round(each.start_s, 3), round(each.end_s, 3)] for each in stretches]


def _look(look: Look) -> dict[str, Any]:
    return {
        "film": look.film, "time_s": round(look.time_s, 3), "size": round(look.size, 1), "yaw": round(look.yaw, 1),
        "place": [round(value, 1) for value in look.place_xyxy],
        "descriptor": [round(float(value), 6) for value in look.descriptor],
    }  # fmt: skip


def read_roster(path: Path) -> Roster:
    """Read a record; raises `UsageError` when it is missing, damaged or too large."""
    try:
        with path.open("rb") as file:
            content = file.read(LIMITS.most_bytes + 1)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} is missing or cannot be read", _REMEDY) from error
    if len(content) > LIMITS.most_bytes:
        raise UsageError(f"{path} is larger than {LIMITS.most_bytes >> 20} MiB", _REMEDY)
    try:
        return roster_of(content, path.parent)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is damaged: {error}", _REMEDY) from error


def roster_of(content: bytes, folder: Path) -> Roster:
    """Return the roster of a record that is kept in a folder; raises `ValueError`, which names what is wrong."""
    whole = _object(json.loads(content), "the file")
    if whole.get("version") != _VERSION:
        raise ValueError("version is not 1")
    recogniser = whole.get("recogniser")
    if not isinstance(recogniser, str) or not 0 < len(recogniser) <= 100:
        raise ValueError("recogniser is not a name")
    films = tuple(_film_of(each, folder) for each in _list(whole, "films", LIMITS.most_films))
    people = tuple(_person_of(each, len(films)) for each in _list(whole, "people", LIMITS.most_people))
    if [person.number for person in people] != list(range(1, len(people) + 1)):
        raise ValueError("people are not numbered from 1")
    if len({len(look.descriptor) for person in people for look in person.looks}) > 1:
        raise ValueError("descriptors differ in size")
    return Roster(recogniser, films, people, _stretches_of(whole, "unknown", len(films)))


def _film_of(value: Any, folder: Path) -> Film:
    film = _object(value, "a film")
    path, digest = film.get("path"), film.get("digest")
    if not isinstance(path, str) or not path or not isinstance(digest, str) or len(digest) != 64:
        raise ValueError("a film has no path or no digest")
    size, modified = _whole(film.get("size"), 0, 1 << 62), _whole(film.get("modified_ns"), -(1 << 62), 1 << 62)
    return Film(path_to(folder, path), size, modified, digest, _real(film.get("seconds"), 0, 1e8))


def _person_of(value: Any, films: int) -> Person:
    person = _object(value, "a person")
    looks = tuple(_look_of(each, films) for each in _list(person, "looks", LIMITS.most_looks))
    if not looks:
        raise ValueError("a person has no look")
    return Person(
        _whole(person.get("number"), 1, LIMITS.most_people),
        looks,
        _stretches_of(person, "stretches", films),
        _real(person.get("share"), 0, 1),
        _real(person.get("size"), 0, 1e6),
    )


def _look_of(value: Any, films: int) -> Look:
    look = _object(value, "a look")
    place = [_real(each, -1e6, 1e6) for each in _list(look, "place", 4)]
    if len(place) != 4:
        raise ValueError("a place has not four numbers")
    numbers = [_real(each, -1e3, 1e3) for each in _list(look, "descriptor", LIMITS.most_numbers)]
    if not numbers:
        raise ValueError("a descriptor is empty")
    return Look(
        np.array(numbers, np.float32),
        _real(look.get("size"), 0, 1e6),
        _real(look.get("yaw"), -180, 180),
        _real(look.get("time_s"), 0, 1e8),
        (place[0], place[1], place[2], place[3]),
        _whole(look.get("film"), 0, films - 1),
    )


def _stretches_of(holder: Mapping[str, Any], key: str, films: int) -> tuple[Stretch, ...]:
    found = []
    for each in _list(holder, key, LIMITS.most_stretches):
        if not isinstance(each, list) or len(each) != 3:
            raise ValueError(f"{key} has an entry that is not [film, start, end]")
        stretch = Stretch(_whole(each[0], 0, films - 1), _real(each[1], 0, 1e8), _real(each[2], 0, 1e8))
        if stretch.end_s < stretch.start_s:
            raise ValueError(f"{key} has an end before its start")
        found.append(stretch)
    return tuple(found)


def _object(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{name} is not an object")
    return value


def _list(holder: Mapping[str, Any], key: str, most: int) -> list[Any]:
    value = holder.get(key)
    if not isinstance(value, list) or len(value) > most:
        raise ValueError(f"{key} is not a list of at most {most}")
    return value


def _whole(value: Any, low: int, high: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ValueError(f"{str(value)[:20]} is not a whole number from {low} to {high}")
    return value


def _real(value: Any, low: float, high: float) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value) or not low <= value <= high:
        raise ValueError(f"{str(value)[:20]} is not a number from {low:g} to {high:g}")
    return float(value)
