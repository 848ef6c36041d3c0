"""Pace of a stream."""

import pytest

from mien.swap.tracking.pace import Pace


def _seen(times: list[float]) -> Pace:
    pace = Pace()
    for time_s in times:
        pace.see(time_s)
    return pace


@pytest.mark.parametrize(("rate", "every"), [(10, 2), (24, 2), (25, 2), (30, 2), (50, 3), (60, 4), (120, 8)])
def test_a_time_has_the_frames_of_the_rate(rate: int, every: int) -> None:
    assert _seen([number / rate for number in range(20)]).frames_in(1 / 15, 2) == every


def test_before_two_frames_nothing_is_known() -> None:
    assert Pace().frames_in(10.0, 2) == 2
    assert _seen([5.0]).frames_in(10.0, 2) == 2


def test_a_clock_that_trembles_changes_nothing() -> None:
    times = [number / 60 + (0.006 if number % 3 == 0 else -0.004) for number in range(90)]
    assert {_seen(times[: 30 + count]).frames_in(1 / 15, 2) for count in range(60)} == {4}


@pytest.mark.parametrize("next_s", [0.0, 99.0, 3.0], ids=["from zero", "pause", "the same"])
def test_a_clock_that_leaps_tells_nothing(next_s: float) -> None:
    times = [2 + number / 30 for number in range(31)]
    assert _seen([*times, next_s]).frames_in(1 / 15, 2) == 2
