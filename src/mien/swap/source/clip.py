"""Search of a short clip of one person for the few frames that show what a photo cannot: other views and expressions."""

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto

import numpy as np

from mien.contracts import Recogniser
from mien.errors import NoSourceFace, SeveralSourceFaces, SourceFaceChild, SourceFaceError, SourceFaceStranger
from mien.face.expression import Grimace, grimace_of
from mien.face.head_pose import pitch_yaw_of_axes
from mien.swap.source.checks import detail_of, eye_distance
from mien.swap.source.load import MENDED_BY_ANOTHER, Inspection, cut_out, joined, judged, settled
from mien.types import Detection, Floats, Image, Landmarks, SourceFace

MAX_FRAMES = 12  # of a clip that are worn; more add nothing that is seen. Chosen by eye; not measured


@dataclass(frozen=True, slots=True)
class ClipTuning:
    """Looks at a clip, and what makes a frame worth keeping."""

    looks_per_second: float = 12.5
    """A blink lasts a tenth of a second."""
    detect_every: int = 6
    """Looks from one search for faces to the next; between them the face is followed."""
    presence: float = 0.5
    """Least presence of the landmarks of a face that is followed."""
    other_face: float = 0.5
    """Size of a second face, as a share of the largest, from which it counts as a person in the clip."""
    other_score: float = 0.84
    """Score above which a second face is one: faces have 0.86 and more, hands up to 0.82 (12 clips)."""
    lead: float = 0.15
    """Lead of the nearest face in the distance of descriptors; with less, it is in doubt which of two is the person."""
    stranger: float = 0.25
    """Distance beyond that of the same person from which a face is surely another's. Grimaces of one person differ by up to
    0.43 from the calmest frame; 51 strangers from each of two clips by 0.56 and more, nearly all by more than 0.7."""
    kept: int = 4
    """Candidates for each kind of frame: the best one may be blurred or covered."""
    margin: float = 0.5
    """Share of the face's height that is kept around it: the parser and the age need hair and neck."""
    max_side: int = 1280
    """Pixels of a candidate; bounds memory: 5 MB each."""
    frontal_degrees: float = 13.0
    """Yaw and pitch up to which a frame shows expressions as a camera in front sees them."""
    side_degrees: float = 30.0
    """Yaw up to which a frame is a view from the side; farther, the mesh takes in ear and hair."""
    turned_degrees: float = 20.0
    """Yaw of a photo from which a clip's views fill its far side; at 18 its mirror image was as near to the truth."""
    calm: float = 0.12
    """Amount of expression that halves the worth of a view."""
    moved: Mapping[str, float] = field(default_factory=lambda: {"width": 0.04, "opening": 0.06, "lids": 0.04, "brows": 0.02})
    """Motions from the calmest frame, in eye distances, from which an expression is one."""


TUNING = ClipTuning()


class Kind(Enum):
    """Reasons to keep a frame, in the order in which they are chosen."""

    CALM = auto()
    SMILE = auto()
    OPEN = auto()
    CLOSED_LIDS = auto()
    RAISED_BROWS = auto()
    LOWERED_BROWS = auto()
    NARROW = auto()
    LEFT = auto()
    RIGHT = auto()


VIEWS = Kind.LEFT, Kind.RIGHT
_EXPRESSIONS: Mapping[Kind, tuple[str, int]] = {
    Kind.SMILE: ("width", 1),
    Kind.OPEN: ("opening", 1),
    Kind.CLOSED_LIDS: ("lids", -1),
    Kind.RAISED_BROWS: ("brows", 1),
    Kind.LOWERED_BROWS: ("brows", -1),
    Kind.NARROW: ("width", -1),
}
"""Number of the `Grimace` that makes an expression, and its direction."""


@dataclass(frozen=True, slots=True)
class ClipFrames:
    """Frames of a clip, checked like photos: `views` at other angles, `expressions` seen from the front, the calmest first."""

    views: tuple[SourceFace, ...]
    expressions: tuple[SourceFace, ...]
    strangers: bool
    """Other people were seen in the clip, and left out."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    number: int
    image: Image
    landmarks: Landmarks
    grimace: Grimace


class ClipSearch:
    """Search of one clip, whose frames are given to `look` in order; the memory it takes is bounded.

    `person` is the face of the photo; None, when the clip itself is the photo: then it may show one person alone.
    """

    def __init__(self, by: Inspection, recogniser: Recogniser, person: SourceFace | None, tuning: ClipTuning = TUNING) -> None:
        self._by, self._recogniser, self._limits, self._tuning = by, recogniser, recogniser.limits, tuning
        self._alone = person is None
        self._wanted = None if person is None else recogniser.describe(person.image, person.landmarks)
        self._kept: dict[Kind, list[tuple[float, int, _Candidate]]] = {kind: [] for kind in Kind}
        self._followed: Floats | None = None
        self._distances: list[float] = []
        self._looks = self._with_face = self._doubtful = self._strange = 0

    def look(self, image: Image) -> None:
        """Look at one frame, BGR uint8. Raises `SeveralSourceFaces` for two people of whom none is the photo's."""
        around = self._followed
        if around is None or self._looks % self._tuning.detect_every == 0:
            around = self._found(image)
        self._looks += 1
        self._followed = None
        if around is None:
            return
        landmarks = self._by.landmarker.fit(image, around)
        if landmarks.presence < self._tuning.presence:
            return
        self._followed = landmarks.points
        self._with_face += 1
        self._consider(image, landmarks)

    def frames(self) -> ClipFrames:
        """Return the frames worth wearing. Raises a `SourceFaceError` when there are none."""
        chosen: dict[int, tuple[Kind, SourceFace]] = {}
        errors: list[SourceFaceError] = []
        calm = None
        self._check_person()
        for kind in Kind:
            if len(chosen) >= MAX_FRAMES or (kind is not Kind.CALM and calm is None):
                break
            for candidate in self._best(kind):
                if candidate.number in chosen or not self._is_expression(kind, candidate.grimace, calm):
                    continue
                try:
                    chosen[candidate.number] = kind, self._checked(candidate)
                except (SourceFaceChild, SeveralSourceFaces):
                    raise
                except SourceFaceError as error:
                    errors.append(error)
                    continue
                calm = candidate.grimace if kind is Kind.CALM else calm
                break
        if not chosen:
            raise self._nothing(errors)
        views = tuple(face for kind, face in chosen.values() if kind in VIEWS)
        expressions = tuple(face for kind, face in chosen.values() if kind not in VIEWS)
        return ClipFrames(views, expressions, self._strange > 0)

    def _found(self, image: Image) -> Floats | None:
        """Return the five points of the person in the frame, float32 (5, 2); None when it is not surely there."""
        faces = self._by.detector.detect(image)
        # A talking person's hands pass for faces, but not for sure ones.
        faces = [face for index, face in enumerate(faces) if index == 0 or face.score > self._tuning.other_score]
        sizes = [face.box_xyxy[3] - face.box_xyxy[1] for face in faces]
        faces = [face for face, size in zip(faces, sizes, strict=True) if size > self._tuning.other_face * max(sizes)]
        if not faces:
            return None
        if len(faces) == 1:
            return faces[0].points if self._may_be(image, faces[0]) else None
        if self._wanted is None:
            raise _several(len(faces))
        return self._person_among(image, faces)

    def _may_be(self, image: Image, face: Detection) -> bool:
        """Return whether the only face of a frame may be that of the photo."""
        if self._wanted is None:
            return True
        distance = self._distance(image, self._by.landmarker.fit(image, face.points))
        self._distances.append(distance)
        self._strange += distance >= self._limits.photo + self._tuning.stranger
        return distance < self._limits.photo

    def _person_among(self, image: Image, faces: list[Detection]) -> Floats | None:
        found = [self._by.landmarker.fit(image, face.points) for face in faces]
        distances = [self._distance(image, landmarks) for landmarks in found]
        nearest = int(np.argmin(distances))
        self._distances.append(distances[nearest])
        self._strange += 1
        if distances[nearest] >= self._limits.photo:
            return None
        if sorted(distances)[1] - distances[nearest] < self._tuning.lead:
            self._doubtful += 1
            return None
        return faces[nearest].points

    def _distance(self, image: Image, landmarks: Landmarks) -> float:
        assert self._wanted is not None
        return float(np.linalg.norm(self._recogniser.describe(image, landmarks) - self._wanted))

    def _consider(self, image: Image, landmarks: Landmarks) -> None:
        grimace, points = grimace_of(landmarks.points), landmarks.points
        quality = min(detail_of(image, points), 0.5) * min(eye_distance(points) / 100, 1.0)
        worths = dict(self._worths(points, grimace, quality))
        if not any(self._is_better(kind, worth) for kind, worth in worths.items()):
            return
        candidate = _Candidate(self._looks, *cut_out(image, landmarks, self._tuning.margin, self._tuning.max_side), grimace)
        for kind, worth in worths.items():
            heapq.heappush(self._kept[kind], (worth, -candidate.number, candidate))
            if len(self._kept[kind]) > self._tuning.kept:
                heapq.heappop(self._kept[kind])

    def _is_better(self, kind: Kind, worth: float) -> bool:
        kept = self._kept[kind]
        return len(kept) < self._tuning.kept or worth > kept[0][0]

    def _worths(self, points: Floats, grimace: Grimace, quality: float) -> Iterator[tuple[Kind, float]]:
        """Yield what the frame may be kept for, and how well it is suited."""
        pitch, yaw = pitch_yaw_of_axes(points)
        tuning = self._tuning
        calm = quality / (1 + grimace.amount / tuning.calm)
        if abs(pitch) > 1.5 * tuning.frontal_degrees:
            return
        if abs(yaw) < tuning.frontal_degrees:
            yield Kind.CALM, calm / (1 + (abs(yaw) + abs(pitch)) / 45)
            for kind, (name, way) in _EXPRESSIONS.items():
                yield kind, way * float(getattr(grimace, name)) + 0.1 * quality
        elif abs(yaw) < tuning.side_degrees:
            yield Kind.LEFT if yaw > 0 else Kind.RIGHT, calm

    def _is_expression(self, kind: Kind, grimace: Grimace, calm: Grimace | None) -> bool:
        if kind not in _EXPRESSIONS or calm is None:
            return kind not in _EXPRESSIONS
        name, way = _EXPRESSIONS[kind]
        return way * (float(getattr(grimace, name)) - float(getattr(calm, name))) > self._tuning.moved[name]

    def _best(self, kind: Kind) -> list[_Candidate]:
        return [candidate for _, _, candidate in sorted(self._kept[kind], reverse=True, key=lambda each: each[:2])]

    def _check_person(self) -> None:
        """Raise `SourceFaceStranger` unless most looks found the person of the photo, or some of them surely.

        Of dozens of grimaces of a stranger, one may pass, but not surely.
        """
        distances = np.array(self._distances)
        if not len(distances):
            return
        near = distances[distances < self._limits.photo]
        usual = float(np.median(distances))
        if usual < self._limits.photo:
            return
        if not len(near) or float(np.median(near)) >= self._limits.protect:
            raise self._stranger(usual)
        self._strange += 1

    def _stranger(self, distance: float) -> SourceFaceStranger:
        return SourceFaceStranger(
            f"the clip shows another person than the photo (distance {distance:.2f}, the same person is below "
            f"{self._limits.photo:.2f})",
            "use a clip of the person in the photo, or leave it out",
        )

    def _checked(self, candidate: _Candidate) -> SourceFace:
        """Return the frame as a source face; raises a `SourceFaceError`."""
        landmarks = settled(candidate.image, candidate.landmarks, self._by.landmarker)
        if self._wanted is None:
            self._wanted = self._recogniser.describe(candidate.image, landmarks)
        distance = self._distance(candidate.image, landmarks)
        if distance >= self._limits.photo:
            if self._alone and distance >= self._limits.photo + self._tuning.stranger:
                raise _several(2)
            raise self._stranger(distance)
        return judged(candidate.image, landmarks, self._by)

    def _nothing(self, errors: list[SourceFaceError]) -> SourceFaceError:
        """Return the error of a clip without a frame that can be worn."""
        if errors:
            return errors[0]
        if self._doubtful:
            return SeveralSourceFaces(
                "the clip shows two people alike, and it is in doubt which of them the photo shows",
                "use a clip of the person alone",
            )
        if self._strange:
            return SourceFaceStranger(
                "the clip shows other people than the photo", "use a clip of the person in the photo, or leave it out"
            )
        if self._with_face:
            return NoSourceFace("the clip shows no face from the front", "look into the camera for some seconds, too")
        return NoSourceFace("no face was found in the clip", "use a clip of one face, upright, near, in even light")


def _several(count: int) -> SeveralSourceFaces:
    return SeveralSourceFaces(
        f"the clip shows {count} people",
        "give a photo of the person first and the clip with --also, or a clip of the person alone",
    )


def with_clip(first: SourceFace, frames: ClipFrames) -> SourceFace:
    """Add the frames of a clip of the same person to the face of a photo. The lowest age counts.

    Views are added only to a photo of a turned head, or one that hides what the calmest frame shows: else the photo shows the
    face better than a frame.
    """
    calm = frames.expressions[0]
    yaw = pitch_yaw_of_axes(first.landmarks.points)[1]
    hidden = {fault.name for fault in first.faults} & MENDED_BY_ANOTHER - {fault.name for fault in calm.faults}
    views: tuple[SourceFace, ...] = ()
    if abs(yaw) > TUNING.turned_degrees:
        views = (calm, *(view for view in frames.views if pitch_yaw_of_axes(view.landmarks.points)[1] * yaw < 0))
    elif hidden - {"turned"}:
        views = (calm,)
    # A smile's folds are worn only while the target smiles, once a calm face is known.
    mended = {"smile"} | (MENDED_BY_ANOTHER if views else set())
    return replace(
        joined(first, (*frames.views, *frames.expressions), mended),
        views=(*first.views, *views)[:MAX_FRAMES],
        expressions=(*first.expressions, *frames.expressions)[:MAX_FRAMES],
    )
