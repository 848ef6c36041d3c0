"""Live input from a file: a video, a picture or a folder of pictures, repeated as if a camera saw it."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import numpy as np

from mien.errors import MediaError, UnreadableMedia, UsageError
from mien.media.files.file_check import check_file
from mien.media.files.packets import PacketReader, Survey, open_input
from mien.media.files.picture_kind import is_picture
from mien.media.files.picture_read import read_picture
from mien.media.files.video_reader import VideoReader
from mien.media.frames.fitting import fitted
from mien.types import LIVE_TIME_BASE, Frame, Image, StreamInfo

Clock = Callable[[], float]
Wait = Callable[[float], object]

_STILL_S = 3  # for each picture of a folder
_USUAL_STEP_S = 0.04  # between frames of a video that does not state its rate
_MAX_LAG_S = 1.0  # behind the clock; beyond it a video seeks instead of skipping frame by frame


@dataclass(slots=True)
class _Loop:
    """Begin of the first round, first time of the pictures in the file, and length of a round."""

    begin_s: float = 0.0
    base_s: float = 0.0
    length_s: float = 1.0

    def round_at(self, position_s: float) -> tuple[int, float]:
        """Return the number of the round and the second in it, `position_s` after the beginning."""
        number, offset_s = divmod(max(position_s, 0.0), self.length_s)
        return int(number), offset_s


class _Player(Protocol):
    """Source of pictures by position: seconds since the beginning, over all rounds."""

    info: StreamInfo

    def next(self, position: Clock) -> tuple[Image, float]:
        """Return the next picture that is not over at the position, and the position at which it is due."""
        ...

    def close(self) -> None: ...


class LoopedMedia:
    """A `contracts.FrameSource` that repeats a file: a video at its own pace, a picture or a folder of them at `rate`.

    Each picture of a folder is shown for 3 s, fitted to the size of the first, with black bars. Frames come when they are due
    and are stamped with that moment of `clock`; those that are over are skipped. `wait` takes seconds, like `Event.wait`.
    Entering raises `UnreadableMedia`, `UnsupportedMedia` or `MediaTooLarge`; `read` does when the file is damaged later.
    """

    def __init__(
        self,
        path: Path,
        *,
        max_pixels: int,
        max_bytes: int,
        rate: float = 30.0,
        clock: Clock = time.monotonic,
        wait: Wait | None = None,
    ) -> None:
        if rate <= 0:
            raise UsageError(f"invalid rate of {rate:g} pictures a second", "choose a rate above 0")
        self._path, self._max_pixels, self._max_bytes = path, max_pixels, max_bytes
        self._rate = Fraction(rate).limit_denominator(1001)
        self._clock = clock
        self._stopped = threading.Event()
        self._wait = wait or self._stopped.wait
        self._loop = _Loop()
        self._player: _Player | None = None
        self._info = StreamInfo(0, 0, LIVE_TIME_BASE)
        self._index = 0
        self._last_pts = -1

    @property
    def info(self) -> StreamInfo:
        """Size and rate; the size is 0 until the source is entered."""
        return self._info

    def read(self) -> Frame | None:
        """Return the next picture, when it is due; None after `stop`."""
        if self._player is None or self._stopped.is_set():
            return None
        image, due_s = self._player.next(lambda: self._clock() - self._loop.begin_s)
        if not _wait_until(self._loop.begin_s + due_s, self._clock, self._wait, self._stopped):
            return None
        pts = self._last_pts = max(round((self._loop.begin_s + due_s) / LIVE_TIME_BASE), self._last_pts + 1)
        self._index += 1
        return Frame(image, self._index - 1, pts, LIVE_TIME_BASE)

    def stop(self) -> None:
        """Make a waiting `read` and all later ones return None; may be called from any thread."""
        self._stopped.set()

    def __enter__(self) -> Self:
        self._player = self._opened()
        self._info = self._player.info
        self._loop.begin_s = self._clock()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
        if self._player is not None:
            self._player.close()
            self._player = None

    def _opened(self) -> _Player:
        if self._path.is_dir():
            paths = [path for path in sorted(self._path.iterdir()) if _shows(path)]
            if not paths:
                raise UnreadableMedia(f"{self._path} holds no picture", "name a folder with pictures, or a video")
            return _Stills(paths, self._rate, self._max_pixels, self._max_bytes)
        check_file(self._path)
        if is_picture(self._path):
            return _Stills([self._path], self._rate, self._max_pixels, self._max_bytes)
        return _Video(self._path, self._loop, self._max_pixels, self._max_bytes)


class _Video:
    """Player of a video file, from the start each time it has ended; one that lags far behind seeks ahead."""

    def __init__(self, path: Path, loop: _Loop, max_pixels: int, max_bytes: int) -> None:
        self._path, self._loop = path, loop
        self._max_pixels, self._max_bytes = max_pixels, max_bytes
        self._survey: Survey | None = None
        self._reader = self._read_from(None)
        self._survey = self._reader.survey
        info = self._reader.info
        self._step_s = float(1 / info.rate) if info.rate else _USUAL_STEP_S
        self._round = 0
        self._end_s = 0.0
        self._waiting = self._reader.read()
        loop.base_s = 0.0 if self._waiting is None else self._waiting.time_s
        loop.length_s = max(info.duration_s or _measured(path, info.stream_index) - loop.base_s, self._step_s)
        self.info = StreamInfo(info.width, info.height, LIVE_TIME_BASE, info.rate)

    def next(self, position: Clock) -> tuple[Image, float]:
        jumped = False
        while True:
            frame, self._waiting = self._waiting or self._reader.read(), None
            if frame is None:
                self._begin_again()
                continue
            within_s = frame.time_s - self._loop.base_s
            self._end_s = within_s + self._step_s
            due_s = self._round * self._loop.length_s + within_s
            behind_s = position() - due_s
            if behind_s < self._step_s or jumped:
                return frame.image, due_s
            if behind_s > _MAX_LAG_S:
                self._jump(position())
                jumped = True

    def close(self) -> None:
        self._reader.close()

    def _begin_again(self) -> None:
        if not self._round:
            # The length in a header is rounded, or wrong if the file was cut short or is still being written.
            self._loop.length_s = self._end_s
        self._round += 1
        self._reader.close()
        self._reader = self._read_from(None)

    def _jump(self, position_s: float) -> None:
        self._reader.close()
        self._round, offset_s = self._loop.round_at(position_s)
        try:
            self._reader = self._read_from(offset_s)
        except UsageError:
            # After the last frame: the next is the first of the next round.
            self._round += 1
            self._reader = self._read_from(None)

    def _read_from(self, start_s: float | None) -> VideoReader:
        return VideoReader(
            self._path, max_pixels=self._max_pixels, max_bytes=self._max_bytes, start_s=start_s, surveyed=self._survey
        )


class _Stills:
    """Player of pictures, one after the other, each for 3 s; it holds one in memory."""

    def __init__(self, paths: Sequence[Path], rate: Fraction, max_pixels: int, max_bytes: int) -> None:
        self._paths, self._rate = paths, rate
        self._max_pixels, self._max_bytes = max_pixels, max_bytes
        self._number = 0
        self._shown = 0
        self._image = self._load(0)
        height, width = self._image.shape[:2]
        self.info = StreamInfo(width, height, LIVE_TIME_BASE, rate)

    def next(self, position: Clock) -> tuple[Image, float]:
        number = self._number = max(self._number, int(position() * self._rate))
        self._number += 1
        wanted = int(number / self._rate / _STILL_S) % len(self._paths)
        if wanted != self._shown:
            self._image = fitted(self._load(wanted), self.info.width, self.info.height)
            self._shown = wanted
        return self._image.copy(), float(number / self._rate)

    def close(self) -> None:
        self._paths = ()

    def _load(self, number: int) -> Image:
        image = read_picture(self._paths[number], max_pixels=self._max_pixels, max_bytes=self._max_bytes).frame.image
        return np.ascontiguousarray(image)


def _shows(path: Path) -> bool:
    try:
        return is_picture(path)
    except MediaError:
        return False


def _measured(path: Path, stream_index: int) -> float:
    """Return the end of the stream in seconds of the file's clock, read from all its packets."""
    with open_input(path) as container:
        stream = container.streams[stream_index]
        ends = (
            float(((packet.pts or 0) + (packet.duration or 0)) * packet.time_base)
            for packet in PacketReader(container, (stream,))
        )
        return max(ends, default=0.0)


def _wait_until(due_s: float, clock: Clock, wait: Wait, stopped: threading.Event) -> bool:
    """Wait until the clock shows `due_s`; return False when stopped."""
    while not stopped.is_set():
        left_s = due_s - clock()
        if left_s <= 0:
            return True
        wait(left_s)
    return False
