"""Benchmark of the queue: pictures through it against the same work without it, and claims by several processes.

    .venv/bin/python benchmarks/jobs.py pictures --count 1000
    .venv/bin/python benchmarks/jobs.py claims --count 10000 --processes 4

`pictures` swaps small pictures in turn through the queue and in a bare loop, block by block, and compares processor times; it
also says how the memory of the process grows, which moves up and down with each picture. It fails when the queue is slower
than 95 % of the loop, or memory grows by more than 20 MB. `claims` has processes take and finish
empty jobs, and fails when one was taken twice.
"""

import argparse
import multiprocessing
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import psutil

from mien.assembly import factory
from mien.assembly.file_swap import FileSwap
from mien.assembly.jobs.models import SharedParts
from mien.assembly.jobs.specs import face_spec, new_job, swap_job_spec
from mien.assembly.jobs.work import WorkDone
from mien.assembly.jobs.worker import JobWorker
from mien.batch.job import Progress
from mien.batch.queue.job import Job, NewJob
from mien.batch.queue.spec import SwapSpec
from mien.batch.queue.store import JobStore
from mien.media.files.moving import Kind
from mien.media.files.output_file import OutputFile
from mien.media.files.picture_read import read_picture
from mien.models.library.store import Store
from mien.provenance.consent import Consent
from mien.provenance.trust import Signing, Trust, open_trust
from mien.settings import Settings
from mien.types import SourceFace

EXAMPLES = Path(__file__).parent.parent / "examples"
PORTRAIT, PHOTO = EXAMPLES / "grace_hopper.jpg", EXAMPLES / "eileen_collins.png"
WIDTH = 240  # pixels; small pictures make the queue's own work show most
BLOCK = 50  # pictures in turn
LEAST_SHARE, MOST_GROWTH_MB = 0.95, 20.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(required=True)
    pictures = kinds.add_parser("pictures")
    pictures.add_argument("--count", type=int, default=1000)
    pictures.set_defaults(run=lambda given, folder: measure_pictures(folder, given.count))
    claims = kinds.add_parser("claims")
    claims.add_argument("--count", type=int, default=10_000)
    claims.add_argument("--processes", type=int, default=4)
    claims.set_defaults(run=lambda given, folder: measure_claims(folder, given.count, given.processes))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mien-jobs-") as folder:
        code: int = given.run(given, Path(folder))
    return code


class Silence:
    """A listener that hears nothing."""

    def began(self, job: Job) -> None:
        pass

    def progressed(self, job: Job, doing: str, progress: Progress) -> None:
        pass

    def ended(self, job: Job, done: WorkDone | None) -> None:
        assert done is not None, job


class Pictures:
    """Both ways to swap the same pictures, with the same models and the same source face."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.trust: Trust = open_trust(folder / "data", Signing())
        self.settings = Settings()
        self.parts = SharedParts(self.trust)
        self.models = factory.open_models(self.settings, Store())
        self.parts.keep_models(self.settings, self.models)
        photo = read_picture(PHOTO, max_pixels=1 << 30, max_bytes=1 << 30).frame.image
        self.source: SourceFace = factory.open_source(photo, self.models)
        self.consent: Consent = self.trust.consents.record(self.source, "public-domain", PHOTO.name)
        self.work = SwapSpec((face_spec(PHOTO.name, [PHOTO], None, self.consent),), 0)
        self.store = JobStore(folder / "data")
        portrait = cv2.imread(str(PORTRAIT))
        assert portrait is not None
        self.portrait = cv2.resize(portrait, (WIDTH, round(WIDTH * portrait.shape[0] / portrait.shape[1])))

    def target(self, number: int) -> Path:
        """Write a picture; no two are the same."""
        path = self.folder / f"{number}.jpg"
        noise = np.random.default_rng(number).integers(-4, 5, self.portrait.shape)
        cv2.imwrite(str(path), np.clip(self.portrait + noise, 0, 255).astype(np.uint8))
        return path

    def bare(self, targets: list[Path]) -> None:
        for target in targets:
            swap = FileSwap(
                target, Kind.PICTURE, self.source, (self.consent,), self.settings, self.models, self.trust.notary
            )  # fmt: skip
            output = OutputFile(target.with_suffix(".bare.jpg"), overwrite=False, journal=self.trust.temporaries)
            with self.trust.temporaries.cleaned():
                swap.swap(output)

    def queued(self, targets: list[Path]) -> None:
        jobs = [
            new_job(
                swap_job_spec(each, each.with_suffix(".queue.jpg"), self.work, self.settings, overwrite=False), "command"
            )
            for each in targets
        ]  # fmt: skip
        self.store.add(jobs)
        JobWorker(self.store, self.parts, Silence()).run(until_empty=True)


def measure_pictures(folder: Path, count: int) -> int:
    pictures = Pictures(folder)
    pictures.queued([pictures.target(count + number) for number in range(BLOCK)])
    pictures.bare([pictures.target(count + BLOCK + number) for number in range(BLOCK)])
    spent, walls = {"bare": 0.0, "queue": 0.0}, {"bare": 0.0, "queue": 0.0}
    process, memory = psutil.Process(), list[float]()
    for first in range(0, count, BLOCK):
        targets = [pictures.target(number) for number in range(first, min(first + BLOCK, count))]
        for name in ("bare", "queue") if first // BLOCK % 2 else ("queue", "bare"):
            cpu, wall = time.process_time(), time.perf_counter()
            (pictures.bare if name == "bare" else pictures.queued)(targets)
            spent[name] += time.process_time() - cpu
            walls[name] += time.perf_counter() - wall
        memory.append(process.memory_info().rss / 1e6)
        print(f"{first + len(targets)} pictures each, {memory[-1]:.0f} MB", flush=True)
    done = [job.state for job in pictures.store.all()]
    quarter = max(len(memory) // 4, 1)
    share, growth = spent["bare"] / spent["queue"], float(np.median(memory[-quarter:]) - np.median(memory[:quarter]))
    print(f"processor time a picture: loop {1000 * spent['bare'] / count:.1f} ms, queue {1000 * spent['queue'] / count:.1f} ms")
    print(f"wall a picture: loop {1000 * walls['bare'] / count:.1f} ms, queue {1000 * walls['queue'] / count:.1f} ms")
    print(
        f"speed of the queue: {100 * share:.1f} % of the loop; memory grows by {growth:.1f} MB from the first "
        f"quarter to the last (medians; {min(memory):.0f} to {max(memory):.0f} MB); {done.count('done')} done"
    )
    return 0 if share >= LEAST_SHARE and growth <= MOST_GROWTH_MB and set(done) == {"done"} else 1


def _take(folder: Path, taken: "multiprocessing.Queue[tuple[list[int], list[float]]]") -> None:
    store, mine, times = JobStore(folder), list[int](), list[float]()
    owner = store.new_owner()
    while True:
        start = time.perf_counter()
        claimed = store.claim(owner)
        times.append(time.perf_counter() - start)
        if claimed is None:
            break
        store.finish(claimed.job.id, owner, {}, "", 1, 1)
        mine.append(claimed.job.id)
    store.close()
    taken.put((mine, times))


def measure_claims(folder: Path, count: int, processes: int) -> int:
    store = JobStore(folder)
    start = time.perf_counter()
    store.add([NewJob("swap", str(number), "command", f"/out/{number}", "{}") for number in range(count)])
    print(f"{count} jobs added in {time.perf_counter() - start:.2f} s")
    context = multiprocessing.get_context("spawn")
    taken: multiprocessing.Queue[tuple[list[int], list[float]]] = context.Queue()
    workers = [context.Process(target=_take, args=(folder, taken)) for _ in range(processes)]
    start = time.perf_counter()
    for each in workers:
        each.start()
    found = [taken.get() for _ in workers]
    wall = time.perf_counter() - start
    for each in workers:
        each.join()
    ids, times = [number for mine, _ in found for number in mine], sorted(each for _, seen in found for each in seen)
    twice = sum(times > 1 for times in Counter(ids).values())
    states = Counter(job.state for job in store.all())
    print(
        f"{len(ids)} claims by {processes} processes in {wall:.1f} s: {twice} taken twice, {states['done']} done; "
        f"a claim takes {1000 * times[len(times) // 2]:.2f} ms (median), {1000 * times[-1]:.0f} ms at most"
    )
    store.close()
    shutil.rmtree(folder, ignore_errors=True)
    return 0 if twice == 0 and len(ids) == count == states["done"] else 1


if __name__ == "__main__":
    sys.exit(main())
