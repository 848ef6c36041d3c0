"""Live input without a camera: bars, a frame counter and the time of day, to see what arrives elsewhere and how late."""

import threading
import time
from collections.abc import Callable
from datetime import datetime
from fractions import Fraction
from types import TracebackType
from typing import Self

import cv2
import numpy as np

from mien.types import LIVE_TIME_BASE, Frame, Image, StreamInfo

_BARS_BGR = ((191, 191, 191), (0, 191, 191), (191, 191, 0), (0, 191, 0), (191, 0, 191), (0, 0, 191), (191, 0, 0))
"""Colour bars of 75 %, from white to blue: swapped colours and cut edges show."""


class TestPicture:
    """A `contracts.LiveSource` that shows the number of the frame and the wall clock to hundredths of a second."""

    __test__ = False

    def __init__(
        self,
        *,
        width: int = 1280,
        height: int = 720,
        rate: int = 30,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = datetime.now,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        self._info = StreamInfo(width, height, LIVE_TIME_BASE, rate=Fraction(rate))
        self._step_s = 1.0 / rate
        self._clock, self._now = clock, now
        self._stopped = threading.Event()
        self._wait = wait or self._stopped.wait
        self._index = 0
        self._next_s = 0.0
        self._bars = _bars(width, height)

    @property
    def info(self) -> StreamInfo:
        """Size and rate."""
        return self._info

    def read(self) -> Frame | None:
        """Return the next frame when it is due, BGR uint8; None after `stop`."""
        if (early_s := self._next_s - self._clock()) > 0:
            self._wait(early_s)
        if self._stopped.is_set():
            return None
        now_s = self._clock()
        # A frame that is late by more than a step moves the beat: no burst follows.
        begin_s = now_s if now_s - self._next_s > self._step_s else self._next_s
        self._next_s = begin_s + self._step_s
        frame = Frame(self._picture(), self._index, int(now_s / LIVE_TIME_BASE), LIVE_TIME_BASE)
        self._index += 1
        return frame

    def stop(self) -> None:
        """Make a waiting or later `read` return None soon."""
        self._stopped.set()

    def _picture(self) -> Image:
        image = self._bars.copy()
        time_of_day = self._now().strftime("%H:%M:%S.%f")[:-4]
        height = image.shape[0]
        for text, middle in ((time_of_day, 0.45), (str(self._index), 0.62)):
            scale = height / 240
            (width, tall), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, max(round(2 * scale), 1))
            place = (image.shape[1] - width) // 2, round(height * middle) + tall // 2
            cv2.putText(
                image, text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, (255, 255, 255), max(round(2 * scale), 1), cv2.LINE_AA
            )
        return image

    def __enter__(self) -> Self:
        self._next_s = self._clock()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stopped.set()


def _bars(width: int, height: int) -> Image:
    """Return the bars with a black field for the text, BGR uint8."""
    image = np.zeros((height, width, 3), np.uint8)
    edges = np.linspace(0, width, len(_BARS_BGR) + 1).round().astype(int)
    for left, right, colour in zip(edges[:-1], edges[1:], _BARS_BGR, strict=True):
        image[:, left:right] = colour
    image[round(height * 0.3) : round(height * 0.75)] = 0
    return image
