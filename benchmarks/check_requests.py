"""Benchmark of the requests of `mien check`: made sweeps of a hand, turns of a head, clips at hand, recorded calls. A command.

    .venv/bin/python benchmarks/check_requests.py --media FOLDER
    .venv/bin/python benchmarks/check_requests.py --media FOLDER --parts hand --people 8
    .venv/bin/python benchmarks/check_requests.py --parts recordings --recordings FOLDER

FOLDER of --media holds faces/ and clips/. A sweep is a drawn hand that passes before a portrait, coded as a call is; "painted"
is the same after a swap that handles no occluders. Turns are renderings of a portrait's mesh. Recordings are calls with people:
their folder holds recordings.json, a list of {"file", "person", "species" ("bona fide", or the name of an attack), "asks":
[{"kind", "side", "count", "asked_s"}]}; they give APCER and BPCER, which are no claim under 300 attacks and 60 people.
"""

import argparse
import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from mark import encoded, to_height
from mien.assembly import factory
from mien.check.requests.answers import Answer, answer_of
from mien.check.requests.asks import Ask
from mien.check.requests.gauge import Gauge, GaugeParts
from mien.check.requests.sighting import Sighting
from mien.face.head_pose import yaw_of_mesh
from mien.lab.evaluate import scenes
from mien.lab.evaluate.error_rates import BONA_FIDE, Outcome, exact_bounds, rates
from mien.lab.evaluate.occluders import all_occluders, cheek_colour, occlude
from mien.lab.evaluate.portraits import Portrait, placed
from mien.lab.evaluate.scenes import Shot
from mien.lab.meshes import settled
from mien.models.library.store import Store
from mien.models.runtime.session_cache import SessionCache
from mien.provenance.report.words import SEEN
from mien.settings import Settings
from mien.types import Frame, Image

RATE_HZ = 12  # pictures a second of the scenes; less than a call has, for time
REST_S, SWEEP_S, AFTER_S = 1.5, 2.5, 0.5
SIZE_WH, FACE_HEIGHT = (1280, 720), 300.0  # a person at a laptop
CALLS = {720: 1_500_000, 360: 500_000}  # bits a second of H.264 without look-ahead, by lines
TURNS = (45.0, 60.0, 75.0)


class Bench:
    """Networks and portraits of a run."""

    def __init__(self, given: argparse.Namespace) -> None:
        self.given = given
        self.store = Store()
        self.models = factory.open_models(Settings(), self.store)

    def gauge(self) -> Gauge:
        """Return a gauge as `mien check` opens it."""
        settings = Settings(smoothing=0.0)
        tracking = factory.open_tracking(settings, SessionCache(self.store, settings.device, settings.precision))
        return Gauge(GaugeParts(tracking, self.models.parser, self.models.hand_finder))

    def people(self) -> Iterator[Portrait]:
        """Yield portraits in random order, each person once, none of those kept for the last look."""
        paths = sorted((self.given.media / "faces").glob("london/*_neutral.jpg")) + sorted(
            (self.given.media / "faces").glob("omi/*.jpg")
        )
        random.Random(self.given.seed).shuffle(paths)
        paths = paths[self.given.skip :]
        for path in paths:
            image = np.asarray(cv2.imread(str(path)), np.uint8)
            found = self.models.photo_detector.detect(image)
            person = f"{path.parent.name}/{path.stem.split('_')[0]}"
            if found:
                landmarks = settled(image, found[0].points, self.models)
                each = Portrait(f"{path.parent.name}/{path.name}", person, image, landmarks, np.zeros(1, np.float32))
                if not each.is_closing:
                    yield each

    def measured(self, images: Sequence[Image], rate_hz: float = RATE_HZ) -> list[Sighting]:
        """Return the measurements of pictures at a steady rate."""
        gauge, step = self.gauge(), Fraction(1, round(rate_hz))
        return [gauge.measure(Frame(image.copy(), n, n, step), n / rate_hz) for n, image in enumerate(images)]


def share(hits: int, count: int) -> str:
    """Return a share with its exact bounds."""
    low, high = exact_bounds(hits, count)
    return f"{hits}/{count} (95 %: {100 * low:.0f} to {100 * high:.0f} %)"


def answered(ask: Ask, sightings: Sequence[Sighting], asked_s: float, end_s: float = 1e9) -> Answer:
    """Return the answer to a request at a time, from the two seconds before and all after it."""
    before = [each for each in sightings if asked_s - 2 <= each.at_s < asked_s]
    return answer_of(ask, before, [each for each in sightings if asked_s <= each.at_s < end_s], asked_s)


def as_call(images: list[Image], lines: int) -> list[Image]:
    """Return pictures as a call shows them."""
    options = {"preset": "veryfast", "tune": "zerolatency", "g": "600"}
    return encoded([to_height(image, lines) for image in images], "libx264", options, CALLS[lines])[0]


def sweep(person: Portrait, draw: np.random.Generator, side: int) -> tuple[list[Image], list[Image]]:
    """Return a portrait with a hand that passes before it to one side, and without."""
    tone = cheek_colour(person) * np.float32(draw.uniform(0.85, 1.15))
    low = float(draw.uniform(0.3, 1.1))
    hand = replace(
        all_occluders(tone)[0], start_xy=(-3.4 * side, low), goal_xy=(3.4 * side, low + float(draw.uniform(-0.3, 0.3)))
    )
    swept, bare = [], []
    for index in range(round((REST_S + SWEEP_S + AFTER_S) * RATE_HZ)):
        phase = 2 * np.pi * index / 40
        centre = SIZE_WH[0] / 2 + 6 * np.sin(phase), SIZE_WH[1] / 2 + 3 * np.cos(phase)
        image, points = placed(person, scenes.to_frame_of(person, centre, FACE_HEIGHT), SIZE_WH)
        image = scenes.noisy(image, 2.0, index)
        nearness = float(np.clip((index / RATE_HZ - REST_S) / SWEEP_S, 0, 1))
        swept.append(occlude(Shot(image, points), hand, nearness, index).image if 0 < nearness < 1 else image)
        bare.append(image)
    return swept, bare


def painted(bench: Bench, images: list[Image], source: Portrait) -> tuple[list[Image], int]:
    """Return pictures after a swap that handles no occluders, and how many it left as they were, because it lost the face."""
    settings = Settings(occlusion="off")
    pipeline = factory.open_pipeline(settings, bench.models, factory.open_source(source.image, bench.models))
    frames = [Frame(image.copy(), n, n, Fraction(1, RATE_HZ)) for n, image in enumerate(images)]
    results = [pipeline.swap_frame(frame) for frame in frames]
    return [each.frame.image for each in results], sum(not each.swapped for each in results)


def bench_hand(bench: Bench) -> dict[str, Any]:
    """Sweeps that are reported: with a bare face, painted over by a swap, and without a hand."""
    draw = np.random.default_rng(bench.given.seed)
    found: dict[str, list[dict[str, Any]]] = {}
    people = [person for _, person in zip(range(bench.given.people + 1), bench.people(), strict=False)]
    for number, (person, source) in enumerate(pairwise(people)):
        side = 1 if number % 2 else -1
        swept, bare = sweep(person, draw, side)
        over, left = painted(bench, swept, source)
        # A swap that loses the face shows the hand, and the face behind it: nothing was painted over then.
        kinds = {"sweep": swept, "painted over" if not left else "shown by a swap that lost the face": over}
        if number < bench.given.bare:
            kinds["no hand"] = bare
        for kind, images in kinds.items():
            for lines in CALLS:
                answer = answered(Ask("hand", "left"), bench.measured(as_call(images, lines)), REST_S)
                row = {"person": person.name, "seen": answer.seen, "covered": answer.extent, "reason": answer.reason,
                       "presence": round(answer.presence, 2)}  # fmt: skip
                found.setdefault(f"{kind}, {lines} lines", []).append(row)
        so_far = {kind: f"{sum(row['seen'] == SEEN for row in rows)}/{len(rows)}" for kind, rows in found.items()}
        print(number, person.name, so_far, {kind: round(rows[-1]["covered"], 2) for kind, rows in found.items()}, flush=True)
    for kind, rows in found.items():
        print(f"{kind:50} reported in {share(sum(row['seen'] == SEEN for row in rows), len(rows))}")
    return found


def bench_profile(bench: Bench) -> dict[str, Any]:
    """Degrees that are reported against those of the rendering."""
    found: dict[str, list[dict[str, Any]]] = {}
    for _, person in zip(range(bench.given.people), bench.people(), strict=False):
        own = yaw_of_mesh(person.landmarks.points)
        for most in (side * each for each in TURNS for side in (1, -1)):
            scene = scenes.turning(person, 3 * RATE_HZ + RATE_HZ, most)
            sightings = bench.measured([scene.draw(index).image for index in range(scene.length)])
            answer = answered(Ask("profile", "left" if most > 0 else "right"), sightings, 0.5)
            # Of the rendering, a positive turn goes to the right of the picture; the portrait has a yaw of its own.
            error = (answer.extent or 0.0) - abs(own - most)
            row = {"person": person.name, "degrees": most, "error": round(error, 1), "seen": answer.seen,
                   "reason": answer.reason, "away_s": round(answer.away_s, 2)}  # fmt: skip
            found.setdefault(f"{abs(most):.0f} degrees", []).append(row)
        print(person.name, {kind: [row["error"] for row in rows[-2:]] for kind, rows in found.items()}, flush=True)
    for kind, rows in found.items():
        errors = np.array([row["error"] for row in rows])
        within = int((np.abs(errors) <= 8).sum())
        print(
            f"{kind:12} within 8 degrees {share(within, len(rows))}; mean {errors.mean():+.1f}, worst {abs(errors).max():.1f}"
        )
    return found


def bench_clips(bench: Bench) -> dict[str, Any]:
    """Largest cover of each clip at hand, as it is and after a call; whether a hand passes the face is judged by eye."""
    found = {}
    for path in sorted((bench.given.media / "clips").glob("*.m*")):
        with av.open(str(path)) as film:
            frames = [np.asarray(each.to_ndarray(format="bgr24"), np.uint8) for each in film.decode(video=0)][::2]
        frames = frames[:300]
        rows = {}
        for name, images in (("as it is", frames), ("as a call of 360 lines", as_call(frames, 360))):
            sightings = bench.measured(images, 15)
            answer = answered(Ask("hand", "left"), sightings, 0.4)
            rows[name] = {"seen": answer.seen, "covered": round(answer.extent or 0, 3), "reason": answer.reason}
        found[path.stem] = rows
        print(path.stem, rows, flush=True)
    return found


def bench_cost(bench: Bench) -> dict[str, float]:
    """Processor time of the gauge, a picture, with and without a hand, on one thread of OpenCV."""
    person = next(bench.people())
    swept, bare = sweep(person, np.random.default_rng(1), 1)
    found = {}
    for lines in CALLS:
        for name, images in (("hand", swept), ("no hand", bare)):
            shown = as_call(images, lines)
            bench.measured(shown[:8])
            began = time.process_time()
            bench.measured(shown)
            found[f"{name}, {lines} lines"] = 1000 * (time.process_time() - began) / len(shown)
    print({name: f"{value:.1f} ms" for name, value in found.items()})
    return found


def bench_recordings(bench: Bench) -> dict[str, Any]:
    """APCER and BPCER of recorded calls."""
    folder: Path | None = bench.given.recordings
    if folder is None:
        print("NO RECORDINGS: APCER and BPCER need calls with people, --recordings FOLDER")
        return {}
    outcomes = []
    for each in json.loads((folder / "recordings.json").read_text("utf-8")):
        gauge = bench.gauge()
        with av.open(str(folder / each["file"])) as film:
            frames = ((float(f.time or 0), np.asarray(f.to_ndarray(format="bgr24"), np.uint8)) for f in film.decode(video=0))
            sightings = [
                gauge.measure(Frame(image, n, round(at_s * 1000), Fraction(1, 1000)), at_s)
                for n, (at_s, image) in enumerate(frames)
            ]
        ends = [ask["asked_s"] for ask in each["asks"][1:]] + [1e9]
        for given, end_s in zip(each["asks"], ends, strict=True):
            ask = Ask(given["kind"], given.get("side", ""), 0.0, given.get("count", 0))
            answer = answered(ask, sightings, given["asked_s"], end_s)
            outcomes.append(Outcome(each.get("species", BONA_FIDE), each["person"], ask.kind, answer.seen))
    lines = [rate.line for rate in rates(outcomes)]
    print("\n".join(lines))
    return {"rates": lines}


def main() -> None:
    """Run the parts that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--media", type=Path)
    parser.add_argument("--recordings", type=Path)
    parser.add_argument("--people", type=int, default=40, help="portraits of the made scenes")
    parser.add_argument("--bare", type=int, default=10, help="of them, those that are measured without a hand, too")
    parser.add_argument("--skip", type=int, default=18, help="portraits left out: bounds were chosen on them")
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--parts", nargs="+", choices=tuple(_PARTS), default=tuple(_PARTS))
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    if given.media is None and set(given.parts) - {"recordings"}:
        parser.error("--media is needed")
    av.logging.set_level(av.logging.ERROR)
    cv2.setNumThreads(1)
    bench = Bench(given)
    result = {part: _PARTS[part](bench) for part in given.parts}
    if given.json:
        given.json.write_text(json.dumps(result, indent=1, default=str) + "\n", "utf-8")


_PARTS: dict[str, Callable[[Bench], Any]] = {
    "hand": bench_hand, "profile": bench_profile, "clips": bench_clips, "cost": bench_cost, "recordings": bench_recordings,
}  # fmt: skip


if __name__ == "__main__":
    main()
