"""Fetches a model of the catalogue: resumed where it stopped, checked, and put in its place in one step."""

import hashlib
import http.client
import os
import re
import shutil
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from email.message import Message
from http import HTTPStatus
from pathlib import Path
from typing import IO, Protocol, Self
from urllib.parse import quote, urlsplit

from mien import __version__
from mien.errors import DownloadFailed, ModelError, UsageError
from mien.models.library.lock import turn
from mien.models.library.store import ModelEntry, Store
from mien.system.folders import make_private

MIRROR_VARIABLE = "MIEN_MIRROR"
TRIES = 4
"""Of each address, one after another."""
TIMEOUT_S = 30.0
"""That a server may be silent."""
LARGEST = 4 * 1024**3
"""Bytes of a model whose size nobody has published."""
SPARE = 64 * 1024**2
"""Bytes that stay free on the disk."""
_CHUNK = 1 << 18
_MOST_LETTERS = 200
"""Of what a server says, which may be no words at all."""
_LOCAL = {"localhost", "127.0.0.1", "::1"}
_PASSING = {408, 425, 429, 500, 502, 503, 504}
_RANGE = re.compile(r"bytes (?:(\d{1,18})-\d+|\*)/(\d{1,18}|\*)")
_LENGTH = re.compile(r"\d{1,18}")
_CARRY = "`mien models import FILE` takes a copy that you have, or that you bring from another machine"


class Reply(Protocol):
    """What a server answers; `status` is 200 (from the start), 206 (from where it was asked) or 416 (nothing there)."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Message: ...

    def read1(self, n: int = -1, /) -> bytes: ...


Fetch = Callable[[str, int], AbstractContextManager[Reply]]
"""Opens an address from a byte on; raises `Refused` or an `OSError`."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a model is; `total` is None while nobody has said it. `doing` is "pulling" or "checking"."""

    model_id: str
    doing: str
    done: int
    total: int | None


Report = Callable[[Progress], None]


class Refused(Exception):
    """A server's answer that cannot be used; `passing` = asking again may help."""

    def __init__(self, reason: str, *, passing: bool = False) -> None:
        super().__init__(reason)
        self.passing = passing


def pull(
    entry: ModelEntry,
    store: Store,
    fetch: Fetch,
    report: Report,
    mirror: str | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> Path:
    """Fetch the model into the store's folder and return its path; one that is there and right is left alone.

    What has arrived stays beside it as `.FILE.part`, for the next time, unless its sha256 is wrong. Raises `DownloadFailed`,
    which tells what each address said, or `ModelError` when it cannot be written.
    """
    urls = addresses(entry, mirror)
    place = store.path(entry.id)
    part = place.with_name(f".{place.name}.part")
    with turn(store.folder):
        with _writing(place):
            make_private(place.parent)
            if place.is_file() and _is_right(place, entry, report):
                return place
        reasons = []
        for url in urls:
            try:
                _fetch_from(url, part, entry, fetch, report, pause)
            except Refused as refused:
                reasons.append(f"{urlsplit(url).hostname}: {str(refused)[:_MOST_LETTERS]}")
                continue
            with _writing(place):
                part.replace(place)
                _flush_folder(place.parent)
            return place
    raise DownloadFailed(f"cannot pull {entry.id}: {'; '.join(reasons)}", f"try again later, or {_CARRY}")


def addresses(entry: ModelEntry, mirror: str | None = None) -> tuple[str, ...]:
    """Where to ask for the model, in this order; a mirror stands in for all others, and has the catalogue's file names.

    Raises `DownloadFailed` for a model that cannot be pulled.
    """
    if entry.bundled:
        raise DownloadFailed(f"{entry.id} ships with mien: there is nothing to pull", "install mien again if it is damaged")
    if not entry.sha256:
        raise DownloadFailed(
            f"{entry.id} cannot be pulled: nobody has published its sha256, so it could not be checked",
            "`mien models import FILE --trust` takes a copy that you have",
        )
    if mirror:
        return (f"{mirror.rstrip('/')}/{quote(entry.file)}",)
    if not entry.urls:
        raise DownloadFailed(f"{entry.id} has no address of its own to be pulled from: {entry.origin}", _CARRY)
    return entry.urls


def check_address(url: str) -> None:
    """Raise `UsageError` for what is no https address; plain http is for this machine only."""
    if not _may_be_asked(url, plain=True) or not urlsplit(url).hostname:
        raise UsageError(f"{url!r} is not an https address", "a mirror begins with https://")


@contextmanager
def open_url(url: str, start: int, *, plain: bool = False, timeout_s: float = TIMEOUT_S) -> Iterator[Reply]:
    """A `Fetch` over https, through the proxy that the environment names; `plain` allows http to this machine, for tests."""
    if not _may_be_asked(url, plain=plain):
        raise Refused("not an https address")
    request = urllib.request.Request(url, headers={"User-Agent": f"mien/{__version__}", "Accept-Encoding": "identity"})
    if start:
        request.add_header("Range", f"bytes={start}-")
    opener = urllib.request.build_opener(_SafeRedirects(plain))
    try:
        reply = opener.open(request, timeout=timeout_s)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise Refused(f"it answered {error.code} {error.reason}", passing=error.code in _PASSING) from error
        reply = _Nothing(error.code, error.headers)
    except urllib.error.URLError as error:
        if isinstance(error.reason, socket.gaierror):
            raise Refused("its name cannot be looked up; is this machine online?") from error
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            raise Refused(f"its certificate is not trusted: {error.reason.verify_message}") from error
        raise error.reason if isinstance(error.reason, OSError) else OSError(str(error.reason)) from error
    except ValueError as error:
        # Of a redirect's address, too: a name that is too long, letters that no address has, half a bracket.
        raise Refused(f"its address makes no sense: {error}") from error
    with reply:
        yield reply


@dataclass(frozen=True, slots=True)
class _Nothing:
    """An answer without a body."""

    status: int
    headers: Message

    def read1(self, n: int = -1, /) -> bytes:
        return b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        return None


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    def __init__(self, plain: bool) -> None:
        self._plain = plain

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: http.client.HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        if not _may_be_asked(newurl, plain=self._plain):
            raise Refused(f"it leads on to {urlsplit(newurl).scheme}://, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _may_be_asked(url: str, *, plain: bool) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" or (plain and parts.scheme == "http" and parts.hostname in _LOCAL)


def _fetch_from(
    url: str, part: Path, entry: ModelEntry, fetch: Fetch, report: Report, pause: Callable[[float], None]
) -> None:  # fmt: skip
    """Complete the part from one address and check it; raises `Refused` with the last reason."""
    for attempt in range(TRIES):
        try:
            fresh = _transfer(url, part, entry, fetch, report)
            with _writing(part):
                if _is_right(part, entry, report):
                    return
                part.unlink()
            # Of a part that was begun elsewhere or another day, the old half may be to blame: once more, from the start.
            raise Refused("what it sends has another sha256 than the catalogue: it was thrown away", passing=not fresh)
        except Refused as refused:
            if not refused.passing or attempt == TRIES - 1:
                raise
        except (OSError, http.client.HTTPException) as error:
            if attempt == TRIES - 1:
                raise Refused(_said(error)) from error
        pause(2.0**attempt)


def _transfer(url: str, part: Path, entry: ModelEntry, fetch: Fetch, report: Report) -> bool:
    """Append to the part what is missing; whether all of it came now. Raises `Refused`, `ModelError` or an `OSError`."""
    have = _size(part)
    if entry.bytes and have >= entry.bytes:
        return False
    limit = entry.bytes or LARGEST
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
    """The byte at which the answer begins, and how long the whole file is, if it says so."""
    found = _RANGE.fullmatch(reply.headers.get("Content-Range") or "")
    total = int(found[2]) if found and found[2] != "*" else None
    if reply.status == HTTPStatus.OK:
        length = reply.headers.get("Content-Length") or ""
        return 0, int(length) if _LENGTH.fullmatch(length) else None
    if reply.status == HTTPStatus.PARTIAL_CONTENT and (not found or found[1] != str(have)):
        raise Refused("it sends another part than the one that was asked for")
    if reply.status not in {HTTPStatus.PARTIAL_CONTENT, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE}:
        raise Refused(f"it answered {reply.status}")
    return have, total


def _append(reply: Reply, part: Path, start: int, limit: int, arrived: Callable[[int], None]) -> int:
    """Write what comes from `start` on; the size that the part has then, at most a chunk above the limit."""
    with _writing(part):
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
    done = start
    # Unbuffered, so that nothing is left to be written, and to fail, while the file is closed.
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        with _writing(part):
            file.truncate(start)
            file.seek(start)
        while done <= limit and (chunk := reply.read1(_CHUNK)):
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
    """Whether the file is the one of the catalogue."""
    size = path.stat().st_size
    if entry.bytes and size != entry.bytes:
        return False
    digest, done = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            done += len(chunk)
            report(Progress(entry.id, "checking", done, size))
    return digest.hexdigest() == entry.sha256


def _check_room(part: Path, missing: int) -> None:
    with _writing(part):
        free = shutil.disk_usage(part.parent).free
    if missing + SPARE > free:
        raise ModelError(
            f"{part.parent} has {free / 1e6:.0f} MB free, {(missing + SPARE) / 1e6:.0f} MB are needed",
            "free some space, or name another folder with MIEN_MODELS",
        )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """What the disk refuses is a `ModelError`, apart from what the network refuses."""
    try:
        yield
    except OSError as error:
        raise ModelError(
            f"cannot write {path}: {error.strerror or error}",
            "free some space or change the rights of the folder, or name another one with MIEN_MODELS",
        ) from error


def _flush_folder(folder: Path) -> None:
    # So that the new name outlives a power cut; not all systems can open a folder.
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _said(error: OSError | http.client.HTTPException) -> str:
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
