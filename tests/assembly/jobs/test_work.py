"""One job with real files: done, found again after a crash, refused when its files or its consent are not as they were."""

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from mien.assembly.jobs.models import SharedParts
from mien.assembly.jobs.worker import JobWorker
from mien.batch.queue.job import Job
from mien.batch.queue.store import JobStore
from mien.commands.main import main
from mien.provenance.consent import Consents
from mien.provenance.trust import Signing, open_trust
from mien.system.database import Database
from tests.support.portraits import COLLINS, HOPPER
from tests.support.queues import Ear


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobStore]:
    """Return a queue with one picture to be swapped."""
    data = tmp_path / "data"
    for photo in (COLLINS, HOPPER):
        shutil.copyfile(photo, tmp_path / photo.name)
    files = [str(tmp_path / COLLINS.name), str(tmp_path / HOPPER.name), "-o", str(tmp_path / "out.png")]
    assert main(["jobs", "add", "swap", *files, "--consent", "public-domain", "--data", str(data), "--quiet"]) == 0
    made = JobStore(data)
    yield made
    made.close()


def _run(store: JobStore) -> Job:
    parts = SharedParts(open_trust(store.folder, Signing()))
    JobWorker(store, parts, Ear()).run(until_empty=True)
    (job,) = store.all()
    return job


def _left(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()} - {"data", COLLINS.name, HOPPER.name}


def test_a_result_is_found_again_after_a_crash_between_its_name_and_the_record(
    store: JobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(JobStore, "finish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            _run(store)
    written = (tmp_path / "out.png").read_bytes()
    job = _run(store)
    assert (job.state, job.message) == ("done", "it was finished by an earlier attempt")
    assert (tmp_path / "out.png").read_bytes() == written
    report = store.report_of(job.id)
    assert report is not None
    assert report["outputs"][0]["bytes"] == len(written)


def test_a_file_of_somebody_else_at_the_name_of_the_output_is_not_replaced(store: JobStore, tmp_path: Path) -> None:
    (tmp_path / "out.png").write_bytes(b"mine")
    job = _run(store)
    assert (job.state, job.exit_code) == ("failed", 5)
    assert "exists already" in job.message
    assert (tmp_path / "out.png").read_bytes() == b"mine"


@pytest.mark.parametrize("name", [COLLINS.name, HOPPER.name])
@pytest.mark.parametrize("change", ["gone", "changed"])
def test_a_file_that_is_not_as_it_was_fails_the_job(store: JobStore, tmp_path: Path, name: str, change: str) -> None:
    path = tmp_path / name
    if change == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes() + b" ")
    job = _run(store)
    assert (job.state, job.exit_code) == ("failed", 4)
    assert name in job.message
    assert ("cannot be read" if change == "gone" else "has changed since the job was added") in job.message
    assert _left(tmp_path) == set()


def test_consent_that_was_revoked_since_fails_the_job(store: JobStore, tmp_path: Path) -> None:
    consents = Consents(Database(store.folder))
    (stated,) = consents.all()
    consents.revoke(stated.id)
    job = _run(store)
    assert (job.state, job.exit_code) == ("failed", 2)
    assert "the consent for eileen_collins.png was revoked" in job.message
    assert _left(tmp_path) == set()


def test_a_disk_that_is_full_pauses_the_job_and_keeps_nothing(
    store: JobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(number: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        job = _run(store)
    assert job.state == "paused"
    assert "No space left on device" in job.message
    assert "free some space, then: mien jobs resume" in job.remedy
    assert _left(tmp_path) == set()
