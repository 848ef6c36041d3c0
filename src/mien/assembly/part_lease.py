"""Lease of one part: a mark that says who makes it, renewed while they do, so that no part is made twice unseen."""

import contextlib
import json
import os
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from mien.errors import NotYet, OutputError
from mien.media.files.output_file import output_error
from mien.system.printable import printable
from mien.system.process_identity import ProcessIdentity, parsed, runs_here, this_process


@dataclass(frozen=True, slots=True)
class LeaseTuning:
    """Times of a lease, in seconds of one machine's own clock: no two clocks are compared."""

    renew_s: float = 5.0
    lapsed_s: float = 30.0
    """Time without a renewal after which the owner is gone: six renewals, of which a busy network disk may delay some."""
    most_bytes: int = 4096


TUNING = LeaseTuning()


class LeaseMark(Protocol):
    """Mark of a lease, which all who could take it see; every method may raise `OutputError`."""

    @property
    def name(self) -> str:
        """Name of the lease in messages."""
        ...

    def create(self, content: Mapping[str, str]) -> bool:
        """Write the lease; return False while there is one that was not moved aside."""
        ...

    def read(self) -> Mapping[str, Any]:
        """Return the lease that holds now, empty where there is none or it cannot be understood."""
        ...

    def stamp(self) -> object:
        """Return a value that differs after each renewal."""
        ...

    def give_way(self) -> None:
        """Move the lease aside that was read last; of several who try, one can create another."""
        ...

    def renew(self) -> None:
        """Show that the owner works."""
        ...

    def release(self) -> None:
        """End our own lease."""
        ...


class PartLease:
    """Lease that is held from entering to leaving. Raises `NotYet` while another process holds it.

    An owner on this machine that has ended gives way at once, one elsewhere when its lease was watched for a while and not
    renewed; `sleep` waits.
    """

    def __init__(
        self, mark: LeaseMark, tuning: LeaseTuning = TUNING, sleep: Callable[[float], None] = time.sleep
    ) -> None:  # fmt: skip
        self._mark = mark
        self._tuning = tuning
        self._sleep = sleep
        self._token = secrets.token_hex(16)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="mien-lease", daemon=True)

    def __enter__(self) -> Self:
        content = {"owner": str(this_process()), "token": self._token}
        if not self._mark.create(content):
            self._wait_for_owner()
            self._mark.give_way()
            if not self._mark.create(content):
                raise self._taken(self._owner())
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()
        # A lease that cannot be ended lapses.
        with contextlib.suppress(OutputError):
            if self.is_held():
                self._mark.release()

    def is_held(self) -> bool:
        """Return False when the lease lapsed meanwhile and is another's, or was removed. Raises `OutputError`."""
        return self._mark.read().get("token") == self._token

    def check(self) -> None:
        """Raise `NotYet` when the lease is no longer ours: what was made must not be handed in."""
        if not self.is_held():
            raise NotYet(
                f"the lease {self._mark.name} lapsed while this part was made, and another process may be making it",
                "the part was left to it; try again later",
            )

    def _owner(self) -> ProcessIdentity | None:
        """Return who holds the lease, None where that cannot be read."""
        return parsed(str(self._mark.read().get("owner", "")))

    def _wait_for_owner(self) -> None:
        """Return when the owner is gone; raise `NotYet` as soon as it shows that it is not."""
        owner = self._owner()
        running = None if owner is None else runs_here(owner)
        if running:
            raise self._taken(owner)
        if running is False:
            return
        before, waited = self._mark.stamp(), 0.0
        while waited < self._tuning.lapsed_s:
            self._sleep(self._tuning.renew_s)
            waited += self._tuning.renew_s
            if self._mark.stamp() != before:
                raise self._taken(owner)

    def _renew(self) -> None:
        while not self._ended.wait(self._tuning.renew_s):
            # A place that cannot be reached now may be reached at the next renewal.
            with contextlib.suppress(OutputError):
                if not self.is_held():
                    return
                self._mark.renew()

    def _taken(self, owner: ProcessIdentity | None) -> NotYet:
        who = "another process" if owner is None else f"process {owner.number} on {owner.machine.partition('/')[0]}"
        part = self._mark.name.partition(".")[0]
        return NotYet(f"{part} is being made by {printable(who)}", "wait until it has ended, or make another part meanwhile")


class FileMark:
    """Lease in a file, whose time of change its owner renews."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._token = secrets.token_hex(16)

    @property
    def name(self) -> str:
        """Name of the file."""
        return self._path.name

    def create(self, content: Mapping[str, str]) -> bool:
        """Make the file; return False when there is one. Raises `OutputError`."""
        # Written first and linked then: nobody reads a file that is half written.
        draft = self._path.with_name(f".{self._path.name}.{self._token}")
        try:
            draft.write_text(json.dumps(content), "utf-8")
            return linked(draft, self._path)
        except OSError as error:
            raise output_error(error, self._path) from error
        finally:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)

    def read(self) -> Mapping[str, Any]:
        """Return the content, empty where there is none or it is damaged."""
        try:
            with self._path.open("rb") as file:
                return lease_of(file.read(TUNING.most_bytes))
        except OSError:
            return {}

    def stamp(self) -> object:
        """Return the time of change."""
        try:
            return self._path.stat().st_mtime_ns
        except OSError:
            return -1

    def give_way(self) -> None:
        """Move the file aside; only one of several who try succeeds."""
        aside = self._path.with_name(f".{self._path.name}.{self._token}.lapsed")
        with contextlib.suppress(OSError):
            self._path.rename(aside)
            aside.unlink()

    def renew(self) -> None:
        """Set the time of change."""
        with contextlib.suppress(OSError):
            os.utime(self._path)

    def release(self) -> None:
        """Remove the file."""
        with contextlib.suppress(OSError):
            self._path.unlink()


def lease_of(content: bytes) -> Mapping[str, Any]:
    """Return the lease in bytes, empty where they are none."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def linked(draft: Path, path: Path) -> bool:
    """Give `draft` the name `path` as well; return False where that exists. Raises `OSError`."""
    try:
        os.link(draft, path)
    except FileExistsError:
        return False
    except OSError:
        # Some file systems have no hard links.
        try:
            with open(path, "xb", opener=_private) as file:
                file.write(draft.read_bytes())
        except FileExistsError:
            return False
    return True


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
