"""What mien costs beside a network: the bare network in plain onnxruntime against whole frames. A command, never a test.

    PYTHONPATH=. .venv/bin/python benchmarks/engines.py frames
    PYTHONPATH=. .venv/bin/python benchmarks/engines.py frames --engine hyperswap_1a_256 --frames 100
    PYTHONPATH=. .venv/bin/python benchmarks/engines.py live --rate 240 --seconds 30
    PYTHONPATH=. .venv/bin/python benchmarks/engines.py threads

Without `--engine` it takes a full-size stand-in of inswapper_128 (138.3 million random weights), which is made at the first use
and laid into `--folder`. The bare network has onnxruntime's own default options and the device that mien has chosen.
Runs of the two alternate, and the ratio is the median of neighbours, so that a busy machine slows both.
"""

import argparse
import contextlib
import json
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from tests.support.standins.full import make_inswapper
from tests.support.standins.store import install

from mien.assembly import factory
from mien.lab import bench
from mien.live.loop import LiveLoop
from mien.live.snapshot import Snapshot
from mien.media.files.picture_read import read_picture
from mien.models.library.importing import import_models
from mien.models.library.store import ModelEntry, Store
from mien.models.runtime import onnx_session
from mien.models.runtime.example_face import example_picture
from mien.models.runtime.half_precision import face_inputs
from mien.models.runtime.onnx_session import OnnxSession
from mien.provenance.label import Labeller
from mien.provenance.mark.pattern import Marker, new_mark_id
from mien.settings import Settings
from mien.swap.cast import everyone
from mien.swap.persona import open_persona
from mien.testing import NullSink, PacedCamera
from mien.types import Array, Frame, Image

EXAMPLES = Path(__file__).parent.parent / "examples"
PORTRAIT, PHOTO = EXAMPLES / "grace_hopper.jpg", EXAMPLES / "eileen_collins.png"
WARM = 3
GPU_EVERY_MS = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("frames", "live", "threads"))
    parser.add_argument("--engine", default="", help="an installed swapper; none = the full-size stand-in")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--frames", type=int, default=30)
    parser.add_argument("--rate", type=float, default=240, help="frames a second that the camera offers")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "mien-standins")
    options = parser.parse_args()
    store = Store() if options.engine else standins(options.folder)
    engine = options.engine or next(each.id for each in store.entries() if each.family == "inswapper" and each.standin)
    settings = Settings(engine=engine, device=options.device, precision=options.precision)
    match options.what:
        case "frames":
            figures = bench_frames(settings, store, options.frames)
        case "live":
            figures = bench_live(settings, store, options.rate, options.seconds)
        case _:
            figures = bench_threads(store.entry(engine), store, options.frames)
    print(json.dumps(figures, indent=2))


def standins(folder: Path) -> Store:
    """A store with the full-size swapper and what it needs; made once."""
    folder.mkdir(parents=True, exist_ok=True)
    store = Store(installed=folder / "models")
    if not store.installed("swapper"):
        file = folder / "standin_inswapper_full.onnx"
        make_inswapper(file)
        import_models([file], store, trust=True, family="inswapper")
        file.unlink()
    if not any(row.family == "arcface" for row in store.installed("recogniser")):
        install(store, "arcface")
    return store


@dataclass(frozen=True, slots=True)
class Bare:
    """The network alone, in plain onnxruntime, with what it is fed."""

    session: Any
    feeds: Mapping[str, Array]

    def run(self) -> None:
        self.session.run(None, dict(self.feeds))


def bare(entry: ModelEntry, store: Store, provider: str, **options: Any) -> Bare:
    """`options` are attributes of onnxruntime's session options; `spin` is the waiting of its threads."""
    chosen = onnxruntime.SessionOptions()
    chosen.log_severity_level = 3
    if not options.pop("spin", True):
        chosen.add_session_config_entry("session.intra_op.allow_spinning", "0")
    for name, value in options.items():
        setattr(chosen, name, value)
    providers = list(dict.fromkeys([provider, "CPUExecutionProvider"]))
    onnx_session.preload()
    session = onnxruntime.InferenceSession(store.read(entry.id), chosen, providers=providers, enable_fallback=0)
    assert session.get_providers()[0] == provider, session.get_providers()
    plain = OnnxSession.__new__(OnnxSession)
    plain._describe(session)
    return Bare(session, face_inputs(plain.inputs, plain.dtypes, example_picture()))


def bench_frames(settings: Settings, store: Store, count: int) -> dict[str, Any]:
    """Whole frames one after the other on one thread, and runs of the bare network between them."""
    models = factory.open_models(settings, store)
    pipeline = factory.open_pipeline(settings, models, factory.open_source(_read(PHOTO), models))
    labeller = Labeller(settings, Marker(new_mark_id()))
    scenes = bench.moving_portrait(_read(PORTRAIT), models)
    entry = store.entry(settings.engine)
    network = models.sessions.session(entry)
    alone = bare(entry, store, network.provider)
    swapped = 0

    def frame(number: int) -> None:
        nonlocal swapped
        shown = Frame(scenes[number % len(scenes)].copy(), number, number, Fraction(1, 60))
        result = pipeline.swap_frame(shown)
        labeller.label(result.frame)
        swapped += result.swapped

    works: dict[str, Callable[[int], object]] = {
        "bare": lambda _: alone.run(),
        "network": lambda _: network.run(alone.feeds),
        "frame": frame,
    }
    wall, spent = interleaved(works, count)
    return {
        "engine": settings.engine,
        "provider": network.provider,
        "onnxruntime": onnx_session.version(),
        "faces_swapped": swapped,
        "ms": {name: spread(times) for name, times in wall.items()},
        "processor_ms": {name: round(statistics.median(times), 1) for name, times in spent.items()},
        "fps": round(1000 / statistics.median(wall["frame"]), 2),
        "frame_by_bare": ratio(wall["frame"], wall["bare"]),
        "frame_by_bare_processor": ratio(spent["frame"], spent["bare"]),
        "network_by_bare": ratio(wall["network"], wall["bare"]),
        "network_by_bare_processor": ratio(spent["network"], spent["bare"]),
    }


def bench_threads(entry: ModelEntry, store: Store, count: int) -> dict[str, Any]:
    """The bare network on the processor with one thread and several, waiting idle and spinning."""
    many = onnx_session.threads()
    kinds = {"1 thread": (1, False), f"{many} threads": (many, False), f"{many} threads that spin": (many, True)}
    sessions = {
        name: bare(entry, store, "CPUExecutionProvider", intra_op_num_threads=number, inter_op_num_threads=1, spin=spin)
        for name, (number, spin) in kinds.items()
    }
    wall, spent = interleaved({name: (lambda _, each=each: each.run()) for name, each in sessions.items()}, count)  # type: ignore[misc]
    first = next(iter(sessions))
    return {
        name: {
            **spread(wall[name]),
            "processor_ms": round(statistics.median(spent[name]), 1),
            "by_one_thread": ratio(wall[name], wall[first]),
        }
        for name in sessions
    }


def bench_live(settings: Settings, store: Store, rate: float, seconds: float) -> dict[str, Any]:
    """Camera in memory to a sink that throws away: tracking overlaps swapping, as in the studio."""
    models = factory.open_models(settings, store)
    source = factory.open_source(_read(PHOTO), models)
    persona = open_persona(factory.open_engine(settings, models.sessions), source, models.retouch_for(settings))
    scenes = bench.moving_portrait(_read(PORTRAIT), models)
    wearing = Snapshot(settings, everyone(persona), "bench")
    loop = LiveLoop(lambda wanted: factory.open_tracking(wanted, models.sessions), factory.open_classifier(store), wearing)
    sink = NullSink()
    loop.start()
    try:
        loop.add_sink("sink", lambda width, height: sink)
        loop.set_input(lambda: PacedCamera(bench.WIDTH, bench.HEIGHT, rate, lambda number: scenes[number % len(scenes)].copy()))
        pause = threading.Event()
        pause.wait(10)
        loop.meter.reset()
        with busy_gpu() as busy:
            pause.wait(seconds)
        figures = loop.meter.read(time.monotonic())
        return {
            "engine": settings.engine,
            "provider": models.sessions.session(store.entry(settings.engine)).provider,
            "fps": figures.fps,
            "latency_median_ms": figures.latency_median_ms,
            "latency_p95_ms": figures.latency_p95_ms,
            "stages_ms": figures.stages_ms,
            "shown": figures.shown,
            "gpu_busy_percent": round(statistics.fmean(busy), 1) if busy else "no nvidia-smi here",
        }
    finally:
        loop.stop()


Times = dict[str, list[float]]


def interleaved(works: Mapping[str, Callable[[int], object]], count: int) -> tuple[Times, Times]:
    """Milliseconds by the clock and of the processor, a value a round, after a few rounds that do not count."""
    wall: Times = {name: [] for name in works}
    spent: Times = {name: [] for name in works}
    for number in range(count + WARM):
        for name, work in works.items():
            start, own = time.perf_counter(), time.process_time()
            work(number)
            if number >= WARM:
                wall[name].append(1000 * (time.perf_counter() - start))
                spent[name].append(1000 * (time.process_time() - own))
    return wall, spent


def ratio(times: list[float], others: list[float]) -> float:
    """The median of the quotients of neighbours."""
    return round(statistics.median(a / b for a, b in zip(times, others, strict=True)), 3)


def spread(times: list[float]) -> dict[str, float]:
    return {
        "best": round(min(times), 2),
        "median": round(statistics.median(times), 2),
        "p95": round(float(np.percentile(times, 95)), 2),
    }


@contextmanager
def busy_gpu() -> Iterator[list[float]]:
    """How busy an NVIDIA card is, in percent, sampled by nvidia-smi while the `with` lasts; empty without it."""
    samples: list[float] = []
    command = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", f"--loop-ms={GPU_EVERY_MS}"]
    try:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    except OSError:
        yield samples
        return

    def collect() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            with contextlib.suppress(ValueError):
                samples.append(float(line.split()[0]))

    reader = threading.Thread(target=collect, daemon=True)
    reader.start()
    try:
        yield samples
    finally:
        process.terminate()
        process.wait(10)
        reader.join(10)


def _read(path: Path) -> Image:
    return read_picture(path, max_pixels=10**8, max_bytes=10**9).frame.image


if __name__ == "__main__":
    main()
