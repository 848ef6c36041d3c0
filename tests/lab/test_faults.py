"""The fault run, short: everything goes wrong and the wearer is never seen. The long run is a benchmark."""

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.lab import bench
from mien.lab.faults import run_faults
from mien.media.files.picture_read import read_picture
from mien.models.library.store import Store
from mien.settings import Settings
from mien.types import Image
from tests.support.portraits import COLLINS, HOPPER, models


def _read(path: Path) -> Image:
    return read_picture(path, max_pixels=10**8, max_bytes=10**9).frame.image


@pytest.fixture(scope="module")
def scenes() -> list[Image]:
    """Return the swaying wearer, 640 x 360: a smaller picture is searched four times as fast."""
    moving = bench.moving_portrait(_read(HOPPER), models())
    return [np.asarray(cv2.resize(scene, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8) for scene in moving]


HARD = {"leave", "hand", "aside"}
"""Events during which even the raw picture shows little of the face."""
EVENTS = ("sway", "leave", "hand", "dark", "aside", "unplug", "engine", "cut")


def _has_enough(shown: Mapping[str, int]) -> bool:
    """Return whether the run has shown a worn face often, and covered one: on a busy machine that takes longer."""
    return shown.get("swapped", 0) > 30 and shown.get("covered", 0) > 0


def _is_mostly_swapped(shown: Mapping[str, int]) -> bool:
    return shown.get("swapped", 0) > max(10, 0.7 * sum(shown.values()))


@pytest.mark.slow
def test_the_wearer_is_never_seen(scenes: list[Image]) -> None:
    report = run_faults(scenes, [_read(COLLINS)], Settings(), Store(), 14.0, EVENTS, 1.6, has_enough=_has_enough)
    assert {event for event, share in report.control.items() if share < 0.2} <= HARD, (
        "the checker must be able to see the wearer"
    )
    assert report.shown_wearer == 0, report.examples
    assert report.out_of_order == 0
    assert _has_enough(report.what), "the run has seen little"


@pytest.mark.slow
def test_the_checker_finds_the_wearer_when_the_raw_picture_is_let_through(scenes: list[Image]) -> None:
    settings = Settings(on_lost="pass", opacity=0.0)
    report = run_faults(scenes, [_read(COLLINS)], settings, Store(), 3.0, ("sway",), 3.0, has_enough=_is_mostly_swapped)
    assert report.shown_wearer > 0.5 * report.frames
