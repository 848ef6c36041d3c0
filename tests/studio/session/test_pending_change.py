"""Changes of settings that take long: made beside, the last word counts, and a failure leaves what was there."""

import threading
from collections.abc import Iterator, Mapping

import pytest

from mien.errors import ModelMissing
from mien.settings import Value
from mien.studio.session.pending_change import READY, PendingChange, PendingStatus
from tests.support.deadline import DEADLINE_S


class Maker:
    """Takes as long as the test says, and remembers what it was to make."""

    def __init__(self) -> None:
        self.made: list[dict[str, Value]] = []
        self.begun, self.go_on = threading.Semaphore(0), threading.Semaphore(0)
        self.fails: Exception | None = None

    def make(self, values: Mapping[str, Value]) -> None:
        self.begun.release()
        assert self.go_on.acquire(timeout=DEADLINE_S)
        if self.fails is not None:
            raise self.fails
        self.made.append(dict(values))


class Watched:
    """A pending change whose changes of status can be awaited."""

    def __init__(self, maker: Maker) -> None:
        self.changes = threading.Condition()
        self.change = PendingChange(maker.make, self._changed)

    def _changed(self) -> None:
        with self.changes:
            self.changes.notify_all()

    def wait(self, state: str) -> PendingStatus:
        with self.changes:
            assert self.changes.wait_for(lambda: self.change.status.state == state, DEADLINE_S), self.change.status
        return self.change.status


@pytest.fixture
def maker() -> Maker:
    return Maker()


@pytest.fixture
def watched(maker: Maker) -> Iterator[Watched]:
    watched = Watched(maker)
    watched.change.start()
    yield watched
    maker.go_on.release()
    watched.change.stop()


def test_a_change_is_made_beside_and_shown_while_it_waits(maker: Maker, watched: Watched) -> None:
    watched.change.request({"engine": "x"})
    assert watched.change.status == PendingStatus("opening", wanted=(("engine", "x"),))
    assert maker.begun.acquire(timeout=DEADLINE_S)
    assert watched.change.is_requested({"engine": "x"})
    maker.go_on.release()
    assert watched.wait("ready") == READY
    assert maker.made == [{"engine": "x"}]


def test_what_is_asked_for_meanwhile_is_made_with_the_next_round(maker: Maker, watched: Watched) -> None:
    watched.change.request({"engine": "x"})
    assert maker.begun.acquire(timeout=DEADLINE_S)
    watched.change.request({"engine": "y", "boost": 2})
    assert not watched.change.is_requested({"engine": "x"}), "the first change is overtaken"
    maker.go_on.release()
    assert maker.begun.acquire(timeout=DEADLINE_S)
    maker.go_on.release()
    watched.wait("ready")
    assert maker.made[-1] == {"engine": "y", "boost": 2}


def test_a_failure_is_said_and_nothing_waits_any_more(maker: Maker, watched: Watched) -> None:
    maker.fails = ModelMissing("it is not there", "fetch it")
    watched.change.request({"engine": "x"})
    maker.go_on.release()
    assert watched.wait("failed") == PendingStatus("failed", "it is not there", "fetch it")


def test_an_error_that_nobody_foresaw_is_said_too(maker: Maker, watched: Watched) -> None:
    maker.fails = ZeroDivisionError("on purpose")
    watched.change.request({"engine": "x"})
    maker.go_on.release()
    state = watched.wait("failed")
    assert "on purpose" in state.message
    assert state.remedy


def test_a_change_that_is_taken_back_is_not_wanted(maker: Maker, watched: Watched) -> None:
    watched.change.request({"engine": "x"})
    assert maker.begun.acquire(timeout=DEADLINE_S)
    watched.change.cancel()
    assert not watched.change.is_requested({"engine": "x"})
    assert watched.change.status == READY
    maker.go_on.release()


def test_it_ends_while_it_waits(maker: Maker) -> None:
    change = PendingChange(maker.make, lambda: None)
    change.start()
    change.stop()
    change.stop()
