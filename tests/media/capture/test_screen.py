"""Parts of the screen under Xvfb."""

from collections.abc import Iterator

import pytest

from mien.errors import SourceLost, UsageError
from mien.media.capture.devices import list_screens
from mien.media.capture.screen import ScreenRegion
from tests.support.refusal import Refusal
from tests.support.xserver import x_display


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    with x_display(400, 300) as name:
        yield name


def test_a_part_of_the_screen_is_read(display: str) -> None:
    with ScreenRegion(40, 20, 200, 100, 50, display) as source:
        frames = [source.read() for _ in range(5)]
        assert (source.info.width, source.info.height) == (200, 100)
    assert {frame.image.shape for frame in frames if frame is not None} == {(100, 200, 3)}
    (screen,) = list_screens(platform="linux", display=display)
    assert (screen.id, screen.width, screen.height) == (display, 400, 300)


def test_a_region_that_is_not_on_the_screen_is_refused(display: str) -> None:
    with pytest.raises(SourceLost, match=r"200x100 at \(300, 20\) is not all on the screen"):
        ScreenRegion(300, 20, 200, 100, display=display).__enter__()


def test_a_screen_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SourceLost, match="no X server"):
        ScreenRegion(0, 0, 64, 64, display=":9753", platform="linux").__enter__()
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(SourceLost, match="no X display"):
        ScreenRegion(0, 0, 64, 64, platform="linux").__enter__()


@pytest.mark.parametrize("region", [(0, 0, 0, 10), (0, 0, 10, -1), (-1, 0, 10, 10)])
def test_an_empty_region_is_refused(region: tuple[int, int, int, int]) -> None:
    with pytest.raises(UsageError):
        ScreenRegion(*region, platform="linux")


def test_a_screen_is_opened_as_its_system_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = {"framerate": "30", "fflags": "nobuffer"}
    region = plain | {"video_size": "64x48"}
    linux = Refusal(monkeypatch).of(ScreenRegion(3, 4, 64, 48, display=":5", platform="linux"))
    assert linux == [(":5+3,4", "x11grab", region)]
    windows = Refusal(monkeypatch).of(ScreenRegion(-3, 4, 64, 48, platform="win32"))
    assert windows == [("desktop", "gdigrab", region | {"offset_x": "-3", "offset_y": "4"})]
    mac = Refusal(monkeypatch).of(ScreenRegion(3, 4, 64, 48, platform="darwin"))
    assert mac == [("Capture screen 0:none", "avfoundation", plain | {"capture_cursor": "1"})]
