"""`mien check`: files, notes, the question, refusals; the screen under Xvfb is tested where the input is."""

import errno
import io
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mien.commands import check_run
from mien.commands.check_notes import write_notes
from mien.commands.main import main
from mien.errors import OutputError
from mien.provenance.ledger import Ledger, Output
from mien.provenance.signing.detached import signature_path
from mien.provenance.trust import SIGNER_FOLDER
from mien.system.database import Database
from tests.support import kinds
from tests.support.marked import ID, clip_frames, marked, resized


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("call") / "call.mkv"
    path.write_bytes(kinds.film([resized(marked(frame), 640, 360) for frame in clip_frames(0, 40)]))
    return path


def test_a_recorded_call_is_looked_at_and_noted(call: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    html, data = tmp_path / "notes.html", tmp_path / "notes.json"
    assert main(["check", str(call), "--report", str(html), "--report", str(data), "--data", str(tmp_path / "data")]) == 0
    assert f"number {ID:06x}" in capsys.readouterr().out
    notes = json.loads(data.read_text())
    assert list(notes["ids"]) == [f"{ID:06x}"]
    assert '<td class="word">seen</td>' in html.read_text()
    assert main(["verify", str(html), "--json", "--data", str(tmp_path / "data")]) == 0
    assert json.loads(capsys.readouterr().out)[0]["signature"]["state"] == "trusted"
    assert main(["check", str(call), "--seconds", "1", "--json", "--data", str(tmp_path / "data")]) == 0
    assert json.loads(capsys.readouterr().out)["looks"] == 1


def test_an_end_before_the_first_look_is_no_finding(
    call: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    arguments = ["check", str(call), "--data", str(tmp_path)]
    with monkeypatch.context() as patched:
        patched.setattr("mien.commands.check_run._look", interrupted)
        assert main(arguments) == 130
        patched.setattr("mien.commands.check_run._look", lambda *_: None)
        assert main(arguments) != 0
    assert "no picture came" in capsys.readouterr().err


def test_the_place_of_the_notes_is_checked_before_the_call(
    call: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr("mien.commands.check_run._look", lambda *_: pytest.fail("looked first"))
    assert main(["check", str(call), "--report", str(tmp_path / "none" / "notes.html"), "--data", str(tmp_path)]) == 5
    (tmp_path / SIGNER_FOLDER).write_text("a file where the key has to be")
    assert main(["check", str(call), "--report", str(tmp_path / "notes.html"), "--data", str(tmp_path)]) == 5


def test_ones_own_picture_is_refused(call: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Ledger(Database(tmp_path)).record(Output(ID, "live", "a live session", datetime(2026, 1, 1, tzinfo=UTC)), ())
    assert main(["check", str(call), "--data", str(tmp_path)]) == 2
    assert "no mirror" in capsys.readouterr().err


def test_an_output_that_nobody_reads_any_more_leaves_the_notes(
    call: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    def closed(*_: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(check_run, "_print", closed)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    report = tmp_path / "notes.json"
    assert main(["check", str(call), "--seconds", "1", "--report", str(report), "--data", str(tmp_path)]) == 1
    assert json.loads(report.read_text())["looks"] == 1


def test_a_full_disk_leaves_earlier_notes_whole_and_the_others_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    html, data = tmp_path / "notes.html", tmp_path / "notes.json"
    write = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if content.startswith(b"<!doctype"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(path, content)

    write_notes([html], tmp_path / "data", (), (), {})
    earlier = {each.name: each.read_bytes() for each in tmp_path.glob("notes.*")}
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match="No space left"):
        write_notes([html, data], tmp_path / "data", (), (), {})
    left = {each.name: each.read_bytes() for each in tmp_path.glob("*notes.*")}
    assert left.keys() - earlier.keys() == {data.name, signature_path(data).name}
    assert earlier.items() <= left.items()


@pytest.mark.parametrize(("arguments", "code", "said"), [
    (["camera:0"], 2, "must be told"),
    (["rtsp://127.0.0.1:1/x"], 2, "must be told"),
    (["none.mkv"], 4, "does not exist"),
    (["http://"], 2, "not a stream"),
    (["call.mkv", "--region", "0,0,10,10"], 2, "for the screen"),
    (["call.mkv", "--seconds", "0"], 2, "invalid time"),
    (["call.mkv", "--report", "notes.pdf"], 2, "HTML or JSON"),
    (["still.png"], 2, "mien verify"),
    (["screen:--5,0,10,10", "--told"], 2, "no part of the screen"),
    (["screen:0,0,10", "--told"], 2, "no part of the screen"),
    (["call.html", "--report", "call.html"], 2, "also an input"),
])  # fmt: skip
def test_wrong_requests_are_one_line(
    call: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    arguments: list[str], code: int, said: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    for name in ("call.mkv", "call.html"):
        (tmp_path / name).symlink_to(call)
    kinds.KINDS["generated.png"](tmp_path / "still.png")
    assert main(["check", *arguments, "--data", str(tmp_path / "data")]) == code
    assert said in capsys.readouterr().err


def test_a_program_that_closes_its_input_gets_a_line_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments, said in ((["words", "add", "Bob"], "not a secret"), (["check", "camera:0"], "must be told")):
        monkeypatch.setattr(sys, "stdin", None)
        assert main([*arguments, "--data", str(tmp_path)]) == 2
        assert said in capsys.readouterr().err
