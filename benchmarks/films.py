"""Waiting times of a page that looks through a file with people. A command, never a test.

    PYTHONPATH=. .venv/bin/python benchmarks/films.py --seconds 60

A studio without its page gets a film of two people at 720p with a single key frame, the worst case. Reported: seconds of
processor and of wall time until the people are known, and milliseconds until a picture of a random time is there: one like it
(`soon`), the exact frame (`frame`, decoded from the key frame on), and the swapped frame.
"""

import argparse
import json
import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from tests.support.running_studio import Studio, running_studio
from tests.support.side_by_side import side_by_side

_RATE = 25
_SIZE_WH = 1280, 720
_SEED = 3
_SWAY_PIXELS = 8.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--times", type=int, default=9, help="random times that are asked for")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mien-films-") as folder:
        film = write_film(Path(folder) / "film.mp4", given.seconds)
        with running_studio(Path(folder)) as studio:
            print(json.dumps(bench_film(studio, film, given.seconds, given.times), indent=2))


def write_film(path: Path, seconds: float) -> Path:
    """Write a film of two people who sway, with one key frame."""
    image = cv2.resize(side_by_side(), _SIZE_WH, interpolation=cv2.INTER_CUBIC)
    with av.open(str(path), "w") as out:
        options = {"preset": "veryfast", "crf": "23", "x264-params": "keyint=infinite:scenecut=0"}
        stream = out.add_stream("libx264", rate=_RATE, options=options)
        (stream.width, stream.height), stream.pix_fmt = _SIZE_WH, "yuv420p"
        for index in range(round(seconds * _RATE)):
            way = _SWAY_PIXELS * np.sin(index / 9)
            moved = cv2.warpAffine(image, np.array([[1, 0, way], [0, 1, 0]]), _SIZE_WH, borderMode=cv2.BORDER_REFLECT)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.asarray(moved, np.uint8), format="bgr24")))
        out.mux(stream.encode(None))
    return path


def bench_film(studio: Studio, film: Path, seconds: float, times: int) -> dict[str, Any]:
    """Give the film to the studio and ask for frames, before its people are known and after."""
    chance = random.Random(_SEED)
    moments = [round(chance.uniform(0.5, seconds - 0.5), 3) for _ in range(times)]
    began_s, used_s = time.monotonic(), time.process_time()
    with film.open("rb") as opened:
        film_id = studio.client.post("/api/films", files={"file": (film.name, opened)}).raise_for_status().json()["id"]
    studio.wait(lambda state: state["films"][0]["state"] == "done", "the people are found")
    looked = {"wall_s": round(time.monotonic() - began_s, 1), "processor_s": round(time.process_time() - used_s, 1)}
    cards = studio.client.get(f"/api/films/{film_id}").json()["cards"]
    studio.client.patch(f"/api/films/{film_id}", json={"everybody": "stand-in-1"}).raise_for_status()
    found: dict[str, Any] = {"people": len(cards), "looked_for": looked}
    for name in ("soon", "frame", "swapped"):
        waits = [_wait(studio, f"/api/films/{film_id}/{name}.jpg", moment) for moment in moments]
        found[name] = {
            what: {"median_ms": round(1000 * statistics.median(each)), "most_ms": round(1000 * max(each))}
            for what, each in zip(("wall", "processor"), zip(*waits, strict=True), strict=True)
        }
    return found


def _wait(studio: Studio, path: str, time_s: float) -> tuple[float, float]:
    """Return the seconds of wall and of processor time until a picture is there."""
    began_s, used_s = time.monotonic(), time.process_time()
    studio.client.get(path, params={"time_s": time_s}).raise_for_status()
    return time.monotonic() - began_s, time.process_time() - used_s


if __name__ == "__main__":
    main()
