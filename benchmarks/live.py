"""Speed of the live path: the loop alone, and through the studio in real headless Chromium. A command, never a test.

    .venv/bin/python benchmarks/live.py loop --rate 60 --seconds 1800
    .venv/bin/python benchmarks/live.py loop --height 1080 --rate 60
    .venv/bin/python benchmarks/live.py loop --parser off       # as the older figures of BENCHMARKS.md were measured
    .venv/bin/python benchmarks/live.py browser --source server
    .venv/bin/python benchmarks/live.py browser --source browser --height 1080
    .venv/bin/python benchmarks/live.py faults --seconds 300

The pictures sway a portrait and carry a counter in bars along the top, which is read back from the page's canvas.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import psutil

from mien.assembly import factory
from mien.lab import bench
from mien.lab.faults import run_faults
from mien.lab.sightings import Checker, farthest
from mien.live.loop import LiveLoop
from mien.live.snapshot import Snapshot
from mien.media.files.picture_read import read_picture
from mien.models.library.store import Store
from mien.settings import Settings
from mien.swap.cast import everyone
from mien.swap.persona import open_persona
from mien.testing import NullSink, PacedCamera
from mien.types import Image
from watched_page import watched_page

EXAMPLES = Path(__file__).parent.parent / "examples"
PORTRAIT, PHOTO = EXAMPLES / "grace_hopper.jpg", EXAMPLES / "eileen_collins.png"
BITS, BLOCK = 12, 32
COUNTED = 240
"""Pictures of the clip: a multiple of the swaying portrait's period."""
FAR_SOURCES = 3
READ_BACK = """
([bits, block]) => {
  window.seen = [];
  window.mien.onframe = ({sequence, capture, drawn}) => {
    const canvas = document.querySelector('#preview');
    const scale = canvas.width / 1280;
    const context = canvas.getContext('2d');
    const row = context.getImageData(0, Math.round(block / 2 * scale), Math.round(bits * block * scale), 1).data;
    let counter = 0;
    for (let bit = 0; bit < bits; bit += 1) {
      const x = Math.round((bit + 0.5) * block * scale);
      if (row[4 * x + 1] > 127) counter += 1 << bit;
    }
    window.seen.push([sequence, capture, drawn, counter]);
  };
}
"""


FIRST = """() => window.mien?.shown > 3 && document.querySelector('#empty').hidden &&
  document.querySelector('[data-face-id] [aria-pressed="true"]')"""
CAN_CHOOSE = """() => document.querySelector('#input-kind option[value="browser"]') && window.mien"""
CHOOSE_BROWSER = """(size) => {
  const kind = document.querySelector('#input-kind');
  kind.value = 'browser';
  kind.dispatchEvent(new Event('input', { bubbles: true }));
  kind.dispatchEvent(new Event('change', { bubbles: true }));
  document.querySelector('[name="size"]').value = size;
  document.querySelector('#input-apply').click();
}"""
FACE_CHANGE = """
async () => {
  const bright = () => {
    const canvas = document.querySelector('#preview');
    const row = canvas.getContext('2d').getImageData(0, 8, canvas.width >> 1, 1).data;
    return Math.max(...row.filter((_, place) => place % 4 === 1)) > 200;
  };
  const until = (wanted) => new Promise((done) => {
    window.mien.onframe = () => bright() === wanted && done(performance.now());
  });
  const face = document.querySelector('[data-face-id]').dataset.faceId;
  const times = [];
  for (let round = 0; round < 10; round += 1) {
    const [id, wanted] = round % 2 ? [face, true] : ['none', false];
    const start = performance.now();
    const [end] = await Promise.all([until(wanted), fetch(`/api/faces/${id}/select`, { method: 'POST' })]);
    if (wanted) times.push(end - start);
  }
  return times;
}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(required=True)
    loop = kinds.add_parser("loop")
    loop.add_argument("--rate", type=float, default=60)
    loop.add_argument("--height", type=int, default=720)
    loop.add_argument("--seconds", type=float, default=60)
    loop.add_argument(
        "--parser", choices=("on", "off"), default=Settings().parser, help="with parts of faces and hands, or without"
    )
    loop.set_defaults(run=lambda given: bench_loop(given.rate, given.height, given.seconds, given.parser))
    browser = kinds.add_parser("browser")
    browser.add_argument("--source", choices=("server", "browser"), default="server")
    browser.add_argument("--height", type=int, choices=(720, 1080), default=720)
    browser.add_argument("--seconds", type=float, default=20)
    browser.set_defaults(run=lambda given: bench_browser(given.source, given.height, given.seconds))
    faults = kinds.add_parser("faults")
    faults.add_argument("--seconds", type=float, default=300)
    faults.add_argument("--person", type=Path, default=PORTRAIT, help="a portrait: who must never be seen")
    faults.add_argument(
        "--photo",
        type=Path,
        action="append",
        help=("face to wear; may be repeated (default: the portraits in MIEN_MEDIA farthest from the person)"),
    )
    faults.add_argument("--keep", type=Path, help="folder for frames that show the person, or may")
    faults.set_defaults(run=lambda given: bench_faults(given.person, given.photo or [], given.seconds, given.keep))
    given = parser.parse_args()
    print(json.dumps(given.run(given), indent=2))


def counted(scenes: list[Image]) -> list[Image]:
    """`COUNTED` pictures, each with its number in bars: bit n is white or black at block n of the top row."""
    pictures = []
    for number in range(COUNTED):
        picture = scenes[number % len(scenes)].copy()
        for bit in range(BITS):
            picture[:BLOCK, bit * BLOCK : (bit + 1) * BLOCK] = 235 if number >> bit & 1 else 20
        pictures.append(picture)
    return pictures


def of_height(scenes: list[Image], height: int) -> list[Image]:
    """The scenes in another size, their bars with them."""
    size_wh = round(height * bench.WIDTH / bench.HEIGHT), height
    return scenes if height == bench.HEIGHT else [np.asarray(cv2.resize(scene, size_wh), np.uint8) for scene in scenes]


def bench_loop(rate: float, height: int, seconds: float, parser: str) -> dict[str, Any]:
    """Camera to sink without a browser, with a studio's networks; `processor_ms` is what a frame takes of all cores."""
    settings, store = replace(Settings(), parser=parser), Store()
    models = factory.open_models(settings, store)
    source = factory.open_source(_read(PHOTO), models)
    persona = open_persona(factory.open_engine(settings, models.sessions), source, models.retouch_for(settings))
    scenes = bench.moving_portrait(_read(PORTRAIT), models)
    scenes = of_height(scenes, height)
    order = _Order()
    wearing = Snapshot(settings, everyone(persona), "bench")
    loop = LiveLoop(lambda wanted: factory.open_tracking(wanted, models.sessions), factory.open_classifier(store), wearing)
    process = psutil.Process()
    loop.start()
    try:
        loop.add_sink("sink", lambda width, height: order)
        width = scenes[0].shape[1]
        loop.set_input(lambda: PacedCamera(width, height, rate, lambda number: scenes[number % len(scenes)].copy()))
        pause = threading.Event()
        pause.wait(10)
        loop.meter.reset()
        begin_s, memory, frames = time.monotonic(), process.memory_info().rss, order.count
        begin_processor_s = time.process_time()
        latencies: list[float] = []
        while time.monotonic() - begin_s < seconds:
            pause.wait(min(5.0, seconds))
            figures = loop.meter.read(time.monotonic())
            latencies.append(figures.latency_p95_ms or 0.0)
        elapsed, spent_s = time.monotonic() - begin_s, time.process_time() - begin_processor_s
        figures = loop.meter.read(time.monotonic())
        return {
            "rate": rate,
            "height": height,
            "parser": parser,
            "seconds": round(elapsed, 1),
            "fps": round((order.count - frames) / elapsed, 2),
            "processor_ms": round(1000 * spent_s / max(order.count - frames, 1), 1),
            "out_of_order": order.backwards,
            "latency_ms": {
                "median": figures.latency_median_ms,
                "p95": float(np.median(latencies)),
                "worst_p95": max(latencies),
            },
            "stages_ms": figures.stages_ms,
            "shown": figures.shown,
            "memory_growth_mb": round((process.memory_info().rss - memory) / 1e6, 1),
            "memory_mb": round(process.memory_info().rss / 1e6),
        }
    finally:
        loop.stop()


def bench_faults(person: Path, photos: list[Path], seconds: float, keep: Path | None) -> dict[str, Any]:
    """Everything goes wrong, and the checker looks for the person in every frame that left."""
    settings, store = Settings(), Store()
    models = factory.open_models(settings, store)
    portrait = _read(person)
    worn = [_read(photo) for photo in photos] or _far_sources(portrait, Checker(models, factory.open_recogniser(store)))
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
    return asdict(run_faults(bench.moving_portrait(portrait, models), worn, settings, store, seconds, keep=keep))


def _far_sources(portrait: Image, checker: Checker) -> list[Image]:
    """Photos whose faces are far from the portrait's, so that the checker can tell them apart."""
    media = os.environ.get("MIEN_MEDIA")
    if not media:
        print("MIEN_MEDIA is not set: the example photo is worn, which is near the person", file=sys.stderr)
        return [_read(PHOTO)]
    found = sorted((Path(media) / "faces" / "london").glob("*_neutral.jpg"))
    return farthest([_read(path) for path in found], portrait, checker, FAR_SOURCES)


class _Order(NullSink):
    """Counts frames, and those that come before their time."""

    def __init__(self) -> None:
        super().__init__()
        self.count = self.backwards = 0
        self._last = -1

    def write(self, labelled: Any) -> None:
        self.count += 1
        self.backwards += labelled.frame.pts <= self._last
        self._last = labelled.frame.pts


def bench_browser(source: str, height: int, seconds: float) -> dict[str, Any]:
    """The whole way to the screen, read back from the page."""
    settings = Settings()
    scenes = of_height(counted(bench.moving_portrait(_read(PORTRAIT), factory.open_models(settings, Store()))), height)
    with tempfile.TemporaryDirectory(prefix="mien-bench-") as folder:
        clip = Path(folder) / "clip.mp4"
        write_clip(clip, scenes)
        camera = Path(folder) / "camera.mjpeg"
        camera.write_bytes(
            b"".join(cv2.imencode(".jpg", scene, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes() for scene in scenes)
        )
        wanted = ["--input", str(clip)] if source == "server" else []
        # The person's browser runs already when `mien live` is started.
        with watched_page(camera, 1440, 900) as page:
            started = time.monotonic()
            with running(Path(folder), wanted) as (page_url, pid):
                open_s = time.monotonic() - started
                page.goto(page_url)
                if source == "browser":
                    page.wait_for(CAN_CHOOSE)
                    page.evaluate(CHOOSE_BROWSER, f"{scenes[0].shape[1]}x{height}")
                page.wait_for(FIRST)
                first_s = time.monotonic() - started
                time.sleep(5)
                page.evaluate(READ_BACK, [BITS, BLOCK])
                before = processor_seconds(pid)
                time.sleep(seconds)
                seen = page.evaluate("() => window.seen")
                spent = {name: time_s - before.get(name, 0) for name, time_s in processor_seconds(pid).items()}
                metrics = page.evaluate("() => fetch('/api/metrics').then((answer) => answer.json())")
                changes = page.evaluate(FACE_CHANGE)
    return {
        "source": source,
        "height": height,
        "studio_open_s": round(open_s, 2),
        "first_picture_s": round(first_s, 2),
        **summary(seen),
        "face_change_ms": {"median": round(float(np.median(changes)), 1), "worst": round(max(changes), 1)},
        "server_cpu_percent": round(100 * spent["server"] / seconds),
        "processor_ms_per_shown": {name: round(1000 * time_s / len(seen), 1) for name, time_s in spent.items()},
        "server": metrics,
    }


def processor_seconds(server: int) -> dict[str, float]:
    """Processor time of the studio and of the browser that this process has started, by the kind of their processes."""
    spent = {"server": sum(psutil.Process(server).cpu_times()[:2])}
    for process in psutil.Process().children(recursive=True):
        try:
            command = process.cmdline()
            if not command or not command[0].startswith("/usr/lib/chromium"):
                continue
            kind = next((word.partition("=")[2] for word in command if word.startswith("--type=")), "browser")
            spent[kind] = spent.get(kind, 0.0) + sum(process.cpu_times()[:2])
        except psutil.NoSuchProcess:
            continue
    return spent


def summary(seen: list[list[float]]) -> dict[str, Any]:
    """What the page has seen: rows of sequence, capture and drawing time in ms, and the counter read back."""
    rows = np.array(seen)
    latency = rows[:, 2] - rows[:, 1]
    elapsed = (rows[-1, 2] - rows[0, 2]) / 1000
    steps = np.diff(rows[:, 3]) % COUNTED
    return {
        "shown": len(rows),
        "fps": round((len(rows) - 1) / elapsed, 2),
        "latency_ms": {"median": round(float(np.median(latency)), 1), "p95": round(float(np.percentile(latency, 95)), 1)},
        "exposures_skipped": int((steps[steps > 0] - 1).sum()),
        "exposures_repeated": int((steps == 0).sum()),
        "backwards": int((steps > COUNTED // 2).sum()),
    }


def write_clip(path: Path, pictures: list[Image], rate: int = 30) -> None:
    """H.264 that decodes fast and keeps the bars."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "18", "preset": "veryfast", "tune": "fastdecode"})
        stream.width, stream.height, stream.pix_fmt = pictures[0].shape[1], pictures[0].shape[0], "yuv420p"
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, "bgr24")
            frame.pts, frame.time_base = number, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@contextmanager
def running(folder: Path, wanted: list[str]) -> Iterator[tuple[str, int]]:
    """`mien live` as a process; its address and process number."""
    command = [sys.executable, "-m", "mien.commands.main", "live", "--no-browser", "--port", "0", "--photo", str(PHOTO)]
    command += ["--consent", "public-domain", "--data", str(folder / "data"), "--recordings", str(folder / "rec"), *wanted]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                found = re.search(r"http://\S+", line)
                if found:
                    yield found.group(0), process.pid
                    break
        finally:
            process.terminate()
            process.wait(20)


def _read(path: Path) -> Image:
    return read_picture(path, max_pixels=10**8, max_bytes=10**9).frame.image


if __name__ == "__main__":
    main()
