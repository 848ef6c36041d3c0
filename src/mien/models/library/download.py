"""Download of a model of the catalogue: resumed, checked, and renamed when it is whole."""

import hashlib
import http.client
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote, urlsplit

from mien.errors import DownloadFailed, ModelError
from mien.models.library.files import sync_folder
from mien.models.library.https import Fetch, Refused, Reply
from mien.models.library.lock import locked
from mien.models.library.store import ModelEntry, Store
from mien.system.folders import make_private

MIRROR_VARIABLE = "MIEN_MIRROR"
_CHUNK_BYTES = 1 << 18  # 256 KiB: small enough for a steady progress bar

_RANGE = re.compile(r"bytes (?:(\d{1,18})-\d+|\*)/(\d{1,18}|\*)")
_LENGTH = re.compile(r"\d{1,18}")
_CARRY = "`mien models import FILE` takes a copy that you have, or that you bring from another machine"


@dataclass(frozen=True, slots=True)
class DownloadLimits:
    """Bounds of one download."""

    tries: int = 4  # of each address: pauses of 1, 2 and 4 s bridge a short interruption
    unknown_bytes: int = 4 * 1024**3  # of a model without a published size; bounds what a server can fill
    spare_bytes: int = 64 * 1024**2  # stay free on the disk for other programs
    reason_letters: int = 200  # of a server's answer, which may be anything


LIMITS = DownloadLimits()


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of one model in bytes; `total` is None while it is unknown. `doing` is "pulling" or "checking"."""

    model_id: str
    doing: str
    done: int
    total: int | None


Report = Callable[[Progress], None]


def pull(
    entry: ModelEntry,
    store: Store,
    fetch: Fetch,
    report: Report,
    mirror: str | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> Path:
    """Download the model into the store's folder and return its path; a file that is there and right is left alone.

    A part that has arrived stays beside it as `.FILE.part`, for the next time, unless its sha256 is wrong. Raises
    `DownloadFailed`, with the reason of each address, or `ModelError` when it cannot be written.
    """
    urls = addresses(entry, mirror)
    place = store.path(entry.id)
    part = place.with_name(f".{place.name}.part")
    with locked(store.folder):
        with _writing(place):
            make_private(place.parent)
            if place.is_file() and _is_right(place, entry, report):
                return place
        reasons = []
        for url in urls:
            try:
                _fetch_from(url, part, entry, fetch, report, pause)
            except Refused as refused:
                reasons.append(f"{urlsplit(url).hostname}: {str(refused)[: LIMITS.reason_letters]}")
                continue
            with _writing(place):
                part.replace(place)
                sync_folder(place.parent)
            return place
    raise DownloadFailed(f"cannot pull {entry.id}: {'; '.join(reasons)}", f"try again later, or {_CARRY}")


def addresses(entry: ModelEntry, mirror: str | None = None) -> tuple[str, ...]:
    """Return the addresses of the model, in order; a mirror replaces all others, and has the catalogue's file names.

    Raises `DownloadFailed` for a model that cannot be pulled.
    """
    if entry.bundled:
        raise DownloadFailed(f"{entry.id} ships with mien: there is nothing to pull", "install mien again if it is damaged")
    if not entry.sha256:
        raise DownloadFailed(
            f"{entry.id} cannot be pulled: no sha256 is published for it, so it could not be checked",
            "`mien models import FILE --trust` takes a copy that you have",
        )
    if mirror:
        return (f"{mirror.rstrip('/')}/{quote(entry.file)}",)
    if not entry.urls:
        raise DownloadFailed(f"{entry.id} has no address of its own to be pulled from: {entry.origin}", _CARRY)
    return entry.urls


def _fetch_from(
    url: str, part: Path, entry: ModelEntry, fetch: Fetch, report: Report, pause: Callable[[float], None]
) -> None:  # fmt: skip
    """Complete the part from one address and check it; raises `Refused` with the last reason."""
    for attempt in range(LIMITS.tries):
        try:
            fresh = _transfer(url, part, entry, fetch, report)
            with _writing(part):
                if _is_right(part, entry, report):
                    return
                part.unlink()
            # A part that was begun elsewhere or another day may be to blame: try once more, from the start.
            raise Refused("its file has another sha256 than the catalogue: it was thrown away", passing=not fresh)
        except Refused as refused:
            if not refused.passing or attempt == LIMITS.tries - 1:
                raise
        except (OSError, http.client.HTTPException) as error:
            if attempt == LIMITS.tries - 1:
                raise Refused(_reason(error)) from error
        pause(2.0**attempt)


def _transfer(url: str, part: Path, entry: ModelEntry, fetch: Fetch, report: Report) -> bool:
    """Append the missing bytes to the part; return True when all of it came now.

    Raises `Refused`, `ModelError` or an `OSError`.
    """
    have = _size(part)
    if entry.bytes and have >= entry.bytes:
        return False
    limit = entry.bytes or LIMITS.unknown_bytes
    with fetch(url, have) as reply:
        start, total = _where(reply, have)
        if entry.bytes and total is not None and total != entry.bytes:
            raise Refused(f"its file has {total} bytes, the catalogue's {entry.bytes}")
        if reply.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            if total == have:
                return False
            with _writing(part):
                part.unlink(missing_ok=True)
            raise Refused("it has less than was there already", passing=True)
        total = total or entry.bytes or None
        if total is not None and total > limit:
            raise Refused(f"its file has {total} bytes, too much for a model")
        _check_room(part, (total or 0) - start)
        done = _append(reply, part, start, limit, lambda arrived: report(Progress(entry.id, "pulling", arrived, total)))
    if done > limit:
        with _writing(part):
            part.unlink()
        raise Refused(f"it sends more than {limit} bytes")
    if total is not None and done < total:
        raise Refused(f"it stopped after {done} of {total} bytes", passing=True)
    return start == 0


def _where(reply: Reply, have: int) -> tuple[int, int | None]:
    """Return the byte at which the answer begins, and the size of the whole file, if it is known."""
    found = _RANGE.fullmatch(reply.headers.get("Content-Range") or "")
    total = int(found[2]) if found and found[2] != "*" else None
    if reply.status == HTTPStatus.OK:
        length = reply.headers.get("Content-Length") or ""
        return 0, int(length) if _LENGTH.fullmatch(length) else None
    if reply.status == HTTPStatus.PARTIAL_CONTENT and (not found or found[1] != str(have)):
        raise Refused("it sends another part than the requested one")
    if reply.status not in {HTTPStatus.PARTIAL_CONTENT, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE}:
        raise Refused(f"it answered {reply.status}")
    return have, total


def _append(reply: Reply, part: Path, start: int, limit: int, arrived: Callable[[int], None]) -> int:
    """Write the body at byte `start`; return the size of the part, at most a chunk above the limit."""
    with _writing(part):
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
    done = start
    # Unbuffered, so that no write is left to fail while the file is closed.
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        with _writing(part):
            file.truncate(start)
            file.seek(start)
        while done <= limit and (chunk := reply.read1(_CHUNK_BYTES)):
            with _writing(part):
                rest = memoryview(chunk)
                while rest:
                    rest = rest[file.write(rest) :]
            done += len(chunk)
            arrived(done)
        with _writing(part):
            os.fsync(file.fileno())
    return done


def _is_right(path: Path, entry: ModelEntry, report: Report) -> bool:
    """Return True for the file of the catalogue, by size and sha256."""
    size = path.stat().st_size
    if entry.bytes and size != entry.bytes:
        return False
    digest, done = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            done += len(chunk)
            report(Progress(entry.id, "checking", done, size))
    return digest.hexdigest() == entry.sha256


def _check_room(part: Path, missing: int) -> None:
    with _writing(part):
        free = shutil.disk_usage(part.parent).free
    if missing + LIMITS.spare_bytes > free:
        raise ModelError(
            f"{part.parent} has {free / 1e6:.0f} MB free, {(missing + LIMITS.spare_bytes) / 1e6:.0f} MB are needed",
            "free some space, or name another folder with MIEN_MODELS",
        )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Turn errors of the disk into `ModelError`, apart from those of the network."""
    try:
        yield
    except OSError as error:
        raise ModelError(
            f"cannot write {path}: {error.strerror or error}",
            "free some space or change the rights of the folder, or name another one with MIEN_MODELS",
        ) from error


def _reason(error: OSError | http.client.HTTPException) -> str:
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
