"""Pace of the live loop: tracking waits as long as the swap is slower, and no longer."""

import pytest

from mien.live.pace import Pace


def _pace(track_s: float, swap_s: float) -> Pace:
    pace = Pace()
    for _ in range(5):
        pace.tracked(track_s)
        pace.swapped(swap_s)
    return pace


def test_nothing_is_waited_for_at_first_or_where_tracking_is_the_slower_stage() -> None:
    assert Pace().spare_s == 0
    assert _pace(0.02, 0.015).spare_s == 0


def test_a_slow_swap_is_waited_for() -> None:
    assert _pace(0.02, 0.1).spare_s == pytest.approx(0.07)
    assert _pace(0.02, 9).spare_s == 0.5


def test_one_stall_counts_half() -> None:
    pace = _pace(0.02, 0.05)
    pace.swapped(0.25)
    assert pace.spare_s == pytest.approx(0.9 * 0.15 - 0.02)


def test_a_frame_is_old_when_the_stages_do_not_explain_its_age() -> None:
    assert not _pace(0.01, 0.02).is_old(0.2)
    assert _pace(0.01, 0.02).is_old(0.3)
    assert not _pace(0.1, 0.4).is_old(1.4)
    assert _pace(0.1, 0.4).is_old(1.6)
