"""Limits of installed recognisers as measured here: a list beside the models, each row tied to the bytes of one file."""

import json
import stat
from dataclasses import asdict

from mien.errors import ModelDamaged, ModelError
from mien.models.library.files import replace_file
from mien.models.library.store import ModelEntry, Store
from mien.types import IdentityLimits

LIST = "recognisers.json"
_VERSION = 1  # of the format of the list
_MAX_BYTES = 1 << 20  # 1 MiB, some 5,000 rows: bounds what is read into memory
_FARTHEST = 2.0  # distance of two opposite unit vectors


def limits_of(store: Store, entry: ModelEntry) -> IdentityLimits | None:
    """Return the limits that were measured for this file, None without; raises `ModelDamaged` for a damaged list."""
    return _rows(store).get(entry.sha256) if entry.sha256 else None


def keep_limits(store: Store, entry: ModelEntry, limits: IdentityLimits) -> None:
    """Store the limits of a file in place of earlier ones; raises a `ModelError`, and then nothing has changed."""
    if not entry.sha256:
        raise ModelError(f"the hash of {entry.id} is not known, and limits belong to one file", "import the model again")
    rows = _rows(store) | {entry.sha256: limits}
    content = {"version": _VERSION, "limits": {sha256: asdict(each) for sha256, each in sorted(rows.items())}}
    try:
        replace_file(store.folder / LIST, (json.dumps(content, indent=2) + "\n").encode())
    except OSError as error:
        raise ModelError(
            f"the limits of {entry.id} cannot be stored in {store.folder}: {error.strerror}",
            "make room, or check the permissions",
        ) from error


def _rows(store: Store) -> dict[str, IdentityLimits]:
    path = store.folder / LIST
    try:
        state = path.stat()
        if not stat.S_ISREG(state.st_mode) or state.st_size > _MAX_BYTES:
            raise ValueError("it is not a plain file, or too large")
        content = json.loads(path.read_bytes())
        if content["version"] != _VERSION:
            raise ValueError(f"it is of version {content['version']!r}")
        return {str(sha256): _checked(row) for sha256, row in content["limits"].items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ModelDamaged(
            f"the limits of recognisers in {path} cannot be read: {error}",
            "delete the file and measure them again: mien evaluate FACES --only people",
        ) from error


def _checked(row: dict[str, float]) -> IdentityLimits:
    """Return the limits of one row; raises `ValueError` or `TypeError` for what cannot be, such as a limit beyond all faces."""
    for name, value in row.items():
        if type(value) is not float or not 0 < value < _FARTHEST:
            raise ValueError(f"{name} = {value!r}")
    return IdentityLimits(**row)
