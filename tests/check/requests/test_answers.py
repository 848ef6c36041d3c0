"""Answers in the three words: what was reached, what was not, what cannot be told."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from mien.check.requests.answers import Answer, answer_of, declined_answer, is_over
from mien.check.requests.asks import Ask
from mien.check.requests.rows import row_of
from mien.check.requests.sighting import Sighting
from tests.support.calls import bump, call, sighting

HAND, BLINK = Ask("hand", "left"), Ask("blink", count=3)
Change = Callable[[float], Sighting]


def swept(at_s: float) -> Sighting:
    """A hand from the right of the picture to its left, between 4 and 6 s."""
    return sighting(at_s, middle=bump(at_s, 4, 6, 0.3), covered=bump(at_s, 4, 6, 0.3), cover_x=0.4 - 0.4 * (at_s - 4))


def blinking(at_s: float) -> Sighting:
    return sighting(at_s, opening=0.1 if any(abs(at_s - each) < 0.1 for each in (4.0, 5.0, 6.0)) else 0.3)


def turned(most: float) -> Change:
    return lambda at_s: sighting(at_s, yaw=bump(at_s, 4, 8, most))


def answered(ask: Ask, change: Change, **more: object) -> Answer:
    """The answer to a request of second 3, read aloud by second 3.5."""
    return answer_of(ask, call(3, change), call(9, change, from_s=3), 3.0, 3.5, **more)  # type: ignore[arg-type]


MOVEMENTS: dict[str, tuple[Ask, Change]] = {
    "hand": (HAND, swept),
    "cheek": (Ask("cheek", "left"), lambda at_s: sighting(at_s, cheeks=(0.0, bump(at_s, 4, 6, 0.5)))),
    "up": (Ask("up"), lambda at_s: sighting(at_s, up=8 + bump(at_s, 4, 6, 25))),
    "right": (Ask("profile", "right"), turned(72)),
    "left": (Ask("profile", "left"), turned(-72)),
    "blink": (BLINK, blinking),
}


@pytest.mark.parametrize("name", MOVEMENTS)
def test_what_was_asked_for_is_seen_with_latency_range_and_presence(name: str) -> None:
    ask, change = MOVEMENTS[name]
    found = answered(ask, change)
    assert (found.seen, found.reason, found.presence, found.pictures) == ("seen", "", 1.0, 135)
    assert found.latency_s == pytest.approx(0.5, abs=0.45)
    assert found.extent == pytest.approx({"hand": 0.3, "cheek": 0.5, "up": 25, "blink": 3}.get(name, 72), rel=0.02)
    still = answered(ask, sighting)
    assert (still.seen, still.reason) == ("not seen", "")


def test_blinks_of_their_own_are_no_answer() -> None:
    """People blink every three or four seconds."""
    own = answered(
        BLINK, lambda at_s: sighting(at_s, opening=0.1 if any(abs(at_s - each) < 0.1 for each in (4, 7, 10)) else 0.3)
    )
    assert (own.seen, own.extent) == ("not seen", 1)
    many = answered(BLINK, lambda at_s: sighting(at_s, opening=0.1 if at_s > 4 and at_s % 1 < 0.2 else 0.3))
    assert many.seen == "not seen"


def test_the_path_of_a_hand_is_told() -> None:
    path = answered(HAND, swept).path
    assert path is not None
    assert path[0] > 0.3
    assert path[1] < -0.2
    assert answered(HAND, sighting).path is None


def test_a_hand_that_hides_the_whole_face_is_seen() -> None:
    def hidden(at_s: float) -> Sighting:
        return Sighting(at_s, 0, hidden=True) if 4 < at_s < 5 else sighting(at_s)

    found = answered(HAND, hidden)
    assert found.seen == "seen"
    assert found.away_s == pytest.approx(1, abs=0.1)


def test_a_picture_of_an_error_is_no_movement() -> None:
    assert answered(HAND, lambda at_s: sighting(at_s, middle=0.5 if 4 <= at_s < 4.1 else 0.0)).seen == "not seen"


def test_what_lies_before_the_face_all_the_time_is_no_answer() -> None:
    assert answered(HAND, lambda at_s: sighting(at_s, middle=0.2)).seen == "not seen"


@pytest.mark.parametrize(("change", "reason"), [
    (lambda at_s: Sighting(at_s, 0) if at_s > 3 else sighting(at_s), "no-face"),
    (lambda at_s: Sighting(at_s, 0), "no-usual"),
    (lambda at_s: sighting(at_s, faces=2), "two-faces"),
    (lambda at_s: sighting(at_s, eyes_px=15.0), "small"),
])  # fmt: skip
def test_what_cannot_be_told_is_not_called_unseen(change: Change, reason: str) -> None:
    found = answered(HAND, change)
    assert (found.seen, found.reason) == ("cannot tell", reason)


def test_a_face_that_was_never_there_has_no_range() -> None:
    found = answered(HAND, lambda at_s: Sighting(at_s, 0))
    assert (found.extent, found.presence) == (None, 0.0)
    assert not any("At the most" in sentence for sentence in row_of(found).sentences)


def test_a_picture_that_stands_still_tells_nothing() -> None:
    before, during = call(3), [each for each in call(9, from_s=3) if not 5 < each.at_s < 7]
    assert answer_of(HAND, before, during, 3.0).reason == "stalled"
    assert answer_of(HAND, before, during[:4], 3.0).reason == "few-pictures"
    assert answer_of(HAND, before, during, 3.0, lost="gone").reason == "lost"
    assert answer_of(BLINK, call(3, rate_hz=8), call(9, rate_hz=8, from_s=3), 3.0).reason == "few-pictures"


def test_the_answer_of_one_of_two_people_is_nobodys() -> None:
    found = answered(HAND, lambda at_s: replace(swept(at_s), faces=2))
    assert (found.seen, found.reason) == ("cannot tell", "two-faces")
    # Nor is it somebody's because the request ended early, or because nobody was seen before it.
    before, during = call(3), [replace(each, faces=2) for each in call(9, swept, from_s=3)]
    alone = [replace(each, faces=1) for each in during]
    assert answer_of(HAND, before, alone, 3.0, ended=True).seen == "seen"
    for early, seen in ((before, during), ([], alone)):
        assert answer_of(HAND, early, seen, 3.0, ended=True).seen == "cannot tell"
        assert answer_of(HAND, early, seen, 3.0, lost="gone").reason == "lost"


def test_a_profile_to_the_other_side_may_be_a_mirror() -> None:
    found = answered(Ask("profile", "left"), turned(70))
    assert (found.seen, found.reason) == ("cannot tell", "other-side")
    assert found.other == pytest.approx(70, abs=1)
    short = answered(Ask("profile", "right"), turned(40))
    assert (short.seen, round(short.extent or 0)) == ("not seen", 40)


def test_a_face_that_is_lost_while_it_turns_cannot_be_told() -> None:
    def lost(at_s: float) -> Sighting:
        return Sighting(at_s, 0) if 5 < at_s < 7 else sighting(at_s, yaw=bump(at_s, 4, 8, 50))

    assert answered(Ask("profile", "right"), lost).reason == "gone"


def test_an_answer_is_over_once_the_face_is_at_rest() -> None:
    for name, (ask, change) in MOVEMENTS.items():
        before = call(3, change)
        over = next((s for s in range(4, 12) if is_over(ask, before, call(s - 3, change, from_s=3), 1.0)), None)
        assert over in {6, 7, 8, 9}, name
        assert not is_over(ask, call(3), call(9, from_s=3), 1.0)


def test_declining_is_no_sign() -> None:
    found = declined_answer(HAND, 3.0)
    assert (found.seen, found.reason, found.extent) == ("cannot tell", "declined", None)
