"""The virtual camera: a driver that is made up sees the right pixels, and what is missing is named with its remedy."""

import sys
from typing import Any, ClassVar

import numpy as np
import pytest

from mien.errors import OutputError, UsageError
from mien.media.broadcast.virtual_camera import VirtualCamera
from mien.system.extras import install_command
from mien.types import LIVE_TIME_BASE, Frame, Image, LabelledFrame
from tests.support.conformance import SinkUnderTest, sink_suite

WIDTH, HEIGHT = 64, 48


class FakeDriver:
    """What pyvirtualcam asks of a backend; it takes BGR only and keeps what was sent."""

    opened: ClassVar[list["FakeDriver"]] = []

    def __init__(self, *, width: int, height: int, fps: float, fourcc: int, device: str | None) -> None:
        if fourcc.to_bytes(4, "little") != b"24BG":
            raise RuntimeError("this driver takes BGR only")
        self.size_wh, self.rate, self.name = (width, height), fps, device or "fake camera"
        self.sent: list[Image] = []
        self.closed = self.broken = False
        self.opened.append(self)

    def send(self, frame: Image) -> None:
        if self.broken:
            raise RuntimeError("the device is gone")
        self.sent.append(frame.copy().reshape(self.size_wh[1], self.size_wh[0], 3))

    def close(self) -> None:
        self.closed = True

    def device(self) -> str:
        return self.name

    def native_fourcc(self) -> None:
        return None


class AbsentDriver:
    """A backend on a machine without the driver."""

    def __init__(self, **_options: Any) -> None:
        raise RuntimeError("No v4l2 loopback device found")


@pytest.fixture
def backends(monkeypatch: pytest.MonkeyPatch) -> dict[str, type]:
    """The drivers that pyvirtualcam knows, none at first."""
    package = pytest.importorskip("pyvirtualcam", reason="NOT TESTED with pyvirtualcam: it is not installed")
    known: dict[str, type] = {}
    monkeypatch.setattr(package.camera, "BACKENDS", known)
    monkeypatch.setattr(FakeDriver, "opened", [])
    return known


@pytest.fixture
def driver(backends: dict[str, type]) -> list[FakeDriver]:
    """The made-up drivers that were opened."""
    package = pytest.importorskip("pyvirtualcam")
    package.register_backend("fake", FakeDriver)
    assert backends == {"fake": FakeDriver}
    return FakeDriver.opened


def labelled(image: Image, number: int = 0) -> LabelledFrame:
    return LabelledFrame(Frame(image, number, number * 33_000, LIVE_TIME_BASE), None, 0)


def noise(width: int = WIDTH, height: int = HEIGHT) -> Image:
    return np.random.default_rng(7).integers(0, 256, (height, width, 3), np.uint8)


def test_the_driver_sees_the_very_pixels(driver: list[FakeDriver]) -> None:
    frame = labelled(noise())
    with VirtualCamera(WIDTH, HEIGHT, 25.0) as camera:
        camera.write(frame)
        assert camera.device_name == "fake camera"
    (opened,) = driver
    assert opened.rate == 25.0
    assert opened.closed
    assert np.array_equal(opened.sent[0], frame.frame.image)


def test_a_named_device_is_opened(driver: list[FakeDriver]) -> None:
    with VirtualCamera(WIDTH, HEIGHT, 30.0, device="/dev/video9") as camera:
        assert camera.device_name == "/dev/video9"
    assert driver[0].name == "/dev/video9"


def test_another_shape_gets_black_bars(driver: list[FakeDriver]) -> None:
    white = np.full((HEIGHT, WIDTH // 2, 3), 255, np.uint8)
    with VirtualCamera(WIDTH, HEIGHT, 30.0) as camera:
        camera.write(labelled(white))
    sent = driver[0].sent[0]
    assert sent.shape == (HEIGHT, WIDTH, 3)
    assert not sent[:, : WIDTH // 4].any()
    assert not sent[:, -WIDTH // 4 :].any()
    assert (sent[: HEIGHT // 2, WIDTH // 4 : -WIDTH // 4] == 255).all()


def test_odd_sides_lose_a_line(driver: list[FakeDriver]) -> None:
    frame = labelled(noise(65, 49))
    with VirtualCamera(65, 49, 30.0) as camera:
        camera.write(frame)
    assert np.array_equal(driver[0].sent[0], frame.frame.image[:48, :64])


def test_it_is_a_sink(driver: list[FakeDriver]) -> None:
    sink_suite(
        lambda: SinkUnderTest(VirtualCamera(WIDTH, HEIGHT, 30.0), None),
        lambda: [labelled(noise(), number) for number in range(3)],
    )
    assert all(opened.closed for opened in driver)


def test_only_labelled_frames_are_shown(driver: list[FakeDriver]) -> None:
    with VirtualCamera(WIDTH, HEIGHT, 30.0) as camera, pytest.raises(TypeError, match="LabelledFrame"):
        camera.write(labelled(noise()).frame)  # type: ignore[arg-type]
    assert not driver[0].sent


def test_a_camera_that_goes_away_is_an_output_error(driver: list[FakeDriver]) -> None:
    with VirtualCamera(WIDTH, HEIGHT, 30.0) as camera:
        driver[0].broken = True
        with pytest.raises(OutputError, match="went away: the device is gone"):
            camera.write(labelled(noise()))
    assert driver[0].closed


@pytest.mark.parametrize(
    ("platform", "remedy"),
    [
        ("linux", "sudo modprobe v4l2loopback exclusive_caps=1 card_label=mien"),
        ("win32", "UnityCapture"),
        ("darwin", "OBS Studio"),
        ("sunos", "no driver"),
    ],
)
def test_without_a_driver_the_remedy_is_that_of_the_system(
    backends: dict[str, type], monkeypatch: pytest.MonkeyPatch, platform: str, remedy: str
) -> None:
    backends["v4l2loopback"] = AbsentDriver
    monkeypatch.setattr(sys, "platform", platform)
    with pytest.raises(OutputError, match="No v4l2 loopback device found") as caught, VirtualCamera(WIDTH, HEIGHT, 30.0):
        pass
    assert remedy in caught.value.remedy


def test_without_the_package_the_remedy_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    with pytest.raises(OutputError, match="pyvirtualcam") as caught, VirtualCamera(WIDTH, HEIGHT, 30.0):
        pass
    assert install_command("camera") in caught.value.remedy


@pytest.mark.parametrize(("width", "height", "rate"), [(8, 48, 30.0), (64, 48, 0.0), (64, 48, float("nan"))])
def test_sizes_and_rates_that_are_none_are_refused(width: int, height: int, rate: float) -> None:
    with pytest.raises(UsageError):
        VirtualCamera(width, height, rate)


def test_another_way_to_open_a_camera_can_be_given() -> None:
    class Given:
        device = "given"

        def __init__(self) -> None:
            self.log: list[str] = []

        def send(self, frame: Image) -> None:
            self.log.append(f"{frame.shape}")

        def close(self) -> None:
            self.log.append("closed")

    given = Given()
    with VirtualCamera(WIDTH, HEIGHT, 30.0, open_camera=lambda width, height, rate, device: given) as camera:
        assert camera.device_name == "given"
        camera.write(labelled(noise()))
    assert given.log == ["(48, 64, 3)", "closed"]
    with pytest.raises(RuntimeError, match="outside"):
        camera.write(labelled(noise()))
