"""Windows of an X display by their titles, read by the X11 protocol itself: no library that is installed speaks it."""

import os
import re
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from mien.errors import SourceLost

_TIMEOUT_S = 3.0  # for a part of an answer; a server on the same machine takes milliseconds
_MOST_S = 10.0  # for all answers together: a server that sends a byte now and then, or events only, never ends
_MAX_REPLY_BYTES = 4 << 20  # of one answer; a title of 64 kB and 10,000 windows are far below
_MAX_WINDOWS = 4096  # that are asked for their title; a desktop has hundreds
_MAX_DEPTH = 3  # of the search without a window manager's list: its frames lie between the root and the window
_MAX_TITLE_WORDS = 1024  # of 4 bytes; longer titles are cut
_PORT = 6000  # of display 0 over TCP
_COOKIE = b"MIT-MAGIC-COOKIE-1"
_FAMILY_LOCAL, _FAMILY_WILD = 256, 65535  # of an entry of the authority file
_VIEWABLE = 2  # map state of a window that is shown
_INPUT_ONLY = 2  # class of a window without pixels
_ATTRIBUTES, _GEOMETRY, _TREE, _ATOM, _PROPERTY = 3, 14, 15, 16, 20  # codes of requests
_WM_NAME = 39  # predefined atom


@dataclass(frozen=True, slots=True)
class XWindow:
    """A window that is shown: its number, title, and size in pixels."""

    id: int
    title: str
    width: int
    height: int


def windows_of(display: str, clock: Callable[[], float] = time.monotonic) -> list[XWindow]:
    """Return the windows of an X display that are shown and have a title. Raises `SourceLost`."""
    try:
        with _connected(display, clock) as connection:
            found = [connection.window(number) for number in connection.candidates()]
            return [each for each in found if each is not None]
    except (_Refused, OSError, struct.error, ValueError, IndexError, OverflowError) as error:
        raise SourceLost(
            f"display {display} does not tell its windows", "check DISPLAY, or name a part of the screen"
        ) from error


class _Refused(Exception):
    """The server refuses a request: the window has gone meanwhile."""


class _Connection:
    """Connection to an X server, little-endian; each request waits for its answer."""

    def __init__(self, stream: socket.socket, cookie: bytes, clock: Callable[[], float]) -> None:
        self._stream = stream
        self._clock, self._ends_s = clock, clock() + _MOST_S
        name = _COOKIE if cookie else b""
        stream.sendall(struct.pack("<BxHHHHxx", ord("l"), 11, 0, len(name), len(cookie)) + _padded(name) + _padded(cookie))
        answer = self._taken(8)
        body = self._taken(4 * struct.unpack_from("<H", answer, 6)[0])
        if answer[0] != 1:
            raise ConnectionRefusedError("the X server refuses the connection")
        vendor, formats = struct.unpack_from("<H", body, 16)[0], body[21]
        self.root = int(struct.unpack_from("<I", body, 32 + len(_padded(bytes(vendor))) + 8 * formats)[0])

    def candidates(self) -> list[int]:
        """Return the windows that may be asked for their title: those of the window manager, else all near the root."""
        listed = self._words(self.root, self.atom("_NET_CLIENT_LIST"))
        return listed or list(islice(self._below(self.root, 1), _MAX_WINDOWS))

    def window(self, number: int) -> XWindow | None:
        """Return a window that is shown and has a title."""
        try:
            attributes = self.request(_ATTRIBUTES, struct.pack("<I", number))
            if attributes[26] != _VIEWABLE or struct.unpack_from("<H", attributes, 12)[0] == _INPUT_ONLY:
                return None
            title = self._property(number, self.atom("_NET_WM_NAME")) or self._property(number, _WM_NAME)
            width, height = struct.unpack_from("<HH", self.request(_GEOMETRY, struct.pack("<I", number)), 16)
        except _Refused:
            return None
        words = title.decode("utf-8", "replace")
        return XWindow(number, words, width, height) if words.strip() else None

    def atom(self, name: str) -> int:
        """Return the number of a name."""
        content = name.encode()
        answer = self.request(_ATOM, struct.pack("<Hxx", len(content)) + _padded(content))
        return int(struct.unpack_from("<I", answer, 8)[0])

    def request(self, code: int, content: bytes) -> bytes:
        """Send a request, and return its answer. Raises `_Refused`, or `OSError`."""
        self._stream.sendall(struct.pack("<BxH", code, 1 + len(content) // 4) + content)
        while True:
            answer = self._taken(32)
            if answer[0] == 0:
                raise _Refused
            if answer[0] == 1:
                return answer + self._taken(4 * struct.unpack_from("<I", answer, 4)[0])
            # Anything else is an event, which is skipped.

    def _below(self, parent: int, depth: int) -> Iterator[int]:
        try:
            answer = self.request(_TREE, struct.pack("<I", parent))
        except _Refused:
            return
        for number in struct.unpack_from(f"<{struct.unpack_from('<H', answer, 16)[0]}I", answer, 32):
            yield number
            if depth < _MAX_DEPTH:
                yield from self._below(number, depth + 1)

    def _words(self, window: int, atom: int) -> list[int]:
        content = self._property(window, atom, _MAX_WINDOWS)
        return list(struct.unpack(f"<{len(content) // 4}I", content[: len(content) // 4 * 4]))

    def _property(self, window: int, atom: int, most_words: int = _MAX_TITLE_WORDS) -> bytes:
        answer = self.request(_PROPERTY, struct.pack("<IIIII", window, atom, 0, 0, most_words))
        size = struct.unpack_from("<I", answer, 16)[0] * (answer[1] // 8)
        return answer[32 : 32 + size]

    def _taken(self, size: int) -> bytes:
        if size > _MAX_REPLY_BYTES:
            raise ValueError("an answer of the X server is too long")
        content = bytearray()
        while len(content) < size:
            if self._clock() >= self._ends_s:
                raise TimeoutError("the X server takes too long")
            part = self._stream.recv(size - len(content))
            if not part:
                raise ConnectionResetError("the X server has gone")
            content += part
        return bytes(content)


@contextmanager
def _connected(display: str, clock: Callable[[], float]) -> Iterator[_Connection]:
    """Connect to a display as `DISPLAY` names it: `:0`, `:0.1`, `host:10.0`."""
    parts = re.fullmatch(r"(?:unix)?([^:]*):(\d+)(?:\.\d+)?", display)
    if parts is None:
        raise ValueError(f"{display} is no display")
    host, number = parts[1], int(parts[2])
    if host:
        stream = socket.create_connection((host, _PORT + number), _TIMEOUT_S)
    else:
        stream = socket.socket(socket.AF_UNIX)
        stream.settimeout(_TIMEOUT_S)
    with stream:
        if not host:
            stream.connect(f"/tmp/.X11-unix/X{number}")
        yield _Connection(stream, _cookie(number), clock)


def _cookie(number: int) -> bytes:
    """Return the cookie of a display from the authority file, b"" without one."""
    path = Path(os.environ.get("XAUTHORITY") or Path.home() / ".Xauthority")
    try:
        return _cookie_in(path.read_bytes(), str(number).encode())
    except (OSError, RuntimeError, struct.error):
        # No file, no home, or one that is cut short: a server that asks for none lets us in.
        return b""


def _cookie_in(content: bytes, number: bytes) -> bytes:
    place, found = 0, b""
    while place + 2 <= len(content):
        family = struct.unpack_from(">H", content, place)[0]
        place, fields = place + 2, []
        for _ in range(4):
            size = struct.unpack_from(">H", content, place)[0]
            fields.append(content[place + 2 : place + 2 + size])
            place += 2 + size
        _, shown, name, data = fields
        if name == _COOKIE and shown in {b"", number} and family in {_FAMILY_LOCAL, _FAMILY_WILD}:
            found = found or data
    return found


def _padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % 4)
