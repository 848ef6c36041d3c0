"""Speed and memory of the main path, measured on pictures made from one portrait. Run by a command, not by tests."""

import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mien.assembly import factory
from mien.errors import UsageError
from mien.imaging import geometry
from mien.models.library.store import Store
from mien.provenance.label import Labeller
from mien.provenance.mark.pattern import Marker, new_mark_id
from mien.settings import Settings
from mien.system.programs import environment, python_module
from mien.types import Frame, Image

WIDTH, HEIGHT = 1280, 720  # 720p, the usual size of a webcam
_SCENES = 60  # frames of the loop: one second at 60 fps


def moving_portrait(portrait: Image, models: factory.Models, count: int = _SCENES) -> list[Image]:
    """Return `count` frames 1280 x 720 that loop without a jump: the portrait sways, turns and zooms, its face 240 pixels tall.

    Raises `UsageError` for a portrait without a face.
    """
    faces = models.photo_detector.detect(portrait)
    if not faces:
        raise UsageError("the portrait shows no face", "name a picture with one face")
    landmarks = models.landmarker.fit(portrait, faces[0].points)
    landmarks = models.landmarker.fit(portrait, landmarks.points)
    x1, y1, x2, y2 = geometry.box_of(landmarks.points)
    middle = np.array([(x1 + x2) / 2, (y1 + y2) / 2])
    draw = np.random.default_rng(1)
    frames = []
    for index in range(count):
        phase = 2 * np.pi * index / count
        angle, zoom = np.radians(6 * np.sin(phase)), 1 + 0.08 * np.sin(2 * phase)
        scale = zoom * (HEIGHT / 3) / (y2 - y1)
        linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        place = np.array([WIDTH / 2 + 90 * np.sin(phase), HEIGHT / 2 + 30 * np.cos(phase)])
        to_frame = np.hstack([linear, (place - linear @ middle)[:, None]])
        picture = cv2.warpAffine(
            portrait, to_frame, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )  # fmt: skip
        noise = draw.normal(0, 2, picture.shape)
        frames.append(np.clip(picture + noise, 0, 255).astype(np.uint8))
    return frames


def bench_stream(portrait: Image, photo: Image, settings: Settings, store: Store, frames: int) -> dict[str, Any]:
    """Track, swap, compose and label frame by frame on one thread; return milliseconds a frame and frames a second."""
    models = factory.open_models(settings, store)
    source = factory.open_source(photo, models)
    pipeline = factory.open_pipeline(settings, models, source)
    labeller = Labeller(settings, Marker(new_mark_id()))
    scenes = moving_portrait(portrait, models)
    times, swapped = [], 0
    for index in range(frames + _SCENES):
        frame = Frame(scenes[index % len(scenes)].copy(), index, index, Fraction(1, 60))
        start = time.perf_counter()
        result = pipeline.swap_frame(frame)
        labeller.label(result.frame)
        if index >= _SCENES:
            times.append(1000 * (time.perf_counter() - start))
            swapped += result.swapped
    return {
        "frames": frames,
        "faces_swapped": swapped,
        "fps": 1000 / statistics.fmean(times),
        "ms_median": statistics.median(times),
        "ms_p95": float(np.percentile(times, 95)),
        "ms_max": max(times),
    }


def bench_file(photo: Path, clip: Path, output: Path, frames: int, stated: Sequence[str]) -> dict[str, Any]:
    """Run `mien swap` on a video in a new process; return the time, start-up included, and its peak memory."""
    start = time.perf_counter()
    subprocess.run(_swap_command(photo, clip, output, stated), check=True, stdin=subprocess.DEVNULL, env=environment())
    seconds = time.perf_counter() - start
    return {"frames": frames, "seconds": seconds, "fps": frames / seconds, "peak_mb": peak_memory_of_children_mb()}


def bench_picture(photo: Path, target: Path, output: Path, runs: int, stated: Sequence[str]) -> dict[str, Any]:
    """Run `mien swap` on a picture in new processes; return seconds from start to exit. The first may fill numba's cache."""
    times = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        subprocess.run(_swap_command(photo, target, output, stated), check=True, stdin=subprocess.DEVNULL, env=environment())
        times.append(time.perf_counter() - start)
    return {"first_s": times[0], "median_s": statistics.median(times[1:]), "worst_s": max(times[1:])}


def peak_memory_of_children_mb() -> float | None:
    """Return the most memory that any finished child process held, in MB; None on Windows, which keeps no such figure."""
    if sys.platform == "win32":
        return None
    import resource

    # Linux counts in kB, macOS in bytes.
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return peak / 1024 if sys.platform != "darwin" else peak / 1024**2


def _swap_command(photo: Path, target: Path, output: Path, stated: Sequence[str]) -> list[str]:
    # With its own key and ledger beside the output: measurements do not belong in the ledger of this installation.
    files = [str(photo), str(target), "-o", str(output), "--data", str(output.parent / "data")]
    return python_module("mien.commands.main", "swap", *files, *stated, "--overwrite", "--quiet")
