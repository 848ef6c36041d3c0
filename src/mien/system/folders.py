"""Folders of mien on this machine."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import platformdirs

from mien.errors import ProvenanceError

DATA_VARIABLE = "MIEN_DATA"
MODELS_VARIABLE = "MIEN_MODELS"


def data_folder() -> Path:
    """Return the user's folder for key, ledger, saved faces and presets: MIEN_DATA, or the system's place for it.

    Raises `ProvenanceError` when neither is known.
    """
    named = os.environ.get(DATA_VARIABLE)
    return reachable(Path(named) if named else _known(lambda: platformdirs.user_data_dir("mien", appauthor=False)))


def reachable(folder: Path) -> Path:
    """Return the folder, which need not exist. Raises `ProvenanceError` for one behind a folder that may not be entered."""
    try:
        folder.stat()
    except PermissionError:
        raise ProvenanceError(
            f"the folder for the key and the ledger, {folder}, may not be entered",
            f"nothing leaves mien unrecorded: name a folder that can be written to in {DATA_VARIABLE}",
        ) from None
    except OSError:
        # Missing, or not a folder: reported by the first write into it.
        pass
    return folder


def models_folder() -> Path:
    """Return the folder of installed models: MIEN_MODELS, or one in the data folder. Raises `ProvenanceError`."""
    named = os.environ.get(MODELS_VARIABLE)
    return Path(named) if named else data_folder() / "models"


def make_private(folder: Path) -> None:
    """Make a folder and its missing parents, private to their owner; `Path.mkdir` opens the parents to everybody."""
    for each in reversed((folder, *folder.parents)):
        each.mkdir(mode=0o700, exist_ok=True)


def recordings_folder() -> Path:
    """Return the default folder for recordings. Raises `ProvenanceError`."""
    return _known(platformdirs.user_videos_dir) / "mien"


def has_cache_folder() -> bool:
    """Return whether this user has a cache folder of a known place, as numba computes it.

    Without a home, or with a relative XDG_CACHE_HOME, libraries would make one in the current folder, and run what lies there.
    """
    if sys.platform in {"win32", "darwin"}:
        return True
    named = os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache"))  # noqa: PTH111 - Path.expanduser raises
    return os.path.isabs(named)  # noqa: PTH117 - the text may be empty, which Path takes for "."


def _known(find: Callable[[], str]) -> Path:
    """Return an absolute folder: a relative one would depend on the current folder."""
    try:
        folder = Path(find())
    except RuntimeError:
        folder = Path()
    if not folder.is_absolute():
        raise ProvenanceError(
            "no folder for the key and the ledger: this user has no home folder (HOME), or an XDG folder is not absolute",
            f"nothing leaves mien unrecorded: name a folder that can be written to in {DATA_VARIABLE}",
        )
    return folder
