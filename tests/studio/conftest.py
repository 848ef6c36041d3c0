"""A studio for the tests of this folder, and a browser with a camera that sees a person."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest

from mien.assembly import factory
from mien.lab import bench
from mien.media.files.picture_read import read_picture
from mien.models.library.store import Store
from mien.settings import Settings
from tests.support.browser import CHROMIUM, FLAGS
from tests.support.running_studio import Studio, running_studio

CAMERA_WH = 640, 360  # pixels
CAMERA_FPS = 10  # frames a second: at 30, studio and browser work without a pause on two cores, and who waits pays for it


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    with running_studio(tmp_path) as running:
        yield running


@pytest.fixture(scope="module")
def same_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """One studio for requests that leave nothing behind; its tests are marked `lasting_server`."""
    with running_studio(tmp_path_factory.mktemp("same")) as running:
        yield running


@pytest.fixture(scope="session")
def camera_file(tmp_path_factory: pytest.TempPathFactory, examples: Path) -> Path:
    """Record for the fake camera: two seconds of a person who sways."""
    portrait = read_picture(examples / "grace_hopper.jpg", max_pixels=10**8, max_bytes=10**9).frame.image
    file = tmp_path_factory.mktemp("camera") / "camera.y4m"
    with file.open("wb") as written:
        written.write(f"YUV4MPEG2 W{CAMERA_WH[0]} H{CAMERA_WH[1]} F{CAMERA_FPS}:1 Ip A1:1 C420jpeg\n".encode())
        for large in bench.moving_portrait(portrait, factory.open_models(Settings(), Store()), 2 * CAMERA_FPS):
            scene = cv2.resize(large, CAMERA_WH, interpolation=cv2.INTER_AREA)
            written.write(b"FRAME\n" + cv2.cvtColor(scene, cv2.COLOR_BGR2YUV_I420).tobytes())
    return file


@pytest.fixture(scope="module")
def chromium(camera_file: Path) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright  # the tests that use it are skipped where it is not installed

    with sync_playwright() as playwright:
        flags = [*FLAGS, f"--use-file-for-fake-video-capture={camera_file}"]
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=flags)
        yield browser
        browser.close()
