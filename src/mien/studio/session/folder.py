"""Folders of the studio: for uploads, which are deleted with the session, and for recordings."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from mien.errors import OutputError
from mien.media.files.output_file import output_error

_PREFIX = "mien-studio-"


@contextmanager
def session_folder() -> Iterator[Path]:
    """Yield a folder for uploads that is deleted afterwards; delete those of sessions that crashed."""
    parent = Path(tempfile.gettempdir())
    for old in parent.glob(f"{_PREFIX}*"):
        owner = re.match(rf"{_PREFIX}(\d+)-", old.name)
        if owner and not psutil.pid_exists(int(owner[1])):
            shutil.rmtree(old, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def make_folder(path: Path) -> None:
    """Create the folder when it is missing. Raises `OutputError`, also when it cannot be written to."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(error, path) from error
    if not os.access(path, os.W_OK):
        raise OutputError(f"no permission to write to the folder {path}", "choose another one")
