"""The lists of devices, read from faked trees: what is there is named, what is busy is no reason to fail."""

import errno
import json
import os
import struct
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from av.device import DeviceInfo

from mien.media.capture.devices import (
    CameraDevice,
    MicrophoneDevice,
    ScreenDevice,
    VirtualCameraDevice,
    list_cameras,
    list_microphones,
    list_screens,
    list_virtual_cameras,
)
from mien.media.capture.v4l2 import CameraMode, Roots, camera_modes

_CAPTURE, _OUTPUT, _METADATA, _CODEC, _OF_THIS_NODE = 0x1, 0x2, 0x00800000, 0x8000, 0x80000000
_QUERYCAP, _ENUM_FMT, _ENUM_FRAMESIZES, _ENUM_FRAMEINTERVALS = 0x80685600, 0xC0405602, 0xC02C564A, 0xC034564B
"""As linux/videodev2.h has them on x86 and ARM."""


class _Driver:
    """Answers as a V4L2 driver would; which device is asked is told by what stands in its file."""

    def __init__(self) -> None:
        self.abilities: dict[str, int] = {}
        self.sizes: dict[str, dict[bytes, list[tuple[int, ...]]]] = {}
        self.rates: tuple[int, ...] = (30, 15)
        self.busy: set[str] = set()

    def __call__(self, descriptor: int, request: int, answer: Any) -> None:
        name = os.pread(descriptor, 64, 0).decode()
        if name in self.busy:
            raise OSError(errno.EBUSY, "busy")
        view = memoryview(answer).cast("B")
        {
            _QUERYCAP: self._querycap,
            _ENUM_FMT: self._formats,
            _ENUM_FRAMESIZES: self._sizes,
            _ENUM_FRAMEINTERVALS: self._rates,
        }[request](name, view)

    def _querycap(self, name: str, view: memoryview) -> None:
        # A UVC driver tells in the first field what all its nodes can do together.
        struct.pack_into("<II", view, 84, _CAPTURE | _METADATA | _OF_THIS_NODE, self.abilities[name])

    def _formats(self, name: str, view: memoryview) -> None:
        (index,) = struct.unpack_from("<I", view)
        struct.pack_into("4s", view, 44, self._at(list(self.sizes.get(name, {})), index))

    def _sizes(self, name: str, view: memoryview) -> None:
        index, code = struct.unpack_from("<I4s", view)
        size = self._at(self.sizes[name][code], index)
        struct.pack_into(f"<I{len(size)}I", view, 8, 1 if len(size) == 2 else 3, *size)

    def _rates(self, name: str, view: memoryview) -> None:
        (index,) = struct.unpack_from("<I", view)
        if self.rates:
            struct.pack_into("<III", view, 16, 1, 1, self._at(self.rates, index))
        else:
            struct.pack_into("<I6I", view, 16, 3, 1, 40, 1, 2, 1, 1)

    @staticmethod
    def _at(values: Sequence[Any], index: int) -> Any:
        if index >= len(values):
            raise OSError(errno.EINVAL, "no more")
        return values[index]


class _Tree:
    """Folders as the kernel keeps them."""

    def __init__(self, folder: Path) -> None:
        self.roots = Roots(folder / "sys", folder / "proc", folder / "dev")
        self.driver = _Driver()
        (self.roots.dev / "v4l" / "by-id").mkdir(parents=True)

    def add(self, number: int, name: str, abilities: int, *, index: int = 0, link: str = "") -> str:
        node = f"video{number}"
        folder = self.roots.sys / "class" / "video4linux" / node
        folder.mkdir(parents=True)
        (folder / "name").write_text(name + "\n")
        (folder / "index").write_text(f"{index}\n")
        path = self.roots.dev / node
        path.write_text(node)
        self.driver.abilities[node] = abilities
        if link:
            (self.roots.dev / "v4l" / "by-id" / link).symlink_to(f"../../{node}")
        return str(path)

    def cameras(self) -> tuple[CameraDevice, ...]:
        return list_cameras(roots=self.roots, ioctl=self.driver, platform="linux")


@pytest.fixture
def tree(tmp_path: Path) -> _Tree:
    return _Tree(tmp_path)


def test_a_camera_has_a_name_an_id_that_stays_and_its_modes(tree: _Tree) -> None:
    tree.add(10, "Second", _CAPTURE)
    tree.add(2, "HD Webcam: HD Webcam", _CAPTURE, link="usb-Maker_HD_Webcam_123-video-index0")
    tree.driver.sizes["video2"] = {b"MJPG": [(1920, 1080), (1280, 720)], b"YUYV": [(640, 480)]}
    first, second = tree.cameras()
    assert first.id == str(tree.roots.dev / "v4l" / "by-id" / "usb-Maker_HD_Webcam_123-video-index0")
    assert first.name == "HD Webcam: HD Webcam"
    assert first.modes == (
        CameraMode(1920, 1080, (30.0, 15.0), "mjpeg"),
        CameraMode(1280, 720, (30.0, 15.0), "mjpeg"),
        CameraMode(640, 480, (30.0, 15.0), "yuyv"),
    )
    assert second == CameraDevice(str(tree.roots.dev / "video10"), "Second", ())


def test_what_does_not_capture_is_no_camera(tree: _Tree) -> None:
    tree.add(0, "Camera", _CAPTURE)
    tree.add(1, "Its metadata", _METADATA, index=1)
    tree.add(2, "Codec", _CODEC | _CAPTURE | _OUTPUT)
    tree.add(3, "Loopback", _OUTPUT)
    assert [camera.name for camera in tree.cameras()] == ["Camera"]
    found = list_virtual_cameras(roots=tree.roots, ioctl=tree.driver, platform="linux")
    assert found == (VirtualCameraDevice(str(tree.roots.dev / "video3"), "Loopback"),)


def test_a_busy_or_unreadable_camera_is_listed_without_modes(tree: _Tree) -> None:
    tree.add(0, "Busy", _CAPTURE)
    tree.add(1, "Its metadata", _METADATA, index=1)
    Path(tree.add(2, "Gone", _CAPTURE)).unlink()
    tree.driver.busy |= {"video0", "video1"}
    assert [(camera.name, camera.modes) for camera in tree.cameras()] == [("Busy", ()), ("Gone", ())]
    assert list_virtual_cameras(roots=tree.roots, ioctl=tree.driver, platform="linux") == ()


def test_of_a_range_of_sizes_and_rates_the_usual_ones_are_offered(tree: _Tree) -> None:
    path = tree.add(0, "Loopback", _CAPTURE)
    tree.driver.sizes["video0"] = {b"YU12": [(2, 1000, 2, 2, 800, 2)]}
    tree.driver.rates = ()
    modes = camera_modes(path, ioctl=tree.driver)
    assert [(mode.width, mode.height) for mode in modes] == [(320, 240), (640, 360), (640, 480), (800, 600), (1000, 800)]
    assert {mode.rates for mode in modes} == {(30.0, 25.0, 15.0, 10.0, 5.0)}
    assert {mode.pixel_format for mode in modes} == {"yuv420p"}


def test_a_driver_that_never_ends_its_list_is_left_alone(tree: _Tree) -> None:
    path = tree.add(0, "Endless", _CAPTURE)
    asked = []

    def endless(descriptor: int, request: int, answer: Any) -> None:
        asked.append(request)
        if request == _ENUM_FRAMESIZES:
            raise OSError(errno.ENOTTY, "not known")

    assert camera_modes(path, ioctl=endless) == ()
    assert len(asked) < 1000


def test_microphones_are_named_by_their_card(tree: _Tree) -> None:
    folder = tree.roots.proc / "asound"
    (folder / "card1").mkdir(parents=True)
    (folder / "card1" / "id").write_text("Webcam\n")
    lines = (
        "00-00: ALC257 Analog : ALC257 Analog : playback 1 : capture 1",
        "00-03: HDMI 0 : HDMI 0 : playback 1",
        "01-00: USB Audio : USB Audio : capture 1",
        "no line of this kind",
    )
    (folder / "pcm").write_text("\n".join(lines))
    assert list_microphones(roots=tree.roots, platform="linux") == (
        MicrophoneDevice("plughw:CARD=0,DEV=0", "0: ALC257 Analog"),
        MicrophoneDevice("plughw:CARD=Webcam,DEV=0", "Webcam: USB Audio"),
    )


def test_a_machine_without_any_device_has_empty_lists(tree: _Tree) -> None:
    assert tree.cameras() == ()
    assert list_microphones(roots=tree.roots, platform="linux") == ()
    assert list_virtual_cameras(roots=tree.roots, ioctl=tree.driver, platform="linux") == ()


def test_the_lists_of_this_machine_can_be_read() -> None:
    for found in (list_cameras(), list_microphones(), list_virtual_cameras(), list_screens(display=":9753")):
        assert isinstance(found, tuple)


def _inputs(*entries: DeviceInfo) -> Callable[[str], list[DeviceInfo]]:
    return lambda system: [] if system not in {"avfoundation", "dshow"} else list(entries)


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_other_systems_are_asked_through_ffmpeg(platform: str) -> None:
    inputs = _inputs(
        DeviceInfo("0", "FaceTime HD", True, ["video"]),
        DeviceInfo("1", "Capture screen 0", False, ["video"]),
        DeviceInfo("2", "Built-in Microphone", False, ["audio"]),
    )
    assert list_cameras(platform=platform, enumerate_inputs=inputs) == (CameraDevice("0", "FaceTime HD"),)
    assert list_microphones(platform=platform, enumerate_inputs=inputs) == (MicrophoneDevice("2", "Built-in Microphone"),)
    screens = list_screens(platform=platform, enumerate_inputs=inputs)
    assert screens == (
        (ScreenDevice("1", "Capture screen 0"),) if platform == "darwin" else (ScreenDevice("desktop", "all screens"),)
    )
    assert list_virtual_cameras(platform=platform) == ()


def test_a_system_that_cannot_be_asked_has_empty_lists() -> None:
    def refuses(system: str) -> list[DeviceInfo]:
        raise ValueError(f"no input format {system}")

    assert list_cameras(platform="darwin", enumerate_inputs=refuses) == ()
    assert list_microphones(platform="win32", enumerate_inputs=refuses) == ()


def test_a_screen_has_the_size_that_the_x_server_tells() -> None:
    assert list_screens(platform="linux", display=":7", size_of=lambda display: (800, 600)) == (
        ScreenDevice(":7", "display :7", 800, 600),
    )


def test_without_a_display_there_is_no_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    assert list_screens(platform="linux") == ()


def test_a_list_can_be_sent_as_json(tree: _Tree) -> None:
    tree.add(0, "Camera", _CAPTURE)
    tree.driver.sizes["video0"] = {b"MJPG": [(640, 480)]}
    (camera,) = tree.cameras()
    sent = json.loads(json.dumps(asdict(camera)))
    assert sent["modes"] == [{"width": 640, "height": 480, "rates": [30.0, 15.0], "pixel_format": "mjpeg"}]
