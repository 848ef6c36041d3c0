"""The clock mender: jumps are led on, streams stay in step, real gaps stay."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from mien.media.files.timeline import ClockRepair, Role, Stamp

_TICK = Fraction(1, 90_000)
_PICTURE, _SOUND, _TEXT = 0, 1, 2
_ROLES = {_PICTURE: Role.PICTURE, _SOUND: Role.SOUND, _TEXT: Role.OTHER}
_STEPS = {_PICTURE: 3600, _SOUND: 1920, _TEXT: 90_000}

Times = dict[int, list[int]]


def _stamp(stream: int, time: int | None) -> Stamp:
    return Stamp(stream, _ROLES[stream], _TICK, time, time, _STEPS[stream])


def _piece(begin: int, seconds: float, *, streams: Iterable[int] = (_PICTURE, _SOUND), lag: int = 0) -> list[Stamp]:
    """Pictures of 0.04 s and sound of 21.3 ms, interleaved by time; the sound comes `lag` ticks later in the file."""
    stamps = [
        (time + (lag if stream == _SOUND else 0), _stamp(stream, begin + time))
        for stream in streams
        for time in range(0, round(seconds * 90_000), _STEPS[stream])
    ]
    return [stamp for _, stamp in sorted(stamps, key=lambda pair: (pair[0], pair[1].stream))]


def _mended(stamps: Iterable[Stamp], *, free_running: bool = True) -> Times:
    """Times after mending, for each stream."""
    return _walk(ClockRepair(free_running=free_running), stamps)


def _walk(mender: ClockRepair[Stamp], stamps: Iterable[Stamp]) -> Times:
    def ready() -> Iterator[tuple[Stamp, int]]:
        for stamp in stamps:
            yield from mender.push(stamp, stamp)
        yield from mender.flush()

    times: Times = {}
    for stamp, ticks in ready():
        assert stamp.time is not None
        times.setdefault(stamp.stream, []).append(stamp.time + ticks)
    return times


def _steps(times: list[int]) -> set[int]:
    return {after - before for before, after in pairwise(times)}


@pytest.mark.parametrize("begins", [(126_000, 126_000), (126_000, 0), (0, 2**33 - 50_000), (900_000, 100, 50), (0, 0, 0, 0, 0)])
@pytest.mark.parametrize("lag", [0, 20_000, 60_000])
def test_pieces_follow_each_other(begins: tuple[int, ...], lag: int) -> None:
    stamps = [stamp for begin in begins for stamp in _piece(begin, 2.0, lag=lag)]
    mender: ClockRepair[Stamp] = ClockRepair(free_running=True)
    times = _walk(mender, stamps)
    assert times[_PICTURE] == [begins[0] + 3600 * index for index in range(50 * len(begins))]
    assert min(_steps(times[_SOUND])) >= 1920 // 2
    assert max(_steps(times[_SOUND])) <= 2 * 1920
    assert mender.jumps == len(begins) - 1


def test_sound_keeps_its_distance_to_the_pictures_in_each_piece() -> None:
    first, second = _piece(0, 1.0), [_stamp(_SOUND, (s.time or 0) + 2000) if s.stream else s for s in _piece(0, 1.0)]
    times = _mended([*first, *second])
    begins = 25 * 3600
    assert next(time for time in times[_SOUND] if time > begins) - begins in {2000, 2000 + 1920}


def test_sound_that_is_longer_than_its_pictures_does_not_lie_over_the_next_piece() -> None:
    long = [*_piece(0, 1.0), *(_stamp(_SOUND, 47 * 1920 + 1920 * index) for index in range(20))]
    times = _mended([*long, *_piece(0, 1.0)])
    assert times[_PICTURE] == [3600 * index for index in range(50)]
    assert min(_steps(times[_SOUND])) >= 1920 // 2


def test_a_gap_in_the_recording_stays() -> None:
    times = _mended([*_piece(0, 1.0), *_piece(5 * 90_000, 1.0)])
    assert times[_PICTURE][25] == times[_SOUND][47] == 5 * 90_000


def test_a_leap_of_the_clock_is_closed() -> None:
    times = _mended([*_piece(0, 1.0), *_piece(3600 * 90_000, 1.0)])
    assert times[_PICTURE] == [3600 * index for index in range(50)]
    assert max(_steps(times[_SOUND])) <= 2 * 1920


def test_pictures_may_pause_while_the_sound_goes_on() -> None:
    paused = [*_piece(0, 1.0), *_piece(90_000, 30.0, streams=[_SOUND]), *_piece(31 * 90_000, 1.0)]
    times = _mended(paused)
    assert times[_PICTURE][25] == 31 * 90_000


@pytest.mark.parametrize("wrong", [-5 * 90_000, 400 * 90_000, -2 * 90_000])
@pytest.mark.parametrize("count", [1, 3])
def test_damaged_times_move_nothing_else(wrong: int, count: int) -> None:
    stamps = _piece(10 * 90_000, 4.0)
    hit = [index for index, stamp in enumerate(stamps) if stamp.stream == _PICTURE][50 : 50 + count]
    for index in hit:
        stamps[index] = _stamp(_PICTURE, (stamps[index].time or 0) + wrong)
    times = _mended(stamps)
    assert times[_PICTURE] == [900_000 + 3600 * index for index in range(100)]
    assert _steps(times[_SOUND]) == {1920}


def test_one_stream_that_starts_over_alone_is_led_on() -> None:
    sound = [*_piece(90_000, 5.0, streams=[_SOUND]), *_piece(0, 20.0, streams=[_SOUND])]
    pictures = _piece(90_000, 25.0, streams=[_PICTURE])
    order = sorted([*enumerate(sound), *((at * 25 / 47, stamp) for at, stamp in enumerate(pictures))], key=lambda pair: pair[0])
    times = _mended(stamp for _, stamp in order)
    assert _steps(times[_SOUND]) <= {1920, 0} | set(range(1900, 1940))
    assert _steps(times[_PICTURE]) == {3600}


def test_subtitles_follow_the_pictures() -> None:
    shown = (_PICTURE, _SOUND, _TEXT)
    times = _mended([*_piece(0, 3.0, streams=shown), *_piece(0, 3.0, streams=shown)])
    assert times[_TEXT] == [0, 90_000, 180_000, 270_000, 360_000, 450_000]


def test_a_stream_that_appears_behind_a_jump_is_on_the_new_clock() -> None:
    times = _mended([*_piece(0, 1.0, streams=[_PICTURE]), *_piece(0, 1.0)])
    assert times[_SOUND][0] == 90_000


def test_formats_with_a_clock_of_their_own_keep_all_but_large_steps_back() -> None:
    leaps = [*_piece(0, 1.0), *_piece(3600 * 90_000, 1.0)]
    assert _mended(leaps, free_running=False)[_PICTURE][25] == 3600 * 90_000
    small = [_stamp(_PICTURE, time) for time in (0, 3600, 7200, 1000, 10_800)]
    assert _mended(small, free_running=False)[_PICTURE] == [0, 3600, 7200, 1000, 10_800]
    times = _mended([*_piece(0, 2.0), *_piece(0, 2.0)], free_running=False)
    assert times[_PICTURE] == [3600 * index for index in range(100)]


def test_packets_without_a_time_pass() -> None:
    mender: ClockRepair[int] = ClockRepair(free_running=True)
    assert mender.push(1, _stamp(_PICTURE, None)) == [(1, 0)]
    assert mender.push(2, _stamp(_TEXT, None)) == [(2, 0)]
    assert mender.flush() == []


def test_what_is_held_is_bounded() -> None:
    mender: ClockRepair[int] = ClockRepair(free_running=True)
    stamps = [*_piece(90_000, 1.0), *_piece(0, 20.0, streams=[_PICTURE])]
    stamps += [_stamp(_SOUND, 180_000 + 1920 * index) for index in range(40)]
    out = 0
    for number, stamp in enumerate(stamps, 1):
        out += len(mender.push(number, stamp))
        assert number - out <= 512
    assert out + len(mender.flush()) == len(stamps)


@pytest.mark.parametrize("seed", range(30))
def test_any_pieces_give_increasing_times_in_step(seed: int) -> None:
    draw = np.random.default_rng(seed)
    stamps: list[Stamp] = []
    for _ in range(draw.integers(2, 6)):
        begin = (0, 2**32, 2**33 - 1, int(draw.integers(0, 2**33)))[draw.integers(4)]
        stamps += _piece(begin, float(draw.uniform(0.5, 4.0)), lag=int(draw.integers(0, 50_000)))
    times = _mended(stamps)
    assert _steps(times[_PICTURE]) == {3600}
    assert min(_steps(times[_SOUND])) > 0
    assert abs(times[_SOUND][-1] - times[_PICTURE][-1]) < 2 * 3600, "never further apart than in a piece"
