"""Roles of `mien swap`: which person of the target wears which photo, as it is typed."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mien.assembly import stand_ins
from mien.assembly.cast_plan import MAX_SOURCES
from mien.assembly.source_photos import check_not_own
from mien.commands.swap_options import Who
from mien.commands.targets import is_folder_name, named_file
from mien.errors import UsageError
from mien.media.files.file_check import check_file
from mien.provenance.consent import STATEMENTS
from mien.swap.cast import Treatment

_SHEET = ".toml"


@dataclass(frozen=True, slots=True)
class Pair:
    """One `--map`: a person, by the number or name of a card or by a photo, and the photo or clip of the face to wear."""

    person: str | Path
    photo: Path


@dataclass(frozen=True, slots=True)
class RoleRequest:
    """Choice of those who are to wear a face. `sheets` are files `people.toml` of which each `wear` counts.

    `people` is the folder that numbers are from, `me` the photo of the only person who is to wear one. `consents` are
    those for single photos.
    """

    who: Who = "everyone"
    pairs: tuple[Pair, ...] = ()
    sheets: tuple[Path, ...] = ()
    people: Path | None = None
    me: Path | None = None
    others: Treatment = "leave"
    consents: Mapping[Path, str] = field(default_factory=dict)

    @property
    def files(self) -> tuple[Path, ...]:
        """Return all files that are read, but the people's folder."""
        persons = [pair.person for pair in self.pairs if isinstance(pair.person, Path)]
        return (*persons, *(pair.photo for pair in self.pairs), *self.sheets, *([self.me] if self.me else []))


def roles_of(options: argparse.Namespace) -> tuple[RoleRequest, str | None, list[str]]:
    """Return the roles, the photo that is not mapped to a person, if any, and the targets. Raises `UsageError`."""
    who: Who = options.who or ("mapped" if options.map else "me" if options.me else "everyone")
    _check_agreement(options, who)
    files = list(options.files)
    photo = None if who == "mapped" else files.pop(0)
    if not files:
        raise UsageError("there is no target", "name the picture or video after PHOTO; with --map no PHOTO is needed")
    if who == "mapped" and len(files) > 1 and not is_folder_name(options.output, 1):
        raise UsageError(
            f"with --map all names are targets, {files[0]} too, and they need a folder",
            "omit PHOTO, each --map names its own; or name a folder: -o FOLDER/",
        )
    sheets, pairs = _split(options.map)
    roles = RoleRequest(
        who,
        tuple(pairs),
        tuple(sheets),
        named_file(options.people) if options.people else None,
        named_file(options.me) if options.me else None,
        options.others or "leave",
        {named_file(name): statement for name, statement in _consents(options.consent) if name},
    )
    _check_files(roles, photo)
    return roles, photo, files


def consent_of(options: argparse.Namespace) -> str | None:
    """Return the statement of `--consent` that holds for all photos. Raises `UsageError`."""
    general = [statement for name, statement in _consents(options.consent) if not name]
    if len(general) > 1:
        raise UsageError("--consent is given twice", "name one reason for all photos, and PHOTO=WHY for others")
    return general[0] if general else None


def _consents(texts: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the photo, empty = all, and the statement of each `--consent`."""
    for text in texts:
        name, _, statement = text.rpartition("=")
        if statement not in STATEMENTS:
            raise UsageError(
                f"invalid consent {text!r}", f"--consent is one of: {', '.join(STATEMENTS)}; or PHOTO= and one of them"
            )
        yield name, statement


def _check_agreement(options: argparse.Namespace, who: Who) -> None:
    if options.map and who != "mapped":
        raise UsageError(f"--map and --who {who} contradict each other", "omit one of them")
    if who == "mapped" and not options.map:
        raise UsageError("--who mapped says nothing without --map", "add --map PERSON=PHOTO")
    if (who == "me") != bool(options.me):
        raise UsageError("--who me and --me PHOTO belong together", "add the other one")
    if options.others and who == "everyone":
        raise UsageError("--others says nothing where everyone wears the face", "add --map, --me or --who largest")
    if options.people and not options.map:
        raise UsageError("--people says nothing without --map", "add --map NUMBER=PHOTO")
    if options.map and (options.also or options.source_face is not None or options.number_faces):
        raise UsageError("--also, --source-face and --number-faces are for a single PHOTO", "omit them with --map")


def _split(texts: Sequence[str]) -> tuple[list[Path], list[Pair]]:
    """Return the sheets and the pairs of all `--map`."""
    sheets: list[Path] = []
    pairs: list[Pair] = []
    for text in texts:
        if "=" not in text or (text.endswith(_SHEET) and _is_file(text)):
            if not text.endswith(_SHEET) and not Path(text).is_dir():
                raise UsageError(f"--map {text} names no face to wear", "write --map PERSON=PHOTO, or --map people.toml")
            sheets.append(named_file(text))
            continue
        person, photo = _halves(text)
        if not person or not photo:
            raise UsageError(f"--map {text} is not whole", "write --map PERSON=PHOTO")
        pairs.append(Pair(named_file(person) if _is_photo(person) else person, stand_ins.named(named_file(photo))))
    return sheets, pairs


def _halves(text: str) -> tuple[str, str]:
    """Return both sides of the equals sign that leaves a photo behind it: names of files may hold others."""
    places = [place for place, letter in enumerate(text) if letter == "="]
    split = [(text[:place], text[place + 1 :]) for place in places]
    return next((halves for halves in split if _is_file(halves[1])), split[0])


def _is_photo(person: str) -> bool:
    """Return True for the name of a file rather than that of a card."""
    return not person.isdecimal() and (_is_file(person) or bool(Path(person).suffix))


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except (OSError, ValueError):
        return False


def _check_files(roles: RoleRequest, photo: str | None) -> None:
    """Raise a `MienError` for what can be seen before any picture is read."""
    seen: set[str] = set()
    for pair in roles.pairs:
        name = str(pair.person)
        if name in seen:
            raise UsageError(f"{name} is mapped twice", "give each person one face to wear")
        seen.add(name)
        check_file(pair.photo)
        if isinstance(pair.person, Path):
            check_file(pair.person)
            check_not_own(pair.person, pair.photo)
    if roles.me is not None:
        check_file(roles.me)
        if photo is not None:
            check_not_own(roles.me, named_file(photo))
    if len({pair.photo for pair in roles.pairs}) > MAX_SOURCES:
        raise UsageError(f"--map names more than {MAX_SOURCES} faces to wear", "swap the film in several runs")
