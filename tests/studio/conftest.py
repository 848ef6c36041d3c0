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


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    with running_studio(tmp_path) as running:
        yield running


@pytest.fixture(scope="session")
def camera_file(tmp_path_factory: pytest.TempPathFactory, examples: Path) -> Path:
    """Record for the fake camera: a person who sways."""
    portrait = read_picture(examples / "grace_hopper.jpg", max_pixels=10**8, max_bytes=10**9).frame.image
    file = tmp_path_factory.mktemp("camera") / "camera.mjpeg"
    with file.open("wb") as written:
        for large in bench.moving_portrait(portrait, factory.open_models(Settings(), Store()), 30):
            scene = cv2.resize(large, (640, 360), interpolation=cv2.INTER_AREA)
            # Twice, so that two seconds of sway are drawn in half the time.
            written.write(2 * cv2.imencode(".jpg", scene, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes())
    return file


@pytest.fixture(scope="module")
def chromium(camera_file: Path) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright  # the tests that use it are skipped where it is not installed

    with sync_playwright() as playwright:
        flags = [*FLAGS, f"--use-file-for-fake-video-capture={camera_file}"]
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=flags)
        yield browser
        browser.close()
