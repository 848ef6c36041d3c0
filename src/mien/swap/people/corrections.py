"""`people.toml`: names, photos to wear and corrections, edited by hand; read strictly against the roster beside it."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mien.errors import UsageError
from mien.swap.people.look import Look
from mien.swap.people.roster import FILE_NAME, Film, Person, Roster, Stretch, path_from, path_to, read_roster
from mien.swap.people.template import Template, template_of

SHEET_NAME = "people.toml"
FOLDER_SUFFIX = ".people"
"""Ending of the folder of a film's cards: film.mp4 has film.people beside it."""
_KEYS = ("name", "wear", "merge", "not")
_TIMES = re.compile(r"(?:(?P<film>.*\S)\s+)?(?P<start>\d[\d:.]*)\s*-\s*(?P<end>\d[\d:.]*)")


@dataclass(frozen=True, slots=True)
class SheetLimits:
    """Sizes up to which a sheet is read, far beyond what a person writes."""

    most_bytes: int = 1 << 20
    longest_name: int = 80
    longest_path: int = 4096
    most_not: int = 1000
    """Times of one person in `not`."""
    longest_times: int = 5000


LIMITS = SheetLimits()


@dataclass(frozen=True, slots=True)
class KnownPerson:
    """One person of `people.toml`, with the corrections applied.

    `templates` has one template of the person, and one of each that was merged into it: a face is theirs when it is near to
    any. `wear` is the photo that the person shall wear, None = none. `merged` are the numbers merged into this one.
    `not_in` are parts of the films in which a face is not this person's, however alike.
    """

    number: int
    name: str
    templates: tuple[Template, ...]
    wear: Path | None
    merged: tuple[int, ...]
    not_in: tuple[Stretch, ...]

    def may_be(self, film: int | None, time_s: float) -> bool:
        """Return False at a time that was struck out for this person; `film` None = a film that is not in the roster."""
        return film is None or not any(each.holds(film, time_s) for each in self.not_in)


@dataclass(frozen=True, slots=True)
class KnownPeople:
    """People of a folder that `mien people` wrote, by their number, merged ones within others; and the roster itself."""

    roster: Roster
    people: tuple[KnownPerson, ...]

    def find(self, number_or_name: str) -> KnownPerson | None:
        """Return the person of a number, also of one merged into another, or of a name; None without."""
        for person in self.people:
            numbers = {str(number) for number in (person.number, *person.merged)}
            if number_or_name in numbers or number_or_name == person.name:
                return person
        return None


def read_people(place: Path) -> KnownPeople:
    """Read the people of a folder of `mien people`, or of its `people.toml`.

    Raises `UsageError` for a mistake in the sheet, and for a record that is missing or damaged. That films have changed shows
    `Roster.film_number`.
    """
    path = place / SHEET_NAME if place.is_dir() else place
    try:
        with path.open("rb") as file:
            content = file.read(LIMITS.most_bytes + 1)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} is missing or cannot be read", "name the people.toml of a folder of mien people") from error
    if len(content) > LIMITS.most_bytes:
        raise UsageError(f"{path} is larger than {LIMITS.most_bytes >> 10} KiB", "remove what does not belong there")
    try:
        return people_of(content, read_roster(path.parent / FILE_NAME), path.parent)
    except ValueError as error:
        raise UsageError(f"{path}: {error}", "correct the line; docs/people.md describes the file") from error


def people_of(content: bytes, roster: Roster, folder: Path) -> KnownPeople:
    """Return the people of a roster with the corrections of a sheet; raises `ValueError`, which names what is wrong.

    Names in `wear` are relative to `folder`.
    """
    entries = _entries(content, roster)
    owners = _owners(entries)
    people = []
    for person in roster.people:
        if person.number in owners:
            continue
        merged = tuple(sorted(number for number in owners if _root(number, owners) == person.number))
        people.append(_known(person, merged, entries, roster, folder))
    _check_names(people)
    return KnownPeople(roster, tuple(people))


def _entries(content: bytes, roster: Roster) -> dict[int, Mapping[str, Any]]:
    """Return the table of each person that has one, with its keys checked."""
    try:
        # Editors of Windows may begin the file with a mark.
        whole = tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise ValueError("the file is not UTF-8 text") from None
    except RecursionError:
        raise ValueError("the file is nested too deeply") from None
    for key in whole:
        if key != "person":
            raise ValueError(f"unknown key {_shown(key)}; only [person.NUMBER] is known")
    tables = whole.get("person", {})
    if not isinstance(tables, dict):
        raise ValueError("person is not a table: write [person.1]")
    found: dict[int, Mapping[str, Any]] = {}
    for name, entry in tables.items():
        if not re.fullmatch(r"[1-9][0-9]{0,5}", name, re.ASCII) or roster.person(int(name)) is None:
            raise ValueError(f"there is no person {_shown(name)}; the cards have 1 to {len(roster.people)}")
        if not isinstance(entry, dict):
            raise ValueError(f"person {name} is not a table: write [person.{name}]")
        for key in entry:
            if key not in _KEYS:
                raise ValueError(f"person {name}: unknown key {_shown(key)}; known are {', '.join(_KEYS)}")
        found[int(name)] = entry
    for number, entry in found.items():
        _check_merge(number, entry, roster)
    return found


def _check_merge(number: int, entry: Mapping[str, Any], roster: Roster) -> None:
    merge = entry.get("merge", [])
    if not isinstance(merge, list) or not all(isinstance(each, int) and not isinstance(each, bool) for each in merge):
        raise ValueError(f"person {number}: merge is not a list of numbers: write merge = [5]")
    for other in merge:
        if roster.person(other) is None:
            raise ValueError(f"person {number}: merge names {_shown(other)}, and the cards have 1 to {len(roster.people)}")


def _owners(entries: Mapping[int, Mapping[str, Any]]) -> dict[int, int]:
    """Return the person into whom each merged person goes."""
    owners: dict[int, int] = {}
    for number, entry in entries.items():
        for other in dict.fromkeys(entry.get("merge", [])):
            if owners.setdefault(other, number) != number:
                raise ValueError(f"person {other} is merged into {owners[other]} and into {number}; one of them is enough")
    for number in owners:
        seen, at = {number}, owners[number]
        while at not in seen:
            seen.add(at)
            at = owners.get(at, at)
        if at in owners:
            way = "" if owners[number] == number else f" by way of {owners[number]}"
            raise ValueError(f"person {number} is merged into itself{way}")
    return owners


def _root(number: int, owners: Mapping[int, int]) -> int:
    while number in owners:
        number = owners[number]
    return number


def _known(
    person: Person, merged: Sequence[int], entries: Mapping[int, Mapping[str, Any]], roster: Roster, folder: Path
) -> KnownPerson:
    """Return one person with the corrections of its table and of those merged into it."""
    parts = (person.number, *merged)
    worn = [number for number in parts if "wear" in entries.get(number, {})]
    if len(worn) > 1:
        raise ValueError(f"person {person.number} has two photos to wear: person {worn[1]} is merged into it and has one, too")
    names = [name for number in parts if (name := _name(number, entries.get(number, {})))]
    not_in = tuple(each for number in parts for each in _not_in(number, entries.get(number, {}), roster.films, folder))
    known = [roster.person(number) for number in parts]
    templates = [made for each in known if each is not None and (made := template_without(each.looks, not_in)) is not None]
    if not templates:
        raise ValueError(f"person {person.number}: not strikes out every view of this person")
    wear = _wear(worn[0], entries[worn[0]], folder) if worn else None
    return KnownPerson(person.number, names[0] if names else "", tuple(templates), wear, tuple(merged), not_in)


def template_without(looks: Sequence[Look], not_in: Sequence[Stretch]) -> Template | None:
    """Return the template of the looks that were not struck out, None where none is left."""
    return template_of([look for look in looks if not any(each.holds(look.film, look.time_s) for each in not_in)])


def _name(number: int, entry: Mapping[str, Any]) -> str:
    name = entry.get("name", "")
    if not isinstance(name, str) or len(name) > LIMITS.longest_name or not (name.isprintable() and name == name.strip()):
        raise ValueError(f"person {number}: name is not a line of at most {LIMITS.longest_name} letters")
    if name.isdigit():
        raise ValueError(f"person {number}: the name {name} could be taken for a number")
    return name


def _wear(number: int, entry: Mapping[str, Any], folder: Path) -> Path:
    wear = entry["wear"]
    if not isinstance(wear, str) or not 0 < len(wear) <= LIMITS.longest_path or not wear.isprintable():
        raise ValueError(f'person {number}: wear is not the name of a photo: write wear = "bob.jpg"')
    return folder / wear


def _not_in(number: int, entry: Mapping[str, Any], films: Sequence[Film], folder: Path) -> list[Stretch]:
    times = entry.get("not", [])
    if not isinstance(times, list) or len(times) > LIMITS.most_not:
        raise ValueError(f'person {number}: not is not a list of at most {LIMITS.most_not} times: write not = ["00:12-00:19"]')
    return [_stretch(number, each, films, folder) for each in times]


def _stretch(number: int, text: Any, films: Sequence[Film], folder: Path) -> Stretch:
    wrong = f"person {number}: {_shown(text)} in not is no part of a film"
    match = _TIMES.fullmatch(text) if isinstance(text, str) and len(text) <= LIMITS.longest_times else None
    start_s, end_s = (_seconds(match["start"]), _seconds(match["end"])) if match else (None, None)
    if match is None or start_s is None or end_s is None:
        raise ValueError(f'{wrong}: write "00:12-00:19"')
    name = match["film"]
    named = [index for index, film in enumerate(films) if name in {None, film.name} or path_to(folder, name) == film.path]
    if len(named) != 1:
        names = [film.name for film in films]
        clear = names[0] if names.count(names[0]) == 1 else path_from(folder, films[0].path)
        raise ValueError(f'{wrong}: write which film, such as "{clear} 00:12-00:19"')
    if not start_s < end_s:
        raise ValueError(f"{wrong}: it ends before it starts")
    if start_s > films[named[0]].seconds:
        raise ValueError(f"{wrong}: the film lasts {films[named[0]].seconds:.0f} s")
    return Stretch(named[0], start_s, end_s)


def _seconds(text: str) -> float | None:
    """Return the seconds of `SS`, `MM:SS` or `HH:MM:SS`, None for another text."""
    parts = text.split(":")
    if len(parts) > 3 or not all(re.fullmatch(r"[0-9]{1,9}(\.[0-9]{0,9})?", part, re.ASCII) for part in parts):
        return None
    total = 0.0
    for part in parts:
        total = total * 60 + float(part)
    return total


def _check_names(people: Sequence[KnownPerson]) -> None:
    seen: dict[str, int] = {}
    for person in people:
        if person.name and seen.setdefault(person.name, person.number) != person.number:
            raise ValueError(f"persons {seen[person.name]} and {person.number} have the same name {_shown(person.name)}")


def _shown(value: object) -> str:
    """Return the start of a value, without characters that move a cursor."""
    return repr(value)[:60]
