"""Profile of a frame: the time of each stage by samples, its working memory by a second run, and a flame graph.

Memory comes from tracemalloc, to which NumPy and OpenCV's pictures report.
"""

import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from types import CodeType, FrameType

from mien.assembly import factory
from mien.lab.bench import moving_portrait
from mien.lab.stack_sampler import Stack, StackSampler, flame_graph
from mien.models.library.store import Store
from mien.provenance.label import Labeller
from mien.provenance.mark.pattern import Marker, new_mark_id
from mien.settings import Settings
from mien.types import Frame, Image

_WARM_FRAMES = 60  # until all kernels are loaded and the memory of the track is full
_MEMORY_FRAMES = 5  # tracemalloc makes a frame ten times as slow, and memory differs little from frame to frame
STAGES = {
    ("tracking/tracker.py", "update"): "track: detector and landmarks",
    ("stream_memory.py", "observe"): "observe: occluders, light, sharpness, parser",
    ("stages/own_glasses.py", "take_off_glasses"): "take glasses off",
    ("stages/reshape.py", "reshape_each"): "reshape",
    ("stages/shave.py", "shave"): "shave",
    ("stages/make_patches.py", "make_patches"): "engine: the new face",
    ("stages/nearer_faces.py", "cut_nearer"): "cut nearer faces",
    ("stages/occluders.py", "cut_occluders"): "cut occluders",
    ("stages/own_parts.py", "preserve_own_parts"): "preserve own parts",
    ("stages/harmonise.py", "harmonise"): "harmonise",
    ("enhance/stage.py", "enhance"): "enhance",
    ("stages/match_grain.py", "match_grain"): "match blur and grain",
    ("stages/compose.py", "compose"): "compose",
    ("provenance/label.py", "label"): "label and mark",
}
"""Stage of a frame by the end of its file's name and the name of its function; each is counted where it is outermost."""
REST = "the rest"


@dataclass(frozen=True, slots=True)
class StageCost:
    """Milliseconds of a stage in a frame, and the bytes that it needs at most while it runs."""

    stage: str
    ms: float
    bytes: int


@dataclass(frozen=True, slots=True)
class FrameProfile:
    """Cost of a frame by stage, largest first, and the flame graph in speedscope's format, JSON text."""

    stages: tuple[StageCost, ...]
    flame: str

    @property
    def ms(self) -> float:
        """Milliseconds of a whole frame."""
        return sum(each.ms for each in self.stages)


def profile_frames(portrait: Image, photo: Image, settings: Settings, store: Store, frames: int) -> FrameProfile:
    """Profile the main path, file and camera apart, on one thread: 720p, one face. Raises a `MienError`."""
    models = factory.open_models(settings, store)
    pipeline = factory.open_pipeline(settings, models, factory.open_source(photo, models))
    labeller = Labeller(settings, Marker(new_mark_id()))
    scenes = moving_portrait(portrait, models)

    def run(first: int, count: int) -> None:
        for index in range(first, first + count):
            frame = Frame(scenes[index % len(scenes)].copy(), index, index, Fraction(1, 60))
            labeller.label(pipeline.swap_frame(frame).frame)

    run(0, _WARM_FRAMES)
    with StackSampler() as sampler:
        run(_WARM_FRAMES, frames)
    memory = _working_memory(lambda: run(_WARM_FRAMES + frames, _MEMORY_FRAMES))
    times = _times(sampler.seconds)
    rows = (StageCost(stage, 1000 * spent / frames, memory.get(stage, 0)) for stage, spent in times.items())
    ranked = tuple(sorted(rows, key=lambda each: -each.ms))
    return FrameProfile(ranked, flame_graph(sampler.seconds.items()))


def stage_of(file: str, function: str) -> str | None:
    """Return the stage that a function is the entry of."""
    path = file.replace("\\", "/")
    return next((stage for (ending, name), stage in STAGES.items() if name == function and path.endswith(ending)), None)


def _times(seconds: dict[Stack, float]) -> dict[str, float]:
    """Return the seconds of each stage, and of what belongs to none."""
    found: dict[str, float] = {}
    for stack, spent in seconds.items():
        stages = (stage_of(file, function) for file, function in stack)
        stage = next((each for each in stages if each is not None), REST)
        found[stage] = found.get(stage, 0.0) + spent
    return found


def _working_memory(work: Callable[[], None]) -> dict[str, int]:
    """Return by stage the most bytes that were held beyond those at its beginning."""
    most: dict[str, int] = {}
    open_stages: list[tuple[CodeType, str, int]] = []

    def look(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if event == "call" and not open_stages:
            stage = stage_of(code.co_filename, code.co_name)
            if stage is not None:
                tracemalloc.reset_peak()
                open_stages.append((code, stage, tracemalloc.get_traced_memory()[0]))
        elif event == "return" and open_stages and open_stages[-1][0] is code:
            _, stage, before = open_stages.pop()
            most[stage] = max(most.get(stage, 0), tracemalloc.get_traced_memory()[1] - before)

    tracemalloc.start()
    sys.setprofile(look)
    try:
        work()
    finally:
        sys.setprofile(None)
        tracemalloc.stop()
    return most
