"""Requests are drawn at random: order, side, delay, count, colours."""

import random
from itertools import pairwise

import pytest

from mien.check.requests.asks import KINDS, USUAL, draw_asks, kinds_of
from mien.errors import UsageError


def test_order_sides_delays_and_counts_differ() -> None:
    drawn = [draw_asks(KINDS, random.Random(seed)) for seed in range(200)]
    assert len({tuple(ask.kind for ask in asks) for asks in drawn}) > 100
    assert {ask.side for asks in drawn for ask in asks if ask.kind in {"hand", "cheek"}} == {"left", "right"}
    assert {ask.side for asks in drawn for ask in asks if ask.kind in {"up", "blink", "colours"}} == {""}
    assert all(1 <= ask.delay_s <= 6 for asks in drawn for ask in asks)
    assert {ask.count for asks in drawn for ask in asks if ask.kind == "blink"} == {2, 3, 4}
    for asks in drawn:
        assert sorted(ask.side for ask in asks if ask.kind == "profile") == ["left", "right"]
        (colours,) = [ask.colours for ask in asks if ask.kind == "colours"]
        assert all(a != b for a, b in pairwise(colours))


def test_kinds_are_named_with_commas() -> None:
    assert kinds_of("profile, hand") == ("hand", "profile")
    assert "colours" not in USUAL
    for text in ("", "nod", "hand,nod"):
        with pytest.raises(UsageError, match="unknown requests"):
            kinds_of(text)
