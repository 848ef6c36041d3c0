"""Versions of Python and of the packages that mien was run with; `scripts/bounds.py` fills the table."""

import re
import tomllib
from dataclasses import dataclass
from importlib import resources

PYTHON = "Python"


@dataclass(frozen=True, slots=True)
class Tried:
    """The lowest and the newest version with which the tests passed; `optional` packages may be missing."""

    lowest: str
    newest: str
    optional: bool = False

    def covers(self, version: str) -> bool:
        """Return True for a version within the range, compared by its numbers."""
        # 3.13 stands for each 3.13.x: no more numbers are compared than the bound has.
        return all(
            compared(numbers(version)[: len(numbers(bound))], numbers(bound))
            for bound, compared in ((self.lowest, tuple.__ge__), (self.newest, tuple.__le__))
        )


def numbers(version: str) -> tuple[int, ...]:
    """Return the numbers of a version; a local part, as in `1.2+cpu`, does not count."""
    return tuple(int(number) for number in re.findall(r"\d+", version.partition("+")[0]))


def read_tried() -> dict[str, Tried]:
    """Return the tried ranges, `PYTHON` among them, by the name of the package."""
    text = (resources.files("mien") / "assets" / "tried.toml").read_text("utf-8")
    return {name: Tried(**row) for name, row in tomllib.loads(text).items()}
