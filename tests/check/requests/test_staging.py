"""Staging: a state machine that pictures and the host drive; the same of both gives the same."""

from collections.abc import Callable, Iterable

import pytest

from mien.check.requests.answers import Answer
from mien.check.requests.asks import Ask
from mien.check.requests.sighting import Sighting
from mien.check.requests.staging import Staging
from tests.support.calls import bump, call, sighting

HAND, UP = Ask("hand", "left", 2.0), Ask("up", "", 3.0)


def run(staging: Staging, pictures: Iterable[Sighting], act: Callable[[Staging, float], None] | None = None) -> list[Answer]:
    """Feed pictures; `act` is what the host does after each."""
    found = []
    for each in pictures:
        answer = staging.see(each)
        if answer is not None:
            found.append(answer)
        if act is not None:
            act(staging, each.at_s)
    return found


def test_requests_come_after_settling_and_their_delays() -> None:
    staging, phases = Staging([HAND, UP]), []
    for each in call(60):
        staging.see(each)
        phases.append((staging.cue.phase, staging.cue.ask))
    first, second = phases.index(("asked", HAND)) / 15, phases.index(("asked", UP)) / 15
    # 3 s of settling and a delay of 2; 8 s to read and 12 to answer; a delay of 3.
    assert first == pytest.approx(5, abs=0.2)
    assert second == pytest.approx(28, abs=0.3)
    assert phases[0] == ("settling", None)
    assert phases[-1] == ("done", None)
    assert [answer.seen for answer in staging.answers] == ["not seen", "not seen"]


def test_the_time_runs_from_when_the_host_has_read_it() -> None:
    def say(staging: Staging, at_s: float) -> None:
        if at_s >= 9:
            staging.said()

    def swept(at_s: float) -> Sighting:
        return sighting(at_s, middle=bump(at_s, 10, 12, 0.4))

    (answer,) = run(Staging([HAND]), call(40, swept), say)
    assert answer.said_s == pytest.approx(9, abs=0.1)
    assert answer.latency_s == pytest.approx(1, abs=0.2)
    assert answer.seen == "seen"


def test_a_seen_answer_ends_before_its_window() -> None:
    staging = Staging([HAND])
    ended = next(
        each.at_s
        for each in call(40, lambda at_s: sighting(at_s, middle=bump(at_s, 10, 12, 0.4)))
        if staging.see(each) is not None
    )
    assert 12 < ended < 14.5


def test_a_request_is_declined_and_the_next_one_comes() -> None:
    def decline(staging: Staging, at_s: float) -> None:
        if staging.cue.ask == HAND:
            staging.decline()

    staging = Staging([HAND, UP])
    assert staging.decline() is None
    answers = run(staging, call(40), decline)
    assert [answer.ask for answer in answers] == [UP]
    assert [answer.reason for answer in staging.answers] == ["declined", ""]


def test_an_end_in_a_request_leaves_it_open() -> None:
    staging = Staging([HAND, UP])
    run(staging, call(9))
    answer = staging.end("the camera went away")
    assert answer is not None
    assert (answer.reason, answer.lost) == ("lost", "the camera went away")
    assert staging.cue.phase == "done"
    assert Staging([HAND]).end() is None


def test_four_hours_hold_no_more_than_a_request() -> None:
    """At two pictures a second; nothing of the past stays."""
    staging = Staging([Ask("up", "", 1.0)] * 3)
    run(staging, call(4 * 3600, rate_hz=2))
    assert staging.cue.phase == "done"
    assert (len(staging._before), len(staging._during), len(staging.answers)) == (0, 0, 3)
