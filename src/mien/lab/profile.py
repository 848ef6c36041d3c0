"""Profile of a frame: the time of each stage by samples, its working memory by a second run, and a flame graph.

Times come from pyinstrument, which looks at the stack many times a second and so hardly slows what it measures; memory from
tracemalloc, to which NumPy and OpenCV's pictures report.
"""

import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from types import CodeType, FrameType
from typing import Any

from mien.assembly import factory
from mien.errors import UsageError
from mien.lab.bench import moving_portrait
from mien.models.library.store import Store
from mien.provenance.label import Labeller
from mien.provenance.mark.pattern import Marker, new_mark_id
from mien.settings import Settings
from mien.system.extras import install_command
from mien.types import Frame, Image

_INTERVAL_S = 0.0005  # between two samples: some 40 in a frame of 20 ms
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
    try:
        from pyinstrument import Profiler
        from pyinstrument.renderers import SpeedscopeRenderer
    except ImportError as error:
        raise UsageError("pyinstrument is not installed", f"install it with: {install_command('profile')}") from error
    models = factory.open_models(settings, store)
    pipeline = factory.open_pipeline(settings, models, factory.open_source(photo, models))
    labeller = Labeller(settings, Marker(new_mark_id()))
    scenes = moving_portrait(portrait, models)

    def run(first: int, count: int) -> None:
        for index in range(first, first + count):
            frame = Frame(scenes[index % len(scenes)].copy(), index, index, Fraction(1, 60))
            labeller.label(pipeline.swap_frame(frame).frame)

    run(0, _WARM_FRAMES)
    profiler = Profiler(interval=_INTERVAL_S)
    with profiler:
        run(_WARM_FRAMES, frames)
    memory = _working_memory(lambda: run(_WARM_FRAMES + frames, _MEMORY_FRAMES))
    session = profiler.last_session
    assert session is not None
    root = session.root_frame()
    assert root is not None
    times = dict(_times(root))
    times[REST] = max(root.time - sum(times.values()), 0.0)
    rows = (StageCost(stage, 1000 * spent / frames, memory.get(stage, 0)) for stage, spent in times.items())
    ranked = tuple(sorted(rows, key=lambda each: -each.ms))
    return FrameProfile(ranked, SpeedscopeRenderer(show_all=True).render(session))


def stage_of(file: str | None, function: str) -> str | None:
    """Return the stage that a function is the entry of."""
    path = (file or "").replace("\\", "/")
    return next((stage for (ending, name), stage in STAGES.items() if name == function and path.endswith(ending)), None)


def _times(frame: Any) -> Iterator[tuple[str, float]]:
    """Yield each stage with its seconds, summed over all its places in the tree of pyinstrument."""
    found: Counter[str] = Counter()
    waiting = [frame]
    while waiting:
        each = waiting.pop()
        stage = stage_of(each.file_path, each.function)
        if stage is None:
            waiting.extend(each.children)
        else:
            found[stage] += each.time
    yield from found.items()


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
