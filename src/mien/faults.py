"""A live run in which everything goes wrong, and a checker that looks for the wearer in what came out.

The camera is made from one portrait: the person sways, walks out of the picture and back, holds a hand before the face,
turns aside, the light goes out, the cable is pulled, the engine fails and the source is switched, over and over. Every
frame that leaves is kept and searched afterwards, by identity: a face counts that is nearer to the wearer than people
differ, and nearer to the wearer than to the faces that are worn.
"""

import contextlib
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import cv2
import numpy as np

from mien import build
from mien.contracts import Engine, FrameSource, Recogniser
from mien.errors import OutputError, SourceLost
from mien.fakes import PacedCamera
from mien.live.loop import LiveLoop
from mien.live.snapshot import Snapshot
from mien.models.store import Store
from mien.pipeline import dress
from mien.settings import Settings
from mien.types import FacePatch, Floats, Frame, Image, LabelledFrame, SourceFace, TrackedFace

EVENTS = ("sway", "leave", "sway", "hand", "sway", "dark", "sway", "aside", "sway", "unplug", "sway", "engine", "sway", "cut")
EVENT_S = 3.0
_RATE = 30.0
_SWITCH_EVERY_S = 5.5
_JPEG = 92


@dataclass(frozen=True, slots=True)
class FaultReport:
    """`shown_wearer` counts frames of the output in which the wearer was found, `nearest` is the smallest distance of any
    face in it to the wearer; `control` is the share of raw pictures in which the checker finds the wearer."""

    frames: int
    seconds: float
    shown_wearer: int
    nearest: float
    control: float
    what: dict[str, int]
    switches: int
    out_of_order: int
    examples: tuple[str, ...] = ()


@dataclass(slots=True)
class _Script:
    """What the camera sees at each exposure; loops through `EVENTS`. `scenes` are pictures of the swaying person."""

    scenes: Sequence[Image]
    boxes: Sequence[tuple[float, float, float, float]]
    events: Sequence[str]
    event_s: float

    def event(self, time_s: float) -> tuple[str, float]:
        """The event that is on and how far it is, 0..1."""
        number, share = divmod(time_s / self.event_s, 1.0)
        return self.events[int(number) % len(self.events)], share

    def picture(self, exposure: int) -> Image:
        image = self.scenes[exposure % len(self.scenes)]
        x1, y1, x2, y2 = self.boxes[exposure % len(self.boxes)]
        name, share = self.event(exposure / _RATE)
        swing = float(np.sin(np.pi * share))
        if name == "leave":
            return _shifted(
                image, round(1.6 * image.shape[1] * swing * (1 if int(exposure / _RATE / self.event_s) % 2 else -1))
            )
        if name == "dark":
            return np.asarray(image * np.float32(1 - swing) ** 2, np.uint8)
        if name == "aside":
            return _turned(image, (x1 + x2) / 2, 1 - 0.75 * swing)
        if name == "hand":
            image = image.copy()
            height = y2 - y1
            middle = round((x1 + x2) / 2), round(y2 + height - swing * 1.6 * height)
            cv2.ellipse(image, middle, (round(0.6 * height), round(0.75 * height)), 10, 0, 360, (118, 150, 198), -1)
            return image
        if name == "unplug" and 0.3 < share < 0.5:
            raise SourceLost("the camera was unplugged", "it comes back")
        if name == "cut" and 0.4 < share < 0.6:
            return np.ascontiguousarray(cv2.resize(image[200:520, 400:880], (image.shape[1], image.shape[0]))[:, ::-1])
        return image.copy()


@dataclass(slots=True)
class _Recorder:
    """Keeps every frame on the disk, in order; a `contracts.FrameSink`."""

    folder: Path
    times: list[int] = field(default_factory=list)

    def write(self, labelled: LabelledFrame) -> None:
        name = str(self.folder / f"{len(self.times):06d}.jpg")
        if not cv2.imwrite(name, labelled.frame.image, [cv2.IMWRITE_JPEG_QUALITY, _JPEG]):
            raise OutputError(f"cannot write {name}", "free some space")
        self.times.append(labelled.frame.pts)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        return None


class _FailingEngine:
    """A `contracts.Engine` that raises while it is told to."""

    name = "failing"

    def __init__(self, inside: Engine, failing: Callable[[], bool]) -> None:
        self.bends = inside.bends
        self._inside = inside
        self._failing = failing

    def prepare(self, source: SourceFace) -> Any:
        return self._inside.prepare(source)

    def swap(self, frame: Frame, faces: Sequence[TrackedFace], prepared: Any) -> list[FacePatch | None]:
        if self._failing():
            raise RuntimeError("the engine fails on purpose")
        return self._inside.swap(frame, faces, prepared)


def run_faults(
    scenes: Sequence[Image],
    photos: Sequence[Image],
    settings: Settings,
    store: Store,
    seconds: float,
    events: Sequence[str] = EVENTS,
    event_s: float = EVENT_S,
) -> FaultReport:
    """Run the script in real time on the swaying person of `scenes`, wearing the faces of `photos` in turn, then search."""
    models = build.open_models(settings, store)
    checker = _Checker(models, build.open_recogniser(store))
    boxes = [_box(checker, scene) for scene in scenes]
    script = _Script(scenes, boxes, events, event_s)
    engine = _FailingEngine(
        build.open_engine(settings, models.shelf), lambda: script.event(time.monotonic() - started_s)[0] == "engine"
    )
    worn = [dress(engine, build.open_source(photo, models)) for photo in photos]
    wearing = Snapshot(settings, worn[0], "0")
    loop = LiveLoop(lambda wanted: build.open_tracking(wanted, models.shelf), build.open_classifier(store), wearing)
    with tempfile.TemporaryDirectory(prefix="mien-faults-") as folder:
        recorder = _Recorder(Path(folder))
        started_s = time.monotonic()
        loop.start()
        switches = 0
        try:
            loop.add_sink("recorder", lambda width, height: recorder)
            loop.set_input(lambda: _camera(script, started_s))
            pause = threading.Event()
            while time.monotonic() - started_s < seconds:
                pause.wait(_SWITCH_EVERY_S)
                switches += 1
                loop.snapshot = Snapshot(settings, worn[switches % len(worn)], str(switches))
        finally:
            loop.stop()
        what = loop.meter.read(time.monotonic()).shown
        wearer = [descriptor for scene in scenes[::6] for descriptor in checker.descriptors(scene)]
        sources = [descriptor for photo in photos for descriptor in checker.descriptors(photo)]
        people = _People(np.stack(wearer), np.stack(sources), checker.recogniser.same_person_below)
        control = _control(script, checker, people)
        return _searched(recorder, checker, people, switches, seconds, what, control)


def _camera(script: _Script, started_s: float) -> FrameSource:
    """The camera after it was opened (again); the script goes on meanwhile."""
    offset = round((time.monotonic() - started_s) * _RATE)
    height, width = script.scenes[0].shape[:2]
    return PacedCamera(width, height, _RATE, lambda exposure: script.picture(exposure + offset))


@dataclass(slots=True)
class _Checker:
    """Finds faces in still pictures, more finely than the live tracker, and describes whose they are."""

    models: build.Models
    recogniser: Recogniser

    def faces(self, image: Image) -> list[Any]:
        found = []
        for detection in self.models.photo_detector.detect(image):
            landmarks = self.models.landmarker.fit(image, detection.points)
            landmarks = self.models.landmarker.fit(image, landmarks.points)
            if landmarks.presence > 0.5:
                found.append(landmarks)
        return found

    def descriptors(self, image: Image) -> list[Floats]:
        return [self.recogniser.describe(image, landmarks) for landmarks in self.faces(image)]


@dataclass(frozen=True, slots=True)
class _People:
    """Descriptors of the wearer and of the faces worn, float32 (n, size)."""

    wearer: Floats
    sources: Floats
    same_person_below: float

    def is_wearer(self, descriptor: Floats) -> bool:
        distance = _distance(self.wearer, descriptor)
        return distance < self.same_person_below and distance < _distance(self.sources, descriptor)


def _searched(
    recorder: _Recorder, checker: _Checker, people: _People, switches: int, seconds: float, what: dict[str, int], control: float
) -> FaultReport:
    nearest, shown, examples = float("inf"), 0, list[str]()
    for number in range(len(recorder.times)):
        image = cv2.imread(str(recorder.folder / f"{number:06d}.jpg"))
        assert image is not None
        found = checker.descriptors(np.asarray(image, np.uint8))
        closest = min((_distance(people.wearer, each) for each in found), default=float("inf"))
        nearest = min(nearest, closest)
        if any(people.is_wearer(each) for each in found):
            shown += 1
            if len(examples) < 8:
                examples.append(f"frame {number}: {closest:.2f}")
    backwards = sum(after <= before for before, after in zip(recorder.times, recorder.times[1:], strict=False))
    return FaultReport(len(recorder.times), seconds, shown, nearest, control, what, switches, backwards, tuple(examples))


def _control(script: _Script, checker: _Checker, people: _People) -> float:
    """The share of the raw pictures in which the wearer is found: what the checker is able to see."""
    found = looked = 0
    for exposure in range(0, round(len(script.events) * script.event_s * _RATE), 7):
        with contextlib.suppress(SourceLost):
            descriptors = checker.descriptors(script.picture(exposure))
            looked += 1
            found += any(people.is_wearer(each) for each in descriptors)
    return found / max(looked, 1)


def _distance(wearer: Floats, descriptor: Floats) -> float:
    return float(np.linalg.norm(wearer - descriptor, axis=1).min())


def _box(checker: _Checker, scene: Image) -> tuple[float, float, float, float]:
    points = checker.faces(scene)[0].points
    (x1, y1), (x2, y2) = points[:, :2].min(0), points[:, :2].max(0)
    return float(x1), float(y1), float(x2), float(y2)


def _shifted(image: Image, pixels: int) -> Image:
    return np.asarray(_warped(image, np.array([[1.0, 0, pixels], [0, 1, 0]])), np.uint8)


def _turned(image: Image, x: float, width: float) -> Image:
    """The picture squeezed sideways round x: what a turned head does to a flat portrait."""
    return _warped(image, np.array([[width, 0, x * (1 - width)], [0, 1.0, 0]]))


def _warped(image: Image, to_picture: Any) -> Image:
    size_wh = image.shape[1], image.shape[0]
    return np.asarray(
        cv2.warpAffine(image, to_picture, size_wh, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8
    )  # fmt: skip
