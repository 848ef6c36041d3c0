"""Source face out of the files of a person, photos and short clips; errors name the file."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from mien.assembly import factory
from mien.assembly.source_clip import ClipProgress, add_clip, open_clip
from mien.contracts import Recogniser
from mien.errors import NoSourceFace, SeveralSourceFaces, SourceFaceError, UsageError
from mien.media.files.moving import Kind, kind_of
from mien.media.files.output_file import same_file
from mien.media.files.picture_read import read_picture
from mien.models.library.store import Store
from mien.settings import Settings
from mien.swap.people.identities import Wanted
from mien.swap.people.template import template_of_photo
from mien.swap.source.load import MAX_PHOTOS, only_face
from mien.types import Image, SourceFace

Watch = Callable[[Path], AbstractContextManager[ClipProgress]]
"""Maker of the progress of a clip by its path; it is entered while the clip is looked at."""


@contextmanager
def unwatched(path: Path) -> Iterator[ClipProgress]:
    """Yield a progress that nobody watches."""
    yield lambda done_s, all_s: None


def read_photo(path: Path, settings: Settings) -> Image:
    """Read a photo, BGR uint8. Raises a `MediaError`."""
    return read_picture(path, max_pixels=settings.max_pixels, max_bytes=settings.max_bytes).frame.image


def is_clip(path: Path) -> bool:
    """Return whether the file is a clip and no photo, by its content. Raises `UnreadableMedia`."""
    return kind_of(path) is not Kind.PICTURE


def open_photos(
    path: Path,
    also: Sequence[Path],
    settings: Settings,
    models: factory.Models,
    number: int | None = None,
    watch: Watch = unwatched,
) -> SourceFace:
    """Find the face of a photo, or of a clip of one person alone, and of further files of the same person.

    `number` counts the faces of a group from the left, from 1. Raises a `MienError`; a `UsageError` for too many photos, before
    any of them is looked at.
    """
    photos = [*([] if is_clip(path) else [path]), *(other for other in also if not is_clip(other))]
    if len(photos) > MAX_PHOTOS:
        raise UsageError(
            f"{len(photos)} photos of one person were given; {MAX_PHOTOS} are enough",
            f"leave out {len(photos) - MAX_PHOTOS} of the --also photos",
        )
    with _naming(path):
        if not is_clip(path):
            source = factory.open_source(read_photo(path, settings), models, number)
        elif number is None:
            with watch(path) as progress:
                source = open_clip(path, settings, models, factory.open_recogniser(Store()), progress)
        else:
            raise UsageError(f"{path} is a clip, whose faces have no numbers", "give a photo first and the clip with --also")
    if not also:
        return source
    recogniser = factory.open_recogniser(Store())
    for other in also:
        with _naming(other):
            if is_clip(other):
                with watch(other) as progress:
                    source = add_clip(source, other, settings, models, recogniser, progress)
            else:
                source = factory.add_photo(source, read_photo(other, settings), models, recogniser)
    return source


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    try:
        yield
    except SourceFaceError as error:
        raise type(error)(f"{path}: {error}", error.remedy) from error


def check_not_own(person: Path, photo: Path) -> None:
    """Raise `UsageError` when the photo of a person is also that of the face that the person is to wear."""
    if same_file(person, photo):
        raise UsageError(f"{person} is to wear its own face", "name another photo to wear")


def person_of_photo(path: Path, settings: Settings, models: factory.Models, recogniser: Recogniser) -> Wanted:
    """Return the only person of a photo, to be found in a target. Raises a `SourceFaceError` or a `MediaError`."""
    try:
        upright, landmarks = only_face(read_photo(path, settings), models.inspection)
    except NoSourceFace as error:
        raise NoSourceFace(f"{path}: {error}", "use a photo that shows this person's face") from error
    except SeveralSourceFaces as error:
        raise SeveralSourceFaces(f"{path}: {error}", "use a photo of this person alone") from error
    except SourceFaceError as error:
        raise type(error)(f"{path}: {error}", error.remedy) from error
    return Wanted(path.name, (template_of_photo(recogniser.describe(upright, landmarks)),))
