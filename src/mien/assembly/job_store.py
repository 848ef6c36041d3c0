"""Store of the files of a planned film, wherever they lie.

Every file is written whole or not at all. `create` is the one primitive on which claims rest: of several who create a name,
one succeeds.
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from mien.assembly.part_lease import PartLease
from mien.errors import UsageError

Address = str | Path
"""A folder, or an address with a scheme, as a string: `file:///films/job`, `s3://bucket/job`."""
_CLAIM = ".planning"  # the file of who makes the plan: of several who begin at once, one goes on
PLAN_AGAIN = "make the plan again: mien plan"


class JobStore(Protocol):
    """Files of one film by their names; all methods raise `OutputError` where the place cannot be reached."""

    @property
    def address(self) -> str:
        """The place as `mien part` takes it on any machine."""
        ...

    def named(self, name: str) -> str:
        """Return a file as messages name it."""
        ...

    def created(self) -> AbstractContextManager[None]:
        """Make the place, and remove it again after an error. Raises `UsageError` where it holds something."""
        ...

    def names(self, prefix: str = "") -> frozenset[str]:
        """Return the names of all files that begin so."""
        ...

    def has(self, name: str) -> bool:
        """Return whether there is a file of this name."""
        ...

    def find(self, name: str, most: int) -> bytes | None:
        """Return the content of a file, None where there is none. Raises `UsageError` for more than `most` bytes."""
        ...

    def write(self, name: str, content: bytes) -> None:
        """Write a file whole or not at all; one that is there is replaced."""
        ...

    def create(self, name: str, content: bytes) -> bool:
        """Write a new file whole; return False, and change nothing, where it exists."""
        ...

    def draft(self, name: str) -> Path:
        """Return a path on this machine for a new file; those that killed processes left of this name are removed."""
        ...

    def hand_in(self, draft: Path, name: str) -> None:
        """Move a draft to its place, whole or not at all."""
        ...

    def discard(self, draft: Path) -> None:
        """Remove what is left of a draft on this machine."""
        ...

    def fetched(self, name: str) -> AbstractContextManager[Path]:
        """Give a file as one of this machine, which must not be changed."""
        ...

    def lease(self, name: str) -> PartLease:
        """Return the lease of this name, which is not held yet."""
        ...

    def remove(self, own: Callable[[str], bool]) -> tuple[str, ...]:
        """Remove the files whose names are `own`, and the place where it is empty then. Return a note where that fails."""
        ...


@contextmanager
def made_by_one(store: JobStore) -> Iterator[None]:
    """Hold a place that was found empty while it is filled, and empty it again after an error.

    Raises `UsageError` where another holds it or has filled it since.
    """
    taken = UsageError(f"{store.address} exists already", "name a new folder")
    if not store.create(_CLAIM, secrets.token_hex(8).encode()):
        raise taken
    # Other names with a dot are of those who have begun, and will not hold it.
    filled = any(not name.startswith(".") for name in store.names())
    try:
        if filled:
            raise taken
        yield
    except BaseException:
        store.remove(lambda name: name == _CLAIM or not filled)
        raise
    store.remove(lambda name: name == _CLAIM)


def read_file(store: JobStore, name: str, most: int) -> bytes:
    """Return the content of a file. Raises `UsageError` when it is missing or larger than `most` bytes."""
    content = store.find(name, most)
    if content is None:
        raise UsageError(f"{store.named(name)} cannot be read: there is no such file", PLAN_AGAIN)
    return content


def too_large(name: str, most: int) -> UsageError:
    """Return the error for a file of more than `most` bytes."""
    return UsageError(f"{name} is larger than {most >> 20} MiB", PLAN_AGAIN)
