"""Runs the benchmark and the evaluation for the command line: reads files, shows progress, writes results."""

import json
import platform
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from mien import __version__, bench, build, evaluate
from mien.doctor import cores
from mien.errors import UsageError
from mien.media.output import OutputFile, output_error
from mien.media.picture import read_picture
from mien.models.store import Store
from mien.provenance.mark import Marker, new_mark_id
from mien.settings import Settings
from mien.stages.label import Labeller
from mien.types import Frame, Image


def run_bench(portrait: Path, photo: Path, frames: int, settings: Settings, consent: str) -> dict[str, Any]:
    """All measurements of speed and memory; raises a `MienError`."""
    store = Store()
    person, face = _read(portrait, settings), _read(photo, settings)
    with _progress("measuring", 4) as done, tempfile.TemporaryDirectory(prefix="mien-bench-") as folder:
        stream = bench.bench_stream(person, face, settings, store, frames)
        done(1)
        clip = Path(folder) / "clip.mp4"
        write_clip(clip, bench.moving_portrait(person, build.open_models(settings, store)), frames)
        done(2)
        file = bench.bench_file(photo, clip, Path(folder) / "out.mp4", frames, consent)
        done(3)
        picture = bench.bench_picture(photo, portrait, Path(folder) / "out.png", runs=3, consent=consent)
        done(4)
    return {
        "mien": __version__,
        "machine": f"{platform.machine()}, {cores()} cores, {platform.system()}, Python {platform.python_version()}",
        "stream_720p": stream,
        "file_720p": file,
        "picture_cold_start": picture,
    }


def run_evaluation(faces: Path, output: Path, count: int, flicker_frames: int, settings: Settings) -> dict[str, Any]:
    """Figures and a contact sheet in `output`; raises a `MienError`."""
    if not faces.is_dir():
        raise UsageError(f"{faces} is not a folder", "name a folder with portraits (.jpg)")
    try:
        # Before the work, not after it: a folder that cannot be made would cost minutes.
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(error, output) from error
    store = Store()
    models, recogniser = build.open_models(settings, store), build.open_recogniser(store)
    people = evaluate.portraits(faces, models, recogniser)
    pairs = evaluate.choose_pairs(people, count)
    with _progress("swapping pairs", len(pairs)) as done:
        measured = list(evaluate.evaluate_pairs(pairs, settings, models, recogniser, done))
    figures = evaluate.summary([result for result, _ in measured], people, recogniser.same_person_below)
    if flicker_frames > 1:
        target, source = pairs[0][1], pairs[0][0]
        figures["flicker"] = evaluate.flicker(target, source, settings, store, flicker_frames)
    rows = [(source, target, image) for (source, target), (_, image) in zip(pairs, measured, strict=True)]
    shown = Frame(evaluate.contact_sheet(rows), 0, 0, Fraction(1))
    labelled = Labeller(Settings(), Marker(new_mark_id())).label(shown)
    _, sheet = cv2.imencode(".jpg", labelled.frame.image, [cv2.IMWRITE_JPEG_QUALITY, 90])
    write_whole(output / "contact-sheet.jpg", sheet.tobytes())
    write_whole(output / "figures.json", (json.dumps(figures, indent=2) + "\n").encode())
    return figures


def write_whole(path: Path, content: bytes) -> None:
    """Write or replace a file, whole or not at all; raises `OutputError`."""
    with OutputFile(path, overwrite=True) as output:
        try:
            output.temporary.write_bytes(content)
        except OSError as error:
            raise output_error(error, path) from error
        output.commit()


def write_clip(path: Path, scenes: list[Image], frames: int) -> None:
    """A 60 fps H.264 clip that repeats `scenes`, BGR uint8."""
    height, width = scenes[0].shape[:2]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=60, options={"preset": "veryfast", "crf": "18"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for index in range(frames):
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(scenes[index % len(scenes)]), format="bgr24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


def _read(path: Path, settings: Settings) -> Image:
    return read_picture(path, max_pixels=settings.max_pixels, max_bytes=settings.max_bytes).frame.image


@contextmanager
def _progress(what: str, total: int) -> Iterator[Any]:
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)
