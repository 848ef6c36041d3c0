"""Where the studio keeps things: for this session only, and for good when the person saves them."""

import contextlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from mien.errors import OutputError
from mien.media.output import output_error

_PREFIX = "mien-studio-"


@contextmanager
def session_folder() -> Iterator[Path]:
    """A folder for uploads that goes with the session; what sessions left that were cut off goes at once."""
    parent = Path(tempfile.gettempdir())
    for old in parent.glob(f"{_PREFIX}*"):
        owner = re.match(rf"{_PREFIX}(\d+)-", old.name)
        if owner and not psutil.pid_exists(int(owner[1])):
            shutil.rmtree(old, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def read_json(path: Path) -> dict[str, Any]:
    """The object in the file; empty when there is none or it is damaged."""
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Replace the file as a whole; raises `OutputError`."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary.write_text(json.dumps(value, indent=2, ensure_ascii=False), "utf-8")
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise output_error(error, path) from error


def make_folder(path: Path) -> None:
    """Make it when it is missing; raises `OutputError`."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(error, path) from error
    if not os.access(path, os.W_OK):
        raise OutputError(f"the folder {path} may not be written to", "choose another one")
