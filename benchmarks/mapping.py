"""Benchmark of mapping: identity switches in made crossings, heads behind heads, and the speed of many people. Never a test.

    MIEN_MEDIA=FOLDER PYTHONPATH=. .venv/bin/python benchmarks/mapping.py crossings --pairs 8
    MIEN_MEDIA=FOLDER PYTHONPATH=. .venv/bin/python benchmarks/mapping.py behind --pairs 2
    MIEN_MEDIA=FOLDER PYTHONPATH=. .venv/bin/python benchmarks/mapping.py crowd --people 10 --sources 3

`crossings`: two heads cut from portraits, or from clips, walk past each other, jittering, in front of a room; each wears a face
of their own by a photo of them that is not in the film. A face counts as switched when it wears what another person was to
wear, and as bare when it wears nothing though it is in sight. `behind`: a head stands half behind a nearer one, and has to be
covered. `crowd`: frames a second, with tracking in a thread of its own, and who wears the right face. Real clips:
`mien evaluate --only mapping`.
"""

import argparse
import os
import queue
import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from mien.assembly import factory
from mien.assembly.cast_plan import CastPlan
from mien.assembly.source_photos import person_of_photo, read_photo
from mien.imaging import geometry
from mien.media.files import moving
from mien.models.library.store import Store
from mien.settings import Settings
from mien.swap.people.identities import Wanted
from mien.swap.people.look import look_at
from mien.swap.people.template import template_of
from mien.swap.pipeline import Pipeline, SeenFrame
from mien.swap.stages.cover import region_of_points
from mien.types import Array, Floats, Frame, Image, SourceFace, TrackedFace

WIDTH, HEIGHT, RATE = 1280, 720, 30
FACE_PIXELS = 150.0


@dataclass
class Actor:
    """One head: pictures of it with alpha, each with the middle of the face and its height, and where it goes."""

    name: str
    pictures: list[tuple[Image, Array, tuple[float, float], float]]
    path: Array
    size: float = FACE_PIXELS


@dataclass
class Judged:
    frames: int = 0
    right: int = 0
    switched: int = 0
    bare: int = 0
    late: list[int] = field(default_factory=list)


def head_of(image: Image, points: Floats) -> tuple[Image, Array, tuple[float, float], float]:
    """Cut a head out: picture, soft alpha, middle of the face and its height in the cut."""
    region = region_of_points(points)
    x1, y1, x2, y2 = geometry.clipped_box(region.box_xyxy, image.shape[1], image.shape[0])
    alpha = np.zeros((y2 - y1, x2 - x1), np.uint8)
    middle = round(region.x - x1), round(region.y - y1)
    axes = round(region.half_across * 0.92), round(region.half_along * 0.92)
    cv2.ellipse(alpha, middle, axes, region.roll, 0, 360, 255, -1, cv2.LINE_AA)
    soft = cv2.GaussianBlur(alpha, (0, 0), 3).astype(np.float32) / 255
    fx1, fy1, fx2, fy2 = geometry.box_of(points)
    return image[y1:y2, x1:x2].copy(), soft, ((fx1 + fx2) / 2 - x1, (fy1 + fy2) / 2 - y1), fy2 - fy1


def film(actors: Sequence[Actor], frames: int, seed: int) -> Iterator[Image]:
    """Yield the frames; the actor that comes later in the list is in front."""
    draw = np.random.default_rng(seed)
    room = cv2.GaussianBlur(draw.integers(90, 150, (HEIGHT // 8, WIDTH // 8, 3), np.uint8), (0, 0), 3)
    room = np.asarray(cv2.resize(room, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC), np.uint8)
    for index in range(frames):
        picture = room.copy()
        for number, actor in enumerate(actors):
            image, alpha, (mx, my), height = actor.pictures[index % len(actor.pictures)]
            scale = actor.size / height
            x, y = actor.path[index]
            wave = 2 * np.pi * index / RATE
            angle = np.radians(4 * np.sin(0.7 * wave + number))
            x, y = x + 2 * np.sin(3 * wave + number), y + 3 * np.sin(2 * wave + 2 * number)
            rotation = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
            to_frame = np.hstack([rotation, (np.array([[x], [y]]) - rotation @ np.array([[mx], [my]]))])
            laid = cv2.warpAffine(image, to_frame, (WIDTH, HEIGHT))
            share = cv2.warpAffine(alpha, to_frame, (WIDTH, HEIGHT))[:, :, None]
            picture = np.asarray(laid * share + picture * (1 - share), np.uint8)
        noise = draw.normal(0, 2, picture.shape).astype(np.float32)
        noisy = np.clip(picture + noise, 0, 255).astype(np.uint8)
        yield np.asarray(cv2.imdecode(cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, 85])[1], 1), np.uint8)


def crossing(frames: int, y: float, apart: float = 0.0) -> tuple[Array, Array]:
    """Paths of two heads that change sides, there and back, with a pause where they meet."""
    t = np.linspace(0, 2, frames)
    way = np.clip(np.where(t < 1, t, 2 - t) * 1.3 - 0.15, 0, 1)
    left, right = 0.2 * WIDTH, 0.8 * WIDTH
    one = np.stack([left + way * (right - left), np.full(frames, y)], 1)
    other = np.stack([right - way * (right - left), np.full(frames, y + apart)], 1)
    return one, other


def played(images: Iterator[Image]) -> Iterator[Frame]:
    for index, image in enumerate(images):
        yield Frame(image, index, index, Fraction(1, RATE))


def judge(seen: SeenFrame, worn: Sequence[TrackedFace], actors: Sequence[Actor], result: Judged, index: int) -> None:
    """Compare what is worn with who stands there; who is hidden by another by more than a third does not count."""
    result.frames += 1
    places = {actor.name: (*actor.path[index], actor.size) for actor in actors}
    for number, actor in enumerate(actors):
        x, y, size = places[actor.name]
        nearer = [places[other.name] for other in actors[number + 1 :]]
        if any(np.hypot(x - ox, y - oy) < 0.8 * size for ox, oy, _ in nearer):
            continue
        near = [face for face in worn if _distance(face, x, y) < 0.4 * size]
        if not near:
            result.bare += 1
        elif seen.names.get(near[0].track_id) == actor.name:
            result.right += 1
        else:
            result.switched += 1


def _distance(face: TrackedFace, x: float, y: float) -> float:
    x1, y1, x2, y2 = geometry.box_of(face.landmarks.points)
    return float(np.hypot((x1 + x2) / 2 - x, (y1 + y2) / 2 - y))


class Bench:
    """Models and sources, opened once."""

    def __init__(self) -> None:
        self.settings = Settings()
        self.models = factory.open_models(self.settings, Store())
        self.recogniser = factory.open_recogniser(Store())
        self.media = Path(os.environ["MIEN_MEDIA"])
        self.sources = [self.source(path) for path in sorted((self.media / "faces" / "omi").glob("*.jpg"))[:3]]

    def source(self, path: Path) -> SourceFace:
        return factory.open_source(read_photo(path, self.settings), self.models)

    def pipeline(self, people: Sequence[Wanted]) -> Pipeline:
        members = tuple((person, self.sources[number % len(self.sources)]) for number, person in enumerate(people))
        return self.opened(CastPlan(members=members))

    def opened(self, plan: CastPlan) -> Pipeline:
        return factory.open_pipeline(self.settings, self.models, plan)

    def person(self, smiling: Path) -> Wanted:
        """The person of a portrait, by another one."""
        path = smiling.with_name(smiling.name.replace("smiling", "neutral"))
        person = person_of_photo(path, self.settings, self.models, self.recogniser)
        return Wanted(smiling.name, person.templates)

    def found(self, image: Image) -> Floats:
        best = self.models.photo_detector.detect(image)[0]
        points = self.models.landmarker.fit(image, best.points).points
        return self.models.landmarker.fit(image, points).points

    def actor(self, path: Path) -> Actor:
        image = read_photo(path, self.settings)
        return Actor(path.name, [head_of(image, self.found(image))], np.zeros((0, 2)))

    def clip_actor(self, path: Path, most: int) -> tuple[Actor, Wanted]:
        """Heads of a clip, and the person by looks at frames after those."""
        pictures, looks = [], []
        frames = list(read(path))
        for frame in frames[: min(most, 2 * len(frames) // 3)]:
            detections = self.models.photo_detector.detect(frame.image)
            if detections:
                points = self.models.landmarker.fit(frame.image, detections[0].points).points
                pictures.append(head_of(frame.image, self.models.landmarker.fit(frame.image, points).points))
        for frame in frames[-15::5]:
            points = self.found(frame.image)
            landmarks = self.models.landmarker.fit(frame.image, points)
            look = look_at(self.recogniser, frame.image, TrackedFace(1, landmarks, 1), frame.time_s)
            if look is not None:
                looks.append(look)
        template = template_of(looks)
        assert template is not None, path
        # There and back, so that the head does not jump.
        return Actor(path.name, pictures + pictures[-2:0:-1], np.zeros((0, 2))), Wanted(path.name, (template,))


def read(path: Path) -> Iterator[Frame]:
    with moving.open_moving(path, max_pixels=1 << 28, max_bytes=1 << 34) as reader:
        while (frame := reader.read()) is not None:
            yield frame


def run(pipeline: Pipeline, actors: Sequence[Actor], frames: int, seed: int) -> Judged:
    result = Judged()
    for index, seen in enumerate(pipeline.track_all(played(film(actors, frames, seed)))):
        judge(seen, pipeline.swap(seen).worn, actors, result, index)
    return result


def crossings(bench: Bench, pairs: int, seconds: int) -> None:
    frames, total = seconds * RATE, Counter[str]()
    london = sorted({path.name.split("_")[0] for path in (bench.media / "faces" / "london").glob("*.jpg")})
    for number in range(pairs):
        names = london[2 * number], london[2 * number + 1]
        actors = [bench.actor(bench.media / "faces" / "london" / f"{name}_smiling.jpg") for name in names]
        people = [bench.person(bench.media / "faces" / "london" / actor.name) for actor in actors]
        total.update(_crossed(bench, actors, people, frames, number, f"portraits {names[0]} x {names[1]}"))
    clips = sorted((bench.media / "clips").glob("*"))
    for number in range(pairs):
        pair = clips[number % len(clips)], clips[(number * 5 + 3) % len(clips)]
        if pair[0] == pair[1]:
            continue
        made = [bench.clip_actor(path, 90) for path in pair]
        words = f"{pair[0].stem} x {pair[1].stem}"
        total.update(_crossed(bench, [a for a, _ in made], [p for _, p in made], frames, number, words))
    print(f"all: {dict(total)}")


def _crossed(bench: Bench, actors: list[Actor], people: list[Wanted], frames: int, number: int, words: str) -> dict[str, int]:
    actors[0].path, actors[1].path = crossing(frames, 0.5 * HEIGHT, apart=(number % 3) * 20.0)
    actors[1].size = FACE_PIXELS * (1 + 0.1 * (number % 3))
    result = run(bench.pipeline(people), actors, frames, number)
    print(f"{words}: right {result.right}, switched {result.switched}, bare {result.bare}", flush=True)
    return {"right": result.right, "switched": result.switched, "bare": result.bare}


def behind(bench: Bench, pairs: int) -> None:
    """A head walks behind a nearer one, stands half hidden for three seconds, and walks back; others are covered."""
    london = sorted({path.name.split("_")[0] for path in (bench.media / "faces" / "london").glob("*.jpg")})
    frames = 150
    for number in range(pairs):
        files = [bench.media / "faces" / "london" / f"{name}_smiling.jpg" for name in london[2 * number : 2 * number + 2]]
        for offset in (0.7, 0.55, 0.4):
            rear, front = (bench.actor(path) for path in files)
            rear.size, front.size = 140.0, 170.0
            stands = 0.6 * WIDTH - offset * FACE_PIXELS
            x = np.interp(np.arange(frames) / RATE, (0, 0.8, 3.8, 4.8), (0.3 * WIDTH, stands, stands, 0.3 * WIDTH))
            rear.path = np.stack([x, np.full(frames, 0.5 * HEIGHT)], 1)
            front.path = np.tile((0.6 * WIDTH, 0.52 * HEIGHT), (frames, 1))
            bare, found = _bare_behind(bench, rear, front, bench.person(files[1]), number)
            print(
                f"{files[0].stem} behind {files[1].stem}, {offset} faces aside: bare {bare} of {frames}, found {found}",
                flush=True,
            )


def _bare_behind(bench: Bench, rear: Actor, front: Actor, known: Wanted, seed: int) -> tuple[int, int]:
    """Return the frames in which half of the seen skin of the rear head is as it was, and those in which both are found."""
    pictures = list(film([rear, front], len(rear.path), seed))
    plan = CastPlan(members=((known, bench.sources[0]),), others="cover")
    pipeline = factory.open_pipeline(bench.settings, bench.models, plan)
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]

    def oval(actor: Actor, index: int, across: float, along: float, up: float = 0.0) -> Array:
        x, y = actor.path[index]
        wide, tall = across * actor.size, along * actor.size
        return np.asarray(((columns - x) / wide) ** 2 + ((rows - y + up) / tall) ** 2 < 1)

    bare = found = 0
    for index, seen in enumerate(pipeline.track_all(played(picture.copy() for picture in pictures))):
        result = pipeline.swap(seen).frame.image
        face = oval(rear, index, 0.34, 0.45)
        skin = face & ~oval(front, index, 0.62, 0.85, 10)
        changed = cv2.absdiff(result, pictures[index]).max(axis=2) > 3
        bare += bool(skin.sum() > 0.15 * face.sum() and (changed & skin).sum() < 0.5 * skin.sum())
        found += len(seen.faces) >= 2
    return bare, found


def tracked_in_a_thread(pipeline: Pipeline, frames: Iterator[Frame]) -> Iterator[SeenFrame]:
    """Yield what `track_all` yields, made in a thread of its own, as in a file job."""
    made: queue.Queue[SeenFrame | None] = queue.Queue(2)

    def track() -> None:
        for seen in pipeline.track_all(frames):
            made.put(seen)
        made.put(None)

    thread = threading.Thread(target=track, daemon=True)
    thread.start()
    yield from iter(made.get, None)
    thread.join()


def crowd(bench: Bench, count: int, sources: int, frames: int) -> None:
    bench.sources = bench.sources[:sources]
    london = sorted((bench.media / "faces" / "london").glob("*_smiling.jpg"))[:count]
    actors = [bench.actor(path) for path in london]
    for number, actor in enumerate(actors):
        x, y = (number % 5 + 0.5) * WIDTH / 5, (number // 5 + 0.55) * HEIGHT / 2.1
        sway = 30 * np.sin(np.arange(frames) / RATE * 1.5 + number)
        actor.path, actor.size = np.stack([x + sway, np.full(frames, y)], 1), 110.0
    pictures = list(film(actors, frames, 0))
    people = [bench.person(path) for path in london]
    faces = [bench.sources[number % len(bench.sources)] for number in range(count)]
    members = tuple(zip(people, faces, strict=True))
    nobody_known = replace(bench.settings, faces=count)
    for words, known, pipeline in (
        ("all wear a face", count, bench.opened(CastPlan(members=members))),
        (f"{sources} of them wear a face", sources, bench.opened(CastPlan(members=members[:sources]))),
        (
            f"{sources} of them wear a face, the others covered",
            sources,
            bench.opened(CastPlan(members=members[:sources], others="cover")),
        ),
        ("all wear one face, nobody is told apart", 0, factory.open_pipeline(nobody_known, bench.models, bench.sources[0])),
    ):
        times: list[float] = []
        total, judged = 0, Judged()
        start, cpu = time.perf_counter(), time.process_time()
        for seen in tracked_in_a_thread(pipeline, played(iter([picture.copy() for picture in pictures]))):
            worn = pipeline.swap(seen).worn
            total += len(worn)
            judge(seen, worn, actors[:known], judged, len(times))
            times.append(time.perf_counter())
        gaps = [1000 * (b - a) for a, b in pairwise(times[5:])]
        wall, used = time.perf_counter() - start, time.process_time() - cpu
        print(
            f"{count} people, {words}: {frames / wall:.1f} frames a second, {1000 * used / frames:.0f} ms of CPU a frame, ",
            end="",
        )
        print(
            f"median {statistics.median(gaps):.0f} ms, {total / frames:.1f} worn a frame, load {os.getloadavg()[0]:.1f}; ",
            end="",
        )
        print(f"of those that are told apart right {judged.right}, switched {judged.switched}, bare {judged.bare}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("crossings", "behind", "crowd"))
    parser.add_argument("--pairs", type=int, default=8)
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--people", type=int, default=10)
    parser.add_argument("--sources", type=int, default=3)
    parser.add_argument("--frames", type=int, default=120)
    options = parser.parse_args()
    bench = Bench()
    if options.what == "crossings":
        crossings(bench, options.pairs, options.seconds)
    elif options.what == "behind":
        behind(bench, options.pairs)
    else:
        crowd(bench, options.people, options.sources, options.frames)


if __name__ == "__main__":
    main()
