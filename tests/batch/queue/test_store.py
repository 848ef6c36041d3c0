"""The queue: one owner a job, leases that do not trust the time of day, ends that are recorded once."""

import multiprocessing
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from mien.batch.queue import control
from mien.batch.queue.job import Job
from mien.batch.queue.store import LEASE, JobStore, LostJob
from mien.errors import UnreadableMedia, UsageError
from tests.support.queues import Times, a_job


@pytest.fixture
def times() -> Times:
    return Times()


@pytest.fixture
def store(tmp_path: Path, times: Times) -> Iterator[JobStore]:
    made = times.store(tmp_path)
    yield made
    made.close()


def _states(store: JobStore) -> list[str]:
    return [job.state for job in store.all()]


def _claimed(store: JobStore, owner: str) -> Job:
    found = store.claim(owner)
    assert found is not None
    return found.job


class TestClaims:
    """A job is taken by one owner, in the order of the queue."""

    def test_jobs_are_taken_in_their_order_and_end_once(self, store: JobStore, times: Times) -> None:
        ids = store.add([a_job("a"), a_job("b")])
        owner = store.new_owner()
        first = _claimed(store, owner)
        assert (first.id, first.name, first.state, first.attempts) == (ids[0], "a", "running", 1)
        store.finish(first.id, owner, {"notes": []}, "all well", 7, 7)
        assert _claimed(store, owner).id == ids[1]
        assert store.claim(owner) is None
        done = store.get(ids[0])
        assert (done.state, done.message, done.frames, done.ended_at) == ("done", "all well", 7, times.wall_s)
        assert store.report_of(ids[0]) == {"notes": []}
        with pytest.raises(LostJob, match=f"job {ids[0]} was taken back"):
            store.finish(ids[0], owner, {}, "", 0, 0)

    def test_the_queue_is_there_after_a_restart(self, tmp_path: Path, times: Times) -> None:
        before = times.store(tmp_path)
        (job_id,) = before.add([a_job("a")])
        before.close()
        after = times.store(tmp_path, 2)
        assert [job.id for job in after.all()] == [job_id]
        assert after.spec_of(job_id) == "{}"
        after.close()

    def test_two_jobs_do_not_write_one_file(self, store: JobStore) -> None:
        (first,) = store.add([a_job("a", "/results/same")])
        with pytest.raises(UsageError, match=f"job {first} writes /results/same already"):
            store.add([a_job("c"), a_job("b", "/results/same")])
        assert len(store.all()) == 1, "all or none"
        control.cancel(store, first)
        store.add([a_job("b", "/results/same")])

    def test_a_failure_is_recorded_with_words_and_code(self, store: JobStore) -> None:
        store.add([a_job("a")])
        owner = store.new_owner()
        job = _claimed(store, owner)
        store.fail(job.id, owner, UnreadableMedia("a is gone", "find it"))
        found = store.get(job.id)
        assert (found.state, found.message, found.remedy, found.exit_code) == ("failed", "a is gone", "find it", 4)


class TestLeases:
    """Jobs of owners that are gone wait again; those of owners that live do not."""

    def test_a_dead_process_of_this_machine_loses_its_job_at_once(self, tmp_path: Path, times: Times) -> None:
        dead, alive = times.store(tmp_path, 1), times.store(tmp_path, 2)
        dead.add([a_job("a")])
        job = _claimed(dead, owner := dead.new_owner())
        assert alive.claim(alive.new_owner()) is None
        times.running.discard(1)
        again = _claimed(alive, alive.new_owner())
        assert (again.id, again.attempts) == (job.id, 2)
        with pytest.raises(LostJob):
            dead.seal(job.id, owner, "{}")
        dead.close()
        alive.close()

    @pytest.mark.parametrize("jump_s", [-86_400.0, 3_600.0, 86_400.0 * 365])
    def test_a_clock_that_jumps_takes_no_job_from_a_living_process(self, tmp_path: Path, times: Times, jump_s: float) -> None:
        busy, other = times.store(tmp_path, 1), times.store(tmp_path, 2)
        busy.add([a_job("a")])
        job = _claimed(busy, owner := busy.new_owner())
        times.wall_s += jump_s
        assert other.claim(other.new_owner()) is None
        busy.finish(job.id, owner, {}, "", 1, 1)
        busy.close()
        other.close()

    @pytest.mark.parametrize("jump_s", [-86_400.0, 0.0, 86_400.0])
    def test_a_machine_that_renews_keeps_its_job_whatever_the_clocks_say(
        self, tmp_path: Path, times: Times, jump_s: float
    ) -> None:
        theirs = Times()
        busy, other = theirs.store(tmp_path, 9, "elsewhere"), times.store(tmp_path, 2)
        busy.add([a_job("a")])
        job = _claimed(busy, owner := busy.new_owner())
        times.wall_s += jump_s
        for _ in range(6):
            assert other.claim(other.new_owner()) is None
            times.steady_s += LEASE.renewal_s
            theirs.wall_s += LEASE.renewal_s
            busy.renew(job.id, owner)
        assert not other.doubts, "it was seen to be renewed"
        busy.close()
        other.close()

    def test_a_machine_that_is_silent_loses_its_job_after_the_lease(self, tmp_path: Path, times: Times) -> None:
        gone, other = Times().store(tmp_path, 9, "elsewhere"), times.store(tmp_path, 2)
        gone.add([a_job("a")])
        job = _claimed(gone, gone.new_owner())
        gone.close()
        assert other.claim(other.new_owner()) is None
        assert other.doubts
        times.steady_s += LEASE.lease_s - 1
        assert other.claim(other.new_owner()) is None
        times.steady_s += 1
        assert _claimed(other, other.new_owner()).id == job.id
        other.close()

    def test_a_job_that_ends_its_program_three_times_fails(self, tmp_path: Path, times: Times) -> None:
        for number in (1, 2, 3):
            store = times.store(tmp_path, number)
            if number == 1:
                store.add([a_job("a"), a_job("b")])
            assert _claimed(store, store.new_owner()).name == "a"
            store.close()
            times.running.discard(number)
        last = times.store(tmp_path, 4)
        assert _claimed(last, last.new_owner()).name == "b"
        failed = last.all()[0]
        assert (failed.state, failed.attempts) == ("failed", 3)
        assert "mien ended 3 times while it worked on this file" in failed.message
        assert "mien jobs retry" in failed.remedy
        assert control.retry(last, failed.id).attempts == 0
        last.close()

    def test_a_run_that_was_stopped_on_request_does_not_count(self, store: JobStore) -> None:
        store.add([a_job("a")])
        for _ in range(5):
            owner = store.new_owner()
            job = _claimed(store, owner)
            assert job.attempts == 1
            store.release(job.id, owner)
        assert _states(store) == ["waiting"]

    def test_a_wish_outlives_the_process_that_was_to_hear_it(self, tmp_path: Path, times: Times) -> None:
        dead, alive = times.store(tmp_path, 1), times.store(tmp_path, 2)
        ids = dead.add([a_job("a"), a_job("b")])
        for _ in ids:
            _claimed(dead, dead.new_owner())
        control.cancel(alive, ids[0])
        control.pause(alive, ids[1])
        assert _states(alive) == ["running", "running"]
        times.running.discard(1)
        alive.take_back()
        assert _states(alive) == ["cancelled", "paused"]
        dead.close()
        alive.close()


class TestProgress:
    """Progress of a running job, as pages and lists show it."""

    def test_progress_and_picture(self, store: JobStore) -> None:
        store.add([a_job("a")])
        owner = store.new_owner()
        job = _claimed(store, owner)
        store.progress(job.id, owner, "swapping", 3, 9, b"jpeg")
        found = store.get(job.id)
        assert (found.doing, found.frames, found.total) == ("swapping", 3, 9)
        assert store.preview_of(job.id) == b"jpeg"
        control.cancel(store, job.id)
        assert store.wish_of(job.id, owner) == "cancel"
        store.cancelled(job.id, owner)
        control.remove(store, job.id)
        assert store.preview_of(job.id) is None
        with pytest.raises(LostJob):
            store.progress(job.id, owner, "swapping", 4, 9, None)


def _work(folder: Path, taken: "multiprocessing.Queue[list[int]]") -> None:
    store, mine = JobStore(folder), []
    owner = store.new_owner()
    while (claimed := store.claim(owner)) is not None:
        store.finish(claimed.job.id, owner, {}, "", 1, 1)
        mine.append(claimed.job.id)
    store.close()
    taken.put(mine)


def test_four_processes_take_no_job_twice(tmp_path: Path) -> None:
    count = 400
    store = JobStore(tmp_path)
    store.add([a_job(str(number)) for number in range(count)])
    context = multiprocessing.get_context("spawn")
    taken: multiprocessing.Queue[list[int]] = context.Queue()
    workers = [context.Process(target=_work, args=(tmp_path, taken)) for _ in range(4)]
    for each in workers:
        each.start()
    found = [number for _ in workers for number in taken.get()]
    for each in workers:
        each.join()
    assert max(Counter(found).values()) == 1
    assert len(found) == count
    assert _states(store) == ["done"] * count
    store.close()


def test_a_name_that_is_no_text_is_refused_and_the_queue_is_not_blamed(store: JobStore) -> None:
    with pytest.raises(UsageError, match=r"the name of .* no text") as raised:
        store.add([a_job("a"), a_job("\udcff")])
    assert "rename" in raised.value.remedy
    assert store.all() == []
