"""A live run in which everything goes wrong, and a check of every output frame for the wearer's face.

The camera is made from one portrait: the person sways, walks out of the picture and back, holds a hand before the face,
turns aside, the light goes out, the cable is pulled, the engine fails and the source is switched, over and over. Every
output frame is recorded and then searched by embedding (`sightings.py`).
"""

import contextlib
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
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
from mien.lab.fault_script import EVENTS, RATE_HZ, Script
from mien.lab.sightings import Checker, People, Sighting
from mien.live.loop import LiveLoop
from mien.live.snapshot import Snapshot
from mien.models.library.store import Store
from mien.settings import Settings
from mien.swap.cast import everyone
from mien.swap.persona import open_persona
from mien.testing import PacedCamera
from mien.types import LIVE_TIME_BASE, FacePatch, Frame, Image, LabelledFrame, SourceFace, TrackedFace

EVENT_S = 3.0  # covers the second for which `hold` repeats a picture
_SWITCH_INTERVAL_S = 5.5  # not a multiple of EVENT_S: switches fall into every part of an event
_RECORDING_JPEG_QUALITY = 92  # keeps a face recognisable; not measured
_CONTROL_STEP = 7  # exposures; about 13 pictures of an event of 3 s
_LONGEST = 10  # times the asked length: a run that has not seen enough by then says so
_MAX_EXAMPLES = 8  # faces named in a report, those nearest to the wearer first


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
class _Recorder:
    """A `contracts.FrameSink` that writes every frame to the disk, in order."""

    folder: Path
    times: list[int] = field(default_factory=list)

    def path(self, number: int) -> Path:
        return self.folder / f"{number:06d}.jpg"

    def write(self, labelled: LabelledFrame) -> None:
        name = str(self.path(len(self.times)))
        if not cv2.imwrite(name, labelled.frame.image, [cv2.IMWRITE_JPEG_QUALITY, _RECORDING_JPEG_QUALITY]):
            raise OutputError(f"cannot write {name}", "free some space")
        self.times.append(labelled.frame.pts)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        return None


class _FailingEngine:
    """A `contracts.Engine` that raises while `failing` returns True."""

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
    has_enough: Callable[[Mapping[str, int]], bool] = lambda shown: True,
) -> FaultReport:
    """Run the script in real time on the swaying wearer of `scenes` with the faces of `photos` in turn, then search.

    Frames that show the wearer, or may, are copied to the folder `keep`, each beside the camera's picture of that time. The
    run goes on beyond `seconds` until `has_enough` of the counts of the frames by what they show, ten times as long at most.
    """
    models = factory.open_models(settings, store)
    checker = Checker(models, factory.open_recogniser(store))
    script = Script(scenes, [_box(checker, scene) for scene in scenes], events, event_s)
    with tempfile.TemporaryDirectory(prefix="mien-faults-") as folder:
        run = _run_live(script, photos, settings, models, store, seconds, _Recorder(Path(folder)), has_enough)
        people = checker.people(scenes[::6], photos)
        control = _control(script, checker, people)
        found = _searched(run.recorder, script, checker, people, run.started_s, keep)
    verdicts = Counter(each.verdict for _, each in found)
    suspects = [(event, each) for event, each in found if each.verdict != "other"]
    return FaultReport(
        frames=len(run.recorder.times),
        seconds=run.seconds,
        shown_wearer=verdicts["wearer"],
        cannot_tell=verdicts["cannot tell"],
        nearest=min((each.to_wearer for _, each in found), default=float("inf")),
        apart=people.apart,
        control=control,
        what=run.shown,
        switches=run.switches,
        out_of_order=sum(after <= before for before, after in pairwise(run.recorder.times)),
        examples=tuple(
            f"{event}: {each.verdict}, {each.to_wearer:.2f} to the wearer, {each.to_source:.2f} to the source"
            for event, each in sorted(suspects, key=lambda pair: (pair[1].verdict != "wearer", pair[1].to_wearer))[
                :_MAX_EXAMPLES
            ]
        ),
    )


@dataclass(frozen=True, slots=True)
class _LiveRun:
    """The recorded frames of a run, its start on the monotonic clock, and the counts of the loop's meter."""

    recorder: _Recorder
    started_s: float
    seconds: float
    switches: int
    shown: dict[str, int]


def _run_live(
    script: Script,
    photos: Sequence[Image],
    settings: Settings,
    models: factory.Models,
    store: Store,
    seconds: float,
    recorder: _Recorder,
    has_enough: Callable[[Mapping[str, int]], bool],
) -> _LiveRun:
    """Run the live loop on the script for `seconds` and until `has_enough`, and switch the source on the way."""
    engine = _FailingEngine(
        factory.open_engine(settings, models.sessions), lambda: script.event(time.monotonic() - started_s)[0] == "engine"
    )
    worn = [open_persona(engine, factory.open_source(photo, models)) for photo in photos]
    first = Snapshot(settings, everyone(worn[0]), "0")
    loop = LiveLoop(lambda wanted: factory.open_tracking(wanted, models.sessions), factory.open_classifier(store), first)
    started_s = time.monotonic()
    loop.start()
    switches = 0
    try:
        loop.add_sink("recorder", lambda width, height: recorder)
        loop.set_input(lambda: _camera(script, started_s))
        pause = threading.Event()
        while (lasts_s := time.monotonic() - started_s) < seconds or (
            lasts_s < _LONGEST * seconds and not has_enough(loop.meter.read(time.monotonic()).shown)
        ):
            pause.wait(_SWITCH_INTERVAL_S)
            switches += 1
            loop.wear(Snapshot(settings, everyone(worn[switches % len(worn)]), str(switches)))
    finally:
        loop.stop()
    return _LiveRun(recorder, started_s, lasts_s, switches, loop.meter.read(time.monotonic()).shown)


def _camera(script: Script, started_s: float) -> LiveSource:
    """Return the camera, opened or reopened now; the script runs on meanwhile."""
    offset = round((time.monotonic() - started_s) * RATE_HZ)
    height, width = script.scenes[0].shape[:2]
    return PacedCamera(width, height, RATE_HZ, lambda exposure: script.picture(exposure + offset))


def _searched(
    recorder: _Recorder, script: Script, checker: Checker, people: People, started_s: float, keep: Path | None
) -> list[tuple[str, Sighting]]:
    """Return every face in the recorded frames with its event; copy frames that show the wearer, or may, to `keep`."""
    found = []
    for number, time_s in enumerate(recorder.times):
        image = cv2.imread(str(recorder.path(number)))
        assert image is not None
        exposure = round((float(time_s * LIVE_TIME_BASE) - started_s) * RATE_HZ)
        event, _ = script.event(exposure / RATE_HZ)
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


def _control(script: Script, checker: Checker, people: People) -> dict[str, float]:
    """Return, by event, the share of raw pictures in which the checker recognises the wearer."""
    searched, found = Counter[str](), Counter[str]()
    for exposure in range(0, round(len(script.events) * script.event_s * RATE_HZ), _CONTROL_STEP):
        event, _ = script.event(exposure / RATE_HZ)
        with contextlib.suppress(SourceLost):
            seen = checker.sightings(script.picture(exposure), people)
            searched[event] += 1
            found[event] += any(each.verdict == "wearer" for each in seen)
    return {event: found[event] / count for event, count in searched.items()}


def _box(checker: Checker, scene: Image) -> tuple[float, float, float, float]:
    points = checker.faces(scene)[0].points
    (x1, y1), (x2, y2) = points[:, :2].min(0), points[:, :2].max(0)
    return float(x1), float(y1), float(x2), float(y2)
