"""Video4Linux2: the nodes of cameras and virtual cameras, and the modes that a camera lists."""

import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import IntFlag
from pathlib import Path
from typing import Any, TypeVar

Ioctl = Callable[[int, int, Any], object]
"""Takes a file descriptor, the number of the request and a ctypes structure to fill; raises `OSError`."""

_USUAL_SIZES = ((320, 240), (640, 360), (640, 480), (800, 600), (1280, 720), (1920, 1080), (2560, 1440), (3840, 2160))
"""Sizes that are offered for a camera that states a range."""
_USUAL_RATES = (60.0, 50.0, 30.0, 25.0, 15.0, 10.0, 5.0)
"""Rates that are offered for a camera that states a range."""
_FORMATS = {"MJPG": "mjpeg", "JPEG": "mjpeg", "YUYV": "yuyv", "UYVY": "uyvy422", "NV12": "nv12", "YU12": "yuv420p",
            "422P": "yuv422p", "GREY": "gray", "RGB3": "rgb24", "BGR3": "bgr24", "H264": "h264", "HEVC": "hevc"}  # fmt: skip
_MAX_ANSWERS = 256
"""Answers after which a driver that never ends its list is left alone."""


class Capabilities(IntFlag):
    """Bits of a V4L2 node in linux/videodev2.h."""

    CAPTURE = 0x1
    OUTPUT = 0x2
    MEMORY_TO_MEMORY = 0xC000
    DEVICE_CAPS = 0x80000000
    """The field `device_caps` holds the bits of this node; `capabilities` those of the whole device."""


@dataclass(frozen=True, slots=True)
class CameraMode:
    """Size offered by a camera, with its frame rates, the highest first; `pixel_format` is mjpeg, yuyv, nv12 ..."""

    width: int
    height: int
    rates: tuple[float, ...]
    pixel_format: str


@dataclass(frozen=True, slots=True)
class Roots:
    """Folders in which the system keeps its lists."""

    sys: Path = Path("/sys")
    proc: Path = Path("/proc")
    dev: Path = Path("/dev")


SYSTEM_ROOTS = Roots()


def real_ioctl(descriptor: int, request: int, answer: Any) -> None:
    """Send a request to a device and fill `answer`; raises `OSError`."""
    if sys.platform != "win32":
        # Windows never calls this, and has no fcntl.
        import fcntl

        fcntl.ioctl(descriptor, request, answer, True)


def camera_modes(device: str, *, ioctl: Ioctl = real_ioctl) -> tuple[CameraMode, ...]:
    """List the modes of a V4L2 camera, in its own order; none if it does not answer."""
    with _Node(Path(device)) as descriptor:
        if descriptor is None:
            return ()
        ask = _Queries(descriptor, ioctl)
        return tuple(
            CameraMode(width, height, tuple(ask.rates(code, width, height)), _FORMATS.get(name, name.lower()))
            for code, name in ask.formats()
            for width, height in ask.sizes(code)
        )


@dataclass(frozen=True, slots=True)
class VideoNode:
    """A node /dev/videoN; `first` of its device's nodes or not."""

    path: Path
    name: str
    first: bool


def video_nodes(roots: Roots) -> Iterator[VideoNode]:
    """Yield the nodes /dev/videoN in the order of N."""
    with suppress(OSError):
        names = [path.name for path in (roots.sys / "class" / "video4linux").iterdir()]
        for name in sorted((name for name in names if name[5:].isdigit()), key=lambda name: int(name[5:])):
            folder = roots.sys / "class" / "video4linux" / name
            yield VideoNode(roots.dev / name, text_of(folder / "name") or name, text_of(folder / "index") in {"", "0"})


def stable_id(path: Path, roots: Roots) -> str:
    """Return the link under by-id that leads to the node, else the node."""
    with suppress(OSError):
        for link in sorted((roots.dev / "v4l" / "by-id").iterdir()):
            if link.resolve() == path.resolve():
                return str(link)
    return str(path)


def capabilities_of(path: Path, ioctl: Ioctl) -> int | None:
    """Return the capability bits of this node, None if it does not answer."""
    with _Node(path) as descriptor:
        if descriptor is None:
            return None
        answer = _Capability()
        try:
            ioctl(descriptor, _request("R", 0, _Capability), answer)
        except OSError:
            return None
        bits = int(answer.device_caps if answer.capabilities & Capabilities.DEVICE_CAPS else answer.capabilities)
        return 0 if bits & Capabilities.MEMORY_TO_MEMORY else bits


class _Node:
    """Open device node, without blocking; None if it cannot be opened."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def __enter__(self) -> int | None:
        with suppress(OSError):
            self._descriptor = os.open(self._path, os.O_RDWR | getattr(os, "O_NONBLOCK", 0))
        return self._descriptor

    def __exit__(self, *_: object) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)


# Structures of linux/videodev2.h.

_U32 = ctypes.c_uint32
_Answer = TypeVar("_Answer", bound=ctypes.Structure)


class _Capability(ctypes.Structure):
    _fields_ = (("driver", ctypes.c_char * 16), ("card", ctypes.c_char * 32), ("bus_info", ctypes.c_char * 32),
                ("version", _U32), ("capabilities", _U32), ("device_caps", _U32), ("reserved", _U32 * 3))  # fmt: skip


class _Format(ctypes.Structure):
    _fields_ = (("index", _U32), ("type", _U32), ("flags", _U32), ("description", ctypes.c_char * 32),
                ("pixelformat", _U32), ("mbus_code", _U32), ("reserved", _U32 * 3))  # fmt: skip


class _Size(ctypes.Structure):
    """`numbers`: width and height, or least, most and step of each."""

    _fields_ = (("index", _U32), ("pixel_format", _U32), ("type", _U32), ("numbers", _U32 * 6), ("reserved", _U32 * 2))


class _Interval(ctypes.Structure):
    """`numbers`: one fraction of a second, or the shortest, the longest and the step."""

    _fields_ = (("index", _U32), ("pixel_format", _U32), ("width", _U32), ("height", _U32), ("type", _U32),
                ("numbers", _U32 * 6), ("reserved", _U32 * 2))  # fmt: skip


def _request(direction: str, number: int, structure: type[ctypes.Structure]) -> int:
    """Return the number of a V4L2 request, as the kernel's macros _IOR and _IOWR compute it."""
    bits = {"R": 2, "WR": 3}[direction]
    return bits << 30 | ctypes.sizeof(structure) << 16 | ord("V") << 8 | number


class _Queries:
    """Queries to an open V4L2 device."""

    def __init__(self, descriptor: int, ioctl: Ioctl) -> None:
        self._descriptor, self._ioctl = descriptor, ioctl

    def formats(self) -> Iterator[tuple[int, str]]:
        """Yield pixel formats: the number and its four letters."""
        for answer in self._all(2, lambda index: _Format(index=index, type=1)):
            code = int(answer.pixelformat)
            yield code, (code & 0x7FFFFFFF).to_bytes(4, "little").decode("ascii", "replace").strip()

    def sizes(self, code: int) -> Iterator[tuple[int, int]]:
        """Yield widths and heights; of a range, the usual sizes in it and the largest."""
        for answer in self._all(74, lambda index: _Size(index=index, pixel_format=code)):
            if answer.type == 1:
                yield answer.numbers[0], answer.numbers[1]
                continue
            low_w, high_w, step_w, low_h, high_h, step_h = answer.numbers
            for width, height in sorted({*_USUAL_SIZES, (high_w, high_h)}):
                fits = low_w <= width <= high_w and low_h <= height <= high_h
                if fits and not (width - low_w) % max(step_w, 1) and not (height - low_h) % max(step_h, 1):
                    yield width, height
            return

    def rates(self, code: int, width: int, height: int) -> list[float]:
        """Return frames a second, the highest first; of a range, the usual ones in it."""
        found = []
        for answer in self._all(75, lambda index: _Interval(index=index, pixel_format=code, width=width, height=height)):
            numbers = answer.numbers
            if answer.type == 1:
                if numbers[0]:
                    found.append(round(numbers[1] / numbers[0], 3))
                continue
            shortest, longest = numbers[0] / max(numbers[1], 1), numbers[2] / max(numbers[3], 1)
            found += [rate for rate in _USUAL_RATES if shortest <= 1 / rate <= longest]
            break
        return sorted(set(found), reverse=True)

    def _all(self, number: int, question: Callable[[int], _Answer]) -> Iterator[_Answer]:
        """Yield the answers to a query with an increasing index, until the driver reports the end."""
        with suppress(OSError):
            for index in range(_MAX_ANSWERS):
                answer = question(index)
                self._ioctl(self._descriptor, _request("WR", number, type(answer)), answer)
                yield answer


def text_of(path: Path) -> str:
    """Return the text of a small file, "" if it cannot be read."""
    try:
        return path.read_text("utf-8", errors="replace").strip()
    except OSError:
        return ""
