"""`mien swap` of a clip against ffmpeg's own decoder with libx264 on the same cores. A command, never a test; needs ffmpeg.

    .venv/bin/python benchmarks/files.py
    .venv/bin/python benchmarks/files.py --height 2160 --frames 120 --runs 1

The clip is the scene of `mien bench` at 60 Hz; at other heights it is scaled. Both commands run in turn, start-up included.
Ratios are those of the medians. PSNR and SSIM compare the luma with the input's, at the left and right, where no face comes
and the badge is not; mien's has its mark in it.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from mien.assembly import factory
from mien.commands.result_files import write_clip
from mien.lab import bench
from mien.media.files.picture_read import read_picture
from mien.models.library.store import Store
from mien.settings import Settings
from mien.types import Array

ROOT = Path(__file__).parent.parent
PORTRAIT = ROOT / "examples" / "grace_hopper.jpg"
PHOTO = ROOT / "examples" / "eileen_collins.png"
SIDES = 0.25
"""Share of the width at the left and at the right in which no face comes."""
ABOVE_BADGE = 0.85
"""Share of the height above the badge."""
COMPARED_EVERY = 15  # frames
SSIM_SIGMA, SSIM_C1, SSIM_C2 = 1.5, (0.01 * 255) ** 2, (0.03 * 255) ** 2  # Wang et al., 2004


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a command: seconds by the clock and of the processor, and its most memory in MB."""

    wall_s: float
    processor_s: float
    peak_mb: float


@dataclass(frozen=True, slots=True)
class Likeness:
    """Likeness of a file to the input, in the mean over some frames."""

    psnr_db: float
    ssim: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--height", type=int, default=720, choices=(720, 1080, 2160))
    parser.add_argument("--frames", type=int, default=900)
    parser.add_argument("--runs", type=int, default=3, help="of each command")
    parser.add_argument("--keep", type=Path, help="a folder for clip and outputs, kept; a clip that lies there is used again")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mien-files-") as folder:
        place = given.keep or Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        print(json.dumps(compare(place, given.height, given.frames, given.runs), indent=2))


def compare(folder: Path, height: int, frames: int, runs: int) -> dict[str, Any]:
    """Return the figures of both commands, in turn, and their ratios, mien's over ffmpeg's."""
    clip, ours, theirs = folder / f"clip-{height}-{frames}.mp4", folder / "mien.mp4", folder / "ffmpeg.mp4"
    if not clip.exists():
        _write(clip, height, frames)
    python = [sys.executable, "-P", "-m", "mien"]
    swap = [*python, "swap", str(PHOTO), str(clip), "-o", str(ours), "--data", str(folder / "data"), "--overwrite", "--quiet"]
    swap += ["--consent", "public-domain"]
    encode = ["ffmpeg", "-v", "error", "-nostdin", "-y", "-i", str(clip)]
    encode += ["-c:v", "libx264", "-preset", "veryfast", "-crf", "20", str(theirs)]
    pairs = [(timed(swap), timed(encode)) for _ in range(runs)]
    mien_s, ffmpeg_s = [statistics.median(run.wall_s for run in each) for each in zip(*pairs, strict=True)]
    mien_used, ffmpeg_used = [statistics.median(run.processor_s for run in each) for each in zip(*pairs, strict=True)]
    return {
        "height": height,
        "frames": frames,
        "fps": frames / mien_s,
        "speed": ffmpeg_s / mien_s,
        "processor_time": mien_used / ffmpeg_used,
        "bytes": ours.stat().st_size / theirs.stat().st_size,
        "peak_mb": max(run.peak_mb for run, _ in pairs),
        "mien": [asdict(run) for run, _ in pairs],
        "ffmpeg": [asdict(run) for _, run in pairs],
        "mien_likeness": asdict(likeness(clip, ours)),
        "ffmpeg_likeness": asdict(likeness(clip, theirs)),
    }


def timed(command: list[str]) -> Run:
    """Run a command. Raises `RuntimeError` where it fails."""
    began = time.perf_counter()
    _, status, used = os.wait4(os.spawnvp(os.P_NOWAIT, command[0], command), 0)
    if status:
        raise RuntimeError(f"{command[0]} failed")
    return Run(time.perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def likeness(clip: Path, path: Path) -> Likeness:
    """Compare a file with the clip that it was made from."""
    pairs = zip(islice(_lumas(clip), 0, None, COMPARED_EVERY), islice(_lumas(path), 0, None, COMPARED_EVERY), strict=True)
    found = [(_psnr(one, other), _ssim(one, other)) for one, other in pairs]
    return Likeness(*(statistics.fmean(each) for each in zip(*found, strict=True)))


def _write(clip: Path, height: int, frames: int) -> None:
    limits = {"max_pixels": 10**8, "max_bytes": 10**8}
    models = factory.open_models(Settings(), Store())
    scenes = bench.moving_portrait(read_picture(PORTRAIT, **limits).frame.image, models)
    if height != bench.HEIGHT:
        size_wh = round(height * bench.WIDTH / bench.HEIGHT), height
        scenes = [np.asarray(cv2.resize(scene, size_wh), np.uint8) for scene in scenes]
    write_clip(clip, scenes, frames)


def _lumas(path: Path) -> Iterator[Array]:
    """Yield the two sides of each frame's luma, one above the other, uint8."""
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            data = frame.planes[0]
            luma = np.frombuffer(memoryview(data), np.uint8).reshape(-1, data.line_size)
            high, wide = round(ABOVE_BADGE * data.height), round(SIDES * data.width)
            yield np.vstack([luma[:high, :wide], luma[:high, data.width - wide : data.width]])


def _psnr(one: Array, other: Array) -> float:
    return float(cv2.PSNR(one, other))


def _ssim(one: Array, other: Array) -> float:
    x, y = one.astype(np.float32), other.astype(np.float32)
    mx, my = _blurred(x), _blurred(y)
    vx, vy, vxy = _blurred(x * x) - mx * mx, _blurred(y * y) - my * my, _blurred(x * y) - mx * my
    likely = (2 * mx * my + SSIM_C1) * (2 * vxy + SSIM_C2) / ((mx * mx + my * my + SSIM_C1) * (vx + vy + SSIM_C2))
    return float(likely.mean())


def _blurred(values: Array) -> Array:
    return np.asarray(cv2.GaussianBlur(values, (11, 11), SSIM_SIGMA))


if __name__ == "__main__":
    main()
