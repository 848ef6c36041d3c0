"""Run of `mien evaluate`: measure the parts, label their pictures and clips, write the report."""

import json
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path

import cv2

from mien import __version__
from mien.assembly import factory
from mien.commands.progress import counted_steps
from mien.commands.result_files import write_clip, write_whole
from mien.errors import UsageError
from mien.lab import bench
from mien.lab.evaluate import parts, report
from mien.lab.evaluate.figures import Figure, Section, as_json
from mien.lab.evaluate.lab import Lab
from mien.lab.evaluate.portraits import portraits
from mien.media.files.output_file import output_error
from mien.models.library.store import Store
from mien.provenance.label import Labeller
from mien.provenance.mark.pattern import Marker, new_mark_id
from mien.settings import Settings
from mien.system.processor import available_cores
from mien.types import Frame, Image

_SPEED_FRAMES = 300  # 5 s of the stream at 60 fps; not tuned
_REPORT_JPEG_QUALITY = 88  # chosen by eye


@dataclass(frozen=True, slots=True)
class EvaluationPlan:
    """Folders of portraits and clips, and the parts to run on them; `only` None = all parts."""

    faces: Path
    clips: Path | None = None
    only: str | None = None
    pairs: int = 200
    flicker_frames: int = 300
    quick: bool = False
    sheet: bool = False


def run_evaluation(plan: EvaluationPlan, output: Path, settings: Settings) -> list[Section]:
    """Measure the chosen parts and write figures.json, report.html and clips to `output`. Raises a `MienError`."""
    names = parts.chosen(plan.only)
    for folder in (plan.faces, *([plan.clips] if plan.clips else [])):
        if not folder.is_dir():
            raise UsageError(f"{folder} is not a folder", "name a folder with portraits (.jpg), and one with clips")
    try:
        # Before the work: a folder that cannot be made would cost minutes.
        for name in ("clips", *(["sheet"] if plan.sheet else [])):
            (output / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(error, output) from error
    store = Store()
    models, recogniser = factory.open_models(settings, store), factory.open_recogniser(store)
    people = tuple(portraits(plan.faces, models, recogniser))
    lab = Lab(
        settings, store, models, recogniser, people,
        clips=plan.clips, pairs=plan.pairs, flicker_frames=plan.flicker_frames, quick=plan.quick, sheet=plan.sheet,
    )  # fmt: skip
    labeller = Labeller(Settings(), Marker(new_mark_id()))
    sections = []
    for name in names:
        if name == parts.SPEED:
            sections.append(_speed(lab))
            continue
        with counted_steps(name, parts.PARTS[name].steps(lab)) as done:
            section = parts.run(name, lab, _Steps(done))
        for clip in section.clips:
            if clip.frames:
                write_clip(output / "clips" / f"{clip.name}.mp4", _labelled(clip.frames, labeller), len(clip.frames), clip.rate)
        for number, shown in enumerate(section.pages, 1):
            write_whole(output / "sheet" / f"{section.name}-{number:02d}.jpg", _labelled_jpeg(shown.image, labeller))
        # One frame says that there is a clip; the others would fill memory.
        sections.append(
            replace(section, clips=tuple(replace(clip, frames=clip.frames[:1]) for clip in section.clips), pages=())
        )
    facts = [
        f"mien {__version__}, engine {settings.engine}, {len(people)} portraits"
        + (", quick: the figures are rough" if plan.quick else ""),
        f"{platform.machine()}, {available_cores()} cores, {platform.system()}, Python {platform.python_version()}",
        "How each figure is defined: docs/evaluate.md. All pictures and clips here are labelled as altered.",
    ]
    figures = {"mien": __version__, "settings": asdict(settings), "quick": plan.quick, "parts": as_json(sections)}
    page = report.page("How good the swap is", facts, sections, lambda image: _labelled_jpeg(image, labeller))
    write_whole(output / "report.html", page.encode())
    write_whole(output / "figures.json", (json.dumps(figures, indent=2) + "\n").encode())
    return sections


@dataclass(slots=True)
class _Steps:
    """Count steps for a progress bar that takes their number."""

    done: Callable[[int], None]
    count: int = 0

    def __call__(self) -> None:
        self.count += 1
        self.done(self.count)


def _speed(lab: Lab) -> Section:
    """Measure the speed of the same settings, so that one report shows quality and cost."""
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
    _, coded = cv2.imencode(".jpg", _labelled([image], labeller)[0], [cv2.IMWRITE_JPEG_QUALITY, _REPORT_JPEG_QUALITY])
    return coded.tobytes()
