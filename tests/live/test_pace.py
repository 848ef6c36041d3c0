"""Pace of the live loop: tracking waits as long as the swap is slower, and no longer."""

import pytest

from mien.live.pace import Pace


def _pace(track_s: float, swap_s: float) -> Pace:
    pace = Pace()
    for _ in range(5):
        pace.tracked(track_s)
        pace.swapped(swap_s)
    return pace


def test_nothing_is_waited_for_at_first_or_where_tracking_takes_half_as_long_as_the_swap() -> None:
    assert Pace().spare_s == 0
    assert _pace(0.02, 0.015).spare_s == 0
    assert _pace(0.02, 0.04).spare_s == 0


def test_a_slow_swap_is_waited_for() -> None:
    assert _pace(0.02, 0.1).spare_s == pytest.approx(0.05)
    assert _pace(0.02, 9).spare_s == 0.5


def test_the_swap_waits_for_no_frame_although_times_vary() -> None:
    pace = _pace(0.02, 0.1)
    pace.swapped(0.08)
    pace.swapped(0.25)
    assert pace.spare_s == pytest.approx(0.9 * 0.08 - 0.04), "the shortest swap counts, not a stall"
    pace.tracked(0.03)
    assert pace.spare_s == pytest.approx(0.9 * 0.08 - 0.06), "the longest tracking counts"


def test_a_swap_that_has_become_slow_is_waited_for_within_five_frames() -> None:
    pace = _pace(0.01, 0.012)
    for _ in range(4):
        pace.swapped(0.5)
    assert pace.spare_s == 0
    pace.swapped(0.5)
    assert pace.spare_s == pytest.approx(0.43)


def test_a_frame_is_old_when_the_stages_do_not_explain_its_age() -> None:
    assert not _pace(0.01, 0.02).is_old(0.2)
    assert _pace(0.01, 0.02).is_old(0.3)
    assert not _pace(0.1, 0.4).is_old(1.4)
    assert _pace(0.1, 0.4).is_old(1.6)
