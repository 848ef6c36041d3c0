"""Path of one face through a film: sightings, compactly kept, and its place between and around them."""

from array import array
from bisect import bisect_left
from dataclasses import dataclass, field

from mien.imaging.geometry import roll_of
from mien.swap.tracking.box import FaceBox
from mien.types import Detection

_NUMBERS = 6  # a sighting: left, top, right, bottom, roll, score


@dataclass(frozen=True, slots=True)
class Sighting:
    """One look at a face: the box in frame pixels, the roll in degrees and the score of the detector."""

    frame: int
    box_xyxy: tuple[float, float, float, float]
    roll: float
    score: float

    @classmethod
    def of(cls, frame: int, found: Detection) -> "Sighting":
        """Return the sighting of a detection."""
        return cls(frame, found.box_xyxy, roll_of(found.points), found.score)

    @property
    def box(self) -> FaceBox:
        """Middle and size."""
        x1, y1, x2, y2 = self.box_xyxy
        return FaceBox((x1 + x2) / 2, (y1 + y2) / 2, max((max(x2 - x1, 0.0) * max(y2 - y1, 0.0)) ** 0.5, 1e-3))


@dataclass(slots=True)
class FacePath:
    """Sightings of one face, in order of frames; 28 bytes each, so that hours of film fit in memory.

    `first_bound` and `last_bound` are the first and last frame of the scene: nothing of the face is beyond them.
    `hand_looks` counts looks for a hand in the face's place, `hands` those that found one; `mesh_looks` and `meshes` are those
    for the mesh of a face, `in_front` those on the body and the hands of a person whose face is sure, `in_reach` those of small
    finds on their hands and clothes. `passing_looks` counts finds that were compared with the frames around them, `passings`
    those that were gone before and after. `confirmed` = the first find was clear, or was seen in an enlarged crop, too.
    """

    number: int
    frames: "array[int]" = field(default_factory=lambda: array("i"))
    numbers: "array[float]" = field(default_factory=lambda: array("f"))
    first_bound: int = 0
    last_bound: int | None = None
    best_score: float = 0.0
    firm: int = 0
    """Number of sightings that stand for themselves."""
    hand_looks: int = 0
    hands: int = 0
    mesh_looks: int = 0
    meshes: int = 0
    in_reach: int = 0
    in_front: int = 0
    passing_looks: int = 0
    passings: int = 0
    confirmed: bool = True

    def __len__(self) -> int:
        return len(self.frames)

    def add(self, sighting: Sighting, *, firm: bool) -> None:
        """Append a sighting of a later frame."""
        self.frames.append(sighting.frame)
        self.numbers.extend((*sighting.box_xyxy, sighting.roll, sighting.score))
        self._count(sighting, firm)

    def add_before(self, sightings: list[Sighting]) -> None:
        """Put earlier sightings, the newest first, before all others."""
        for each in sightings:
            self.frames.insert(0, each.frame)
            self.numbers[0:0] = array("f", (*each.box_xyxy, each.roll, each.score))
            self._count(each, firm=True)

    def _count(self, sighting: Sighting, firm: bool) -> None:
        self.best_score = max(self.best_score, sighting.score)
        self.firm += firm

    def at(self, index: int) -> Sighting:
        """Return sighting `index`; negative ones count from the end."""
        start = (index % len(self.frames)) * _NUMBERS
        x1, y1, x2, y2, roll, score = self.numbers[start : start + _NUMBERS]
        return Sighting(self.frames[index], (x1, y1, x2, y2), roll, score)

    @property
    def first(self) -> Sighting:
        """The first sighting."""
        return self.at(0)

    @property
    def last(self) -> Sighting:
        """The last sighting."""
        return self.at(-1)

    @property
    def seen_share(self) -> float:
        """Share of the frames from the first sighting to the last in which the face was seen."""
        return len(self.frames) / (self.frames[-1] - self.frames[0] + 1)

    def step_xy(self, index: int, span: int) -> tuple[float, float]:
        """Return the motion in pixels a frame at sighting `index`, over up to `span` frames before it (negative: after it)."""
        here = self.at(index)
        other = index % len(self.frames)
        towards = -1 if span > 0 else 1
        while 0 <= other + towards < len(self.frames) and abs(self.frames[other + towards] - here.frame) <= abs(span):
            other += towards
        there = self.at(other)
        frames = here.frame - there.frame
        if not frames:
            return 0.0, 0.0
        return (here.box.x - there.box.x) / frames, (here.box.y - there.box.y) / frames

    def index_of(self, frame: int) -> int:
        """Return the number of the last sighting at or before a frame, 0 before the first."""
        return max(bisect_left(self.frames, frame + 1) - 1, 0)

    def around(self, frame: int) -> tuple[Sighting | None, Sighting | None]:
        """Return the last sighting at or before a frame, and the first at or after it."""
        index = bisect_left(self.frames, frame)
        if index < len(self.frames) and self.frames[index] == frame:
            found = self.at(index)
            return found, found
        before = self.at(index - 1) if index > 0 else None
        after = self.at(index) if index < len(self.frames) else None
        return before, after
