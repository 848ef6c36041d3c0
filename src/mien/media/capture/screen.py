"""Live input from a part of the screen."""

import errno
import os
import sys
from collections.abc import Sequence

import numpy as np
from av import VideoFrame

from mien.errors import SourceLost, UsageError
from mien.media.capture.live_input import LIVE_MAX_PIXELS, LiveInput, Opening
from mien.types import Image


class ScreenRegion(LiveInput):
    """A rectangle of the screen in its pixels, with the pointer: X11 on Linux, GDI on Windows, AVFoundation on macOS.

    `display` is a `ScreenDevice.id`, by default the one in use. Raises as `LiveInput`; `UsageError` for an empty region.
    """

    def __init__(
        self,
        left: int,
        top: int,
        width: int,
        height: int,
        rate: float = 30,
        display: str | None = None,
        *,
        max_pixels: int = LIVE_MAX_PIXELS,
        platform: str = sys.platform,
    ) -> None:
        if width < 1 or height < 1 or rate <= 0 or (min(left, top) < 0 and platform != "win32"):
            raise UsageError(
                f"invalid region {width}x{height} at ({left}, {top}), {rate:g} times a second",
                "give left and top from 0 up, width and height from 1 up",
            )
        super().__init__(f"the screen {display or ''}".rstrip(), max_pixels=max_pixels)
        self._corner, self._size, self._rate = (left, top), (width, height), rate
        self._display = display
        self._platform = platform

    def _openings(self) -> Sequence[Opening]:
        left, top = self._corner
        plain = {"framerate": f"{self._rate:g}", "fflags": "nobuffer"}
        region = plain | {"video_size": "{}x{}".format(*self._size)}
        if self._platform == "darwin":
            # The whole screen is captured; `_picture` cuts the region out.
            return [Opening(f"{self._display or 'Capture screen 0'}:none", "avfoundation", plain | {"capture_cursor": "1"})]
        if self._platform == "win32":
            place = {"offset_x": str(left), "offset_y": str(top)}
            return [Opening(self._display or "desktop", "gdigrab", region | place)]
        display = self._display or os.environ.get("DISPLAY", "")
        if not display:
            raise SourceLost("no X display to read the screen from", "start mien from a desktop, or set DISPLAY")
        return [Opening(f"{display}+{left},{top}", "x11grab", region)]

    def _picture(self, frame: VideoFrame) -> Image:
        image = super()._picture(frame)
        if self._platform != "darwin":
            return image
        (left, top), (width, height) = self._corner, self._size
        if left + width > image.shape[1] or top + height > image.shape[0]:
            raise self._outside()
        return np.ascontiguousarray(image[top : top + height, left : left + width])

    def _lost(self, error: Exception) -> SourceLost:
        number = getattr(error, "errno", None)
        if number == errno.EINVAL:
            return self._outside()
        if number == errno.EIO and self._platform.startswith("linux"):
            return SourceLost(f"{self._what} has no X server that answers", "check DISPLAY, or choose another display")
        return super()._lost(error)

    def _outside(self) -> SourceLost:
        (left, top), (width, height) = self._corner, self._size
        return SourceLost(f"{width}x{height} at ({left}, {top}) is not all on {self._what}", "choose a smaller region")
