"""Rosters of made-up people, for tests that need no film."""

from pathlib import Path

import numpy as np

from mien.swap.people.look import Look
from mien.swap.people.roster import FILE_NAME, Film, Person, Roster, Stretch, as_bytes

RECOGNISER = "face_id_128"


def look(person: int, time_s: float = 0.0, size: float = 100.0) -> Look:
    """A look whose descriptor is one axis of its own for each person."""
    descriptor = np.zeros(128, np.float32)
    descriptor[person % 128] = 1.4
    descriptor[(person + person // 128 + 1) % 128] += 0.1 * (person // 128)
    return Look(descriptor, size, 0.0, time_s, (10, 10, 10 + size, 10 + size))


def roster(people: int, films: int = 1) -> Roster:
    """People 1 to `people`, each 10 s after the one before, in films of 1,000 s."""
    return Roster(
        RECOGNISER,
        tuple(
            Film(f"/films/film{number}.mp4", 1000 + number, 5, "0" * 63 + str(number % 10), 1000.0) for number in range(films)
        ),
        tuple(
            Person(
                number,
                tuple(look(number, 10.0 * number + step) for step in range(3)),
                (Stretch(0, 10.0 * number, 10.0 * number + 3),),
                0.1,
                100.0,
            )
            for number in range(1, people + 1)
        ),
        (Stretch(0, 1.0, 2.0),),
    )


def written(folder: Path, made: Roster, sheet: str = "") -> Path:
    """Write the record and the sheet into a folder; return the sheet."""
    (folder / FILE_NAME).write_bytes(as_bytes(made, folder))
    path = folder / "people.toml"
    path.write_text(sheet, "utf-8")
    return path
