"""Runs the benchmark and the evaluation for the command line: reads files, shows progress, writes results."""

import json
import platform
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from mien import __version__
from mien.assembly import factory
from mien.commands.doctor import cores
from mien.errors import UsageError
from mien.lab import bench
from mien.lab.evaluate import parts, report
from mien.lab.evaluate.figures import Figure, Section, as_json
from mien.lab.evaluate.lab import Lab
from mien.lab.evaluate.portraits import portraits
from mien.media.files.output_file import OutputFile, output_error
from mien.media.files.picture_read import read_picture
from mien.models.library.store import Store
from mien.provenance.label import Labeller
from mien.provenance.mark.pattern import Marker, new_mark_id
from mien.settings import Settings
from mien.types import Frame, Image

_SPEED_FRAMES = 300


@dataclass(frozen=True, slots=True)
class EvaluationPlan:
    """What `mien evaluate` runs: `faces` and `clips` are folders; `only` names parts, None = all of them."""

    faces: Path
    clips: Path | None = None
    only: str | None = None
    pairs: int = 200
    flicker_frames: int = 300
    quick: bool = False


def run_bench(portrait: Path, photo: Path, frames: int, settings: Settings, consent: str) -> dict[str, Any]:
    """All measurements of speed and memory; raises a `MienError`."""
    store = Store()
    person, face = _read(portrait, settings), _read(photo, settings)
    with _progress("measuring", 4) as done, tempfile.TemporaryDirectory(prefix="mien-bench-") as folder:
        stream = bench.bench_stream(person, face, settings, store, frames)
        done(1)
        clip = Path(folder) / "clip.mp4"
        write_clip(clip, bench.moving_portrait(person, factory.open_models(settings, store)), frames)
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


def run_evaluation(plan: EvaluationPlan, output: Path, settings: Settings) -> list[Section]:
    """All chosen parts; figures.json, report.html and the clips go into `output`. Raises a `MienError`."""
    names = parts.chosen(plan.only)
    for folder in (plan.faces, *([plan.clips] if plan.clips else [])):
        if not folder.is_dir():
            raise UsageError(f"{folder} is not a folder", "name a folder with portraits (.jpg), and one with clips")
    try:
        # Before the work, not after it: a folder that cannot be made would cost minutes.
        (output / "clips").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(error, output) from error
    store = Store()
    models, recogniser = factory.open_models(settings, store), factory.open_recogniser(store)
    people = tuple(portraits(plan.faces, models, recogniser))
    lab = Lab(
        settings, store, models, recogniser, people,
        clips=plan.clips, pairs=plan.pairs, flicker_frames=plan.flicker_frames, quick=plan.quick,
    )  # fmt: skip
    labeller = Labeller(Settings(), Marker(new_mark_id()))
    sections = []
    for name in names:
        if name == parts.SPEED:
            sections.append(_speed(lab))
            continue
        with _progress(name, parts.PARTS[name].steps(lab)) as done:
            section = parts.run(name, lab, _Steps(done))
        for clip in section.clips:
            if clip.frames:
                write_clip(output / "clips" / f"{clip.name}.mp4", _labelled(clip.frames, labeller), len(clip.frames), clip.rate)
        # Frames are many and are not needed any more; that there is a clip is.
        sections.append(replace(section, clips=tuple(replace(clip, frames=clip.frames[:1]) for clip in section.clips)))
    facts = [
        f"mien {__version__}, engine {settings.engine}, {len(people)} portraits"
        + (", quick: the figures are rough" if plan.quick else ""),
        f"{platform.machine()}, {cores()} cores, {platform.system()}, Python {platform.python_version()}",
        "How each figure is defined: docs/evaluate.md. All pictures and clips here are labelled as altered.",
    ]
    figures = {"mien": __version__, "settings": asdict(settings), "quick": plan.quick, "parts": as_json(sections)}
    page = report.page("How good the swap is", facts, sections, lambda image: _labelled_jpeg(image, labeller))
    write_whole(output / "report.html", page.encode())
    write_whole(output / "figures.json", (json.dumps(figures, indent=2) + "\n").encode())
    return sections


@dataclass(slots=True)
class _Steps:
    """Counts steps for a progress bar that wants to know how many are done."""

    done: Callable[[int], None]
    count: int = 0

    def __call__(self) -> None:
        self.count += 1
        self.done(self.count)


def _speed(lab: Lab) -> Section:
    """The cost of the same settings, so that quality and cost stand in one report."""
    source, target = lab.cast(0)
    start = time.perf_counter()
    stream = bench.bench_stream(target.image, source.image, lab.settings, lab.store, lab.length(_SPEED_FRAMES))
    figures = (
        Figure("track, swap, compose and label at 720p, one thread", stream["fps"], "fps", at_least=45),
        Figure("median", stream["ms_median"], "ms"),
        Figure("95th percentile", stream["ms_p95"], "ms"),
    )
    seconds = time.perf_counter() - start
    return Section(parts.SPEED, "Speed", figures, stream, seconds=seconds)


def _labelled(frames: Sequence[Image], labeller: Labeller) -> list[Image]:
    return [labeller.label(Frame(frame.copy(), 0, 0, Fraction(1))).frame.image for frame in frames]


def _labelled_jpeg(image: Image, labeller: Labeller) -> bytes:
    _, coded = cv2.imencode(".jpg", _labelled([image], labeller)[0], [cv2.IMWRITE_JPEG_QUALITY, 88])
    return coded.tobytes()


def write_whole(path: Path, content: bytes) -> None:
    """Write or replace a file, whole or not at all; raises `OutputError`."""
    with OutputFile(path, overwrite=True) as output:
        try:
            output.temporary.write_bytes(content)
        except OSError as error:
            raise output_error(error, path) from error
        output.commit()


def write_clip(path: Path, scenes: list[Image], frames: int, rate: int = 60) -> None:
    """An H.264 clip that repeats `scenes`, BGR uint8."""
    height, width = scenes[0].shape[:2]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"preset": "veryfast", "crf": "18"})
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
