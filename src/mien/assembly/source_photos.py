"""Source face out of photo files; errors name the photo."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mien.assembly import factory
from mien.errors import SourceFaceError
from mien.media.files.picture_read import read_picture
from mien.models.library.store import Store
from mien.settings import Settings
from mien.types import Image, SourceFace


def read_photo(path: Path, settings: Settings) -> Image:
    """Read a photo, BGR uint8. Raises a `MediaError`."""
    return read_picture(path, max_pixels=settings.max_pixels, max_bytes=settings.max_bytes).frame.image


def open_photos(
    path: Path, photo: Image, also: Sequence[Path], settings: Settings, models: factory.Models, number: int | None = None
) -> SourceFace:
    """Find the face of a photo that was read from `path`, and of further files of the same person.

    `number` counts the faces of a group from the left, from 1. Raises a `MienError`.
    """
    with _naming(path):
        source = factory.open_source(photo, models, number)
    if not also:
        return source
    recogniser = factory.open_recogniser(Store())
    for other in also:
        with _naming(other):
            source = factory.add_photo(source, read_photo(other, settings), models, recogniser)
    return source


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    try:
        yield
    except SourceFaceError as error:
        raise type(error)(f"{path}: {error}", error.remedy) from error
