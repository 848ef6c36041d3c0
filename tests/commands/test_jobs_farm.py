"""Parts of a planned film on several processes and on other farms: real programs make them, and the result verifies."""

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

import psutil
import pytest

from mien.assembly.film_chains import Chain, chains_of
from mien.assembly.film_job import join_parts, open_job, plan_film, run_parts
from mien.assembly.film_processes import LocalProcesses
from mien.commands.jobs_farm import executor_of
from mien.commands.main import main
from mien.errors import UsageError
from mien.media.files.output_file import OutputFile
from mien.system.process_identity import parsed
from tests.support.deadline import wait_until
from tests.support.film_jobs import Unsealing, packets_of, swap_of
from tests.support.object_store import BUCKET, object_keys, object_server
from tests.support.portraits import COLLINS, HOPPER
from tests.support.short_films import SHOTS, short_film, short_parts

__all__ = ["object_keys", "object_server", "short_parts"]
pytestmark = pytest.mark.usefixtures("short_parts")
_SCRIPTS = Path(sys.executable).parent


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Return what plans a film of these shots, and returns the folder of the job."""
    monkeypatch.setenv("MIEN_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("PATH", f"{_SCRIPTS}{os.pathsep}{os.environ['PATH']}")
    folder = tmp_path / "job"

    def planned(*shots: tuple[Path, float]) -> Path:
        film = str(short_film(tmp_path / "film.mp4", shots))
        assert main(["plan", str(HOPPER), film, "-o", str(folder), "--consent", "public-domain"]) == 0
        return folder

    return planned


@pytest.fixture
def job(plan: Callable[..., Path]) -> Path:
    """Return the folder of a planned film: parts 1 and 2 are one shot, 3 and 4 are shots of their own."""
    return plan(*SHOTS)


@pytest.fixture
def two_shots(plan: Callable[..., Path]) -> Path:
    """Return the folder of a planned film: parts 1 and 2 are one shot, 3 is a shot of its own."""
    return plan(*SHOTS[:2])


def _digests(folder: Path) -> list[str]:
    job = open_job(folder)
    assert job.missing() == ()
    return [hashlib.sha256(packets_of(job, number).read_bytes()).hexdigest() for number in range(1, len(job.plan.parts) + 1)]


def test_two_processes_xargs_and_one_process_make_the_same_parts(
    two_shots: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = two_shots
    other, alone = (Path(shutil.copytree(job, tmp_path / name)) for name in ("other", "alone"))
    assert main(["jobs", "run", str(job), "--on", "local:2"]) == 0
    assert "all parts are made" in capsys.readouterr().err

    lined = shutil.copytree(job, tmp_path / "two\nlines")
    assert main(["jobs", "run", str(lined), "--on", "commands"]) == 2
    assert main(["jobs", "run", str(other), "--on", "commands"]) == 0
    lines = capsys.readouterr().out
    assert [line.split()[-1] for line in lines.splitlines()] == ["1-2", "3"]
    subprocess.run(["xargs", "-P", "2", "-L", "1", "env"], input=lines, text=True, check=True)

    assert main(["part", str(alone), "1-3"]) == 0
    assert _digests(job) == _digests(other) == _digests(alone)
    # What is made is not made again, and the parts become one film.
    assert main(["jobs", "run", str(job), "--on", "local:2", "-o", str(tmp_path / "out.mp4")]) == 0
    assert not job.exists()
    assert main(["verify", str(tmp_path / "out.mp4")]) == 0


@pytest.mark.lasting_server
@pytest.mark.usefixtures("object_keys")
def test_a_film_in_an_object_store_gives_the_same_bytes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film = short_film(tmp_path / "film.mp4", ((COLLINS, 2.0), (HOPPER, 0.5)))
    here, away = Unsealing(), Unsealing()
    plan_film(swap_of(film), tmp_path / "out.mp4", tmp_path / "job")
    run_parts(tmp_path / "job", here.notary, OutputFile(tmp_path / "here.mp4", overwrite=False))
    address = f"s3://{BUCKET}/{tmp_path.name}"
    job = plan_film(swap_of(film), tmp_path / "out.mp4", address)
    assert main(["jobs", "run", address, "--on", "commands"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == f"mien part {address} 1-2"
    # A process of its own takes what another machine left.
    assert main(["part", address, "1", "--quiet"]) == 0
    LocalProcesses(1).run(address, chains_of(job), lambda _: None, Event())
    assert job.missing() == ()
    join_parts(open_job(address), away.notary, OutputFile(tmp_path / "away.mp4", overwrite=False))
    assert here.content == away.content
    assert job.folder.store.names() == frozenset()
    with pytest.raises(UsageError, match=rf"{address}/plan.json cannot be read"):
        open_job(address)


@pytest.mark.posix
def test_workers_end_with_the_run_that_was_killed(job: Path) -> None:
    command = [sys.executable, "-P", "-m", "mien", "jobs", "run", str(job), "--on", "local:1"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as run:
        wait_until(lambda: run.poll() is not None or list(job.glob("part-*.lease")), "a worker begins a part")
        leases = list(job.glob("part-*.lease"))
        workers = psutil.Process(run.pid).children()
        run.kill()
    _, alive = psutil.wait_procs(workers)
    assert len(workers) == 1
    assert alive == []
    assert not leases[0].exists(), "the worker has ended by itself, between two frames"
    assert list(job.glob(".*.draft")) == []
    assert open_job(job).missing() == (1, 2, 3, 4)


@pytest.mark.long
@pytest.mark.posix
def test_a_worker_that_hangs_is_overtaken_by_a_second_one(job: Path) -> None:
    """The worker of the longest chain is stopped: when all others are made, another one makes it as well."""
    ended = Event()

    def hang() -> None:
        while not ended.is_set():
            with contextlib.suppress(OSError, ValueError, psutil.Error):
                owner = parsed(json.loads((job / "part-0001.lease").read_text())["owner"])
                assert owner is not None
                process = psutil.Process(owner.number)
                process.suspend()
                ended.wait()
                process.resume()

    def done(chain: Chain) -> None:
        made.append(chain.name)
        if len(made) == 3:
            ended.set()

    made: list[str] = []
    hanging = Thread(target=hang)
    hanging.start()
    try:
        doubled = LocalProcesses(2).run(str(job), chains_of(open_job(job)), done, Event())
    finally:
        ended.set()
        hanging.join()
    assert made == ["3", "4", "1-2"]
    assert (doubled.begun, doubled.won) == (1, 1)
    assert open_job(job).missing() == ()


@pytest.mark.slow
def test_openjd_runs_the_template(two_shots: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    openjd = _SCRIPTS / "openjd"
    assert main(["jobs", "run", str(two_shots), "--on", "openjd"]) == 2
    out = tmp_path / "out.mp4"
    assert main(["jobs", "run", str(two_shots), "--on", "openjd", "-o", str(out), "--data", str(tmp_path / "data")]) == 0
    template = tmp_path / "job.template.json"
    template.write_text(capsys.readouterr().out)
    assert [step["name"] for step in json.loads(template.read_text())["steps"]] == ["parts", "join"]
    subprocess.run([openjd, "check", template], check=True, stdout=subprocess.DEVNULL)
    ran = subprocess.run([openjd, "run", template], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout[-3000:]
    assert main(["verify", str(out)]) == 0


@pytest.mark.slow
def test_ray_makes_the_parts(two_shots: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="the extra farm is not installed")
    out = tmp_path / "out.mp4"
    assert main(["jobs", "run", str(two_shots), "--on", "ray:2", "-o", str(out)]) == 0
    assert main(["verify", str(out)]) == 0


def test_a_part_that_cannot_be_made_ends_the_run_with_its_exit_code(
    job: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "film.mp4").unlink()
    assert main(["jobs", "run", str(job), "--on", "local:2", "-o", str(tmp_path / "out.mp4")]) == 2
    said = capfd.readouterr().err
    assert "could not be made (see above)" in said
    assert "film.mp4" in said
    assert job.is_dir()
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize("where", ["moon", "local:0", "local:x", "ray:0", "local:5000", ""])
def test_places_that_are_none_are_refused(where: str) -> None:
    with pytest.raises(UsageError):
        executor_of(where)


@pytest.mark.parametrize("arguments", [["--on", "local:2"], ["JOB", "--watch", "x"], ["JOB", "--then", "x"], ["JOB"]])
def test_requests_that_mean_nothing_are_refused(arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIEN_DATA", str(tmp_path / "data"))
    assert main(["jobs", "run", *arguments]) == 2
