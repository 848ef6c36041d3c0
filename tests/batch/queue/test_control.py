"""Control of the queue by a person: cancel, pause, resume, retry, reorder, remove."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mien.batch.queue import control
from mien.batch.queue.store import JobStore
from mien.errors import UsageError
from tests.support.queues import Times, a_job


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobStore]:
    made = Times().store(tmp_path)
    made.add([a_job(name) for name in "abcd"])
    yield made
    made.close()


def _names(store: JobStore) -> str:
    return "".join(job.name for job in store.all())


@pytest.mark.parametrize(
    ("ids", "place", "other", "expected"),
    [
        ([3], "first", None, "cabd"),
        ([1], "last", None, "bcda"),
        ([4, 2], "first", None, "dbac"),
        ([1], "after", 3, "bcad"),
        ([4], "before", 2, "adbc"),
    ],
)
def test_jobs_move(store: JobStore, ids: list[int], place: control.Place, other: int | None, expected: str) -> None:
    control.reorder(store, ids, place, other)
    assert _names(store) == expected
    store.add([a_job("new")])
    assert _names(store) == expected + "new", "a new job comes last"
    claimed = store.claim(store.new_owner())
    assert claimed is not None
    assert claimed.job.name == expected[0]


def test_only_jobs_that_wait_have_a_place(store: JobStore) -> None:
    store.claim(store.new_owner())
    with pytest.raises(UsageError, match="job 1 is running"):
        control.reorder(store, [1], "last")
    with pytest.raises(UsageError, match="there is no job 9"):
        control.reorder(store, [9], "last")
    with pytest.raises(UsageError, match="named twice"):
        control.reorder(store, [2, 2], "last")


def test_pause_resume_cancel_retry_remove(store: JobStore) -> None:
    assert control.pause(store, 1).state == "paused"
    claimed = store.claim(owner := store.new_owner())
    assert claimed is not None
    assert claimed.job.id == 2, "a paused job is left out"
    assert control.resume(store, 1).state == "waiting"
    assert control.pause(store, 2).wish == "pause"
    assert control.resume(store, 2).wish == ""
    assert control.cancel(store, 2).wish == "cancel"
    with pytest.raises(UsageError, match="job 2 is running"):
        control.remove(store, 2)
    store.cancelled(2, owner)
    with pytest.raises(UsageError, match="cancelled already"):
        control.cancel(store, 2)
    with pytest.raises(UsageError, match="is cancelled"):
        control.resume(store, 2)
    assert control.retry(store, 2).state == "waiting"
    with pytest.raises(UsageError, match="is waiting"):
        control.retry(store, 2)
    assert control.remove(store, 2).name == "b"
    with pytest.raises(UsageError, match="there is no job 2"):
        control.pause(store, 2)
