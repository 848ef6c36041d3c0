"""The worker: every end of a job is recorded, and no end of one job ends another."""

import errno
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mien.assembly.jobs.models import SharedParts
from mien.assembly.jobs.specs import new_job, swap_job_spec
from mien.assembly.jobs.watcher import Watcher
from mien.assembly.jobs.work import WorkDone
from mien.assembly.jobs.worker import DoJob, JobWorker
from mien.batch.job import Progress
from mien.batch.queue import control
from mien.batch.queue.inputs import input_file
from mien.batch.queue.job import Job
from mien.batch.queue.spec import FaceSpec, JobSpec, SwapSpec
from mien.batch.queue.store import JobStore
from mien.errors import Cancelled, NoFaceFound, OutputError
from mien.media.files.output_file import output_error
from mien.provenance.trust import Signing, open_trust
from mien.settings import Settings
from tests.support.deadline import DEADLINE_S
from tests.support.queues import Ear, Times


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> SharedParts:
    return SharedParts(open_trust(tmp_path_factory.mktemp("trust"), Signing()))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobStore]:
    made = JobStore(tmp_path / "data")
    yield made
    made.close()


def _add(store: JobStore, folder: Path, names: str) -> list[int]:
    jobs = []
    for name in names:
        (folder / name).write_text(name)
        work = SwapSpec((FaceSpec("photo", (input_file(folder / name),), None, "c"),), 0)
        spec = swap_job_spec(folder / name, folder / f"{name}.out", work, Settings(), overwrite=False)
        jobs.append(new_job(spec, "command"))
    return store.add(jobs)


def _write(spec: JobSpec, sealed: str | None, parts: SharedParts, watcher: Watcher) -> WorkDone:
    spec.output.write_bytes(b"done")
    watcher.progress("swapping", Progress(1, 1, 1))
    return WorkDone((spec.output,), 1, 1, 1, 0.5, ("a note",))


def _run(store: JobStore, parts: SharedParts, do: DoJob) -> tuple[JobWorker, Ear]:
    ear = Ear()
    worker = JobWorker(store, parts, ear, do)
    worker.run(until_empty=True)
    return worker, ear


def _failing(name: str, error: BaseException) -> DoJob:
    def do(spec: JobSpec, sealed: str | None, parts: SharedParts, watcher: Watcher) -> WorkDone:
        if spec.target.path.name == name:
            raise error
        return _write(spec, sealed, parts, watcher)

    return do


def test_jobs_are_done_with_a_report_each(store: JobStore, parts: SharedParts, tmp_path: Path) -> None:
    ids = _add(store, tmp_path, "ab")
    worker, ear = _run(store, parts, _write)
    assert ear.ends == [("a", "done"), ("b", "done")]
    assert (worker.tally.done, worker.tally.exit_code) == (2, 0)
    report = store.report_of(ids[0])
    assert report is not None
    assert report["notes"] == ["a note"]
    assert report["inputs"][0]["path"] == str(tmp_path / "a")
    assert [(each["path"], each["bytes"]) for each in report["outputs"]] == [(str(tmp_path / "a.out"), 4)]
    assert report["started"] <= report["ended"]


@pytest.mark.parametrize("error", [NoFaceFound("no face", "another picture"), ZeroDivisionError("inside")], ids=repr)
def test_one_failure_does_not_end_the_others(store: JobStore, parts: SharedParts, tmp_path: Path, error: Exception) -> None:
    _add(store, tmp_path, "ab")
    worker, ear = _run(store, parts, _failing("a", error))
    assert ear.ends == [("a", "failed"), ("b", "done")]
    assert (worker.tally.failed, worker.tally.exit_code) == (1, 6 if isinstance(error, NoFaceFound) else 5)
    assert store.all()[0].message


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_pauses_the_job(store: JobStore, parts: SharedParts, tmp_path: Path, number: int) -> None:
    (first, _) = _add(store, tmp_path, "ab")
    wrapped = output_error(OSError(number, "full"), tmp_path / "a.out")
    wrapped.__cause__ = OSError(number, "full")
    _, ear = _run(store, parts, _failing("a", wrapped))
    assert ear.ends == [("a", "paused"), ("b", "done")]
    job = store.get(first)
    assert job.attempts == 0
    assert "cannot write" in job.message
    assert f"mien jobs resume {first}" in job.remedy
    control.resume(store, first)
    assert _run(store, parts, _write)[1].ends == [("a", "done")]


def test_a_queue_that_could_not_be_written_leaves_no_job_in_hand(
    store: JobStore, parts: SharedParts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _add(store, tmp_path, "a")
    worker = JobWorker(store, parts, Ear(), _write)

    def full(*_: object) -> None:
        raise OutputError("the queue cannot be used: database or disk is full")

    with monkeypatch.context() as patch:
        for name in ("finish", "fail"):
            patch.setattr(JobStore, name, full)
        with pytest.raises(OutputError, match="disk is full"):
            worker.run(until_empty=True)
    assert [job.state for job in store.all()] == ["running"]
    assert worker.run(until_empty=True).done == 1


def test_ctrl_c_lets_the_running_job_wait_again(store: JobStore, parts: SharedParts, tmp_path: Path) -> None:
    _add(store, tmp_path, "ab")
    with pytest.raises(KeyboardInterrupt):
        _run(store, parts, _failing("a", KeyboardInterrupt()))
    assert [(job.state, job.attempts) for job in store.all()] == [("waiting", 0), ("waiting", 0)]


def _until_stopped(spec: JobSpec, sealed: str | None, parts: SharedParts, watcher: Watcher) -> WorkDone:
    assert watcher.cancel.wait(DEADLINE_S)
    raise Cancelled("stopped after 3 frames; nothing was written")


@pytest.mark.parametrize(("act", "state"), [(control.cancel, "cancelled"), (control.pause, "paused")])
def test_a_running_job_hears_what_is_wanted(
    store: JobStore, parts: SharedParts, tmp_path: Path, act: Callable[[JobStore, int], Job], state: str
) -> None:
    (job_id,) = _add(store, tmp_path, "a")
    ear = Ear()
    worker = JobWorker(store, parts, ear, _until_stopped)
    thread = threading.Thread(target=worker.run, kwargs={"until_empty": True})
    thread.start()
    assert ear.begun.wait(DEADLINE_S)
    assert act(store, job_id).state == "running"
    thread.join(DEADLINE_S)
    assert store.get(job_id).state == state
    assert ear.ends == [("a", state)]


def test_a_worker_that_is_stopped_lets_its_job_wait(store: JobStore, parts: SharedParts, tmp_path: Path) -> None:
    _add(store, tmp_path, "a")
    ear = Ear()
    worker = JobWorker(store, parts, ear, _until_stopped)
    thread = threading.Thread(target=worker.run, kwargs={"until_empty": False})
    thread.start()
    assert ear.begun.wait(DEADLINE_S)
    worker.stop.set()
    thread.join(DEADLINE_S)
    assert [(job.state, job.attempts) for job in store.all()] == [("waiting", 0)]


def test_a_job_that_was_taken_back_gets_no_output(parts: SharedParts, tmp_path: Path) -> None:
    times = Times()
    first, second = times.store(tmp_path / "data", 1), times.store(tmp_path / "data", 2)
    _add(first, tmp_path, "a")

    def do(spec: JobSpec, sealed: str | None, parts: SharedParts, watcher: Watcher) -> WorkDone:
        times.running.discard(1)
        assert second.claim(second.new_owner()) is not None
        watcher.sealed("{}")
        return _write(spec, sealed, parts, watcher)

    worker, _ = _run(first, parts, do)
    assert not (tmp_path / "a.out").exists()
    assert worker.tally.done == 0
    assert second.all()[0].state == "running"
    first.close()
    second.close()


def test_two_workers_on_one_queue_do_each_job_once(store: JobStore, parts: SharedParts, tmp_path: Path) -> None:
    names = "abcdefghijklmnopqrst"
    _add(store, tmp_path, names)
    done: list[str] = []

    def do(spec: JobSpec, sealed: str | None, parts: SharedParts, watcher: Watcher) -> WorkDone:
        done.append(spec.target.path.name)
        return _write(spec, sealed, parts, watcher)

    other = JobStore(store.folder)
    workers = [JobWorker(each, parts, Ear(), do) for each in (store, other)]
    threads = [threading.Thread(target=each.run, kwargs={"until_empty": True}) for each in workers]
    for each in threads:
        each.start()
    for each in threads:
        each.join(DEADLINE_S)
    assert Counter(done) == Counter(names)
    assert {job.state for job in store.all()} == {"done"}
    other.close()
