"""A film of the queue that is interrupted goes on with the part in which it ended."""

from collections.abc import Iterator
from pathlib import Path

import av
import pytest

from mien.assembly.jobs import films
from mien.assembly.jobs.models import SharedParts
from mien.assembly.jobs.worker import JobWorker
from mien.batch.job import Progress
from mien.batch.queue import control
from mien.batch.queue.job import Job, parts_folder
from mien.batch.queue.store import JobStore
from mien.commands.main import main
from mien.provenance.trust import Signing, open_trust
from tests.support.portraits import COLLINS, HOPPER
from tests.support.queues import Ear
from tests.support.short_films import RATE, SHOTS, short_film, short_parts

FRAMES = sum(round(length_s * RATE) for _, length_s in SHOTS)
__all__ = ["short_parts"]


class Stopper(Ear):
    """A listener that presses Ctrl-C in the third part, and counts the swapped frames."""

    def __init__(self, at: int | None) -> None:
        super().__init__()
        self.frames: list[int] = []
        self._at = at

    def progressed(self, job: Job, doing: str, progress: Progress) -> None:
        if doing != "swapping":
            return
        self.frames.append(progress.frames)
        if self._at is not None and progress.frames >= self._at:
            raise KeyboardInterrupt


@pytest.fixture
def store(tmp_path: Path, short_parts: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[JobStore]:
    """Return a queue with one film of four parts that is made in parts."""
    monkeypatch.setattr(films, "RESUMABLE_FROM_S", 1.0)
    film, data = short_film(tmp_path / "film.mp4"), tmp_path / "data"
    words = [str(COLLINS), str(film), "-o", str(tmp_path / "out.mp4"), "--consent", "public-domain", "--data", str(data)]
    assert main(["jobs", "add", "swap", *words, "--quiet"]) == 0
    made = JobStore(data)
    yield made
    made.close()


def _run(store: JobStore, listener: Stopper) -> None:
    JobWorker(store, SharedParts(open_trust(store.folder, Signing())), listener).run(until_empty=True)


def test_an_interrupted_film_goes_on_where_it_ended(store: JobStore, tmp_path: Path) -> None:
    (job,) = store.all()
    first, second = Stopper(at=round(0.7 * FRAMES)), Stopper(at=None)
    with pytest.raises(KeyboardInterrupt):
        _run(store, first)
    assert store.get(job.id).state == "waiting"
    assert parts_folder(store.folder, job.id).is_dir()
    assert store.preview_of(job.id) is not None
    _run(store, second)
    assert store.get(job.id).state == "done"
    assert second.frames[-1] == FRAMES
    assert second.frames[0] > RATE, "the first part was not made again"
    with av.open(str(tmp_path / "out.mp4")) as file:
        assert sum(1 for _ in file.decode(video=0)) == FRAMES
    assert not parts_folder(store.folder, job.id).exists()
    report = store.report_of(job.id)
    assert report is not None
    assert report["frames"] == FRAMES


def test_parts_of_a_job_that_was_cancelled_are_removed(store: JobStore) -> None:
    (job,) = store.all()
    with pytest.raises(KeyboardInterrupt):
        _run(store, Stopper(at=round(0.7 * FRAMES)))
    assert parts_folder(store.folder, job.id).exists()
    control.cancel(store, job.id)
    assert not parts_folder(store.folder, job.id).exists(), "they show faces, and nobody may run the queue again"


def test_parts_of_a_job_that_was_removed_are_removed(store: JobStore) -> None:
    (job,) = store.all()
    with pytest.raises(KeyboardInterrupt):
        _run(store, Stopper(at=round(0.7 * FRAMES)))
    control.remove(store, job.id)
    assert not parts_folder(store.folder, job.id).exists()


def test_a_new_queue_makes_nothing_of_the_parts_of_the_old_one(store: JobStore, tmp_path: Path) -> None:
    """Numbers begin at 1 again when a damaged queue is moved aside."""
    (job,) = store.all()
    with pytest.raises(KeyboardInterrupt):
        _run(store, Stopper(at=round(0.7 * FRAMES)))
    store.close()
    for path in store.folder.glob("queue.sqlite*"):
        path.unlink()
    film, out = short_film(tmp_path / "other.mp4", ((HOPPER, 2.0),)), tmp_path / "other-out.mp4"
    words = [str(COLLINS), str(film), "-o", str(out), "--consent", "public-domain", "--data", str(store.folder)]
    assert main(["jobs", "add", "swap", *words, "--quiet"]) == 0
    assert [each.id for each in store.all()] == [job.id]
    _run(store, Stopper(at=None))
    assert store.get(job.id).state == "done"
    with av.open(str(out)) as file:
        assert sum(1 for _ in file.decode(video=0)) == 2 * RATE, "the film of the new job, not of the old one"
