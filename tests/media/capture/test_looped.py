"""Files shown as if live: paced by their own times, endless, never late."""

import shutil
import threading
import time
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.contracts import FrameSource
from mien.errors import MediaTooLarge, UnreadableMedia, UsageError
from mien.media.capture.looped import LoopedMedia
from mien.media.frames.fitting import fitted
from mien.types import Frame
from tests.support.clips import Clip, make, number
from tests.support.conformance import source_suite

_BEGIN_S = 1000.0


class _FakeTime:
    """A clock that moves only while somebody waits for it."""

    def __init__(self) -> None:
        self.now_s = _BEGIN_S
        self.waits: list[float] = []

    def clock(self) -> float:
        return self.now_s

    def wait(self, seconds: float) -> None:
        assert seconds > 0
        self.waits.append(seconds)
        self.now_s += seconds


@pytest.fixture
def fake() -> _FakeTime:
    return _FakeTime()


def _looped(path: Path, fake: _FakeTime, *, rate: float = 30.0, max_pixels: int = 10_000_000) -> LoopedMedia:
    return LoopedMedia(path, max_pixels=max_pixels, max_bytes=10**9, rate=rate, clock=fake.clock, wait=fake.wait)


def _frames(source: FrameSource, count: int) -> list[Frame]:
    frames = [source.read() for _ in range(count)]
    return [frame for frame in frames if frame is not None]


def _steps_ms(frames: list[Frame]) -> list[int]:
    return [round((b.pts - a.pts) / 1000) for a, b in pairwise(frames)]


def _picture(path: Path, width: int, height: int, level: int) -> Path:
    assert cv2.imwrite(str(path), np.full((height, width, 3), level, np.uint8))
    return path


def test_the_bundled_clip_comes_at_its_own_pace_round_after_round(examples: Path, fake: _FakeTime) -> None:
    with _looped(examples / "clip.mp4", fake) as source:
        info = source.info
        frames = _frames(source, 130)
    assert (info.width, info.height) == (1280, 720)
    assert info.rate == 30
    assert frames[0].pts == _BEGIN_S * 1_000_000
    assert set(_steps_ms(frames)) == {33}
    assert fake.now_s == pytest.approx(_BEGIN_S + 129 / 30, abs=1e-4), "no frame before it is due, none after"
    assert np.array_equal(frames[3].image, frames[123].image)


@pytest.mark.parametrize(
    ("name", "clip"),
    {
        "clip that begins late": ("in.ts", Clip(format="mpegts")),
        "rate that does not fit the clock": ("in.mkv", Clip(rate=Fraction(24000, 1001))),
        "b frames": ("in.mp4", Clip(options={"bf": "3"})),
        "length not announced": ("in.mkv", Clip(container_options={"live": "1"})),
        "sound longer than the pictures": ("in.mkv", Clip(sound_s=2.0)),
        "no sound": ("in.mp4", Clip(sounds=())),
    }.values(),
)
def test_every_kind_of_video_is_shown_whole_and_without_a_gap(tmp_path: Path, fake: _FakeTime, name: str, clip: Clip) -> None:
    with _looped(make(tmp_path / name, clip), fake) as source:
        frames = _frames(source, 3 * clip.frames)
    assert [number(frame.image) for frame in frames] == 3 * list(range(clip.frames))
    assert set(_steps_ms(frames)) <= {40, 41, 42}


def test_a_file_of_joined_streams_is_shown_whole_round_after_round(tmp_path: Path, fake: _FakeTime) -> None:
    piece = make(tmp_path / "piece.ts", Clip(format="mpegts")).read_bytes()
    (tmp_path / "in.ts").write_bytes(piece + piece)
    with _looped(tmp_path / "in.ts", fake) as source:
        frames = _frames(source, 48)
    assert [number(frame.image) for frame in frames] == 4 * list(range(12))
    assert set(_steps_ms(frames)) == {40}


def test_a_video_that_is_cut_short_goes_on_from_the_start_at_once(tmp_path: Path, fake: _FakeTime) -> None:
    whole = make(tmp_path / "whole.mkv", Clip(frames=24, options={"g": "6"}, sounds=()))
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    with _looped(cut, fake) as source:
        frames = _frames(source, 40)
    numbers = [number(frame.image) for frame in frames]
    assert numbers[: numbers.index(0, 1)] == list(range(numbers.index(0, 1)))
    assert set(_steps_ms(frames)) == {40}


def test_a_reader_that_was_away_skips_what_is_over(tmp_path: Path, fake: _FakeTime) -> None:
    with _looped(make(tmp_path / "in.mp4", Clip(frames=24, sounds=())), fake) as source:
        _frames(source, 3)
        fake.now_s += 0.5
        first, second = _frames(source, 2)
        # Far behind: it jumps instead of going through all that is over, here into the third round.
        fake.now_s = _BEGIN_S + 2 * 0.96 + 0.4
        third, fourth = _frames(source, 2)
        indices = [first.index, second.index, third.index, fourth.index]
    assert [number(first.image), number(second.image)] == [14, 15]
    assert first.pts == round((_BEGIN_S + 14 * 0.04) * 1_000_000)
    assert [number(third.image), number(fourth.image)] == [10, 11]
    assert third.pts == round((_BEGIN_S + 2.32) * 1_000_000)
    assert indices == [3, 4, 5, 6]


def test_a_jump_behind_the_last_frame_goes_to_the_next_round(tmp_path: Path, fake: _FakeTime) -> None:
    with _looped(make(tmp_path / "in.mp4", Clip(frames=24, sounds=())), fake) as source:
        _frames(source, 2)
        fake.now_s = _BEGIN_S + 3 * 0.96 - 0.001
        (frame,) = _frames(source, 1)
    assert number(frame.image) == 0
    assert frame.pts == round((_BEGIN_S + 3 * 0.96) * 1_000_000)


@pytest.mark.parametrize("what", ["video", "picture", "folder"])
def test_it_is_a_frame_source(tmp_path: Path, what: str) -> None:
    path = tmp_path / "media"
    if what == "video":
        path = make(tmp_path / "in.mp4", Clip())
    elif what == "picture":
        path = _picture(tmp_path / "in.png", 64, 48, 90)
    else:
        path.mkdir()
        _picture(path / "a.png", 64, 48, 90)
    source_suite(lambda: _looped(path, _FakeTime()))


def test_a_picture_is_repeated_at_the_rate(tmp_path: Path, fake: _FakeTime) -> None:
    with _looped(_picture(tmp_path / "in.png", 63, 47, 90), fake, rate=25) as source:
        frames = _frames(source, 10)
        fake.now_s += 10
        (after,) = _frames(source, 1)
        assert (source.info.width, source.info.height) == (63, 47)
        assert source.info.rate == 25
    assert set(_steps_ms(frames)) == {40}
    assert {int(frame.image.mean()) for frame in frames} == {90}
    assert after.pts == round((fake.now_s) * 1_000_000)


def test_each_picture_of_a_folder_stays_three_seconds_in_the_size_of_the_first(tmp_path: Path, fake: _FakeTime) -> None:
    _picture(tmp_path / "b.png", 40, 80, 200)
    _picture(tmp_path / "a.png", 80, 40, 100)
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "empty.png").touch()
    with _looped(tmp_path, fake, rate=10) as source:
        frames = _frames(source, 61)
    middle = [int(frame.image[20, 40, 0]) for frame in frames]
    assert middle == 30 * [100] + 30 * [200] + [100]
    assert {frame.image.shape for frame in frames} == {(40, 80, 3)}
    # The tall one stands in the middle, with black bars.
    assert frames[40].image[:, :30].max() == 0
    assert frames[40].image[:, 31:49].min() == 200


@pytest.mark.parametrize(("width", "height"), [(80, 40), (40, 80), (7, 900), (900, 7), (1, 1), (33, 33)])
def test_a_fitted_picture_has_the_size_and_is_all_there(width: int, height: int) -> None:
    image = fitted(np.full((height, width, 3), 200, np.uint8), 64, 48)
    assert image.shape == (48, 64, 3)
    ys, xs = np.nonzero(image[..., 0] > 100)
    assert np.ptp(xs) == 63 or np.ptp(ys) == 47
    assert abs((xs.min() + xs.max()) / 2 - 31.5) <= 1
    assert abs((ys.min() + ys.max()) / 2 - 23.5) <= 1


def test_a_long_file_is_not_gone_through_to_find_the_present(tmp_path: Path, fake: _FakeTime) -> None:
    with _looped(make(tmp_path / "in.mkv", Clip(frames=500, sounds=("pcm_s16le",))), fake) as source:
        fake.now_s += 15
        (frame,) = _frames(source, 1)
    assert abs(frame.time_s - fake.now_s) < 0.05
    assert number(frame.image) == round((frame.time_s - _BEGIN_S) * 25) % 24


def test_stop_ends_a_waiting_read(tmp_path: Path) -> None:
    path = _picture(tmp_path / "in.png", 64, 48, 90)
    with LoopedMedia(path, max_pixels=10**6, max_bytes=10**6, rate=0.1) as source:
        assert source.read() is not None
        timer = threading.Timer(0.1, source.stop)
        timer.start()
        begin_s = time.monotonic()
        assert source.read() is None
        assert time.monotonic() - begin_s < 0.5
        assert source.read() is None
        timer.join()


def test_it_keeps_time_with_the_real_clock(tmp_path: Path) -> None:
    path = make(tmp_path / "in.mp4", Clip(frames=12))
    with LoopedMedia(path, max_pixels=10**6, max_bytes=10**8) as source:
        begin_s = time.monotonic()
        frames = _frames(source, 25)
        late_s = time.monotonic() - frames[-1].time_s
    assert time.monotonic() - begin_s < 2
    assert 0 <= late_s < 0.1
    assert sum(_steps_ms(frames)) >= 24 * 40


_WRONG: dict[str, tuple[Callable[[Path], Path], type[Exception]]] = {
    "missing": (lambda folder: folder / "none.mp4", UnreadableMedia),
    "empty folder": (lambda folder: folder, UnreadableMedia),
    "no video": (lambda folder: Path(shutil.copy(__file__, folder / "in.mp4")), UnreadableMedia),
    "too large": (lambda folder: _picture(folder / "in.png", 2000, 1000, 1), MediaTooLarge),
    "video too large": (lambda folder: make(folder / "in.mp4", Clip(size=(1600, 1200), frames=2)), MediaTooLarge),
}


@pytest.mark.parametrize(("prepare", "expected"), _WRONG.values(), ids=_WRONG)
def test_what_cannot_be_shown_is_refused(
    tmp_path: Path, fake: _FakeTime, prepare: Callable[[Path], Path], expected: type[Exception]
) -> None:
    source = _looped(prepare(tmp_path), fake, max_pixels=1_000_000)
    with pytest.raises(expected), source:
        pass


def test_a_file_that_vanishes_while_it_is_shown_is_told(tmp_path: Path, fake: _FakeTime) -> None:
    path = make(tmp_path / "in.mp4", Clip(frames=3))
    with _looped(path, fake) as source:
        path.unlink()
        with pytest.raises(UnreadableMedia, match="does not exist"):
            _frames(source, 10)


def test_a_rate_of_nothing_is_refused(tmp_path: Path, fake: _FakeTime) -> None:
    with pytest.raises(UsageError):
        _looped(tmp_path, fake, rate=0)
