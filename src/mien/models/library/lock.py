"""One process at a time changes a models folder."""

import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mien.system.folders import make_private

_log = logging.getLogger(__name__)
_LOOK_S = 0.1


@contextmanager
def turn(folder: Path) -> Iterator[None]:
    """Hold the folder, which is made if need be, while models come into it or go; waits for another process that does so.

    A folder that cannot be held, or cannot be made, is no error here: who writes into it will say what is wrong.
    """
    descriptor = -1
    with suppress(OSError):
        make_private(folder)
        descriptor = os.open(folder, os.O_RDONLY)
    try:
        if descriptor >= 0 and not _held(descriptor):
            _log.warning("waiting for another mien, which brings models into %s or removes them", folder)
            while not _held(descriptor):
                time.sleep(_LOOK_S)
        yield
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def _held(descriptor: int) -> bool:
    """Whether the folder is ours now; True, too, where nothing can be held. It is let go when it is closed."""
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
