"""Where mien keeps things on this machine."""

import os
from pathlib import Path

import platformdirs

DATA_VARIABLE = "MIEN_DATA"


def data_folder() -> Path:
    """The person's folder for the key, the ledger, saved faces and presets: what MIEN_DATA names, or as this system has it."""
    named = os.environ.get(DATA_VARIABLE)
    return Path(named) if named else Path(platformdirs.user_data_dir("mien", appauthor=False))


MODELS_VARIABLE = "MIEN_MODELS"


def models_folder() -> Path:
    """Where installed models lie: what MIEN_MODELS names, or a folder beside the person's other data."""
    named = os.environ.get(MODELS_VARIABLE)
    return Path(named) if named else data_folder() / "models"


def make_private(folder: Path) -> None:
    """Make a folder and its missing parents, all for their owner alone; `Path.mkdir` opens the parents to everybody."""
    for each in reversed((folder, *folder.parents)):
        each.mkdir(mode=0o700, exist_ok=True)


def recordings_folder() -> Path:
    """Where recordings go unless another folder is named."""
    return Path(platformdirs.user_videos_dir()) / "mien"
