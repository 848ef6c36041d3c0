"""Checks on an input file before it is opened: that it can be read, and its size."""

import stat
from pathlib import Path

from mien.errors import MediaTooLarge, UnreadableMedia


def check_file(path: Path) -> int:
    """Return the size of the file in bytes; raise `UnreadableMedia` unless it is a readable file that holds something."""
    try:
        if path.is_dir():
            raise UnreadableMedia(f"{path} is a folder", "name a picture or a video")
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):
            # A pipe or a device would block here, or never end.
            raise UnreadableMedia(f"{path} is not an ordinary file", "name a picture or a video")
        with path.open("rb") as opened:
            opened.read(1)
    except FileNotFoundError:
        raise UnreadableMedia(f"{path} does not exist", "check the name") from None
    except PermissionError:
        raise UnreadableMedia(f"{path} may not be read", "change its permissions") from None
    except (OSError, ValueError) as error:
        raise UnreadableMedia(f"{path} cannot be read: {error}", "check the name and the disk") from None
    if facts.st_size == 0:
        raise UnreadableMedia(f"{path} is empty (0 bytes)", "fetch or save the file again")
    return facts.st_size


def check_size(path: Path, max_bytes: int) -> None:
    """Raise what `check_file` raises, and `MediaTooLarge` for a file of more than `max_bytes`."""
    size = check_file(path)
    if size > max_bytes:
        raise MediaTooLarge(f"{path} has {size:,} bytes, the limit is {max_bytes:,}", "use a smaller file or raise --max-bytes")
