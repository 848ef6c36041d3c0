"""Writing of small files in one step, and of names that survive a power cut."""

import contextlib
import os
import tempfile
from pathlib import Path

from mien.system.folders import make_private


def replace_file(path: Path, content: bytes) -> None:
    """Write a small private file under another name and rename it, so that it is whole or unchanged; raises `OSError`."""
    make_private(path.parent)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".new", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def sync_folder(folder: Path) -> None:
    """Write a new name in the folder to the disk, where folders can be synced; not all systems can open one."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def reason(error: OSError | ValueError) -> str:
    """Return the reason of an error of the system, without the path."""
    return getattr(error, "strerror", None) or str(error)
