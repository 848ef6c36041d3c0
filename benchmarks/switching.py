"""What is lost while the engine of a running session is exchanged for a network of full size. A command, never a test.

    .venv/bin/python benchmarks/switching.py --rate 30

A studio without its page wears a face before a swaying portrait at 720p; then `engine` goes to a stand-in for inswapper_128
with the real one's layers and random weights, and back. The longest pauses between frames that leave are counted in frames of
the camera, before the first frame of the new engine: from there on it is as fast as it is. On the way back the frame that the
network is at has to end first.
"""

import argparse
import json
import os
import tempfile
import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.support.standins import install, make_inswapper

from mien.assembly import factory
from mien.lab import bench
from mien.media.files.picture_read import read_picture
from mien.models.library.importing import import_models
from mien.models.library.store import Store
from mien.provenance.trust import Signing, open_trust
from mien.settings import Settings
from mien.studio.session.session import StudioSession
from mien.system.folders import MODELS_VARIABLE
from mien.testing import NullSink, PacedCamera
from mien.types import Image, LabelledFrame

EXAMPLES = Path(__file__).parent.parent / "examples"
PORTRAIT, PHOTO = EXAMPLES / "grace_hopper.jpg", EXAMPLES / "eileen_collins.png"
ENGINE = "standin_full"
_DEADLINE_S = 300.0


class Times(NullSink):
    """When frames left."""

    def __init__(self) -> None:
        super().__init__()
        self.left: list[float] = []

    def write(self, labelled: LabelledFrame) -> None:
        self.left.append(time.monotonic())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=30)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mien-switching-") as folder:
        os.environ[MODELS_VARIABLE] = str(Path(folder) / "models")
        print(json.dumps(bench_switching(Path(folder), given.rate), indent=2))


def bench_switching(folder: Path, rate: float) -> dict[str, Any]:
    """The longest pauses, in frames of the camera, at rest and in each switch."""
    file = folder / f"{ENGINE}.onnx"
    make_inswapper(file)
    import_models([file], Store(), trust=True, family="inswapper")
    file.unlink()
    install(Store(), "arcface")
    (folder / "uploads").mkdir()
    trust = open_trust(folder / "data", Signing())
    session = StudioSession(Settings(), trust, folder / "data", folder / "recordings", folder / "uploads", shared=False)
    scenes = bench.moving_portrait(_read(PORTRAIT), factory.open_models(Settings(), Store()))
    session.start()
    sink, pause = Times(), threading.Event()
    try:
        session.wardrobe.wear_photo(PHOTO, "public-domain")
        session.loop.add_sink("times", lambda width, height: sink)
        height, width = scenes[0].shape[:2]
        session.loop.set_input(lambda: PacedCamera(width, height, rate, lambda number: scenes[number % len(scenes)].copy()))
        pause.wait(8)
        session.loop.meter.reset()
        begin_s = time.monotonic()
        pause.wait(8)
        rest = _longest(sink, begin_s, time.monotonic(), rate)
        to_network = _switched(session, sink, ENGINE, rate)
        pause.wait(8)
        back = _switched(session, sink, "mesh", rate)
        pause.wait(2)
        shown = session.loop.meter.read(time.monotonic()).shown
    finally:
        session.close()
    return {"rate": rate, "longest_pause_in_frames": {"at_rest": rest, "to_network": to_network, "back": back}, "shown": shown}


def _switched(session: StudioSession, sink: Times, engine: str, rate: float) -> dict[str, float]:
    begin_s = time.monotonic()
    session.wardrobe.change_settings({"engine": engine})
    pause = threading.Event()
    while (persona := session.loop.snapshot.persona) is None or persona.engine.name != engine:
        pause.wait(0.005)
        if time.monotonic() - begin_s > _DEADLINE_S or session.state()["models"]["state"] == "failed":
            raise RuntimeError(session.state()["models"]["message"])
    end_s = time.monotonic()
    return {"seconds": round(end_s - begin_s, 2), "longest_pause": _longest(sink, begin_s, end_s, rate)}


def _longest(sink: Times, begin_s: float, end_s: float, rate: float) -> float:
    """The longest pause between two frames that left in this time, in frames of the camera; 1 = none was lost."""
    left = [begin_s, *(time_s for time_s in sink.left if begin_s < time_s <= end_s), end_s]
    return round(max(b - a for a, b in pairwise(left)) * rate, 1)


def _read(path: Path) -> Image:
    return read_picture(path, max_pixels=100_000_000, max_bytes=10**9).frame.image


if __name__ == "__main__":
    main()
