"""A live run in which everything goes wrong, and a checker that looks for the wearer in what came out.

The camera is made from one portrait: the person sways, walks out of the picture and back, holds a hand before the face,
turns aside, the light goes out, the cable is pulled, the engine fails and the source is switched, over and over. Every
frame that leaves is recorded and searched afterwards, by identity (`sightings.py`).
"""

import contextlib
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import cv2
import numpy as np

from mien.assembly import factory
from mien.contracts import Engine, LiveSource
from mien.errors import OutputError, SourceLost
from mien.lab.sightings import Checker, People, Sighting
from mien.live.loop import LiveLoop
from mien.live.snapshot import Snapshot
from mien.models.library.store import Store
from mien.settings import Settings
from mien.swap.persona import open_persona
from mien.testing import PacedCamera
from mien.types import LIVE_TIME_BASE, FacePatch, Frame, Image, LabelledFrame, SourceFace, TrackedFace

EVENTS = ("sway", "leave", "sway", "hand", "sway", "dark", "sway", "aside", "sway", "unplug", "sway", "engine", "sway", "cut")
EVENT_S = 3.0
_RATE = 30.0
_SWITCH_EVERY_S = 5.5
_JPEG = 92
_CONTROL_STEP = 7  # exposures; about 13 looks at an event of 3 s
_EXAMPLES = 8  # faces named in a report, those nearest to the wearer first


@dataclass(frozen=True, slots=True)
class FaultReport:
    """Outcome of a run.

    `shown_wearer` and `cannot_tell` count faces in output frames by verdict, `nearest` is the smallest distance of any of
    them to the wearer, `apart` the distance between wearer and sources. `control` is the share of raw camera pictures in
    which the checker recognises the wearer, for each event: where it is 0, the run proves nothing.
    """

    frames: int
    seconds: float
    shown_wearer: int
    cannot_tell: int
    nearest: float
    apart: float
    control: dict[str, float]
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

    def path(self, number: int) -> Path:
        return self.folder / f"{number:06d}.jpg"

    def write(self, labelled: LabelledFrame) -> None:
        name = str(self.path(len(self.times)))
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
        self.wants_reshape = inside.wants_reshape
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
    keep: Path | None = None,
) -> FaultReport:
    """Run the script in real time on the swaying person of `scenes`, wearing the faces of `photos` in turn, then search.

    Frames that show the wearer, or may, are copied to the folder `keep`, each beside what the camera saw about then.
    """
    models = factory.open_models(settings, store)
    checker = Checker(models, factory.open_recogniser(store))
    boxes = [_box(checker, scene) for scene in scenes]
    script = _Script(scenes, boxes, events, event_s)
    engine = _FailingEngine(
        factory.open_engine(settings, models.sessions), lambda: script.event(time.monotonic() - started_s)[0] == "engine"
    )
    worn = [open_persona(engine, factory.open_source(photo, models)) for photo in photos]
    wearing = Snapshot(settings, worn[0], "0")
    loop = LiveLoop(lambda wanted: factory.open_tracking(wanted, models.sessions), factory.open_classifier(store), wearing)
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
                loop.wear(Snapshot(settings, worn[switches % len(worn)], str(switches)))
        finally:
            loop.stop()
        what = loop.meter.read(time.monotonic()).shown
        people = checker.people(scenes[::6], photos)
        control = _control(script, checker, people)
        found = _searched(recorder, script, checker, people, started_s, keep)
    verdicts = Counter(each.verdict for _, each in found)
    suspects = [(event, each) for event, each in found if each.verdict != "other"]
    return FaultReport(
        frames=len(recorder.times),
        seconds=seconds,
        shown_wearer=verdicts["wearer"],
        cannot_tell=verdicts["cannot tell"],
        nearest=min((each.to_wearer for _, each in found), default=float("inf")),
        apart=people.apart,
        control=control,
        what=what,
        switches=switches,
        out_of_order=sum(after <= before for before, after in pairwise(recorder.times)),
        examples=tuple(
            f"{event}: {each.verdict}, {each.to_wearer:.2f} to the wearer, {each.to_source:.2f} to the source"
            for event, each in sorted(suspects, key=lambda pair: pair[1].to_wearer)[:_EXAMPLES]
        ),
    )


def _camera(script: _Script, started_s: float) -> LiveSource:
    """The camera after it was opened (again); the script goes on meanwhile."""
    offset = round((time.monotonic() - started_s) * _RATE)
    height, width = script.scenes[0].shape[:2]
    return PacedCamera(width, height, _RATE, lambda exposure: script.picture(exposure + offset))


def _searched(
    recorder: _Recorder, script: _Script, checker: Checker, people: People, started_s: float, keep: Path | None
) -> list[tuple[str, Sighting]]:
    """Every face in the recorded frames, with the event it was seen in; frames that show the wearer, or may, go to `keep`."""
    found = []
    for number, time_s in enumerate(recorder.times):
        image = cv2.imread(str(recorder.path(number)))
        assert image is not None
        exposure = round((float(time_s * LIVE_TIME_BASE) - started_s) * _RATE)
        event, _ = script.event(exposure / _RATE)
        seen = checker.sightings(np.asarray(image, np.uint8), people)
        found += [(event, each) for each in seen]
        suspects = [each for each in seen if each.verdict != "other"]
        if suspects and keep is not None:
            worst = min(suspects, key=lambda each: each.to_wearer - each.to_source)
            name = f"{worst.verdict.replace(' ', '-')}-{number:06d}-{event}-{worst.to_wearer:.2f}-{worst.to_source:.2f}"
            shutil.copyfile(recorder.path(number), keep / f"{name}.jpg")
            with contextlib.suppress(SourceLost):
                cv2.imwrite(str(keep / f"{name}-camera.jpg"), script.picture(exposure))
    return found


def _control(script: _Script, checker: Checker, people: People) -> dict[str, float]:
    """Share of the raw pictures in which the checker recognises the wearer, for each event: its ability to see."""
    looked, found = Counter[str](), Counter[str]()
    for exposure in range(0, round(len(script.events) * script.event_s * _RATE), _CONTROL_STEP):
        event, _ = script.event(exposure / _RATE)
        with contextlib.suppress(SourceLost):
            seen = checker.sightings(script.picture(exposure), people)
            looked[event] += 1
            found[event] += any(each.verdict == "wearer" for each in seen)
    return {event: found[event] / count for event, count in looked.items()}


def _box(checker: Checker, scene: Image) -> tuple[float, float, float, float]:
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
