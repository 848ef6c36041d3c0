"""Storage of presets, saved faces and tokens. Safe for several threads and for several studios on one folder."""

import json
import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from mien.errors import MienError, OutputError
from mien.system.database import Database, remedy

_log = logging.getLogger(__name__)


class StudioDatabase(Database):
    """Database of the studio; users get an `OutputError` when the file cannot be read or written.

    `presets.json` and `faces/*/face.json` of earlier versions are imported once, when the file is created. The old files
    stay.
    """

    FILE: ClassVar[str] = "studio.sqlite"
    SCHEMAS: ClassVar[tuple[str, ...]] = (
        """
CREATE TABLE presets (
    name TEXT PRIMARY KEY,
    settings TEXT NOT NULL
);
CREATE TABLE faces (
    id TEXT PRIMARY KEY,
    facts TEXT NOT NULL
);
""",
        """
CREATE TABLE tokens (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    scope TEXT NOT NULL,
    hash TEXT NOT NULL,
    made_at TEXT NOT NULL
);
""",
    )

    def _fill(self, connection: sqlite3.Connection) -> None:
        for name, settings in _old_object(self.folder / "presets.json").items():
            if isinstance(settings, dict):
                connection.execute("INSERT INTO presets VALUES (?, ?)", (name, to_json(settings)))
            else:
                _log.warning("the preset %r in %s is damaged and was not imported", name, self.folder / "presets.json")
        for path in sorted(self.folder.glob("faces/*/face.json")):
            if facts := _old_object(path):
                connection.execute("INSERT INTO faces VALUES (?, ?)", (path.parent.name, to_json(facts)))

    def _unusable(self, path: Path, error: Exception) -> MienError:
        return OutputError(
            f"presets and saved faces in {path} cannot be used: {error}",
            remedy(error, "the studio starts without any"),
        )


def to_json(value: dict[str, Any]) -> str:
    """Return the object as JSON text."""
    return json.dumps(value)


def from_json(text: object) -> dict[str, Any] | None:
    """Return the object, or None for anything else and for text that cannot be sent to a page (`is_text`)."""
    try:
        value = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None
    if not is_text(value):
        return None
    return value if isinstance(value, dict) else None


def is_text(value: object) -> bool:
    """Return False for JSON with half of a surrogate pair, which UTF-8 cannot encode, or a number such as NaN."""
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        return False
    return True


def objects(rows: list[tuple[object, object]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the key and the object of each row; skip rows that hold anything else."""
    for key, text in rows:
        value = from_json(text)
        if isinstance(key, str) and value is not None:
            yield key, value


def _old_object(path: Path) -> dict[str, Any]:
    try:
        value = from_json(path.read_text("utf-8"))
        reason = "it is damaged"
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        value, reason = None, str(error)
    if value is None:
        _log.warning("%s cannot be imported (%s); it stays as it is", path, reason)
    return value or {}
