"""Windows by their titles, under Xvfb: found, read, closed, resized, several of one title; other systems by what is opened."""

import time
from collections.abc import Iterator

import numpy as np
import pytest

from mien.errors import SourceLost, UsageError
from mien.media.capture.window import Window
from mien.media.capture.x_windows import XWindow, windows_of
from tests.support.deadline import DEADLINE_S
from tests.support.refusal import Refusal
from tests.support.xserver import x_display
from tests.support.xwindow import shown_window, tell_window


@pytest.fixture
def display() -> Iterator[str]:
    pytest.importorskip("tkinter", reason="NO WINDOW TESTED: this Python has no tkinter")
    with x_display(640, 480) as name:
        yield name


def _read_until_lost(window: Window) -> str:
    deadline_s = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline_s:
        try:
            window.read()
        except SourceLost as error:
            return str(error)
    return "it was read to the end"


def test_a_window_is_found_by_its_title_or_a_part_of_it_and_read(display: str) -> None:
    with shown_window(display, "Call with Änna – Meet"), shown_window(display, "Notes", "100x80+450+300", "#00ff00"):
        assert sorted((each.title, each.width, each.height) for each in windows_of(display)) == [
            ("Call with Änna – Meet", 200, 150),
            ("Notes", 100, 80),
        ]
        for title, size, colour in (
            ("Call with Änna – Meet", (200, 150), (0, 0, 255)),
            ("with änna", (200, 150), (0, 0, 255)),
            ("Notes", (100, 80), (0, 255, 0)),
        ):
            with Window(title, display=display) as window:
                frame = window.read()
                assert frame is not None
                assert (window.info.width, window.info.height) == size
                assert np.abs(frame.image.astype(int) - colour).max() <= 2, "the window, and nothing beside it"


def test_a_window_that_is_closed_ends_the_source_with_clear_words(display: str) -> None:
    with shown_window(display, "Call") as process, Window("Call", display=display) as window:
        assert window.read() is not None
        process.terminate()
        process.wait(10)
        assert _read_until_lost(window) == 'the window "Call" was closed or minimised'


def test_a_window_that_changes_its_size_ends_the_source(display: str) -> None:
    with shown_window(display, "Call") as process, Window("Call", display=display) as window:
        assert window.read() is not None
        tell_window(process, "title Meet")
        assert window.read() is not None, "another title is the same window"
        tell_window(process, "size 220x100")
        assert _read_until_lost(window) == 'the window "Call" changed its size from 200 x 150 to 220 x 100'


def test_two_windows_of_one_title_are_named_by_their_numbers(display: str) -> None:
    with shown_window(display, "Call"), shown_window(display, "Call", "100x80+450+300", "#00ff00"):
        with pytest.raises(SourceLost, match='2 windows fit the window "Call"') as error:
            Window("Call", display=display).__enter__()
        small = next(each for each in windows_of(display) if each.width == 100)
        assert f'0x{small.id:x} ("Call", 100 x 80)' in error.value.remedy
        with Window(f"0x{small.id:x}", display=display) as window:
            frame = window.read()
            assert frame is not None
            assert tuple(frame.image[40, 50]) == (0, 255, 0)


def test_no_such_window_is_told_with_those_that_are_there(display: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(SourceLost, match='the window "Call" is not there') as error:
        Window("Call", display=display).__enter__()
    assert error.value.remedy == "windows that are shown: none with a title"
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    with shown_window(display, "Notes"), pytest.raises(SourceLost) as error:
        Window("Call", display=display).__enter__()
    assert error.value.remedy.startswith('windows that are shown: "Notes"; windows of Wayland itself cannot be read')


def test_a_whole_title_wins_over_a_part(display: str) -> None:
    with (
        shown_window(display, "Call"),
        shown_window(display, "Call 2", "100x80+450+300"),
        Window("Call", display=display) as window,
    ):
        assert window.info.width == 200


def test_a_window_that_is_not_all_on_the_screen_is_told(display: str) -> None:
    with (
        shown_window(display, "Call", "200x150+560+40"),
        pytest.raises(SourceLost, match='the window "Call" cannot be read') as error,
    ):
        Window("Call", display=display).__enter__()
    assert "move all of it onto the screen" in error.value.remedy


def test_a_display_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SourceLost, match="does not tell its windows"):
        Window("Call", display=":9753", platform="linux").__enter__()
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(SourceLost, match="no X display"):
        Window("Call", platform="linux").__enter__()


@pytest.mark.parametrize("number", ["0x2a00003", "0X02A00003"])
def test_a_number_is_that_of_a_window_whatever_the_titles_are(number: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = [XWindow(0x2A00003, "Call", 64, 48), XWindow(7, "0x2a00003", 64, 48), XWindow(8, "0X02A00003", 64, 48)]
    window = Window(number, display=":5", platform="linux", windows=lambda _: shown)
    assert Refusal(monkeypatch).of(window)[0][2]["window_id"] == str(0x2A00003)


def test_other_systems_do_what_they_can(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = {"framerate": "30", "fflags": "nobuffer"}
    assert Refusal(monkeypatch).of(Window("Call", platform="win32")) == [("title=Call", "gdigrab", plain)]
    with pytest.raises(UsageError, match="macOS"):
        Window("Call", platform="darwin")
    with pytest.raises(UsageError, match="no title"):
        Window(" ")
    linux = Window("Call", display=":5", platform="linux", windows=lambda _: [XWindow(7, "Call", 64, 48)])
    assert Refusal(monkeypatch).of(linux) == [(":5", "x11grab", plain | {"window_id": "7"})]
