"""Patience with silent inputs, by a clock of the test."""

from mien.live.patience import Patience


class Clock:
    """Shows the time that the test sets."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def _looked(patience: Patience, clock: Clock, seconds: float) -> None:
    for _ in range(round(seconds / 0.5)):
        clock.now_s += 0.5
        patience.look()


def test_an_input_that_is_slow_to_start_gets_more_time_each_time_until_it_is_live() -> None:
    clock = Clock()
    patience = Patience(6.0, clock)
    _looked(patience, clock, 60)
    assert not patience.is_over(5.9, "opening")
    assert patience.is_over(6.0, "opening")
    assert not patience.is_over(11.9, "opening")
    assert patience.is_over(12.0, "opening")
    for longer_s in (24.0, 48.0, 48.0):
        assert not patience.is_over(longer_s - 0.1, "opening")
        assert patience.is_over(longer_s, "opening"), "not longer than the longest"
    assert patience.is_over(6.0, "live"), "a live one that falls silent"


def test_the_time_of_a_sleep_is_nobodys_silence() -> None:
    clock = Clock()
    patience = Patience(6.0, clock)
    _looked(patience, clock, 10)
    clock.now_s += 20
    patience.look()
    assert patience.awake(8.0) == 0
    assert not patience.is_over(20.5, "live")
    _looked(patience, clock, 5.5)
    assert not patience.is_over(26.0, "live")
    _looked(patience, clock, 0.5)
    assert patience.awake(26.5) == 6
    assert patience.is_over(26.5, "live"), "it is silent although the machine is awake"
