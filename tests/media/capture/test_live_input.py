"""Promises of all live inputs, on FFmpeg's test picture and on a pipe."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import IO

import av
import numpy as np
import pytest

from mien.errors import Cancelled, MediaTooLarge, SourceLost
from mien.media.capture.live_input import SILENCE_S, LiveInput, Opening
from mien.types import LIVE_TIME_BASE
from tests.support.clips import Clip, make, number
from tests.support.conformance import source_suite

_SOON_S = 0.5


class _Pattern(LiveInput):
    """FFmpeg's own test picture, at a pace."""

    def __init__(self, size: str = "64x48", rate: int = 200, *, ends_after_s: float = 0, max_pixels: int = 10**6) -> None:
        super().__init__("the test picture", max_pixels=max_pixels)
        length = f":duration={ends_after_s}" if ends_after_s else ""
        self._graph = f"testsrc2=size={size}:rate={rate}{length},realtime"

    def _openings(self) -> Sequence[Opening]:
        return [Opening(self._graph, "lavfi")]


class _Piped(LiveInput):
    """MPEG-TS through a pipe that the test fills."""

    def __init__(self, *, silence_s: float = SILENCE_S, max_pixels: int = 10**6) -> None:
        super().__init__("the pipe", silence_s=silence_s, max_pixels=max_pixels)
        self._ends = True
        reading, writing = os.pipe()
        self._reading: IO[bytes] = os.fdopen(reading, "rb", buffering=0)
        self.writing: IO[bytes] = os.fdopen(writing, "wb", buffering=0)

    def _openings(self) -> Sequence[Opening]:
        return [Opening(self._reading, "mpegts", {"analyzeduration": "100000"})]

    def _interrupt(self) -> None:
        self.writing.close()

    def _released(self) -> None:
        self._reading.close()


def _stream(folder: Path, size: tuple[int, int] = (160, 120), codec: str = "libx264") -> bytes:
    options = {"tune": "zerolatency"} if codec == "libx264" else {}
    return make(
        folder / f"{size[0]}.ts", Clip(size=size, codec=codec, sounds=(), format="mpegts", options=options)
    ).read_bytes()


def _read_on(source: LiveInput) -> None:
    """Read to the end or to the error."""
    while source.read() is not None:
        pass


def test_it_is_a_frame_source() -> None:
    source_suite(_Pattern)


def test_frames_carry_the_monotonic_clock_and_the_newest_is_given() -> None:
    with _Pattern(rate=50) as source:
        first = source.read()
        assert first is not None
        threading.Event().wait(0.3)
        second, third = source.read(), source.read()
        assert second is not None
        assert third is not None
        late_s = time.monotonic() - third.time_s
        # Those that came meanwhile are gone: the next one is not 0.3 s old.
        assert second.time_s - first.time_s > 0.2
        assert source.dropped >= 10
    assert third.time_base == LIVE_TIME_BASE
    assert 0 <= late_s < 0.1
    assert (source.info.width, source.info.height) == (64, 48)
    assert source.info.rate == 50


def test_stop_ends_a_waiting_read_and_all_later_ones() -> None:
    with _Pattern(rate=3) as source:
        source.read()
        timer = threading.Timer(0.05, source.stop)
        timer.start()
        begin_s = time.monotonic()
        assert source.read() is None
        assert time.monotonic() - begin_s < _SOON_S
        assert source.read() is None
        timer.join()
    assert source.read() is None


def test_what_is_stopped_before_it_begins_is_cancelled() -> None:
    source = _Pattern()
    source.stop()
    with pytest.raises(Cancelled), source:
        pass


def test_a_device_that_ends_is_lost() -> None:
    with _Pattern(ends_after_s=0.1) as source:
        with pytest.raises(SourceLost, match="the test picture went away") as caught:
            _read_on(source)
        assert caught.value.remedy
        with pytest.raises(SourceLost):
            source.read()


def test_too_large_a_picture_is_refused() -> None:
    with pytest.raises(MediaTooLarge, match="640x480"), _Pattern("640x480", max_pixels=640 * 480 - 1):
        pass


def test_a_source_that_falls_silent_is_lost_in_time(tmp_path: Path) -> None:
    source = _Piped(silence_s=0.4)
    # Twice: the probing takes what it can get.
    source.writing.write(2 * _stream(tmp_path))
    with source:
        begin_s = time.monotonic()
        with pytest.raises(SourceLost, match=r"has given nothing for 0\.4 s"):
            _read_on(source)
        assert time.monotonic() - begin_s < 1.5


@pytest.fixture
def fed() -> Iterator[Callable[[_Piped, bytes], None]]:
    """Feeds a pipe from a thread, as opening one waits for its data."""
    threads = []

    def feed(source: _Piped, data: bytes) -> None:
        def write() -> None:
            with suppress(OSError, ValueError):
                source.writing.write(data)
                source.writing.close()

        threads.append(threading.Thread(target=write))
        threads[-1].start()

    yield feed
    for thread in threads:
        thread.join()


Feed = Callable[[_Piped, bytes], None]


def test_a_stream_that_is_ended_gives_none(tmp_path: Path, fed: Feed) -> None:
    source = _Piped()
    fed(source, _stream(tmp_path))
    with source:
        frames = list(iter(source.read, None))
        assert source.read() is None
    assert frames
    # The last one is always seen, whatever was dropped before.
    assert number(frames[-1].image) == 11


def test_frames_keep_the_first_size_when_the_stream_changes_its_own(tmp_path: Path, fed: Feed) -> None:
    source = _Piped()
    fed(source, _stream(tmp_path, (320, 240)) + _stream(tmp_path, (160, 120)))
    with source:
        frames = list(iter(source.read, None))
        first = source.info.width, source.info.height
    assert {frame.image.shape[1::-1] for frame in frames} == {first}
    assert number(frames[-1].image) == 11


def test_a_stream_that_grows_beyond_the_limit_is_refused(tmp_path: Path, fed: Feed) -> None:
    source = _Piped(max_pixels=320 * 240 - 1)
    fed(source, _stream(tmp_path, (160, 120)) + _stream(tmp_path, (320, 240)))
    with pytest.raises(MediaTooLarge), source:
        _read_on(source)


def test_a_stream_that_is_joined_in_the_middle_begins_with_its_next_key_frame(tmp_path: Path, fed: Feed) -> None:
    source = _Piped()
    data = _stream(tmp_path)
    fed(source, b"\0" * 1000 + data[188 * 12 : 188 * 14] + b"\xff" * 500 + data)
    with source:
        frames = list(iter(source.read, None))
    assert number(frames[-1].image) == 11


def test_a_sender_may_start_its_clock_over_again_and_again(tmp_path: Path, fed: Feed) -> None:
    source = _Piped()
    fed(source, 6 * _stream(tmp_path))
    with source:
        frames = list(iter(source.read, None))
    # Each round is 0.48 s long: such a small step back of the clock must not count as a frame out of order.
    assert len(frames) + source.dropped == 6 * 12


def test_a_stream_without_pictures_is_refused(tmp_path: Path, fed: Feed) -> None:
    path = tmp_path / "sound.ts"
    with av.open(str(path), "w", format="mpegts") as out:
        sound = out.add_stream("mp2", rate=48_000)
        for _ in range(9):
            heard = av.AudioFrame.from_ndarray(np.zeros((1, 1152 * 2), np.int16), format="s16", layout="stereo")
            heard.sample_rate = 48_000
            out.mux(sound.encode(heard))
    source = _Piped()
    fed(source, path.read_bytes())
    with pytest.raises(SourceLost, match="no video"), source:
        pass


def test_a_rate_is_a_fraction_where_it_is_known() -> None:
    with _Pattern(rate=25) as source:
        assert source.info.rate == Fraction(25)
