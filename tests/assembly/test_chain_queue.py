"""Chains on their way to workers: each is made once, the last ones are begun twice, and failures end what must end."""

import threading

import pytest

from mien.assembly.chain_queue import MOST_TRIES, ChainQueue, Given, PartFailed
from mien.assembly.film_chains import Chain
from mien.errors import NotYet
from tests.support.deadline import wait_until

CHAINS = tuple(Chain(number, number, 100 - number) for number in range(1, 21))


def _taken(queue: ChainQueue, count: int) -> list[Given]:
    found = [given for _ in range(count) if (given := queue.take()) is not None]
    assert len(found) == count
    return found


def test_the_last_tenth_is_begun_twice_and_the_first_result_counts() -> None:
    made: list[Chain] = []
    queue = ChainQueue(CHAINS, made.append)
    given = _taken(queue, 20)
    assert [each.chain for each in given] == list(CHAINS)
    for each in given[:17]:
        assert queue.take() is None, "more than a tenth is left"
        queue.made(each)
    queue.made(given[17])
    copies = _taken(queue, 2)
    assert copies == [Given(CHAINS[18], second=True), Given(CHAINS[19], second=True)]
    assert queue.take() is None, "nothing is begun three times"
    queue.made(copies[1])
    assert queue.is_made(CHAINS[19])
    assert not queue.ended
    queue.left(given[19])
    queue.made(given[18])
    queue.made(copies[0])
    assert queue.ended
    assert len(made) == len(set(made)) == len(CHAINS)
    assert (queue.doubled.begun, queue.doubled.won) == (2, 1)


def test_a_film_of_one_chain_is_not_made_twice_from_its_start() -> None:
    queue = ChainQueue(CHAINS[:1], lambda _: None)
    _taken(queue, 1)
    assert queue.take() is None


def test_a_second_worker_that_fails_is_forgotten() -> None:
    queue = ChainQueue(CHAINS[:2], lambda _: None)
    first, last = _taken(queue, 2)
    queue.made(first)
    (copy,) = _taken(queue, 1)
    assert copy == Given(CHAINS[1], second=True)
    assert not queue.failed(copy, 7)
    assert queue.take() is None
    queue.made(last)
    assert queue.ended


def test_a_killed_worker_is_replaced_and_one_that_failed_ends_the_run() -> None:
    queue = ChainQueue(CHAINS[:1], lambda _: None)
    for _ in range(MOST_TRIES - 1):
        (given,) = _taken(queue, 1)
        assert not queue.failed(given, -9)
    (given,) = _taken(queue, 1)
    assert queue.failed(given, NotYet.exit_code), "somebody else makes it"
    with pytest.raises(PartFailed, match="part 1 could not be made") as raised:
        queue.failed(Given(CHAINS[0]), -9)
    assert raised.value.exit_code == 1
    with pytest.raises(PartFailed) as raised:
        ChainQueue(CHAINS, lambda _: None).failed(Given(CHAINS[3]), 7)
    assert raised.value.exit_code == 7


def test_who_waits_gets_what_comes_back_and_ends_with_the_rest() -> None:
    queue = ChainQueue(CHAINS[:3], lambda _: None)
    given = _taken(queue, 3)
    waited: list[Given | None] = []
    threads = [threading.Thread(target=lambda: waited.append(queue.wait())) for _ in range(2)]
    for thread in threads:
        thread.start()
    queue.failed(given[0], -9)
    wait_until(lambda: waited, "the queue asks")
    assert waited == [Given(CHAINS[0])]
    queue.stop()
    for thread in threads:
        thread.join()
    assert waited == [Given(CHAINS[0]), None]
    assert queue.ended
    assert not queue.has_waiting()
