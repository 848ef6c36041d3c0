"""The studio's file jobs are jobs of the queue: they survive a restart, and the command line works on the same ones."""

from pathlib import Path

import pytest

from mien.batch.queue import control
from mien.batch.queue.store import JobStore
from mien.commands.main import main
from mien.errors import UsageError
from tests.support.portraits import COLLINS, HOPPER
from tests.support.queues import a_job
from tests.support.running_studio import Studio, running_studio


def _send(studio: Studio, path: Path, name: str | None = None) -> str:
    with path.open("rb") as file:
        answer = studio.client.post("/api/jobs", files={"file": (name or path.name, file)}).raise_for_status()
    return str(answer.json()["id"])


def _states(studio: Studio) -> dict[str, str]:
    return {job["name"]: job["state"] for job in studio.state()["jobs"]}


def test_jobs_survive_a_restart(tmp_path: Path, lasting_clip: Path) -> None:
    data = tmp_path / "data"
    (tmp_path / "first").mkdir()
    with running_studio(tmp_path / "first", data=data) as studio:
        studio.wear(COLLINS)
        film = _send(studio, lasting_clip, "film.mp4")
        studio.wait(lambda state: state["jobs"][0]["frames"] > 0, "a frame")
        studio.client.post(f"/api/jobs/{film}/pause").raise_for_status()
        studio.wait(lambda state: state["jobs"][0]["state"] == "paused", "the pause")
        picture = _send(studio, HOPPER)
        studio.wait(lambda state: state["jobs"][1]["state"] == "done", "the picture")
        other = _send(studio, lasting_clip, "other.mp4")
        studio.wait(lambda state: state["jobs"][2]["frames"] > 0, "a frame of the other")
    (tmp_path / "second").mkdir()
    with running_studio(tmp_path / "second", data=data) as studio:
        assert _states(studio)["film.mp4"] == "paused"
        assert _states(studio)["grace_hopper.jpg"] == "done"
        assert studio.client.get(f"/api/jobs/{picture}/result").headers["content-type"] == "image/jpeg"
        assert studio.client.get(f"/api/jobs/{picture}/preview.jpg").status_code == 200
        studio.wait(lambda state: state["jobs"][2]["frames"] > 0, "the film that ran goes on by itself")
        studio.client.delete(f"/api/jobs/{other}").raise_for_status()
        studio.wait(lambda state: state["jobs"][2]["state"] == "cancelled", "the end")
        studio.client.post(f"/api/jobs/{film}/resume").raise_for_status()
        state = studio.wait(lambda state: state["jobs"][0]["state"] == "done", "the film")
        assert state["jobs"][0]["frames"] == state["jobs"][0]["total"]
        for job in (film, picture, other):
            studio.client.delete(f"/api/jobs/{job}").raise_for_status()
        assert studio.state()["jobs"] == []
        assert list((data / "jobs").iterdir()) == [], "uploads and results are gone"


def test_jobs_are_moved_retried_and_refused(studio: Studio, tmp_path: Path, lasting_clip: Path) -> None:
    studio.wear(COLLINS)
    busy = _send(studio, lasting_clip, "busy.mp4")
    studio.wait(lambda state: state["jobs"][0]["state"] == "running", "the first")
    ids = [_send(studio, HOPPER, f"{name}.jpg") for name in "ab"]
    for job in ids:
        studio.client.post(f"/api/jobs/{job}/pause").raise_for_status()
    studio.client.post(f"/api/jobs/{ids[1]}/up").raise_for_status()
    waiting = [job["id"] for job in studio.state()["jobs"] if job["state"] == "paused"]
    assert waiting == [ids[1], ids[0]]
    assert studio.client.post(f"/api/jobs/{busy}/up").status_code == 422
    assert studio.client.post(f"/api/jobs/{ids[0]}/eat").status_code == 422
    assert studio.client.post(f"/api/jobs/{ids[0]}/retry").status_code == 422
    assert studio.client.post("/api/jobs/999/pause").status_code == 422
    assert studio.client.post("/api/jobs/x/pause").status_code == 422
    studio.client.delete(f"/api/jobs/{busy}").raise_for_status()
    studio.client.delete(f"/api/jobs/{ids[0]}").raise_for_status()
    studio.client.post(f"/api/jobs/{ids[0]}/retry").raise_for_status()
    studio.wait(lambda state: {job["state"] for job in state["jobs"] if job["id"] == ids[0]} == {"done"}, "the retry")


def _added(data: Path, out: Path) -> None:
    words = [str(COLLINS), str(HOPPER), "-o", str(out), "--consent", "public-domain", "--data", str(data), "--quiet"]
    assert main(["jobs", "add", "swap", *words]) == 0


def test_the_command_line_and_the_studio_share_one_queue(studio: Studio, tmp_path: Path) -> None:
    _added(studio.data, tmp_path / "out.png")
    state = studio.wait(
        lambda state: state["jobs"] != [] and state["jobs"][0]["state"] == "done", "the job of the command line"
    )
    assert (tmp_path / "out.png").is_file()
    job = state["jobs"][0]["id"]
    assert studio.client.get(f"/api/jobs/{job}/result").content == (tmp_path / "out.png").read_bytes()
    studio.client.delete(f"/api/jobs/{job}").raise_for_status()
    assert (tmp_path / "out.png").is_file(), "what the command line wrote is not the studio's"
    assert main(["jobs", "run", "--data", str(studio.data), "--quiet"]) == 0, "nothing is left for another worker"


def test_a_page_shows_the_next_jobs_and_the_newest_of_a_long_queue(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "data")
    ids = store.add([a_job(str(number)) for number in range(450)])
    owner = store.new_owner()
    for _ in range(150):
        claimed = store.claim(owner)
        assert claimed is not None
        store.finish(claimed.job.id, owner, {}, "", 1, 1)
    for each in ids[150:]:
        control.pause(store, each)
    with running_studio(tmp_path, data=tmp_path / "data") as studio:
        shown = [int(job["id"]) for job in studio.state()["jobs"]]
    assert shown == [*ids[50:150], *ids[150:250]]
    store.close()


def test_a_shared_studio_shows_its_own_jobs_alone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    _added(data, tmp_path / "out.png")
    store = JobStore(data)
    (job,) = store.all()
    control.pause(store, job.id)
    with running_studio(tmp_path, password="a long password", data=data) as studio:
        jobs = studio.session.jobs
        assert jobs.described() == []
        for look in (jobs.result, jobs.receipt, jobs.preview, jobs.remove):
            with pytest.raises(UsageError, match="there is no such job"):
                look(str(job.id))
    store.close()
