"""Values that cross a border between stages: small, frozen, checked once where they enter.

Pictures are BGR uint8 (height, width, 3). Points are (x, y) in pixels; the centre of the top left pixel is (0, 0).
Boxes are `xyxy` in the same unit. Transforms are float64 (2, 3) and named `from_to_to`: `to_xy = A @ [from_x, from_y, 1]`.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Image: TypeAlias = npt.NDArray[np.uint8]
"""BGR uint8 (height, width, 3)."""
Mask: TypeAlias = npt.NDArray[np.uint8]
"""uint8 (height, width); 0 = the frame stays, 255 = the patch replaces it."""
Floats: TypeAlias = npt.NDArray[np.float32]
Affine: TypeAlias = npt.NDArray[np.float64]
"""float64 (2, 3)."""
Array: TypeAlias = npt.NDArray[Any]

LANDMARK_COUNT = 478  # 468 points of skin and 10 of the irises
HAND_JOINT_COUNT = 21  # wrist, and four joints of each finger, as MediaPipe has them
LIVE_TIME_BASE = Fraction(1, 1_000_000)
"""Live frames count microseconds of the machine's monotonic clock at the moment of capture."""


class Note(str):
    """A sentence for people on what was converted or left out. Pages in other languages say it by its `key` and `values`."""

    key: str
    values: dict[str, str | int | float]

    @classmethod
    def of(cls, key: str, text: str, **values: str | int | float) -> "Note":
        """Return the note; `{name}` in the text stands for a value."""
        made = cls(text.format(**values))
        made.key, made.values = key, values
        return made


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of a source and its presentation time, `pts * time_base` seconds.

    `alpha` is straight (not premultiplied), None = opaque; only videos and animations with transparency have one.
    """

    image: Image
    index: int
    pts: int
    time_base: Fraction
    alpha: Mask | None = None

    def __post_init__(self) -> None:
        if self.alpha is not None and self.alpha.shape != self.image.shape[:2]:
            raise ValueError(f"alpha {self.alpha.shape} and image {self.image.shape} differ in size")
        if self.image.dtype != np.uint8 or self.image.ndim != 3 or self.image.shape[2] != 3:
            raise ValueError(f"a frame is BGR uint8 (h, w, 3), got {self.image.dtype} {self.image.shape}")

    @property
    def time_s(self) -> float:
        """The presentation time in seconds."""
        # As `float` of the product, to the last bit, without reducing the fraction first.
        return self.pts * self.time_base.numerator / self.time_base.denominator


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """Properties of a source before its first frame; `None` = unknown."""

    width: int
    height: int
    time_base: Fraction
    rate: Fraction | None = None
    frame_count: int | None = None
    duration_s: float | None = None


@dataclass(frozen=True, slots=True)
class Detection:
    """One face as a detector sees it, in frame pixels.

    `points` is float32 (5, 2): right eye, left eye, nose tip, right and left mouth corner (the person's right and left).
    """

    box_xyxy: tuple[float, float, float, float]
    points: Floats
    score: float


@dataclass(frozen=True, slots=True)
class Landmarks:
    """The 478-point mesh of one face.

    `points` is float32 (478, 3): x and y in frame pixels, z in the same unit and smaller towards the camera.
    `presence` is the model's confidence, 0..1, that a face is there.
    """

    points: Floats
    presence: float

    def __post_init__(self) -> None:
        if self.points.shape != (LANDMARK_COUNT, 3):
            raise ValueError(f"landmarks are ({LANDMARK_COUNT}, 3), got {self.points.shape}")


@dataclass(frozen=True, slots=True)
class Hand:
    """The 21 joints of one hand, from the wrist to the tips, thumb first.

    `points` is float32 (21, 3): x and y in frame pixels, z in the same unit and smaller towards the camera, 0 at the wrist.
    `presence` is the model's confidence, 0..1, that a hand is there.
    """

    points: Floats
    presence: float

    def __post_init__(self) -> None:
        if self.points.shape != (HAND_JOINT_COUNT, 3):
            raise ValueError(f"a hand has joints ({HAND_JOINT_COUNT}, 3), got {self.points.shape}")


@dataclass(frozen=True, slots=True)
class IdentityLimits:
    """Distances of a recogniser's descriptors below which two faces are one person, each for its own question.

    `photo`: a face and a photo show the same person. `protect`: a face may be touched, because it is surely this person's.
    `cluster`: the templates of two tracks are of one person, both means of several looks (`swap.people.template.is_surely`).
    They differ in what an error costs, so that `cluster <= protect <= photo`. `mien evaluate --only people` measures the rates
    of a recogniser and proposes its limits.
    """

    photo: float
    protect: float
    cluster: float

    def __post_init__(self) -> None:
        if not 0 < self.cluster <= self.protect <= self.photo:
            raise ValueError(f"limits are 0 < cluster <= protect <= photo, got {self}")


@dataclass(frozen=True, slots=True)
class Grain:
    """The noise of a picture, standard deviations in levels: of `luma`, and of blue and red against it, `chroma`.

    `size` is the sigma in pixels of the blur that makes white noise as coarse as this one. `fresh` noise differs in each frame;
    other noise was measured in a single picture.
    """

    luma: float
    chroma: float
    size: float
    fresh: bool = True


@dataclass(frozen=True, slots=True)
class Focus:
    """Sharpness of a face: `blur`, the sigma of its edges in pixels, and `detail`, the mean of its finest detail in levels,
    without noise. `trail` is the length in pixels by which its motion has smeared it in this frame.
    """

    blur: float
    detail: float
    trail: float = 0.0


@dataclass(frozen=True, slots=True)
class ParsedFace:
    """Result of the last look of a parser at a face.

    `shares` is uint8 (classes, side, side) of the parser's crop, 255 = wholly of a class (`models.format.parsing.FaceClass`);
    `points` float32 (478, 2) are the landmarks in that crop: by them, the classes move with the mesh. `beard` uint8
    (side, side) is the running mean of the share of a beard, in the texture of the face; None = no beard was seen. `dark`: the
    face wears glasses that hide the eyes.
    """

    shares: Array
    points: Floats
    beard: Mask | None = None
    dark: bool = False


@dataclass(frozen=True, slots=True)
class KnownFace:
    """Knowledge of a tracked face from the frames so far, this one included; textures as in `mien.face.texels`.

    `neutral` is float32 (478, 3), the face's own proportions in the head frame. `occluder` is the occlusion mask, uint8
    (side, side), 255 = an occluder. `light` is float32 (64, 64, 3), BGR: the face's colour now as a multiple of its colour in
    even light. `motion_xy` is the motion since the frame before, in pixels. `grain` is the picture's noise, `focus` the
    sharpness of the face. `parsed` is what the parser last saw. None = unknown. `behind` holds the `track_id` of each face
    that is in front of this one. `exposure` is how many times brighter than usual its bright side is. `creases` are what the
    brows fold now, as in `mien.face.creases`; None = nothing. `whites` is the usual brightness of the whites of its eyes, as in
    `mien.face.eye_whites`.
    """

    neutral: Floats
    occluder: Mask | None = None
    light: Floats | None = None
    motion_xy: tuple[float, float] = (0.0, 0.0)
    grain: Grain | None = None
    focus: Focus | None = None
    parsed: ParsedFace | None = None
    behind: frozenset[int] = frozenset()
    exposure: float = 1.0
    creases: Floats | None = None
    whites: float | None = None


@dataclass(frozen=True, slots=True)
class TrackedFace:
    """A face with the same `track_id` from frame to frame; `age` counts the frames it has been seen in.

    `yaw` is in degrees, positive when the nose points to the left of the picture.
    `known` is None until an `Observer` has seen the face.
    """

    track_id: int
    landmarks: Landmarks
    age: int
    yaw: float = 0.0
    known: KnownFace | None = None


@dataclass(frozen=True, slots=True)
class PhotoFault:
    """A fault of a source photo that will be seen: its `severity`, 0..1, and a sentence with what to do."""

    name: str
    severity: float
    text: str


@dataclass(frozen=True, slots=True)
class SourceFace:
    """A face that may be worn: a crop of the photo, BGR uint8, and the landmarks in the crop's pixels.

    `digest` names the content, so that what engines prepare from it can be cached. `others` are more photos of the same
    person; of a clip of the person, `views` are frames from other angles, `expressions` frames from the front with other
    expressions, the calmest first. `faults` are those of the photo, worst first; `warnings` are sentences for the user, theirs
    included. `age` is the lowest apparent age in years, None = not estimated. `classes` uint8 (classes, grid, grid) are the
    shares of the parser's classes in the texture of the face, None = not parsed.
    """

    image: Image
    landmarks: Landmarks
    digest: str
    others: tuple["SourceFace", ...] = ()
    warnings: tuple[str, ...] = ()
    age: float | None = None
    classes: Array | None = None
    faults: tuple[PhotoFault, ...] = ()
    views: tuple["SourceFace", ...] = ()
    expressions: tuple["SourceFace", ...] = ()

    @property
    def photos(self) -> tuple["SourceFace", ...]:
        """All that show the person as the first photo does, itself first."""
        return (self, *self.others, *self.views)

    @property
    def score(self) -> float:
        """Quality of the photo: 1 without faults; each takes its severity from the rest."""
        return math.prod(1 - fault.severity for fault in self.faults)


@dataclass(frozen=True, slots=True)
class FacePatch:
    """New pixels of one face: `crop` BGR uint8 (h, w, 3), `mask` uint8 (h, w), and the position of the crop in the frame."""

    crop: Image
    mask: Mask
    crop_to_frame: Affine

    def __post_init__(self) -> None:
        if self.crop.shape[:2] != self.mask.shape:
            raise ValueError(f"crop {self.crop.shape} and mask {self.mask.shape} differ in size")
        if self.crop_to_frame.shape != (2, 3):
            raise ValueError(f"crop_to_frame is (2, 3), got {self.crop_to_frame.shape}")


@dataclass(frozen=True, slots=True)
class FrameResult:
    """A frame after the pipeline, not yet labelled.

    `faces` are those that were found; `worn` are those that were replaced, with the landmarks of their patches. `covered` is
    the number of heads under a cover.
    """

    frame: Frame
    faces: tuple[TrackedFace, ...]
    worn: tuple[TrackedFace, ...]
    covered: int = 0

    @property
    def swapped(self) -> int:
        """The number of faces that were replaced."""
        return len(self.worn)

    @property
    def changed(self) -> int:
        """The number of faces that were replaced or covered."""
        return len(self.worn) + self.covered


@dataclass(frozen=True, slots=True)
class LabelledFrame:
    """A frame that carries the invisible mark `mark_id`, and the badge unless it was switched off for a file.

    Only `provenance/label.py` builds it; sinks take nothing else. `badge_xyxy` is None without a badge.
    """

    frame: Frame
    badge_xyxy: tuple[int, int, int, int] | None
    mark_id: int


@dataclass(frozen=True, slots=True)
class Sound:
    """A stretch of sound: `samples` float32 (n, channels), -1..1, `rate` a second; the first was captured at `time_s`.

    `time_s` is on the clock of the frames that go with it, the monotonic clock for live sound.
    """

    samples: Floats
    rate: int
    time_s: float

    def __post_init__(self) -> None:
        if self.samples.dtype != np.float32 or self.samples.ndim != 2:
            raise ValueError(f"sound is float32 (n, channels), got {self.samples.dtype} {self.samples.shape}")
