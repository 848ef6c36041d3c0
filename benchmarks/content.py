"""Benchmark of the content check: scores of harmless pictures, and its cost. A command, never a test.

    .venv/bin/python benchmarks/content.py scores MEDIA
    .venv/bin/python benchmarks/content.py live --seconds 30
    .venv/bin/python benchmarks/content.py file

`scores` looks at every picture and at one frame a second of every clip in a folder, raw and swapped, and fails when the
check refuses anything: point it at harmless pictures only. `live` says what of a core the thread of the check takes, and
what a frame pays for it; `file` what the check costs beside the swapping of a file.
"""

import argparse
import sys
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import numpy as np

from mien.assembly import factory
from mien.contracts import ContentClassifier
from mien.errors import ContentRefused
from mien.lab import bench
from mien.live.content import LiveContent
from mien.live.inspector import Inspector
from mien.media.files.picture_read import read_picture
from mien.models.library.store import Store
from mien.safety.content_check import DEFAULT_TUNING, FileContentCheck
from mien.settings import Settings
from mien.types import LIVE_TIME_BASE, Frame, Image

EXAMPLES = Path(__file__).parent.parent / "examples"
PORTRAIT, PHOTO = EXAMPLES / "grace_hopper.jpg", EXAMPLES / "eileen_collins.png"
PICTURES, CLIPS = {".jpg", ".jpeg", ".png"}, {".mp4", ".mkv", ".mov", ".webm"}
RATE = 30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(required=True)
    scores = kinds.add_parser("scores")
    scores.add_argument("folder", type=Path)
    scores.set_defaults(run=lambda given: print_scores(given.folder))
    live = kinds.add_parser("live")
    live.add_argument("--seconds", type=float, default=30)
    live.set_defaults(run=lambda given: print_live(given.seconds))
    file = kinds.add_parser("file")
    file.set_defaults(run=lambda given: print_file())
    given = parser.parse_args()
    given.run(given)


class RecordingClassifier:
    """`contracts.ContentClassifier` that keeps its scores and the processor time of the calling thread."""

    def __init__(self, classifier: ContentClassifier) -> None:
        self._classifier = classifier
        self.scores: list[float] = []
        self.cost_s: list[float] = []

    def score(self, image: Image) -> float:
        start_s = time.thread_time()
        score = self._classifier.score(image)
        self.cost_s.append(time.thread_time() - start_s)
        self.scores.append(score)
        return score


def verdict(recording: RecordingClassifier, frames: Iterator[Frame]) -> str:
    """Return the decision of the rule; the scores are in `recording`."""
    check = FileContentCheck(recording)
    try:
        for frame in frames:
            check.see(frame)
        check.finish()
    except ContentRefused:
        return "REFUSED"
    return "passes"


def print_scores(folder: Path) -> None:
    store, settings = Store(), Settings()
    classifier, models = factory.open_classifier(store), factory.open_models(settings, store)
    source = factory.open_source(_read(PHOTO), models)
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURES | CLIPS)
    rows: list[tuple[str, str, list[float], str]] = []
    stills: dict[tuple[str, str], tuple[list[float], list[str]]] = {}
    for path in paths:
        still = path.suffix.lower() in PICTURES
        for kind in ("raw", "swapped"):
            if still:
                pipeline = factory.open_picture_pipeline(settings, models, source)
                frames = iter([Frame(_read(path), 0, 0, Fraction(1))])
            else:
                pipeline = factory.open_pipeline(settings, models, source)
                frames = decoded(path)
            if kind == "swapped":
                frames = (pipeline.swap_frame(frame).frame for frame in frames)
            recording = RecordingClassifier(classifier)
            found = verdict(recording, frames)
            if still:
                scores, verdicts = stills.setdefault((str(path.parent.relative_to(folder)), kind), ([], []))
                scores += recording.scores
                verdicts.append(found)
            else:
                rows.append((path.name, kind, recording.scores, found))
    for (name, kind), (scores, verdicts) in stills.items():
        rows.append((f"{name}: {len(scores)} pictures", kind, scores, f"{verdicts.count('REFUSED')} refused"))
    print(f"{'what':34} {'':8} {'checks':>6} {'mean':>6} {'max':>6} {'hits':>5}  rule")
    for name, kind, scores, found in rows:
        hits = sum(score >= DEFAULT_TUNING.hit_score for score in scores)
        print(f"{name:34} {kind:8} {len(scores):6d} {np.mean(scores):6.3f} {max(scores):6.3f} {hits:5d}  {found}")
    refused = sum(found not in {"passes", "0 refused"} for *_, found in rows)
    print(
        f"{sum(len(scores) for _, _, scores, _ in rows)} checks, threshold {DEFAULT_TUNING.hit_score}, {refused} rows refused"
    )
    sys.exit(1 if refused else 0)


def print_live(seconds: float) -> None:
    """Offer frames as the swapping thread does, at 30 a second."""
    for width, height in ((1280, 720), (1920, 1080)):
        recording, inspector = RecordingClassifier(factory.open_classifier(Store())), Inspector()
        content = LiveContent(recording, inspector)
        image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
        pause, taken_ms = threading.Event(), list[float]()
        inspector.start()
        start_s = time.monotonic()
        try:
            for number in range(round(seconds * RATE)):
                pause.wait(max(0.0, start_s + number / RATE - time.monotonic()))
                frame = Frame(image, number, round(time.monotonic() / LIVE_TIME_BASE), LIVE_TIME_BASE)
                before_s = time.thread_time()
                content.see(frame)
                taken_ms.append(1000 * (time.thread_time() - before_s))
        finally:
            inspector.stop()
        checks, elapsed = len(recording.scores), time.monotonic() - start_s
        slowest = sorted(taken_ms)[-checks:]
        print(
            f"{width}x{height}: {checks} checks in {elapsed:.1f} s, {1000 * float(np.median(recording.cost_s)):.1f} ms each, ",
            end="",
        )
        print(f"{100 * sum(recording.cost_s) / elapsed:.2f} % of a core; ", end="")
        print(f"the {checks} most expensive frames take {float(np.median(slowest)):.2f} ms (the first {taken_ms[0]:.2f})")


def print_file() -> None:
    settings, store = Settings(), Store()
    models = factory.open_models(settings, store)
    pipeline = factory.open_pipeline(settings, models, factory.open_source(_read(PHOTO), models))
    recording = RecordingClassifier(factory.open_classifier(store))
    check = FileContentCheck(recording)
    scenes = bench.moving_portrait(_read(PORTRAIT), models)
    swap_s, see_s = list[float](), list[float]()
    for number in range(10 * RATE):
        frame = Frame(scenes[number % len(scenes)].copy(), number, number, Fraction(1, RATE))
        start_s = time.thread_time()
        frame = pipeline.swap_frame(frame).frame
        swapped_s = time.thread_time()
        check.see(frame)
        swap_s.append(swapped_s - start_s)
        see_s.append(time.thread_time() - swapped_s)
    check.finish()
    swap_ms, see_ms = 1000 * RATE * float(np.median(swap_s)), 1000 * RATE * float(np.mean(see_s))
    print(
        f"a second of 720p video: {swap_ms:.0f} ms of swapping, {see_ms:.2f} ms of it for handing the check its copy, ", end=""
    )
    print(f"and {1000 * float(np.median(recording.cost_s)):.1f} ms of the check in a thread of its own")


def decoded(path: Path) -> Iterator[Frame]:
    with av.open(str(path)) as container:
        for number, frame in enumerate(islice(container.decode(video=0), 10_000)):
            if frame.pts is not None and frame.time_base is not None:
                yield Frame(np.asarray(frame.to_ndarray(format="bgr24"), np.uint8), number, frame.pts, frame.time_base)


def _read(path: Path) -> Image:
    return read_picture(path, max_pixels=10**8, max_bytes=10**9).frame.image


if __name__ == "__main__":
    main()
