"""Look at a joined film before it is signed: the records of its parts may have been written by anybody."""

from pathlib import Path

from mien.assembly import factory
from mien.errors import UnreadableMedia
from mien.media.files.video_reader import VideoReader
from mien.models.library.store import Store
from mien.settings import Settings


def check_joined(path: Path, name: str, frames: int, settings: Settings) -> None:
    """Decode all of the film in `path`, which is to be called `name`, and check its content once more.

    Raises `ContentRefused` whatever the scores say that the parts came with, and `UnreadableMedia` for a film without as many
    pictures as were planned.
    """
    check, seen = factory.open_content_check(Store()), 0
    with VideoReader(path, max_pixels=settings.max_pixels, max_bytes=settings.max_bytes) as reader:
        for frame in iter(reader.read, None):
            check.see(frame)
            seen += 1
    check.finish()
    if seen != frames:
        raise UnreadableMedia(f"the parts of {name} hold {seen} pictures, and {frames} were planned", "make the parts again")
