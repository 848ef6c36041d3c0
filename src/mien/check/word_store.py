"""Secrets of rolling words in the data folder: one file a person, private, with the wrong pairs in a row."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mien.check.rolling_words import Outcome, Role, Secret
from mien.errors import UsageError
from mien.media.files.output_file import OutputFile, output_error
from mien.system.folders import make_private

_FOLDER = "words"
_MAX_WRONG = 3  # of 2^22 pairs; then the words of this person stop until they are shared again
_MAX_NAME_LETTERS = 60  # a file name
_MAX_BYTES = 4096  # of a file; one has about 100


@dataclass(frozen=True, slots=True)
class Kept:
    """Secret shared with a person, and the wrong pairs in a row."""

    name: str
    secret: Secret
    wrong: int

    @property
    def stopped(self) -> bool:
        """True when the words of this person have stopped."""
        return self.wrong >= _MAX_WRONG

    @property
    def left(self) -> int:
        """Number of wrong pairs until they stop."""
        return _MAX_WRONG - self.wrong


class WordStore:
    """Secrets by the name of the person. Every method raises `UsageError` for a name that cannot be, or `OutputError`."""

    def __init__(self, data: Path) -> None:
        self._folder = data / _FOLDER

    def names(self) -> list[str]:
        """Return the names, in order."""
        return sorted(path.stem for path in self._folder.glob("*.json")) if self._folder.is_dir() else []

    def keep(self, name: str, secret: Secret) -> Kept:
        """Keep a secret under a name that is free."""
        if self._path(name).exists():
            raise UsageError(f"words are shared with {name} already", f"choose another name, or: mien words forget {name}")
        kept = Kept(name, secret, 0)
        self._write(kept)
        return kept

    def open(self, name: str) -> Kept:
        """Return the secret of a person."""
        path = self._path(name)
        try:
            with path.open("rb") as file:
                given: Any = json.loads(file.read(_MAX_BYTES))
            wrong = given["wrong"]
            if not isinstance(wrong, int) or wrong < 0:
                raise ValueError("wrong")
            return Kept(name, Secret(bytes.fromhex(given["secret"])), wrong)
        except FileNotFoundError:
            raise UsageError(f"no words are shared with {name}", "share them in person: mien words new NAME") from None
        except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
            raise UsageError(f"the words of {name} cannot be read ({type(error).__name__})", "share them again") from error

    def running(self, name: str) -> Kept:
        """Return the secret of a person as `open` does. Raises `UsageError` when the words have stopped."""
        kept = self.open(name)
        if kept.stopped:
            raise UsageError(
                f"three wrong pairs: the words of {name} have stopped", "meet, and share them again: mien words forget, new"
            )
        return kept

    def forget(self, name: str) -> None:
        """Remove the secret of a person."""
        try:
            self._path(name).unlink()
        except FileNotFoundError:
            raise UsageError(f"no words are shared with {name}", "mien words lists the names") from None

    def check(self, name: str, role: Role, said: str, now_s: float) -> tuple[Outcome, int, Kept]:
        """Return the finding on a pair, and what is kept after it. Raises `UsageError` when the words have stopped."""
        kept = self.running(name)
        outcome, away = kept.secret.check(role, said, now_s)
        after = Kept(name, kept.secret, 0 if outcome == "right" else kept.wrong + 1)
        # Written before anything is told, so that an interruption gives no further try.
        self._write(after)
        return outcome, away, after

    def _path(self, name: str) -> Path:
        if not re.fullmatch(r"[\w][\w .-]*", name) or len(name) > _MAX_NAME_LETTERS or name.endswith((".", " ")):
            raise UsageError(f"invalid name {name!r}", "use letters, digits, spaces, dots and hyphens")
        return self._folder / f"{name}.json"

    def _write(self, kept: Kept) -> None:
        path = self._path(kept.name)
        try:
            make_private(self._folder)
            with OutputFile(path, overwrite=True) as output:
                output.temporary.touch(mode=0o600)
                output.temporary.write_text(json.dumps({"secret": kept.secret.value.hex(), "wrong": kept.wrong}), "utf-8")
                output.commit()
        except OSError as error:
            raise output_error(error, path) from error
