"""Lease of one part: a file that says who makes it, renewed while they do, so that no part is made twice unseen."""

import contextlib
import json
import os
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mien.errors import NotYet
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


class PartLease:
    """Lease in `path`, held from entering to leaving. Raises `NotYet` while another process holds it.

    An owner on this machine that has ended gives way at once, one elsewhere when its lease was watched for a while and not
    renewed; `sleep` waits.
    """

    def __init__(
        self, path: Path, tuning: LeaseTuning = TUNING, sleep: Callable[[float], None] = time.sleep
    ) -> None:  # fmt: skip
        self._path = path
        self._tuning = tuning
        self._sleep = sleep
        self._token = secrets.token_hex(16)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="mien-lease", daemon=True)

    def __enter__(self) -> Self:
        if not self._create():
            self._wait_for_owner()
            self._give_way()
            if not self._create():
                raise self._taken(self._owner())
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()
        if self.is_held():
            with contextlib.suppress(OSError):
                self._path.unlink()

    def is_held(self) -> bool:
        """Return False when the lease lapsed meanwhile and is another's, or was removed."""
        return self._read().get("token") == self._token

    def check(self) -> None:
        """Raise `NotYet` when the lease is no longer ours: what was made must not be handed in."""
        if not self.is_held():
            raise NotYet(
                f"the lease {self._path.name} lapsed while this part was made, and another process may be making it",
                "the part was left to it; try again later",
            )

    def _create(self) -> bool:
        """Make the file; return False when there is one."""
        content = {"owner": str(this_process()), "token": self._token}
        # Written first and linked then: nobody reads a file that is half written.
        draft = self._path.with_name(f".{self._path.name}.{self._token}")
        try:
            draft.write_text(json.dumps(content), "utf-8")
            return _linked(draft, self._path)
        except OSError as error:
            raise output_error(error, self._path) from error
        finally:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)

    def _read(self) -> dict[str, Any]:
        try:
            with self._path.open("rb") as file:
                found = json.loads(file.read(self._tuning.most_bytes))
        except (OSError, ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    def _owner(self) -> ProcessIdentity | None:
        """Return who holds the lease, None where that cannot be read."""
        return parsed(str(self._read().get("owner", "")))

    def _wait_for_owner(self) -> None:
        """Return when the owner is gone; raise `NotYet` as soon as it shows that it is not."""
        owner = self._owner()
        running = None if owner is None else runs_here(owner)
        if running:
            raise self._taken(owner)
        if running is False:
            return
        before, waited = self._changed_at(), 0.0
        while waited < self._tuning.lapsed_s:
            self._sleep(self._tuning.renew_s)
            waited += self._tuning.renew_s
            if self._changed_at() != before:
                raise self._taken(owner)

    def _give_way(self) -> None:
        """Move the lapsed lease aside; only one of several who try succeeds."""
        aside = self._path.with_name(f".{self._path.name}.{self._token}.lapsed")
        with contextlib.suppress(OSError):
            self._path.rename(aside)
            aside.unlink()

    def _changed_at(self) -> int:
        try:
            return self._path.stat().st_mtime_ns
        except OSError:
            return -1

    def _renew(self) -> None:
        while not self._ended.wait(self._tuning.renew_s):
            if not self.is_held():
                return
            with contextlib.suppress(OSError):
                os.utime(self._path)

    def _taken(self, owner: ProcessIdentity | None) -> NotYet:
        who = "another process" if owner is None else f"process {owner.number} on {owner.machine.partition('/')[0]}"
        return NotYet(
            f"{self._path.stem} is being made by {printable(who)}", "wait until it has ended, or make another part meanwhile"
        )


def _linked(draft: Path, path: Path) -> bool:
    """Give `draft` the name `path` as well, unless that exists."""
    try:
        os.link(draft, path)
    except FileExistsError:
        return False
    except OSError:
        # Some file systems have no hard links.
        try:
            with path.open("xb") as file:
                file.write(draft.read_bytes())
        except FileExistsError:
            return False
    return True
