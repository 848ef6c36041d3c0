"""Live input from a camera."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from math import log2

from av import VideoFrame
from av.packet import Packet
from av.video.stream import VideoStream

from mien.errors import SourceLost, UsageError
from mien.media.capture.live_input import LIVE_MAX_PIXELS, NOT_WAITING, LiveInput, Opening
from mien.media.capture.v4l2 import CameraMode, camera_modes
from mien.media.frames.colour_space import ColourSpace, space_of

_FFMPEG_NAMES = {"yuyv": "yuyv422"}
_PREFERRED_FORMATS = ("mjpeg", "yuyv", "nv12", "uyvy422", "yuv420p", "yuv422p", "bgr24", "rgb24")
_MAX_RAW_PIXELS = 640 * 480
"""USB carries this size at a full frame rate without compression."""
_BT601 = 6
"""Matrix coefficients of BT.601 in H.273."""
_MAX_STAMP_AGE_S = 1.0
"""A driver's time stamp older than this is not of the monotonic clock."""


class Camera(LiveInput):
    """A camera of this machine: V4L2 on Linux, AVFoundation on macOS, DirectShow on Windows.

    `device` is a `CameraDevice.id`. The mode is chosen by the nearest size, then by the rate, then by the format: "mjpeg",
    "yuyv", or "auto", which takes MJPEG above 640x480. Raises as `LiveInput`; `UsageError` for an unknown format.
    """

    def __init__(
        self,
        device: str,
        *,
        width: int = 1280,
        height: int = 720,
        rate: float = 30,
        pixel_format: str = "auto",
        max_pixels: int = LIVE_MAX_PIXELS,
        platform: str = sys.platform,
        modes_of: Callable[[str], Sequence[CameraMode]] = camera_modes,
    ) -> None:
        if pixel_format not in {"auto", "mjpeg", "yuyv"}:
            raise UsageError(f"the pixel format {pixel_format!r} is unknown", "choose auto, mjpeg or yuyv")
        super().__init__(f"the camera {device}", max_pixels=max_pixels)
        self._device = device
        self._wanted = CameraMode(width, height, (float(rate),), pixel_format)
        self._platform = platform
        self._modes_of = modes_of

    def _openings(self) -> Sequence[Opening]:
        plain = {"fflags": NOT_WAITING}
        if self._platform == "darwin":
            size = {"video_size": f"{self._wanted.width}x{self._wanted.height}", "framerate": _number(self._wanted.rates[0])}
            choices = [{**plain, **size, "pixel_format": "uyvy422"}, {**plain, **size}, plain]
            return [Opening(f"{self._device}:none", "avfoundation", options) for options in choices]
        if self._platform == "win32":
            # With its usual buffer DirectShow holds back seconds of frames.
            plain["rtbufsize"] = "64M"
            choices = [_options(mode, {"mjpeg": "vcodec"}, "pixel_format") | plain for mode in _guesses(self._wanted)]
            return [Opening(f"video={self._device}", "dshow", options) for options in [*choices, plain]]
        modes = ranked(self._modes_of(self._device), self._wanted)[:3] or _guesses(self._wanted)
        choices = [_options(mode, {}, "input_format") | plain for mode in modes]
        return [Opening(self._device, "v4l2", options) for options in [*choices, plain]]

    def _space(self, frame: VideoFrame) -> ColourSpace:
        space = space_of(frame)
        # USB cameras use BT.601 at every size unless they are tagged otherwise (UVC 1.5, 3.9.2.6).
        return space if space.tagged else replace(space, matrix=_BT601)

    def _taken_at(self, packet: "Packet[VideoStream]", arrival_s: float) -> float:
        # V4L2 stamps frames with the monotonic clock when they begin to arrive; other clocks are far from it.
        if self._platform.startswith("linux") and packet.pts is not None:
            stamped = float(packet.pts * packet.time_base)
            if 0 <= arrival_s - stamped < _MAX_STAMP_AGE_S:
                return stamped
        return arrival_s

    def _lost(self, error: Exception) -> SourceLost:
        lost = super()._lost(error)
        if self._platform in {"darwin", "win32"} and "cannot be read" in str(lost):
            return SourceLost(f"{lost}; another program may be using it", "close that program, or choose another camera")
        return lost


def ranked(modes: Sequence[CameraMode], wanted: CameraMode) -> list[CameraMode]:
    """Return the modes, nearest to the wanted one first, each with the one rate at which to run it."""
    rate = wanted.rates[0]
    kinds = {mode.pixel_format for mode in modes} & {wanted.pixel_format}
    usable = [mode for mode in modes if mode.pixel_format in (kinds or _PREFERRED_FORMATS)]

    def distance(mode: CameraMode) -> tuple[float, float, int]:
        size = abs(log2(mode.width / wanted.width)) + abs(log2(mode.height / wanted.height))
        missing = max(0.0, rate - 1 - mode.rates[0]) if mode.rates else 0.0
        preference = _PREFERRED_FORMATS.index(mode.pixel_format)
        small = mode.width * mode.height <= _MAX_RAW_PIXELS
        return size, missing, -1 if small and mode.pixel_format == "yuyv" else preference

    running = [replace(mode, rates=(_nearest(mode.rates, rate),)) for mode in usable if mode.width and mode.height]
    return sorted(running, key=distance)


def _nearest(rates: Sequence[float], wanted: float) -> float:
    """Return the slowest rate that is fast enough, else the fastest; the wanted one if none is known."""
    enough = [rate for rate in rates if rate >= wanted - 0.1]
    return min(enough, default=max(rates, default=wanted))


def _guesses(wanted: CameraMode) -> list[CameraMode]:
    """Return the modes to try on a camera that does not list its own."""
    small = wanted.width * wanted.height <= _MAX_RAW_PIXELS
    order = {"mjpeg": ("mjpeg", "yuyv"), "yuyv": ("yuyv", "mjpeg")}
    kinds = order.get(wanted.pixel_format, order["yuyv" if small else "mjpeg"])
    return [replace(wanted, pixel_format=kind) for kind in kinds]


def _options(mode: CameraMode, special: dict[str, str], usual: str) -> dict[str, str]:
    name = _FFMPEG_NAMES.get(mode.pixel_format, mode.pixel_format)
    return {
        "video_size": f"{mode.width}x{mode.height}",
        "framerate": _number(mode.rates[0]),
        special.get(mode.pixel_format, usual): name,
    }


def _number(rate: float) -> str:
    """Return the rate as FFmpeg reads it: 30, 30000/1001."""
    return str(Fraction(rate).limit_denominator(1001))
