"""Measurements of `mien bench`, with a progress bar."""

import platform
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mien import __version__
from mien.assembly import factory
from mien.commands.progress import counted_steps
from mien.commands.result_files import write_clip
from mien.lab import bench
from mien.lab.profile import FrameProfile, profile_frames
from mien.media.files.picture_read import read_picture
from mien.models.library.store import Store
from mien.settings import Settings
from mien.system.processor import available_cores
from mien.types import Image


def run_bench(portrait: Path, photo: Path, frames: int, settings: Settings, stated: Sequence[str]) -> dict[str, Any]:
    """Measure speed and memory on a stream, a file and a picture, `frames` each; raises a `MienError`.

    `stated` are the flags of `mien swap` that state why the face may be used.
    """
    store = Store()
    wearer, source = _read(portrait, settings), _read(photo, settings)
    with counted_steps("measuring", 4) as done, tempfile.TemporaryDirectory(prefix="mien-bench-") as folder:
        stream = bench.bench_stream(wearer, source, settings, store, frames)
        done(1)
        clip = Path(folder) / "clip.mp4"
        write_clip(clip, bench.moving_portrait(wearer, factory.open_models(settings, store)), frames)
        done(2)
        file = bench.bench_file(photo, clip, Path(folder) / "out.mp4", frames, stated)
        done(3)
        picture = bench.bench_picture(photo, portrait, Path(folder) / "out.png", runs=3, stated=stated)
        done(4)
    return {
        "mien": __version__,
        "machine": f"{platform.machine()}, {available_cores()} cores, {platform.system()}, Python {platform.python_version()}",
        "stream_720p": stream,
        "file_720p": file,
        "picture_cold_start": picture,
    }


def run_profile(portrait: Path, photo: Path, frames: int, settings: Settings) -> FrameProfile:
    """Profile the stages of a frame; raises a `MienError`."""
    return profile_frames(_read(portrait, settings), _read(photo, settings), settings, Store(), frames)


def _read(path: Path, settings: Settings) -> Image:
    return read_picture(path, max_pixels=settings.max_pixels, max_bytes=settings.max_bytes).frame.image
