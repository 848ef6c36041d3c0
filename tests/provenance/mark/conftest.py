"""Fixtures of the tests of the mark."""

import importlib.util
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from mien.provenance.mark.pattern import Marker
from mien.types import Image
from tests.support.marked import ID, clip_frames, resized
from tests.support.places import ROOT

BENCHMARK = ROOT / "benchmarks" / "mark.py"


@pytest.fixture(scope="module")
def marked_frames(frames: list[Image]) -> list[Image]:
    marker = Marker(ID)
    copies = [frame.copy() for frame in frames]
    for copy in copies:
        marker.mark(copy)
    return copies


@pytest.fixture(scope="module")
def benchmark() -> Iterator[ModuleType]:
    """benchmarks/mark.py, which is no package."""
    spec = importlib.util.spec_from_file_location("benchmark_mark", BENCHMARK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture(scope="module")
def frames() -> list[Image]:
    """24 frames of the bundled clip, 1280 x 720."""
    return clip_frames(0, 24)


@pytest.fixture(scope="module")
def small_frames() -> list[Image]:
    """50 frames of the bundled clip from 2 s on, 640 x 360."""
    return [resized(frame, 640, 360) for frame in clip_frames(50, 50)]
