"""The fault run, short: everything goes wrong and the wearer is never seen. The long run is a benchmark."""

from pathlib import Path

import numpy as np
import pytest

from mien.assembly import factory
from mien.lab import bench
from mien.lab.faults import run_faults
from mien.media.files.picture_read import read_picture
from mien.models.library.store import Store
from mien.settings import Settings
from mien.types import Image


def _read(path: Path) -> Image:
    return read_picture(path, max_pixels=10**8, max_bytes=10**9).frame.image


HARD = {"leave", "hand", "aside"}
"""Events during which even the raw picture shows little of the face."""
EVENTS = ("sway", "leave", "hand", "dark", "aside", "unplug", "engine", "cut")


@pytest.mark.slow
def test_the_wearer_is_never_seen(examples: Path) -> None:
    settings, store = Settings(), Store()
    scenes = bench.moving_portrait(_read(examples / "grace_hopper.jpg"), factory.open_models(settings, store))
    photo = _read(examples / "eileen_collins.png")
    report = run_faults(scenes, [photo], settings, store, 14.0, EVENTS, 1.6)
    assert {event for event, share in report.control.items() if share < 0.2} <= HARD, (
        "the checker must be able to see the wearer"
    )
    assert report.shown_wearer == 0, report.examples
    assert report.out_of_order == 0
    assert report.frames > 60
    assert {"swapped", "covered"} <= set(report.what), "the run has seen both"


@pytest.mark.slow
def test_the_checker_finds_the_wearer_when_the_raw_picture_is_let_through(examples: Path) -> None:
    settings, store = Settings(on_lost="pass", opacity=0.0), Store()
    scenes = bench.moving_portrait(_read(examples / "grace_hopper.jpg"), factory.open_models(settings, store))
    photo = np.ascontiguousarray(_read(examples / "eileen_collins.png"))
    report = run_faults(scenes, [photo], settings, store, 3.0, ("sway",), 3.0)
    assert report.shown_wearer > 0.5 * report.frames
