"""Several targets of one request, names as typed or expanded, and progress in a log."""

import io
import os
import shutil
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console

from mien.assembly import factory
from mien.batch.job import Progress
from mien.commands import progress, swap_cast, swap_run, swap_source, targets
from mien.commands.main import main
from mien.commands.swap_request import Request, Task
from mien.errors import UnreadableMedia
from mien.media.files.moving import Kind
from mien.types import SourceFace
from tests.support.places import DATA
from tests.support.portraits import COLLINS, HOPPER


def _swap(*arguments: object) -> int:
    return main(["swap", *(str(argument) for argument in arguments), "--consent", "public-domain"])


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Write two small portraits of the same name to different folders, and a text file."""
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
    with Image.open(HOPPER) as opened:
        small = opened.convert("RGB").resize((256, 300))
    small.save(tmp_path / "a" / "me.jpg")
    small.save(tmp_path / "b" / "me.avif")
    (tmp_path / "notes.txt").write_text("no picture")
    return tmp_path


def test_several_targets_go_into_a_folder_and_one_that_fails_stops_no_other(
    album: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = []
    original = swap_source.open_source

    def counted(request: Request, photo: Path, models: factory.Models, console: Console, *, quiet: bool) -> SourceFace:
        prepared.append(request)
        return original(request, photo, models, console, quiet=quiet)

    monkeypatch.setattr(swap_cast, "open_source", counted)
    names = [album / "a" / "me.jpg", album / "notes.txt", album / "missing.jpg", album / "b" / "me.avif"]
    assert _swap(COLLINS, *names, "-o", f"{album / 'out'}{os.sep}") == 4
    assert _names(album / "out") == ["me-2.jpg", "me.jpg"]
    said = capsys.readouterr().err
    assert said.count("mien: ") == 2
    assert "notes.txt is neither a picture nor a video" in said
    assert "missing.jpg does not exist" in said
    assert said.rstrip().endswith("2 of 4 files swapped, 2 failed (see above)")
    assert len(prepared) == 1
    for name in ("me.jpg", "me-2.jpg"):
        assert b"altered by mien" in (album / "out" / name).read_bytes()


def test_one_target_into_a_folder(album: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (album / "out").mkdir()
    assert _swap(COLLINS, album / "b" / "me.avif", "-o", album / "out", "--quiet") == 0
    assert _names(album / "out") == ["me.jpg"]
    assert _swap(COLLINS, album / "b" / "me.avif", "-o", album / "out", "--quiet") == 5
    assert "exists already" in capsys.readouterr().err
    assert _swap(COLLINS, album / "b" / "me.avif", "-o", album / "out", "--quiet", "--overwrite") == 0


def test_the_folder_of_the_target_itself(album: Path) -> None:
    before = (album / "a" / "me.jpg").read_bytes()
    assert _swap(COLLINS, album / "a" / "me.jpg", "-o", album / "a", "--quiet") == 0
    assert _names(album / "a") == ["me-mien.jpg", "me.jpg"]
    assert (album / "a" / "me.jpg").read_bytes() == before


def test_dry_run_of_several_writes_nothing(album: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [album / "a" / "me.jpg", album / "b" / "me.avif"]
    assert _swap(COLLINS, *names, "-o", album / "out", "--dry-run") == 0
    said = capsys.readouterr().err
    assert said.count("would swap ") == 2
    assert str(album / "out" / "me-2.jpg") in said
    assert "2 of 2 files would be swapped" in said
    assert not (album / "out").exists()


def test_a_folder_in_which_nothing_was_written_goes_again(album: Path) -> None:
    assert _swap(COLLINS, album / "notes.txt", album / "missing.jpg", "-o", album / "out") == 4
    assert not (album / "out").exists()


@pytest.mark.parametrize(("place", "code"), [("out.png", 2), ("notes.txt", 2), ("missing/folder", 5)])
def test_folders_that_cannot_be(album: Path, place: str, code: int) -> None:
    names = [album / "a" / "me.jpg", album / "b" / "me.avif"]
    assert _swap(COLLINS, *names, "-o", album / place) == code
    assert _names(album) == ["a", "b", "notes.txt"]


def test_ctrl_c_keeps_what_is_done_and_says_so(
    album: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    original = swap_run._swap_one

    def interrupted(request: Request, parts: object, task: Task, *rest: object) -> None:
        if task.target.suffix == ".avif":
            raise KeyboardInterrupt
        original(request, parts, task, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(swap_run, "_swap_one", interrupted)
    assert _swap(COLLINS, album / "a" / "me.jpg", album / "b" / "me.avif", "-o", album / "out") == 130
    assert "stopped; 1 of 2 files were written" in capsys.readouterr().err
    assert _names(album / "out") == ["me.jpg"]


def test_patterns_are_expanded_where_no_shell_has_done_so(album: Path) -> None:
    pattern = str(album / "*" / "me.*")
    assert targets.expand([pattern]) == (album / "a" / "me.jpg", album / "b" / "me.avif")
    assert targets.expand([pattern, str(album / "a" / "me.jpg")]) == (album / "a" / "me.jpg", album / "b" / "me.avif")
    with pytest.raises(UnreadableMedia, match=r"no file matches .*\*\.png"):
        targets.expand([str(album / "*.png")])
    odd = album / "what[1].jpg"
    shutil.copy(album / "a" / "me.jpg", odd)
    assert targets.expand([str(odd)]) == (odd,)


@pytest.mark.parametrize("which", ["photo", "also", "target"])
def test_addresses_are_shown_as_they_were_typed(tmp_path: Path, capsys: pytest.CaptureFixture[str], which: str) -> None:
    url = "https://example.org/a//b.jpg?size=1"
    photo, target = (url if which == "photo" else COLLINS), (url if which == "target" else HOPPER)
    also = ["--also", url] if which == "also" else []
    assert _swap(photo, target, "-o", tmp_path / "out.png", *also) == 4
    assert url in capsys.readouterr().err
    assert _names(tmp_path) == []


@pytest.mark.parametrize("url", ["https://example.org/a.png", "rtsp://camera/1", "file:///tmp/x.png"])
def test_an_address_is_no_output(tmp_path: Path, capsys: pytest.CaptureFixture[str], url: str) -> None:
    assert _swap(COLLINS, HOPPER, "-o", url) == 2
    assert f"{url} is an address" in capsys.readouterr().err


def test_a_pattern_takes_files_only(album: Path) -> None:
    assert targets.expand([str(album / "*")]) == (album / "notes.txt",)


@pytest.mark.posix
def test_names_cannot_move_the_cursor(album: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = album / "a\x1b]0;owned\x07\nb.jpg"
    shutil.copy(album / "a" / "me.jpg", odd)
    assert _swap(COLLINS, odd, album / "missing.jpg", "-o", album / "out") == 4
    assert _swap(COLLINS, odd, "-o", album / "out", "--dry-run", "--overwrite") == 0
    said = capsys.readouterr().err
    assert "owned" in said
    assert not set(said) & {"\x1b", "\x07"}


def test_each_line_of_a_batch_names_its_file(album: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("one.png", "two.png"):
        Image.new("RGB", (300, 300), "green").save(album / name)
    assert _swap(COLLINS, album / "one.png", album / "two.png", "-o", album / "out") == 6
    said = capsys.readouterr().err
    assert "one.png: no face was found" in said
    assert "two.png: no face was found" in said


@pytest.mark.parametrize("name", ["notes.txt", "paper.pdf", "empty.png", "folder", "missing.webp", "/dev/null"])
@pytest.mark.parametrize("output", ["out.jpg", "out.mp4", "out.gif", "out.xyz"])
def test_what_is_no_picture_and_no_video_is_the_fault_to_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, output: str
) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "paper.pdf").write_bytes(b"%PDF-1.4\n1 0 obj\n")
    (tmp_path / "empty.png").touch()
    (tmp_path / "folder").mkdir()
    assert _swap(COLLINS, tmp_path / name, "-o", tmp_path / output) == 4
    said = capsys.readouterr().err
    assert name in said
    assert output not in said


def test_a_still_picture_does_not_become_a_video(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _swap(COLLINS, DATA / "turned.heic", "-o", tmp_path / "out.mp4") == 4
    assert "turned.heic is a still picture" in capsys.readouterr().err


def test_a_heic_is_not_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _swap(COLLINS, HOPPER, "-o", tmp_path / "out.heic") == 2
    assert "no HEIC pictures" in capsys.readouterr().err


def test_no_two_outputs_get_one_name(tmp_path: Path) -> None:
    outputs = targets.Outputs(tmp_path, into_folder=True, inputs=())
    names = [
        outputs.path_for(Path(place) / name, Kind.VIDEO).name
        for place, name in (("a", "x.MP4"), ("b", "X.mp4"), ("c", "x.wmv"))
    ]
    assert names == ["x.mp4", "X-2.mp4", "x-3.mp4"]


def _lines(steps: list[tuple[float, int]], total: int | None) -> list[str]:
    """Return the log of a job whose progress is (time, frames) in each of `steps`."""
    written, now = io.StringIO(), [0.0]
    console = Console(file=written, width=200)
    with progress.shown_progress(console, "clip.mp4", quiet=False, clock=lambda: now[0]) as report:
        for time_s, frames in steps:
            now[0] = time_s
            report(Progress(frames, total, frames))
    assert all(letter.isprintable() or letter == "\n" for letter in written.getvalue())
    return written.getvalue().splitlines()


def test_a_log_gets_a_line_each_tenth() -> None:
    lines = _lines([(float(frame) / 5, frame) for frame in range(1, 1001)], 1000)
    assert len(lines) == 10
    assert lines[0] == "swapping clip.mp4: 10 %, 100 of 1000 frames, 5.0 frames a second, 0:03:00 left"


def test_a_log_gets_a_line_each_minute_where_tenths_take_long() -> None:
    assert len(_lines([(float(second), second) for second in range(1, 601)], 100_000)) == 10
    assert _lines([(61.0, 61)], None) == ["swapping clip.mp4: 61 frames, 1.0 frames a second"]


def test_a_short_job_writes_no_progress_into_a_log() -> None:
    assert _lines([(frame / 30, frame) for frame in range(1, 151)], 150) == []
