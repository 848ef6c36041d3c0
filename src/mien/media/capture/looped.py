"""A video, a picture or a folder of pictures that is shown over and over, as if a camera saw it."""

import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Stream

from mien.errors import MediaError, UnreadableMedia, UsageError
from mien.media.files.file_check import check_file
from mien.media.files.packets import FREE_RUNNING, PacketReader, Survey, open_input
from mien.media.files.picture_kind import is_picture
from mien.media.files.picture_read import read_picture
from mien.media.files.video_reader import VideoReader
from mien.media.frames.fitting import fitted
from mien.types import LIVE_TIME_BASE, Floats, Frame, Image, Sound, StreamInfo

Clock = Callable[[], float]
Wait = Callable[[float], object]

SOUND_RATE = 48_000
_PICTURE_S = 3
_USUAL_STEP_S = 0.04
_FAR_BEHIND_S = 1.0
_LATE_SOUND_S = 0.5
_SEEK_S = 5.0
_HOLE_S = 0.005
_SILENCE = SOUND_RATE // 50


@dataclass(slots=True)
class _Loop:
    """When the first round began, where the pictures' clock in the file begins, and how long a round lasts."""

    begin_s: float = 0.0
    base_s: float = 0.0
    length_s: float = 1.0

    def round_at(self, position_s: float) -> tuple[int, float]:
        """The number of the round and the second in it, `position_s` after the beginning."""
        number, offset_s = divmod(max(position_s, 0.0), self.length_s)
        return int(number), offset_s


class _Player(Protocol):
    """What gives pictures by position: seconds since the beginning, over all rounds."""

    info: StreamInfo

    def next(self, position: Clock) -> tuple[Image, float]:
        """The next picture that is not over at the position that is called for, and the position at which it is due."""
        ...

    def close(self) -> None: ...


class LoopedMedia:
    """A `contracts.FrameSource` that plays a file for ever: a video at its own pace, a picture or a folder of them at `rate`.

    Each picture of a folder stays for 3 s and takes the size of the first, with black bars. Frames come when they are due
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
            raise UsageError(f"{rate:g} pictures a second cannot be shown", "choose a rate above 0")
        self._path, self._max_pixels, self._max_bytes = path, max_pixels, max_bytes
        self._rate = Fraction(rate).limit_denominator(1001)
        self._clock = clock
        self._stopped = threading.Event()
        self._given_wait, self._wait = wait, wait or self._stopped.wait
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
        """The next picture, when it is due; None after `stop`."""
        if self._player is None or self._stopped.is_set():
            return None
        image, due_s = self._player.next(lambda: self._clock() - self._loop.begin_s)
        if not _wait_until(self._loop.begin_s + due_s, self._clock, self._wait, self._stopped):
            return None
        pts = self._last_pts = max(round((self._loop.begin_s + due_s) / LIVE_TIME_BASE), self._last_pts + 1)
        self._index += 1
        return Frame(image, self._index - 1, pts, LIVE_TIME_BASE)

    def open_sound(self) -> "LoopedSound | None":
        """The sound of the video on the same clock, to be entered while this is; None when there is no sound."""
        if not isinstance(self._player, _Video) or not self._player.channels:
            return None
        return LoopedSound(self._path, self._player.channels, self._loop, self._clock, self._given_wait)

    def stop(self) -> None:
        """Make a waiting `read` and all later ones give None; may be called from any thread."""
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


class LoopedSound:
    """A `contracts.SoundSource`: the sound that goes with a looped video, without gaps, each stretch given when it is over.

    A round lasts as long as the pictures do: longer sound is cut, shorter sound is followed by silence.
    """

    def __init__(self, path: Path, channels: int, loop: _Loop, clock: Clock, wait: Wait | None) -> None:
        self.rate, self.channels = SOUND_RATE, min(channels, 2)
        self._path = path
        self._loop = loop
        self._clock = clock
        self._stopped = threading.Event()
        self._wait = wait or self._stopped.wait
        self._stretches: Generator[tuple[float, Floats], None, None] | None = None

    def read(self) -> Sound | None:
        """The next stretch, None after `stop`; what is over for long is left out."""
        for position_s, samples in self._stretches or ():
            due_s = self._loop.begin_s + position_s + len(samples) / self.rate
            if self._clock() - due_s > _LATE_SOUND_S:
                continue
            if not _wait_until(due_s, self._clock, self._wait, self._stopped):
                return None
            return Sound(samples, self.rate, self._loop.begin_s + position_s)
        return None

    def stop(self) -> None:
        """Make a waiting `read` and all later ones give None; may be called from any thread."""
        self._stopped.set()

    def __enter__(self) -> Self:
        self._stretches = self._rounds()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
        if self._stretches is not None:
            self._stretches.close()
            self._stretches = None

    def _rounds(self) -> Generator[tuple[float, Floats], None, None]:
        """Position in seconds since the beginning and samples, float32 (n, channels), round after round."""
        number, offset_s = self._loop.round_at(self._clock() - self._loop.begin_s)
        while not self._stopped.is_set():
            origin_s = number * self._loop.length_s
            with open_input(self._path) as container:
                for begin, samples in self._whole_round(container, offset_s if offset_s > _SEEK_S else 0.0):
                    yield origin_s + begin / self.rate, samples
            number, offset_s = number + 1, 0.0

    def _whole_round(self, container: InputContainer, from_s: float) -> Iterator[tuple[int, Floats]]:
        """Number of the first sample in the round and samples, one stretch after the other until the round is over."""
        length = round(self._loop.length_s * self.rate)
        done = round(from_s * self.rate)
        for begin, samples in self._decoded(container, from_s):
            hole = begin - done
            if hole > _HOLE_S * self.rate:
                yield from self._silence(done, min(begin, length))
                done = min(begin, length)
            # Small steps are the rounded times of the file, not holes.
            kept = samples[max(-hole, 0) if hole < -_HOLE_S * self.rate else 0 :][: length - done]
            if len(kept):
                yield done, kept
                done += len(kept)
            if done >= length:
                return
        yield from self._silence(done, length)

    def _silence(self, begin: int, end: int) -> Iterator[tuple[int, Floats]]:
        for at in range(begin, end, _SILENCE):
            yield at, np.zeros((min(_SILENCE, end - at), self.channels), np.float32)

    def _decoded(self, container: InputContainer, from_s: float) -> Iterator[tuple[int, Floats]]:
        """Stretches from about `from_s` on, each with the number of its first sample by the clock of the pictures."""
        sound = container.streams.audio[0]
        if from_s and container.format.name not in FREE_RUNNING:
            with suppress(FFmpegError):
                container.seek(round((self._loop.base_s + from_s) * av.time_base))
        resampler = av.AudioResampler("flt", "mono" if self.channels == 1 else "stereo", self.rate)
        begin: int | None = None
        for frame in self._frames(container, sound):
            if frame.time is not None:
                begin = round((frame.time - self._loop.base_s) * self.rate)
            for even in resampler.resample(frame):
                samples: Floats = even.to_ndarray().astype(np.float32, copy=False).reshape(-1, self.channels)
                if begin is not None and begin + len(samples) > 0:
                    yield max(begin, 0), samples[max(-begin, 0) :]
                begin = None if begin is None else begin + len(samples)

    def _frames(self, container: InputContainer, sound: AudioStream) -> Iterator[av.AudioFrame]:
        for packet in PacketReader(container, (sound,)):
            try:
                yield from sound.decode(packet)
            except FFmpegError:
                # A damaged place is heard as silence.
                continue


class _Video:
    """Plays a video file from the start each time it has ended; one that has fallen far behind jumps ahead."""

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
        self.channels = next((_channels(stream) for stream in self._reader.copied if stream.type == "audio"), 0)
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
            if behind_s > _FAR_BEHIND_S:
                self._jump(position())
                jumped = True

    def close(self) -> None:
        self._reader.close()

    def _begin_again(self) -> None:
        if not self._round:
            # What a file says of its length is rounded, or wrong where it was cut short or is still being written.
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
            # Behind the last frame: the next to come is the first of the next round.
            self._round += 1
            self._reader = self._read_from(None)

    def _read_from(self, start_s: float | None) -> VideoReader:
        return VideoReader(
            self._path, max_pixels=self._max_pixels, max_bytes=self._max_bytes, start_s=start_s, surveyed=self._survey
        )


class _Stills:
    """Shows pictures one after the other, each for 3 s; only one is held in memory."""

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
        wanted = int(number / self._rate / _PICTURE_S) % len(self._paths)
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


def _channels(stream: Stream) -> int:
    return stream.codec_context.channels if isinstance(stream, AudioStream) and stream.codec_context else 0


def _measured(path: Path, stream_index: int) -> float:
    """Where the stream ends, in seconds of the file's clock, found by going through its packets."""
    with open_input(path) as container:
        stream = container.streams[stream_index]
        ends = (
            float(((packet.pts or 0) + (packet.duration or 0)) * packet.time_base)
            for packet in PacketReader(container, (stream,))
        )
        return max(ends, default=0.0)


def _wait_until(due_s: float, clock: Clock, wait: Wait, stopped: threading.Event) -> bool:
    """Wait until the clock shows `due_s`; False when stopped."""
    while not stopped.is_set():
        left_s = due_s - clock()
        if left_s <= 0:
            return True
        wait(left_s)
    return False
