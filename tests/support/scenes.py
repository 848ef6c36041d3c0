"""Scripted scenes: people whose faces a fake detector and a fake landmarker see."""

from dataclasses import dataclass, field

import numpy as np

from mien.face import landmark_sets
from mien.face.mean_face import face_model
from mien.imaging import geometry
from mien.types import Detection, Floats, Image, Landmarks
from tests.support.heads import turned

SHAPE = face_model().shape - (face_model().shape.min(0) + face_model().shape.max(0)) / 2

TEMPLATE = (SHAPE / np.ptp(SHAPE, axis=0).max()).astype(np.float32)

REACH = 0.45


@dataclass
class Person:
    """A person in the scene: middle and size in pixels, and the results of the models."""

    x: float
    y: float = 360.0
    size: float = 100.0
    score: float = 0.95
    presence: float = 1.0
    yaw: float = 0.0
    """In degrees, as the detector sees it; the mesh never sees more than 45."""
    first_presence: float | None = None
    seen: bool = True

    def points(self) -> Floats:
        return self._turned(min(45.0, max(-45.0, self.yaw)))

    def detected(self) -> Floats:
        return self._turned(self.yaw)

    def _turned(self, yaw: float) -> Floats:
        shape = TEMPLATE @ turned(0, yaw, 0).T * self.size
        moved: Floats = (shape + np.array([self.x, self.y, 0])).astype(np.float32)
        return moved


@dataclass
class Scene:
    """A detector and a landmarker that know where everyone is; both count their calls."""

    people: list[Person]
    detections: int = 0
    starts: list[Floats] = field(default_factory=list)
    broken: Landmarks | None = None

    def detect(self, image: Image) -> list[Detection]:
        self.detections += 1
        return [detection(person) for person in self.people if person.seen]

    def fit(self, image: Image, around: Floats) -> Landmarks:
        self.starts.append(around.copy())
        if self.broken is not None:
            return self.broken
        x, y = (np.array(geometry.box_of(around))[:2] + np.array(geometry.box_of(around))[2:]) / 2
        near = [p for p in self.people if np.hypot(p.x - x, p.y - y) < REACH * p.size]
        if not near:
            points = around if len(around) == 478 else TEMPLATE * 50 + np.array([x, y, 0])
            return Landmarks(points.astype(np.float32), 0.01)
        # The larger face is in front.
        person = max(near, key=lambda each: each.size)
        unsure = len(around) == 5 and person.first_presence is not None
        return Landmarks(person.points(), person.first_presence if unsure else person.presence)  # type: ignore[arg-type]


def detection(person: Person) -> Detection:
    points = person.points()
    seen = person.detected()
    spots = np.array([seen[list(pair), :2].mean(0) for pair in landmark_sets.DETECTED_PAIRS], np.float32)
    return Detection(geometry.box_of(points), spots, person.score)
