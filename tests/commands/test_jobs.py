"""`mien jobs` and `mien batch` as they are typed."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import pytest

from mien.batch.queue.store import JobStore
from mien.commands.jobs_run import then_words
from mien.commands.main import main
from mien.errors import UsageError
from mien.provenance.consent import Consents
from mien.system.database import Database
from tests.support.clips import resized
from tests.support.deadline import DEADLINE_S, wait_until
from tests.support.places import EXAMPLES
from tests.support.portraits import COLLINS, HOPPER

Said = pytest.CaptureFixture[str]


class Line:
    """The command line with a data folder of its own."""

    def __init__(self, folder: Path, capsys: Said) -> None:
        self.folder = folder
        self.data = folder / "data"
        self._capsys = capsys

    def jobs(self, *words: object) -> int:
        return main(["jobs", *map(str, words), "--data", str(self.data)])

    def add(self, *words: object) -> int:
        return self.jobs("add", "swap", COLLINS, *words, "--consent", "public-domain")

    def listed(self) -> list[dict[str, Any]]:
        self._capsys.readouterr()
        assert self.jobs("list", "--json") == 0
        return self.printed()

    def printed(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self._capsys.readouterr().out)
        return found

    def states(self) -> list[str]:
        return [job["state"] for job in self.listed()]

    def said(self) -> str:
        captured = self._capsys.readouterr()
        assert "Traceback" not in captured.err
        return " ".join(captured.err.split())


@pytest.fixture
def line(tmp_path: Path, capsys: Said) -> Line:
    return Line(tmp_path, capsys)


def _small(path: Path) -> Path:
    picture = cv2.imread(str(HOPPER))
    assert picture is not None
    cv2.imwrite(str(path), cv2.resize(picture, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA))
    return path


def test_add_list_run_show(line: Line, tmp_path: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    out = tmp_path / "out.png"
    assert line.add(HOPPER, "-o", out, "--quality", 91) == 0
    assert "job 1 added: grace_hopper.jpg" in line.said()
    assert len(Consents(Database(line.data)).all()) == 1, "stated when it was added"
    assert line.states() == ["waiting"]
    assert not out.exists()
    assert line.jobs("run") == 0
    assert "jobs: 1 done" in line.said()
    assert out.is_file()
    assert line.jobs("show", 1, "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["spec"]["settings"] == {"quality": 91}
    assert shown["report"]["faces_swapped"] == 1
    assert [each["path"] for each in shown["report"]["outputs"]] == [str(out)]
    assert line.jobs("show", 1) == 0
    assert shown["report"]["outputs"][0]["sha256"] in capsys.readouterr().out


def test_without_consent_nothing_is_added(line: Line, tmp_path: Path) -> None:
    assert line.jobs("add", "swap", COLLINS, HOPPER, "-o", tmp_path / "o.png") == 2
    assert "no consent was given" in line.said()
    assert line.states() == []


def test_a_folder_of_pictures_and_junk(line: Line, tmp_path: Path) -> None:
    for number in range(2):
        _small(tmp_path / f"{number}.png")
    (tmp_path / "notes.txt").write_text("no picture")
    assert line.add(tmp_path / "*.*", "-o", f"{tmp_path}/out/") == 4
    assert "notes.txt" in line.said()
    assert line.states() == ["waiting", "waiting"]
    assert line.jobs("run") == 0
    assert sorted(each.name for each in (tmp_path / "out").iterdir()) == ["0.png", "1.png"]


def test_jobs_are_changed_by_number_and_all_at_once(line: Line, tmp_path: Path) -> None:
    pictures = [_small(tmp_path / f"{name}.png") for name in "abc"]
    assert line.add(*pictures, "-o", f"{tmp_path}/out/", "--quiet") == 0
    assert line.jobs("reorder", 3, 2, "--first") == 0
    assert [job["id"] for job in line.listed()] == [3, 2, 1]
    assert line.jobs("cancel", 2) == 0
    assert line.jobs("pause", "all") == 0
    assert line.states() == ["paused", "cancelled", "paused"]
    assert line.jobs("resume", 2) == 2
    assert "mien jobs retry" in line.said()
    assert line.jobs("retry", "all") == 0
    assert line.states() == ["paused", "waiting", "paused"]
    assert line.jobs("cancel", "all") == 0
    assert line.jobs("remove", "ended") == 0
    assert line.states() == []
    assert line.jobs("cancel", "seven") == 2
    assert "'seven' is not the number of a job" in line.said()
    assert line.jobs("show", 7) == 2
    assert "there is no job 7" in line.said()


def test_people_and_stand_ins_go_through_the_queue(line: Line, tmp_path: Path, capsys: Said) -> None:
    picture = _small(tmp_path / "a.png")
    mapped = [f"--map={HOPPER}={COLLINS}", "--others", "blur", "--consent", "public-domain"]
    assert line.jobs("add", "swap", *mapped, picture, "-o", tmp_path / "mapped.png", "--quiet") == 0
    assert line.jobs("add", "swap", "stand-in-3", picture, "-o", tmp_path / "stand-in.png", "--quiet") == 0
    assert line.jobs("run", "--quiet") == 0
    capsys.readouterr()
    assert line.jobs("show", 1, "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["spec"]["work"]["others"] == "blur"
    assert shown["report"]["worn"] == {str(HOPPER): 1}
    assert line.states() == ["done", "done"]


def test_anonymising_goes_through_the_queue(line: Line, tmp_path: Path, capsys: Said) -> None:
    picture = _small(tmp_path / "a.png")
    words = [picture, "-o", tmp_path / "hidden.png", "--with", "blur", "--keep", COLLINS]
    assert line.jobs("add", "anonymise", *words) == 0
    assert line.jobs("run") == 0
    assert (tmp_path / "hidden.png.hidden.json").is_file()
    capsys.readouterr()
    assert line.jobs("show", 1, "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    report = shown["report"]
    assert [each["path"] for each in shown["spec"]["work"]["inputs"]] == [str(COLLINS)]
    assert report["hidden"]["faces"] == 1
    assert any("nobody of --keep" in note for note in report["notes"])
    assert [Path(each["path"]).name for each in report["outputs"]] == ["hidden.png", "hidden.png.hidden.json"]


def test_several_workers(line: Line, tmp_path: Path) -> None:
    for name in "abc":
        _small(tmp_path / f"{name}.png")
    assert line.add(tmp_path / "?.png", "-o", f"{tmp_path}/out/", "--quiet") == 0
    assert line.jobs("run", "--workers", 2) == 0
    assert "jobs: 3 done" in line.said()
    assert line.states() == ["done"] * 3


@pytest.mark.posix
@pytest.mark.parametrize("number", [pytest.param(signal.SIGINT, marks=pytest.mark.long), signal.SIGKILL])
def test_workers_end_with_the_process_that_started_them(line: Line, tmp_path: Path, number: signal.Signals) -> None:
    clip = resized(EXAMPLES / "clip.mp4", tmp_path / "film.mp4", 320, 180)
    assert line.add(clip, "-o", tmp_path / "out.mp4", "--quiet") == 0
    command = [sys.executable, "-m", "mien", "jobs", "run", "--workers", "2", "--quiet", "--data", str(line.data)]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as parent:
        _wait_for_frames(line.data)
        parent.send_signal(number)
        parent.wait(DEADLINE_S)
    wait_until(lambda: line.states() != ["running"], "the workers give the film back")
    assert line.states() == ["waiting"]
    (job,) = line.listed()
    assert job["attempts"] == 0
    assert {each.name for each in tmp_path.iterdir()} == {"data", "film.mp4"}


@pytest.mark.posix
def test_a_film_whose_worker_is_killed_is_done_by_the_next(line: Line, tmp_path: Path) -> None:
    clip = resized(EXAMPLES / "clip.mp4", tmp_path / "film.mp4", 320, 180)
    assert line.add(clip, "-o", tmp_path / "out.mp4", "--end", "2", "--quiet") == 0
    for number in (signal.SIGKILL, signal.SIGINT):
        command = [sys.executable, "-m", "mien", "jobs", "run", "--quiet", "--data", str(line.data)]
        with subprocess.Popen(command, stderr=subprocess.PIPE) as child:
            _wait_for_frames(line.data)
            child.send_signal(number)
            assert child.wait(DEADLINE_S) == (-signal.SIGKILL if number == signal.SIGKILL else 130)
        (job,) = line.listed()
        assert (job["state"], job["attempts"]) == ("waiting", 1), "Ctrl-C does not count as an attempt"
        assert not (tmp_path / "out.mp4").exists()
    assert line.jobs("run") == 0
    assert line.states() == ["done"]
    assert {each.name for each in tmp_path.iterdir()} == {"data", "film.mp4", "out.mp4"}, "no temporary is left"


def _wait_for_frames(data: Path) -> None:
    store = JobStore(data)
    wait_until(lambda: any(job.state == "running" and job.frames for job in store.all()), "frames")
    store.close()


class TestTemplates:
    """`mien batch`, and the templates that it reads."""

    def test_a_batch_by_a_template(self, line: Line, tmp_path: Path) -> None:
        photos, pictures = tmp_path / "photos", tmp_path / "in"
        photos.mkdir()
        pictures.mkdir()
        shutil.copyfile(COLLINS, photos / "me.png")
        for name in "ab":
            _small(pictures / f"{name}.png")
        (pictures / "junk.txt").write_text("x")
        (pictures / "film.mp4.part").write_text("x")
        template = photos / "t.toml"
        template.write_text('kind = "swap"\nphoto = "me.png"\nname = "{stem}-new{suffix}"\n[settings]\nquality = 88\n')
        words = [str(template), str(pictures), "-o", str(tmp_path / "out"), "--data", str(line.data)]
        assert main(["batch", *words, "--consent", "public-domain"]) == 0
        said = line.said()
        assert "skipped: junk.txt" in said
        assert "skipped:" in said.partition("film.mp4.part")[0]
        assert "jobs: 2 done" in said
        assert sorted(each.name for each in (tmp_path / "out").iterdir()) == ["a-new.png", "b-new.png"]

    @pytest.mark.parametrize("kind", ["swap", "anonymise"])
    def test_the_printed_template_is_read(self, kind: str, tmp_path: Path, capsys: Said) -> None:
        from mien.commands.jobs_template import read_template

        assert main(["jobs", "template", kind]) == 0
        path = tmp_path / "t.toml"
        path.write_text(capsys.readouterr().out)
        template = read_template(path)
        assert template.kind == kind
        assert template.parsed(["a.jpg"], "out/", []).output == "out/"

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("kind = 3", 'does not say kind = "swap"'),
            ('kind = "swap"', "needs either photo or [map]"),
            ('kind = "swap"\nphoto = "a"\nvirtue = 1', "unknown entry 'virtue'"),
            ('kind = "swap"\nphoto = "a"\nname = "{stem}/{suffix}"', "invalid pattern"),
            ('kind = "swap"\nphoto = "a"\nname = "same.jpg"', "invalid pattern"),
            ('kind = "swap"\nphoto = "a"\nname = "{stem.__class__}"', "invalid pattern"),
            ('kind = "swap"\nphoto = 7', "photo does not name a file"),
            ('kind = "swap"\nphoto = "a"\n[settings]\nvirtue = 1', "unknown setting 'virtue'"),
            ('kind = "swap"\nphoto = "a"\nwho = "nobody"', "invalid choice"),
            ('kind = "anonymise"\nkeep = "me.jpg"', "keep is not a list of files"),
            ("kind = ", "is not a TOML file"),
        ],
    )
    def test_a_wrong_template_is_told(self, line: Line, tmp_path: Path, text: str, words: str) -> None:
        path = tmp_path / "t.toml"
        path.write_text(text)
        assert main(["batch", str(path), str(HOPPER), "-o", str(tmp_path / "out"), "--data", str(line.data)]) == 2
        assert words in line.said()
        assert line.states() == []


@pytest.mark.posix
def test_a_watched_folder(line: Line, tmp_path: Path) -> None:
    inbox, out, template = tmp_path / "in", tmp_path / "out", tmp_path / "t.toml"
    inbox.mkdir()
    template.write_text(f'kind = "swap"\nphoto = "{COLLINS}"\nname = "{{stem}}-x{{suffix}}"\n')
    _small(inbox / "a.png")
    (inbox / "junk.txt").write_text("neither a picture nor a film")
    words = ["--watch", inbox, "--template", template, "-o", out, "--consent", "public-domain", "--data", line.data]
    command = [sys.executable, "-m", "mien", "jobs", "run", *map(str, words)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as child:
        try:
            wait_until(
                lambda: child.poll() is not None or (line.states() == ["done"] and _skipped(line)), "both are dealt with"
            )
            assert child.poll() is None
            child.send_signal(signal.SIGINT)
            assert child.wait(DEADLINE_S) == 130
        finally:
            child.kill()
    assert [each.name for each in out.iterdir()] == ["a-x.png"]
    assert sorted(each.name for each in inbox.iterdir()) == ["a.png", "junk.txt"], "originals stay"
    assert _skipped(line) == [str(inbox / "junk.txt")]


def _skipped(line: Line) -> list[str]:
    line.said()
    assert line.jobs("list", "--skipped", "--json") == 0
    return [each["file"] for each in line.printed()]


def test_watching_needs_a_template_and_another_folder(line: Line, tmp_path: Path) -> None:
    assert line.jobs("run", "--watch", tmp_path) == 2
    assert "belong together" in line.said()
    template = tmp_path / "t.toml"
    template.write_text('kind = "anonymise"')
    assert line.jobs("run", "--watch", tmp_path, "--template", template, "-o", tmp_path) == 2
    assert "may not go into the watched folder" in line.said()


class TestThen:
    """`--then` starts a program with the words that were quoted, and no shell."""

    def test_the_words(self) -> None:
        assert then_words("""notify "it is done" 'a $HOME b' c;d""") == ["notify", "it is done", "a $HOME b", "c;d"]
        for wrong in ("", "  ", "say 'x"):
            with pytest.raises(UsageError):
                then_words(wrong)

    @pytest.mark.posix
    def test_the_program_gets_the_counts(self, line: Line, tmp_path: Path) -> None:
        code = "import os, sys; open(sys.argv[1], 'w').write(os.environ['MIEN_JOBS_DONE'] + sys.argv[2]); sys.exit(3)"
        script = tmp_path / "s.py"
        script.write_text(code)
        assert line.jobs("run", "--then", f"{sys.executable} {script} {tmp_path}/said '; touch x'") == 3
        assert (tmp_path / "said").read_text() == "0; touch x"

    def test_a_program_that_is_missing_is_told(self, line: Line) -> None:
        assert line.jobs("run", "--then", "no-such-program-here") == 2
        assert "No such file" in line.said()
        assert line.jobs("run", "--then", "") == 2
        assert "--then is empty" in line.said()


def test_a_queue_that_cannot_be_read_and_its_reset(line: Line) -> None:
    line.data.mkdir()
    (line.data / "queue.sqlite").write_bytes(b"damage" * 1000)
    assert line.jobs("list") == 5
    assert "mien jobs reset" in line.said()
    assert line.jobs("reset") == 0
    assert "queue.sqlite.damaged-1" in line.said()
    assert line.states() == []
