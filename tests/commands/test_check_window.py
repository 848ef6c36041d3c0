"""`mien check window:TITLE` under Xvfb: a window that shows a marked picture, from the first look until it is closed."""

import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

from mien.assembly.check_source import open_source
from mien.check.watch import Look, Watch
from mien.commands.main import main
from mien.errors import UsageError
from mien.types import Frame
from tests.support.marked import ID, clip_frames, marked, resized
from tests.support.xserver import x_display
from tests.support.xwindow import shown_window


@pytest.fixture
def display(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    pytest.importorskip("tkinter", reason="NO WINDOW TESTED: this Python has no tkinter")
    with x_display(1280, 800) as name:
        monkeypatch.setenv("DISPLAY", name)
        monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
        yield name


@pytest.fixture
def picture(tmp_path: Path) -> str:
    path = tmp_path / "call.png"
    assert cv2.imwrite(str(path), resized(marked(clip_frames(0, 1)[0]), 640, 360))
    return str(path)


def test_the_mark_in_a_window_is_seen_and_a_window_that_closes_leaves_the_notes(
    display: str, picture: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    notes, see = tmp_path / "notes.json", Watch.see
    arguments = ["check", "window:Call with Anna", "--told", "--report", str(notes), "--data", str(tmp_path / "data")]
    with shown_window(display, "Call with Anna – Meet", "640x360+300+200", picture) as process:

        def seen(watch: Watch, frame: Frame) -> Look | None:
            look = see(watch, frame)
            if look is not None and look.mark is not None:
                process.terminate()
            return look

        monkeypatch.setattr(Watch, "see", seen)
        assert main(arguments) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert f"number {ID:06x}" in printed
    assert "was closed or minimised" in printed
    found = json.loads(notes.read_text())
    assert list(found["ids"]) == [f"{ID:06x}"]
    assert found["source"].startswith('window "Call with Anna"')


def test_no_such_window_and_two_of_one_title_are_told(display: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--told", "--data", str(tmp_path)]
    with shown_window(display, "Notes"):
        assert main(["check", "window:Call", *arguments]) == 4
        said = " ".join(capsys.readouterr().err.split())
        assert 'the window "Call" is not there' in said
        assert 'windows that are shown: "Notes"' in said
        with shown_window(display, "Notes", "100x80+600+300"):
            assert main(["check", "window:Notes", *arguments]) == 4
            assert "2 windows fit" in capsys.readouterr().err


def test_a_window_has_no_region_and_needs_a_title() -> None:
    with pytest.raises(UsageError, match="--region is for the screen"):
        open_source("window:Call", (0, 0, 10, 10))
    with pytest.raises(UsageError, match="no title"):
        open_source("window:", None)
