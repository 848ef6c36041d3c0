"""Presets: settings stored under a name, and parts of a session beside them (`preset_parts`)."""

from collections.abc import Mapping
from typing import Any

from mien.errors import OutputError, UsageError
from mien.settings import Setting, Settings, from_mapping, table
from mien.studio.session.database import StudioDatabase, objects, to_json

LIMITS = frozenset({"max_pixels", "max_bytes"})
"""Settings that protect this machine: a page may not change them."""
MAX_PRESETS = 50  # the state that every page gets holds all of them
PARTS_KEY = "with"
"""Key in the object of a preset, beside the names of settings, under which its other parts are."""
_MAX_NAME_LETTERS = 40  # a line of the page


class PresetExists(UsageError):
    """A preset has this name, and it was not said that it may be replaced."""


class Presets:
    """Stored presets. A change is on the disk when its method returns; every method raises `OutputError` when it fails."""

    def __init__(self, database: StudioDatabase) -> None:
        self._database = database
        with database.opened():
            # Creates the file, or takes over an earlier version's, so that it can be read.
            pass
        self._last = self.all()

    def all(self) -> dict[str, dict[str, Any]]:
        """Return the settings by name, including those that other studios on the same folder stored."""
        with self._database.read_only() as connection:
            rows = connection.execute("SELECT name, settings FROM presets ORDER BY rowid").fetchall()
        self._last = dict(objects(rows))
        return self._last

    def known(self) -> dict[str, dict[str, Any]]:
        """Return all presets, or those last seen when the disk fails: the page continues, and a change reports why."""
        try:
            return self.all()
        except OutputError:
            return self._last

    def keep(self, presets: Mapping[str, Mapping[str, Any]], *, replace: bool = True) -> None:
        """Store all of them or none. Raises `UsageError` for too many, `PresetExists` for a known name without `replace`."""
        rows = [(checked_name(name), to_json(dict(settings))) for name, settings in presets.items()]
        with self._database.opened() as connection:
            for name, _ in rows:
                if not replace and connection.execute("SELECT 1 FROM presets WHERE name = ?", (name,)).fetchone():
                    raise PresetExists(
                        f"there is a preset {name!r} already", "replace it, or choose another name", values={"name": name}
                    )
            connection.executemany(
                "INSERT INTO presets VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET settings = excluded.settings", rows
            )
            (count,) = connection.execute("SELECT count(*) FROM presets").fetchone()
            if count > MAX_PRESETS:
                raise UsageError(
                    f"more than {MAX_PRESETS} presets cannot be stored", "remove one first", key="too-many-presets",
                    values={"n": MAX_PRESETS},
                )  # fmt: skip

    def remove(self, name: str) -> None:
        """Delete a preset; a missing one is ignored."""
        with self._database.opened() as connection:
            connection.execute("DELETE FROM presets WHERE name = ?", (name,))


def checked(given: Mapping[str, Any]) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Return presets from another machine with every value checked, and the settings that only a newer mien knows.

    Those are left out. Raises a `MienError`.
    """
    presets, unknown = dict[str, dict[str, Any]](), set[str]()
    for name, values in given.items():
        if not isinstance(values, dict):
            raise UsageError(
                f"the preset {name!r} does not hold settings", "import a file that the studio has exported",
                key="not-presets", values={"name": name},
            )  # fmt: skip
        known, newer = settings_in(values)
        unknown |= newer
        whole = values_of(from_mapping({**values_of(Settings()), **known}))
        parts = values.get(PARTS_KEY)
        presets[checked_name(name)] = {**portable(whole), **({PARTS_KEY: parts} if isinstance(parts, dict) else {})}
    return presets, sorted(unknown)


def settings_in(preset: Mapping[str, Any]) -> tuple[dict[str, Any], set[str]]:
    """Return the settings in a preset, and the names in it that only a newer mien knows, or whose choice only one knows."""
    rows = {row.name: row for row in table()}
    newer = {name for name, value in preset.items() if name not in rows or _is_newer(rows[name], value)} - {PARTS_KEY}
    known = {name: value for name, value in preset.items() if name in rows and name not in LIMITS | newer}
    return known, newer


def _is_newer(row: Setting, value: object) -> bool:
    """Return True for a choice that this version does not offer."""
    return bool(row.choices) and isinstance(value, str) and value not in row.choices


def values_of(settings: Settings) -> dict[str, Any]:
    """Return all settings by name."""
    return {row.name: getattr(settings, row.name) for row in table()}


def portable(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that a preset may hold: all but `LIMITS`."""
    return {name: value for name, value in values.items() if name not in LIMITS}


def checked_name(name: str) -> str:
    """Return the name without surrounding spaces. Raises `UsageError` for an invalid one."""
    name = name.strip()
    if not name or len(name) > _MAX_NAME_LETTERS or not name.isprintable():
        raise UsageError(
            "invalid name for a preset", f"use 1 to {_MAX_NAME_LETTERS} letters", key="preset-name",
            values={"n": _MAX_NAME_LETTERS},
        )  # fmt: skip
    return name
