"""The Protocols between the parts, one sentence a promise. Fakes that keep them are in `mien.testing`."""

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Protocol, Self, runtime_checkable

from mien.types import (
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
    Mask,
    Sound,
    SourceFace,
    StreamInfo,
    TrackedFace,
)


@runtime_checkable
class FrameSource(Protocol):
    """Source of frames: a context manager; nothing is read after it is left."""

    @property
    def info(self) -> StreamInfo:
        """Properties known before the first frame."""
        ...

    def read(self) -> Frame | None:
        """The next frame in presentation order, None at the end.

        Raises `SourceLost` (a device went away) or `UnreadableMedia` (a file is damaged).
        """
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...


@runtime_checkable
class LiveSource(FrameSource, Protocol):
    """A source without an end that can be interrupted, as a camera."""

    def stop(self) -> None:
        """Make a waiting or later `read` return None soon; called from another thread."""
        ...


@runtime_checkable
class FrameSink(Protocol):
    """Sink of labelled frames: a context manager that keeps its result only when it is left without an error."""

    def write(self, labelled: LabelledFrame) -> None:
        """Take one frame; the array may change as soon as this returns. Raises `OutputError`."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...


@runtime_checkable
class SoundSource(Protocol):
    """Source of live sound: a context manager; nothing is read after it is left."""

    rate: int
    """Samples a second."""
    channels: int

    def read(self) -> Sound | None:
        """The next stretch, None at the end. Raises `SourceLost` when the device went away."""
        ...

    def stop(self) -> None:
        """Make a waiting or later `read` return None soon; called from another thread."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...


@runtime_checkable
class SoundSink(Protocol):
    """Sink of frames that also takes their sound."""

    def write_sound(self, sound: Sound) -> None:
        """Take one stretch; may be called from another thread than `write`. Raises `OutputError`."""
        ...


@runtime_checkable
class Session(Protocol):
    """An opened model: named arrays in, named arrays out; safe to call from several threads."""

    @property
    def provider(self) -> str:
        """The execution provider, such as `CPUExecutionProvider`."""
        ...

    @property
    def inputs(self) -> Mapping[str, tuple[int | str | None, ...]]:
        """Names and shapes of the inputs; a free dimension is a name or None."""
        ...

    @property
    def outputs(self) -> Mapping[str, tuple[int | str | None, ...]]:
        """Names and shapes of the outputs."""
        ...

    @property
    def dtypes(self) -> Mapping[str, str]:
        """The numpy type of every input and output, by name: `float32`."""
        ...

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """One pass through the model."""
        ...


@runtime_checkable
class Detector(Protocol):
    """Detector of faces anywhere in a picture."""

    def detect(self, image: Image) -> list[Detection]:
        """Faces in a BGR picture, best score first, overlaps removed; an empty list without faces."""
        ...


@runtime_checkable
class Landmarker(Protocol):
    """Network that fits the mesh to one face."""

    def fit(self, image: Image, around: Floats) -> Landmarks:
        """Landmarks of the face around the given points.

        `around` is float32 (478, 3), the landmarks of the frame before, or (5, 2), the points of a detection.
        """
        ...


@runtime_checkable
class Recogniser(Protocol):
    """Network that tells people apart."""

    limits: IdentityLimits
    """Distances under these mean the same person."""

    def describe(self, image: Image, landmarks: Landmarks) -> Floats:
        """A descriptor, float32 (n,); the smaller the Euclidean distance of two, the more alike the faces."""
        ...


@runtime_checkable
class AgeEstimator(Protocol):
    """Network that estimates apparent ages."""

    def age(self, image: Image, landmarks: Landmarks) -> float:
        """The apparent age, in years, of a face in a BGR picture; the picture is not changed."""
        ...


@runtime_checkable
class ContentClassifier(Protocol):
    """Classifier of nudity."""

    def score(self, image: Image) -> float:
        """The likelihood of nudity, 0..1, in a BGR picture of any size; the picture is not changed."""
        ...


@runtime_checkable
class Engine(Protocol):
    """Engine that makes patches of a source face for tracked faces."""

    name: str
    wants_reshape: bool
    """True when the picture is first reshaped towards the source's proportions; networks draw a shape of their own."""

    def prepare(self, source: SourceFace) -> Any:
        """Everything that depends on the source alone, immutable; it is passed to `swap`."""
        ...

    def swap(self, frame: Frame, faces: Sequence[TrackedFace], prepared: Any) -> list[FacePatch | None]:
        """A patch for each of the faces of this frame, in their order; None when nothing of a face is in the picture.

        The frame is not changed.
        """
        ...


@runtime_checkable
class Embedder(Protocol):
    """Network that makes the embedding that swapping networks take."""

    def embed(self, image: Image, landmarks: Landmarks) -> Floats:
        """The raw embedding, float32 (512,), as the network gives it, not normalised. `image` is BGR uint8."""
        ...


@runtime_checkable
class Converter(Protocol):
    """Converter of one recogniser's embedding to that of another, which a swapping network was trained with."""

    def convert(self, embedding: Floats) -> Floats:
        """A raw embedding, float32 (512,), for a raw embedding, float32 (512,)."""
        ...


@runtime_checkable
class Segmenter(Protocol):
    """Segmenter of an aligned crop into the face and occluders."""

    template: str
    """The name in `geometry.TEMPLATES` of the crop's alignment."""
    side: int
    """Pixels of a side of the crop."""

    def visible(self, crops: Sequence[Image]) -> list[Mask]:
        """A mask for each crop, BGR uint8 (side, side, 3): uint8 (side, side), 255 = the face is visible."""
        ...


@runtime_checkable
class Parser(Protocol):
    """Parser of an aligned crop into the classes of `models.format.parsing.FaceClass`."""

    template: str
    """The name in `geometry.TEMPLATES` of the crop's alignment."""
    side: int
    """Pixels of a side of the crop."""

    def parse(self, crops: Sequence[Image]) -> list[Array]:
        """The shares of the classes for each crop, BGR uint8 (side, side, 3).

        uint8 (classes, side, side), 255 = wholly of the class.
        """
        ...


@runtime_checkable
class HandFinder(Protocol):
    """Finder of hands."""

    def search(self, image: Image, middle_xy: tuple[float, float], side: float) -> list[Hand]:
        """Hands in a square of the picture, BGR uint8, with its middle and its side in pixels; none that are doubtful."""
        ...

    def follow(self, image: Image, hand: Hand) -> Hand | None:
        """The hand of the frame before, in this picture; None when it is not there any more."""
        ...


@runtime_checkable
class Enhancer(Protocol):
    """Restorer that adds detail to an aligned crop of a face."""

    template: str
    """The name in `geometry.TEMPLATES` of the crop's alignment."""
    side: int
    """Pixels of a side of the crop."""

    def enhance(self, crops: Sequence[Image]) -> list[Image]:
        """A crop for each crop, BGR uint8 (side, side, 3), of the same face at the same position."""
        ...


@runtime_checkable
class Harmoniser(Protocol):
    """Network that matches the colours of a composed face to its picture."""

    def colours(self, view: Floats) -> Floats:
        """Gains (3) and offsets in levels (3), BGR, float32 (16, 16, 6), for the input made by `stages.harmonise.view`."""
        ...
