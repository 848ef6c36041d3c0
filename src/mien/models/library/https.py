"""Requests over https for downloads: nothing else is opened, redirects included."""

import http.client
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from email.message import Message
from http import HTTPStatus
from typing import IO, Protocol, Self
from urllib.parse import urlsplit

from mien import __version__
from mien.errors import UsageError

TIMEOUT_S = 30.0  # without a byte from the server
_LOCAL = {"localhost", "127.0.0.1", "::1"}
_PASSING = {408, 425, 429, 500, 502, 503, 504}  # statuses after which a later try may succeed


class Reply(Protocol):
    """Answer of a server."""

    @property
    def status(self) -> int:
        """200 (from the start), 206 (from the requested byte) or 416 (no such byte)."""
        ...

    @property
    def headers(self) -> Message:
        """Header fields."""
        ...

    def read1(self, n: int = -1, /) -> bytes:
        """Return the next bytes of the body, empty at its end."""
        ...


Fetch = Callable[[str, int], AbstractContextManager[Reply]]
"""Function that opens an address, starting at a byte; raises `Refused` or an `OSError`."""


class Refused(Exception):
    """Unusable answer of a server; `passing` = a later try may succeed."""

    def __init__(self, reason: str, *, passing: bool = False) -> None:
        super().__init__(reason)
        self.passing = passing


def check_address(url: str) -> None:
    """Raise `UsageError` for anything but an https address; plain http is for this machine only."""
    if not _may_be_asked(url, plain=True) or not urlsplit(url).hostname:
        raise UsageError(f"{url!r} is not an https address", "a mirror begins with https://")


@contextmanager
def open_url(url: str, start: int, *, plain: bool = False, timeout_s: float = TIMEOUT_S) -> Iterator[Reply]:
    """Open an address over https, through the environment's proxy; `plain` allows http to this machine, for tests."""
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
        # From the address of a redirect, too: a name that is too long, invalid letters, half a bracket.
        raise Refused(f"its address is invalid: {error}") from error
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
            raise Refused(f"it redirects to {urlsplit(newurl).scheme}://, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _may_be_asked(url: str, *, plain: bool) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" or (plain and parts.scheme == "http" and parts.hostname in _LOCAL)
