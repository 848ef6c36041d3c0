"""Stand-ins: faces of no one person that come with mien, each mixed out of two dozen portraits (docs/stand-ins.md)."""

from importlib import resources
from pathlib import Path

from mien.assembly import factory
from mien.assembly.source_photos import read_photo
from mien.errors import UsageError
from mien.settings import Settings
from mien.types import SourceFace

NAMES = tuple(f"stand-in-{number}" for number in range(1, 17))
"""Names of all, for every place where a photo is named."""
STATEMENT = "synthetic"
"""Statement of consent that is recorded for a stand-in without a question."""


def photo_of(name: str) -> Path:
    """Return the picture of a stand-in. Raises `UsageError` for an unknown name."""
    if name not in NAMES:
        raise UsageError(f"there is no stand-in {name!r}", f"there are {NAMES[0]} to {NAMES[-1]}")
    return _folder() / f"{name}.jpg"


def named(photo: Path) -> Path:
    """Return the picture of a stand-in for its bare name, unless a file has that name; any other path as it is."""
    return photo_of(str(photo)) if str(photo) in NAMES and not photo.exists() else photo


def statement_for(photo: Path) -> str | None:
    """Return the statement that holds for the picture of a stand-in, None for any other photo."""
    return STATEMENT if photo.parent == _folder() and photo.stem in NAMES else None


def name_of(photo: Path) -> str:
    """Return the name of a photo as a user knows it: that of its file, or of the stand-in."""
    return photo.name if statement_for(photo) is None else photo.stem


def open_stand_in(name: str, models: factory.Models) -> SourceFace:
    """Open a stand-in as a source face. Raises `UsageError` for an unknown name."""
    return factory.open_source(read_photo(photo_of(name), Settings()), models)


def _folder() -> Path:
    return Path(str(resources.files("mien") / "assets" / "stand_ins"))
