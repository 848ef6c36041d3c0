"""Trusted models: files that the catalogue does not know by their hash, in a list beside them."""

import json
import re
import stat
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from mien.errors import ModelDamaged, ModelError
from mien.models.format.families import families
from mien.models.library.files import replace_file

LIST = "trusted.json"
FOLDER = "trusted"
"""Folder of trusted files below the models folder, apart from the names of the catalogue."""

_VERSION = 1  # of the format of the list
_MAX_BYTES = 4 << 20  # 4 MiB, over 10,000 rows: bounds what is read into memory
_ID = re.compile(r"[a-z0-9][a-z0-9_.-]{0,99}")
_FILE = re.compile(rf"({FOLDER}/)?[A-Za-z0-9][A-Za-z0-9_.-]{{0,99}}\.(onnx|dfm)")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Trusted:
    """One file: its id, the family of its graph, `file` below the models folder, its size and hash when it was trusted."""

    id: str
    role: str
    family: str
    file: str
    bytes: int
    sha256: str
    standin: bool = False

    def __post_init__(self) -> None:
        kinds = {"bytes": int, "standin": bool}
        for field in fields(self):
            value = getattr(self, field.name)
            if type(value) is not kinds.get(field.name, str):
                raise ValueError(f"{field.name} = {value!r}")
        known = families().get(self.family)
        if known is None or known.role != self.role:
            raise ValueError(f"no family of the role {self.role!r} is called {self.family!r}")
        for text, form in ((self.id, _ID), (self.file, _FILE), (self.sha256, _SHA256)):
            if not form.fullmatch(text):
                raise ValueError(f"invalid text {text!r}")
        if self.bytes <= 0:
            raise ValueError(f"bytes = {self.bytes}")


def read_trusted(folder: Path) -> tuple[Trusted, ...]:
    """Return the list of a models folder, empty when there is none yet; raises `ModelDamaged` or another `ModelError`."""
    path = folder / LIST
    try:
        state = path.stat()
        if not stat.S_ISREG(state.st_mode) or state.st_size > _MAX_BYTES:
            raise ValueError("it is not a plain file, or too large")
        content = json.loads(path.read_bytes())
        version = content["version"]
        if type(version) is int and version > _VERSION:
            raise ModelError(
                f"{path} was written by a newer mien", "install that version, or let MIEN_MODELS name another folder"
            )
        if version != _VERSION:
            raise ValueError(f"it is of version {version!r}")
        rows = tuple(Trusted(**row) for row in content["models"])
    except FileNotFoundError:
        return ()
    except NotADirectoryError as error:
        raise ModelError(
            f"the models folder {folder} is not a folder", "let MIEN_MODELS name a folder, or move the file away"
        ) from error
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise ModelDamaged(
            f"the list of the models that you trust, {path}, cannot be read: {error}",
            "put back a copy of it; or delete it and import those models again",
        ) from error
    if len({row.id for row in rows}) != len(rows):
        raise ModelDamaged(f"{path} names a model twice", "delete one of the two rows")
    return rows


def write_trusted(folder: Path, rows: Sequence[Trusted]) -> None:
    """Replace the list in one step; raises `ModelError`."""
    text = json.dumps({"version": _VERSION, "models": [asdict(row) for row in rows]}, indent=1) + "\n"
    try:
        replace_file(folder / LIST, text.encode("utf-8"))
    except OSError as error:
        raise ModelError(
            f"cannot write {folder / LIST}: {error.strerror}", "free some space, or name another folder"
        ) from error
