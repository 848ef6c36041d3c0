"""Fakes that keep the contracts, for tests and for trying a part without models, cameras or files.

All are deterministic; only `PacedCamera` reads the clock.
"""

import math
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from fractions import Fraction
from types import TracebackType
from typing import Self

import numpy as np

from mien.contracts import Engine
from mien.errors import SourceLost
from mien.face.mean_face import face_model
from mien.models.format import parsing
from mien.swap.persona import Persona, open_persona
from mien.types import (
    LIVE_TIME_BASE,
    Array,
    Detection,
    FacePatch,
    Floats,
    Frame,
    Hand,
    IdentityLimits,
    Image,
    LabelledFrame,
    Landmarks,
    SourceFace,
    StreamInfo,
    TrackedFace,
)

Shape = tuple[int | str | None, ...]


class FakeSession:
    """A `contracts.Session` that answers every run with the same arrays and records its inputs in `calls`.

    `inputs` gives names and shapes; a run with other names or shapes raises `ValueError`, as a real model does.
    """

    provider = "FakeExecutionProvider"

    def __init__(self, inputs: Mapping[str, Shape], answers: Mapping[str, Array]) -> None:
        self.inputs: Mapping[str, Shape] = dict(inputs)
        self.outputs: Mapping[str, Shape] = {name: tuple(answer.shape) for name, answer in answers.items()}
        self.dtypes: Mapping[str, str] = {
            **dict.fromkeys(inputs, "float32"),
            **{name: str(answer.dtype) for name, answer in answers.items()},
        }
        self.calls: list[dict[str, Array]] = []
        self._answers = dict(answers)

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return copies of the canned arrays."""
        if set(inputs) != set(self.inputs):
            raise ValueError(f"the inputs are {sorted(self.inputs)}, got {sorted(inputs)}")
        for name, value in inputs.items():
            if not _fits(value.shape, self.inputs[name]):
                raise ValueError(f"input {name!r} has shape {self.inputs[name]}, got {value.shape}")
        self.calls.append({name: value.copy() for name, value in inputs.items()})
        return {name: answer.copy() for name, answer in self._answers.items()}


def _fits(found: tuple[int, ...], wanted: Shape) -> bool:
    return len(found) == len(wanted) and all(
        not isinstance(free_or_fixed, int) or free_or_fixed == size for size, free_or_fixed in zip(found, wanted, strict=True)
    )


class SyntheticCamera:
    """A `contracts.FrameSource`: a moving pattern, or the given pictures over and over, at a steady rate.

    `frames` is the number of exposures, None = endless. Exposures in `dropped` never arrive; those in `late` carry a time
    later by the given ticks of 1/90000 s. Before exposure `lost_at` the device is lost (`SourceLost`). Reading outside
    `with` raises `RuntimeError`.
    """

    time_base = Fraction(1, 90_000)

    def __init__(
        self,
        width: int = 320,
        height: int = 180,
        *,
        rate: Fraction = Fraction(30),
        frames: int | None = None,
        images: Sequence[Image] = (),
        dropped: Collection[int] = (),
        late: Mapping[int, int] | None = None,
        lost_at: int | None = None,
    ) -> None:
        if images:
            height, width = images[0].shape[:2]
        self.info = StreamInfo(width, height, self.time_base, rate)
        self._images = tuple(images)
        self._rate = rate
        self._frames = frames
        self._dropped = frozenset(dropped)
        self._late = dict(late or {})
        self._lost_at = lost_at
        self._exposure = 0
        self._index = 0
        self._open = False

    def read(self) -> Frame | None:
        """Return the next exposure that arrives, None after the last."""
        if not self._open:
            raise RuntimeError("the camera was read outside its `with`")
        while self._exposure in self._dropped:
            self._exposure += 1
        if self._lost_at is not None and self._exposure >= self._lost_at:
            raise SourceLost("the synthetic camera was lost", "it is a scripted fault")
        if self._frames is not None and self._exposure >= self._frames:
            return None
        pts = round(self._exposure / self._rate / self.time_base) + self._late.get(self._exposure, 0)
        frame = Frame(self._picture(self._exposure), self._index, pts, self.time_base)
        self._exposure += 1
        self._index += 1
        return frame

    def _picture(self, exposure: int) -> Image:
        if self._images:
            return self._images[exposure % len(self._images)].copy()
        return pattern(self.info.width, self.info.height, exposure)

    def __enter__(self) -> Self:
        self._open = True
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._open = False


class PacedCamera:
    """A `contracts.FrameSource` in real time: exposure n is `picture(n)`, taken n / rate seconds after entering.

    `picture` may raise `SourceLost`. Exposures not read in time are skipped, as by a camera. `stop` ends a waiting read.
    """

    time_base = LIVE_TIME_BASE

    def __init__(self, width: int, height: int, rate: float, picture: Callable[[int], Image]) -> None:
        self.info = StreamInfo(width, height, LIVE_TIME_BASE, Fraction(rate).limit_denominator(1001))
        self._rate = rate
        self._picture = picture
        self._stopped = threading.Event()
        self._next = 0
        self._index = 0
        self._start_s = 0.0

    def read(self) -> Frame | None:
        """Wait for the next exposure and return it, None after `stop`."""
        now_s = time.monotonic()
        self._next = max(self._next, math.ceil((now_s - self._start_s) * self._rate - 0.5))
        due_s = self._start_s + self._next / self._rate
        if self._stopped.wait(max(0.0, due_s - now_s)):
            return None
        image = self._picture(self._next)
        frame = Frame(image, self._index, round(time.monotonic() / LIVE_TIME_BASE), LIVE_TIME_BASE)
        self._next += 1
        self._index += 1
        return frame

    def stop(self) -> None:
        """Make a waiting or later read return None; callable from any thread."""
        self._stopped.set()

    def __enter__(self) -> Self:
        self._start_s = time.monotonic()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stopped.set()


def pattern(width: int, height: int, step: int) -> Image:
    """Return a colour ramp, BGR uint8 (height, width, 3), moved by 3 pixels a step to the left and by 2 upwards."""
    x = (np.arange(width) + 3 * step)[None, :]
    y = (np.arange(height) + 2 * step)[:, None]
    return np.stack(np.broadcast_arrays(x % 256, y % 256, (x + y) // 2 % 256), axis=2).astype(np.uint8)


class NullSink:
    """A `contracts.FrameSink` that discards frames and counts them in `written`."""

    def __init__(self) -> None:
        self.written = 0

    def write(self, labelled: LabelledFrame) -> None:
        """Count the frame."""
        self.written += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        return None


class CollectingSink:
    """A `contracts.FrameSink` that copies frames; they appear in `frames` after a `with` that ends without an error."""

    def __init__(self) -> None:
        self.frames: tuple[Frame, ...] = ()
        self._taken: list[Frame] = []

    def write(self, labelled: LabelledFrame) -> None:
        """Copy the frame."""
        frame = labelled.frame
        self._taken.append(Frame(frame.image.copy(), frame.index, frame.pts, frame.time_base))

    def __enter__(self) -> Self:
        self._taken = []
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.frames = () if kind is not None else tuple(self._taken)


class FakeDetector:
    """A `contracts.Detector` that returns the canned answers in turn, then repeats the last."""

    def __init__(self, *answers: Sequence[Detection]) -> None:
        self._answers = answers or ((),)
        self.calls = 0

    def detect(self, image: Image) -> list[Detection]:
        """Return the next answer, the best score first."""
        answer = self._answers[min(self.calls, len(self._answers) - 1)]
        self.calls += 1
        return sorted(answer, key=lambda detection: -detection.score)


class FakeLandmarker:
    """A `contracts.Landmarker` that returns the canned answers in turn, then repeats the last.

    `calls` records the points it was asked to fit around.
    """

    def __init__(self, *answers: Landmarks) -> None:
        if not answers:
            raise ValueError("a landmarker needs at least one answer")
        self._answers = answers
        self.calls: list[Floats] = []

    def fit(self, image: Image, around: Floats) -> Landmarks:
        """Return the next answer; raises `ValueError` for points of another shape."""
        if around.shape not in {(478, 3), (5, 2)}:
            raise ValueError(f"`around` is (478, 3) or (5, 2), got {around.shape}")
        answer = self._answers[min(len(self.calls), len(self._answers) - 1)]
        self.calls.append(around.copy())
        return answer


class FakeRecogniser:
    """A `contracts.Recogniser` whose embedding is the mean colour of the picture: float32 (3,), 0..1."""

    limits = IdentityLimits(photo=0.1, protect=0.09, cluster=0.08)

    def describe(self, image: Image, landmarks: Landmarks) -> Floats:
        """Return the mean colour."""
        mean: Floats = (image.reshape(-1, 3).mean(0) / 255).astype(np.float32)
        return mean


class FakeAgeEstimator:
    """A `contracts.AgeEstimator` that returns the ages in turn, then repeats the last; without ages always 40."""

    def __init__(self, *ages: float) -> None:
        self._ages = ages or (40.0,)
        self.calls = 0

    def age(self, image: Image, landmarks: Landmarks) -> float:
        """Return the next age, in years."""
        age = self._ages[min(self.calls, len(self._ages) - 1)]
        self.calls += 1
        return age


class FakeClassifier:
    """A `contracts.ContentClassifier` that returns the scores in turn, then repeats the last; without scores always 0."""

    def __init__(self, *scores: float) -> None:
        self._scores = scores or (0.0,)
        self.calls = 0

    def score(self, image: Image) -> float:
        """Return the next score."""
        score = self._scores[min(self.calls, len(self._scores) - 1)]
        self.calls += 1
        return score


class FakeParser:
    """A `contracts.Parser` that takes everything blue for a thing before the face, and all else for skin."""

    template, side = parsing.TEMPLATE, parsing.SIDE

    def __init__(self) -> None:
        self.calls = 0

    def parse(self, crops: Sequence[Image]) -> list[Array]:
        """Return the shares of the classes."""
        self.calls += 1
        return [self._parsed(crop) for crop in crops]

    def _parsed(self, crop: Image) -> Array:
        blue = crop[:, :, 0].astype(np.int16) > crop[:, :, 2].astype(np.int16) + 60
        shares = np.zeros((len(parsing.FaceClass), self.side, self.side), np.uint8)
        shares[parsing.FaceClass.THING][blue] = 255
        shares[parsing.FaceClass.SKIN][~blue] = 255
        return shares


class FakeHandFinder:
    """A `contracts.HandFinder` that finds the given hands wherever it looks; each stays for `stays` more fits."""

    def __init__(self, hands: Sequence[Hand] = (), *, stays: int = 1_000_000) -> None:
        self._hands = list(hands)
        self._stays = stays
        self.searches = 0
        self.follows = 0

    def search(self, image: Image, middle_xy: tuple[float, float], side: float) -> list[Hand]:
        """Return the hands."""
        self.searches += 1
        return list(self._hands)

    def follow(self, image: Image, hand: Hand) -> Hand | None:
        """Return the same hand, None when it has gone."""
        self.follows += 1
        return hand if self.follows <= self._stays else None


class FakeEngine:
    """A `contracts.Engine` that fills the box of the landmarks with one colour, BGR."""

    name = "fake"
    wants_reshape = True

    def __init__(self, colour: tuple[int, int, int] = (0, 200, 0)) -> None:
        self._colour = colour

    def prepare(self, source: SourceFace) -> str:
        """Return the digest of the source; there is nothing to compute."""
        return source.digest

    def swap(self, frame: Frame, faces: Sequence[TrackedFace], prepared: str) -> list[FacePatch | None]:
        """Return a filled patch for each face, None for a face outside the frame."""
        return [self._patch(frame, face) for face in faces]

    def _patch(self, frame: Frame, face: TrackedFace) -> FacePatch | None:
        height, width = frame.image.shape[:2]
        points = face.landmarks.points[:, :2]
        left, top = (max(0, int(value)) for value in np.floor(points.min(0)))
        right, bottom = (
            min(limit, int(value) + 1) for limit, value in zip((width, height), np.ceil(points.max(0)), strict=True)
        )
        if right <= left or bottom <= top:
            return None
        size = bottom - top, right - left
        crop = np.full((*size, 3), self._colour, np.uint8)
        return FacePatch(crop, np.full(size, 255, np.uint8), np.array([[1.0, 0, left], [0, 1, top]]))


def fake_persona(engine: Engine) -> Persona:
    """Return the mean face as a persona for `engine`."""
    points = 100 + 40 * face_model().shape
    return open_persona(engine, SourceFace(np.full((200, 200, 3), 128, np.uint8), Landmarks(points, 1.0), "source"))
