"""A running live loop with fake parts."""

from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import numpy as np

from mien.live.inspector import Inspection, Inspector
from mien.live.loop import DEFAULT_TUNING, LiveLoop, LoopTuning
from mien.live.snapshot import Snapshot
from mien.settings import Settings
from mien.swap.cast import everyone
from mien.swap.tracking.parts import TrackingParts
from mien.swap.tracking.shared_detector import SharedDetector
from mien.swap.tracking.tracker import Tracker
from mien.testing import (
    CollectingSink,
    FakeClassifier,
    FakeDetector,
    FakeEngine,
    FakeLandmarker,
    PacedCamera,
    fake_persona,
)
from mien.types import Detection, Frame, Image, LabelledFrame, Landmarks
from tests.support.deadline import wait_until

GREEN = (0, 200, 0)

FACE_BOX = (60, 40, 120, 100)


def person(exposure: int = 0) -> Image:
    """A grey room with fine red stripes where the fake detector sees a face."""
    image = np.full((180, 320, 3), 120, np.uint8)
    x1, y1, x2, y2 = FACE_BOX
    image[y1:y2, x1:x2] = (60, 60, 60)
    image[y1:y2, x1:x2:3] = (0, 0, 255)
    return image


def landmarks() -> Landmarks:
    x1, y1, x2, y2 = FACE_BOX
    grid = np.stack(np.meshgrid(np.linspace(x1, x2, 22), np.linspace(y1, y2, 22)), axis=2).reshape(-1, 2)[:478]
    points = np.zeros((478, 3), np.float32)
    points[:, :2] = grid
    return Landmarks(points, 1.0)


def detection() -> Detection:
    points = landmarks().points
    pairs = ((33, 133), (362, 263), (4, 4), (61, 61), (291, 291))
    five = np.stack([points[list(pair), :2].mean(0) for pair in pairs]).astype(np.float32)
    return Detection(tuple(map(float, FACE_BOX)), five, 0.95)  # type: ignore[arg-type]


def parts(settings: Settings) -> TrackingParts:
    look = SharedDetector([(320, FakeDetector((detection(),)))], 0.6)
    return TrackingParts(Tracker(look, FakeLandmarker(landmarks()), settings), look)


def snapshot(**values: Any) -> Snapshot:
    return Snapshot(Settings(**values), everyone(fake_persona(FakeEngine(GREEN))), "face")


def shows_red(image: Image) -> bool:
    """Return True when a pixel of the person's own face is left."""
    return bool(((image[:, :, 2] > 200) & (image[:, :, 0] < 80) & (image[:, :, 1] < 80)).any())


def camera(rate: float = 60, picture: Callable[[int], Image] = person) -> PacedCamera:
    return PacedCamera(320, 180, rate, picture)


class Inline(Inspector):
    """Inspects at once, in the caller's thread."""

    def offer(self, inspection: Inspection, frame: Frame) -> None:
        if inspection.due(frame.time_s):
            inspection.take(frame)
            inspection.run()


class Running:
    """A started loop with a sink that keeps what it gets; stopped at the end of the `with`."""

    def __init__(
        self,
        start_with: Snapshot | None = None,
        make: Callable[[Settings], TrackingParts] = parts,
        tuning: LoopTuning = DEFAULT_TUNING,
    ) -> None:
        self.loop = LiveLoop(make, FakeClassifier(), start_with or snapshot(), tuning=tuning)
        self.sink = Keeping()

    def __enter__(self) -> Self:
        self.loop.start()
        self.loop.add_sink("kept", lambda width, height: self.sink)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.loop.stop()

    def frames(self, count: int) -> list[Frame]:
        """The next `count` frames that leave."""
        start = len(self.sink.kept)
        wait_until(lambda: len(self.sink.kept) >= start + count, f"{count} frames")
        return self.sink.kept[start : start + count]


class Keeping(CollectingSink):
    """Keeps copies while it runs; `hang` blocks the next write until it is set."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[Frame] = []
        self.fail: Exception | None = None
        self.closed = 0

    def write(self, labelled: LabelledFrame) -> None:
        if self.fail is not None:
            raise self.fail
        frame = labelled.frame
        self.kept.append(Frame(frame.image.copy(), frame.index, frame.pts, frame.time_base))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.closed += 1
