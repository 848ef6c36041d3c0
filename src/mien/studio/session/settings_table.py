"""The table of settings for the page, with the installed models as choices."""

from dataclasses import asdict
from typing import Any

from mien.assembly import registry
from mien.errors import ModelError
from mien.models.library.store import Store
from mien.settings import table
from mien.studio.session.presets import LIMITS


def described_table(store: Store) -> list[dict[str, Any]]:
    """Return the rows; where a value names a model, the choices are the bundled and the installed models."""
    rows = [{**asdict(row), "kind": type(row.default).__name__} for row in table()]
    for row in rows:
        if row["role"]:
            roles = registry.SWAPPING if row["role"] == "swapper" else (row["role"],)
            row["choices"] = [row["default"], *(name for role in roles for name in _installed(role, store))]
    return [row for row in rows if row["name"] not in LIMITS]


def _installed(role: str, store: Store) -> list[str]:
    try:
        return [entry.id for entry in store.installed(role) if not entry.bundled]
    except ModelError:
        # The list of trusted files is damaged; opening one of them reports that.
        return []
