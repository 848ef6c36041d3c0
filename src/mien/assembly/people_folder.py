"""Folder of `mien people`: cards, contact sheet, the sheet to edit and the record; written whole or not at all."""

import contextlib
import math
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mien.assembly.people_search import PeopleFound
from mien.errors import OutputError
from mien.media.files.output_file import output_error
from mien.media.files.temporary_files import temporary_path
from mien.swap.people.corrections import SHEET_NAME
from mien.swap.people.gathering import FoundPerson
from mien.swap.people.roster import FILE_NAME, Person, Roster, Stretch, as_bytes, path_from
from mien.system.printable import printable
from mien.types import Image

CONTACT_NAME = "contact.jpg"
CARDS_NAME = "cards"
_KEPT_SHEET = "people.toml.before"
_HEAD = """\
# People that `mien people` found; contact.jpg shows them with their numbers, cards/ shows each. To be edited by hand:
#   name  = "Bob"                  a name of your choice
#   wear  = "bob.jpg"              the photo of a face for this person to wear; beside this file, or with its folder
#   merge = [5]                    card 5 shows the same person
#   not   = ["00:12-00:19"]        at these times of the film, it is somebody else
# `mien swap --map people.toml` finds the same people again.
"""


@dataclass(frozen=True, slots=True)
class SheetTuning:
    """Drawing of cards and of the contact sheet, in pixels; chosen by eye."""

    tile: int = 200
    """Side of a face."""
    gap: int = 8
    line: int = 24
    """Height of a line of text."""
    most_lines: int = 6
    """Lines of times on a card; the rest is in people.toml."""
    letter: float = 0.5
    """Scale of the font."""
    number: float = 1.1
    quality: int = 90
    """JPEG quality."""


TUNING = SheetTuning()


class PeopleFolder:
    """Place of the folder. Private to its owner (mode 0700): it holds faces, and numbers by which they can be recognised.

    With `overwrite`, the folder of an earlier run is replaced: what is not of that run, such as photos to wear, stays, and the
    edited sheet is kept as people.toml.before.
    """

    def __init__(self, path: Path, *, overwrite: bool) -> None:
        self.path = path
        self._overwrite = overwrite

    def check(self) -> None:
        """Raise `OutputError` where the folder cannot be written, before any work is done."""
        try:
            if self.path.is_symlink() or (self.path.exists() and not self.path.is_dir()):
                raise OutputError(f"{self.path} exists already and is not a folder", "choose another name")
            if self.path.is_dir() and any(self.path.iterdir()):
                if not (self.path / FILE_NAME).is_file():
                    raise OutputError(f"{self.path} is not a folder of mien people", "choose another name, or an empty folder")
                if not self._overwrite:
                    raise OutputError(f"{self.path} exists already", "choose another name, or replace it with --overwrite")
            if not self.path.absolute().parent.is_dir():
                raise OutputError(f"the folder {self.path.parent} does not exist", "create the folder first")
            draft = temporary_path(self.path.absolute())
            draft.mkdir(mode=0o700)
            draft.rmdir()
        except OSError as error:
            raise output_error(error, self.path) from error

    def write(self, found: PeopleFound) -> None:
        """Write everything; raises `OutputError`, and leaves nothing half written."""
        self.check()
        draft = temporary_path(self.path.absolute())
        try:
            draft.mkdir(mode=0o700)
            for name, content in _files(found, self.path):
                file = draft / name
                file.parent.mkdir(mode=0o700, exist_ok=True)
                with file.open("xb") as written:
                    written.write(content)
                    written.flush()
                    os.fsync(written.fileno())
            self._put(draft)
        except OSError as error:
            raise output_error(error, self.path) from error
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def _put(self, draft: Path) -> None:
        """Give the draft its name; what an earlier folder has of the user's goes with it."""
        old = self.path.absolute()
        if not old.is_dir():
            draft.rename(old)
            return
        for each in list(old.iterdir()):
            if each.name == SHEET_NAME:
                shutil.copyfile(each, draft / _KEPT_SHEET)
            elif each.name not in {FILE_NAME, CONTACT_NAME, CARDS_NAME, _KEPT_SHEET}:
                _copy(each, draft / each.name)
        aside = temporary_path(old)
        old.rename(aside)
        try:
            draft.rename(old)
        except BaseException:
            aside.rename(old)
            raise
        with contextlib.suppress(OSError):
            shutil.rmtree(aside)


def _copy(source: Path, goal: Path) -> None:
    if source.is_dir() and not source.is_symlink():
        shutil.copytree(source, goal, symlinks=True)
    else:
        shutil.copy2(source, goal, follow_symlinks=False)


def _files(found: PeopleFound, folder: Path) -> list[tuple[str, bytes]]:
    """Return the names and contents of all files."""
    cards = [(f"{CARDS_NAME}/{each.person.number}.jpg", _jpeg(card(each, found.roster))) for each in found.people]
    return [
        (FILE_NAME, as_bytes(found.roster, folder)),
        (SHEET_NAME, sheet(found.roster, folder).encode()),
        (CONTACT_NAME, _jpeg(contact(found.people))),
        *cards,
    ]


def sheet(roster: Roster, folder: Path) -> str:
    """Return the text of `people.toml`, to be kept in a folder, before anybody has edited it."""
    lines = [_HEAD]
    lines += [f"# Film {number}: {printable(path_from(folder, film.path))}" for number, film in enumerate(roster.films, 1)]
    if roster.unknown:
        lines += ["#", "# Faces seen too small or too turned to tell whose they are:"]
        lines += [f"#   {line}" for line in times(roster.unknown, roster, 100)]
    for person in roster.people:
        lines += ["", f"# {facts(person)}", *(f"#   {line}" for line in times(person.stretches, roster, 100))]
        lines += [f"[person.{person.number}]", 'name = ""']
    return "\n".join(lines) + "\n"


def facts(person: Person) -> str:
    """Return a line on the time in sight and the size of a person's face."""
    return f"{sight(person)}, face {person.size:.0f} pixels high, {100 * person.share:.1f} % of the picture"


def sight(person: Person) -> str:
    """Return how much there is of a person: the time in sight, and the number of pictures, which last no time."""
    pictures = sum(each.end_s == each.start_s for each in person.stretches)
    parts = [f"in sight {length(person.seconds)}"] if person.seconds else []
    parts += [f"in {pictures} picture{'s' if pictures > 1 else ''}"] if pictures else []
    return ", ".join(parts)


def times(stretches: Sequence[Stretch], roster: Roster, letters: int) -> list[str]:
    """Return the times as lines of at most about `letters` letters, a film's number first where there are several.

    A picture has no time, but a name.
    """
    lines: list[str] = []
    before = -1
    for each in stretches:
        is_picture = roster.films[each.film].seconds == 0
        text = printable(roster.title(each.film)) if is_picture else f"{clock(each.start_s)}-{clock(each.end_s)}"
        starts = not is_picture and each.film != before and len(roster.films) > 1
        if starts or not lines or len(lines[-1]) + len(text) + 2 > letters:
            lines.append(f"film {each.film + 1}: {text}" if starts else text)
        else:
            lines[-1] += f", {text}"
        before = each.film
    return lines


def clock(seconds: float) -> str:
    """Return `MM:SS.t`, or `H:MM:SS.t` from an hour on: the form that `not` takes."""
    tenths = int(10 * seconds + 1e-6)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    text = f"{minutes:02}:{rest // 10:02}.{rest % 10}"
    return f"{hours}:{text}" if hours else text


def length(seconds: float) -> str:
    """Return a time in sight in words: `6.2 s`, `2:05 min` or `1:02:05 h`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02} h" if hours else f"{minutes}:{rest:02} min"


def contact(people: Sequence[FoundPerson]) -> Image:
    """Return the best view of everybody with numbers, BGR uint8, in rows."""
    step_x, step_y = TUNING.tile + TUNING.gap, TUNING.tile + TUNING.line + TUNING.gap
    columns = min(len(people), max(5, math.ceil(math.sqrt(1.5 * len(people)))))
    rows = math.ceil(len(people) / columns)
    picture = np.full((rows * step_y + TUNING.gap, columns * step_x + TUNING.gap, 3), 255, np.uint8)
    for place, each in enumerate(people):
        left, top = TUNING.gap + place % columns * step_x, TUNING.gap + place // columns * step_y
        picture[top : top + TUNING.tile, left : left + TUNING.tile] = _face(each.pictures[0])
        _number(picture, each.person.number, left, top)
        _text(picture, sight(each.person), left + 2, top + TUNING.tile + TUNING.line - 7)
    return picture


def card(found: FoundPerson, roster: Roster) -> Image:
    """Return the card of one person, BGR uint8: the best views, number, times and size."""
    lines = [facts(found.person), *times(found.person.stretches, roster, 62)]
    if len(lines) > TUNING.most_lines:
        lines = [*lines[: TUNING.most_lines - 1], "more in people.toml"]
    wide = 3 * (TUNING.tile + TUNING.gap) + TUNING.gap
    picture = np.full((TUNING.tile + 2 * TUNING.gap + (len(lines) + 1) * TUNING.line, wide, 3), 255, np.uint8)
    for place, content in enumerate(found.pictures):
        left = TUNING.gap + place * (TUNING.tile + TUNING.gap)
        picture[TUNING.gap : TUNING.gap + TUNING.tile, left : left + TUNING.tile] = _face(content)
    _number(picture, found.person.number, TUNING.gap, TUNING.gap)
    for place, line in enumerate(lines, 1):
        _text(picture, line, TUNING.gap, TUNING.gap + TUNING.tile + place * TUNING.line)
    return picture


def _face(content: bytes) -> Image:
    decoded = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None, "the picture was encoded by this process"
    return np.asarray(cv2.resize(decoded, (TUNING.tile, TUNING.tile), interpolation=cv2.INTER_AREA), np.uint8)


def _number(picture: Image, number: int, left: int, top: int) -> None:
    (wide, tall), _ = cv2.getTextSize(str(number), cv2.FONT_HERSHEY_SIMPLEX, TUNING.number, 2)
    cv2.rectangle(picture, (left, top), (left + wide + 14, top + tall + 16), (255, 255, 255), -1)
    cv2.putText(
        picture, str(number), (left + 6, top + tall + 7), cv2.FONT_HERSHEY_SIMPLEX, TUNING.number, (0, 0, 0), 2, cv2.LINE_AA
    )


def _text(picture: Image, text: str, left: int, bottom: int) -> None:
    cv2.putText(picture, text, (left, bottom), cv2.FONT_HERSHEY_SIMPLEX, TUNING.letter, (30, 30, 30), 1, cv2.LINE_AA)


def _jpeg(picture: Image) -> bytes:
    _, coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, TUNING.quality])
    return coded.tobytes()
