"""`mien plan`, `mien part` and `mien join`, from the command line to a file that verifies."""

import contextlib
from pathlib import Path

import pytest

from mien.assembly.film_job import open_job
from mien.commands.main import main
from tests.support.clips import look
from tests.support.portraits import COLLINS, HOPPER
from tests.support.short_films import RATE, short_film, short_parts

__all__ = ["short_parts"]


@pytest.mark.usefixtures("short_parts")
def test_a_film_is_planned_made_and_joined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MIEN_DATA", str(tmp_path / "data"))
    film, job, out = (
        short_film(tmp_path / "film.mp4", ((COLLINS, 2.0), (HOPPER, 0.5))),
        str(tmp_path / "job"),
        tmp_path / "out.mp4",
    )
    plan = ["plan", str(HOPPER), str(film), "-o", job, "--consent", "public-domain"]
    assert main([*plan, "--dry-run"]) == 2
    assert main([*plan, "--overwrite"]) == 2
    with pytest.raises(SystemExit):
        main(["plan", "--help"])
    helped = capsys.readouterr().out
    assert "[PHOTO] FILM" in helped
    assert "--overwrite" not in helped
    assert "--dry-run" not in helped
    assert main([*plan, "--format", "txt"]) == 2
    assert main([*plan, "--machines", "4"]) == 2
    assert main([*plan, "--estimate", "--machines", "0"]) == 2
    assert not Path(job).exists()
    assert main(plan) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert f"{round(2.5 * RATE)} frames in 2 parts" in said
    assert "frames, begins the film" in said
    assert "job 1-2; then: mien join" in said
    assert main(plan) == 2, "a folder with a plan is not planned again"
    assert main(["part", job, "2"]) == 10
    assert main(["part", job, "3"]) == 2
    assert main(["part", job, "2-1"]) == 2
    for wrong in ("x", "-1", "1-", "0"):
        with contextlib.suppress(SystemExit):
            assert main(["part", job, wrong]) == 2
    assert main(["join", job, "-o", str(out)]) == 10
    assert not out.exists()
    assert main(["part", job, "1"]) == 0
    assert "part 1 of 2 is made, 1 to go" in capsys.readouterr().err
    assert main(["join", job, "-o", str(film)]) == 2
    assert main(["join", job, "-o", str(out), "--make", "--keep"]) == 0
    assert Path(job).is_dir()
    assert main(["join", job, "-o", str(out), "--overwrite", "--quiet"]) == 0
    assert not Path(job).exists()
    assert main(["verify", str(out)]) == 0
    assert look(out).times == look(film).times
    assert main(["part", job, "1"]) == 2


@pytest.mark.usefixtures("short_parts")
def test_an_estimate_makes_and_keeps_the_shortest_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MIEN_DATA", str(tmp_path / "data"))
    film = short_film(tmp_path / "film.mp4", ((COLLINS, 2.0), (HOPPER, 0.5)))
    folder = tmp_path / "job"
    plan = ["plan", str(HOPPER), str(film), "-o", str(folder), "--consent", "public-domain"]
    assert main([*plan, "--estimate", "--machines", "3"]) == 0
    said = capsys.readouterr().err
    job = open_job(folder)
    (made,) = set(range(1, len(job.plan.parts) + 1)) - set(job.missing())
    assert job.plan.parts[made - 1].fresh
    assert f"part {made} is made" in said
    assert "1 machine like this: about 0:0" in said
    assert "3 machines like this: about 0:0" in said
    assert "machine hours; the longest shot takes" in said
