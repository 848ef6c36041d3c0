"""Identity check of recorded frames: faces in them that are the wearer's, somebody else's, or that cannot be told apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from mien.assembly.factory import Models
from mien.contracts import Recogniser
from mien.types import Floats, Image

Verdict: TypeAlias = Literal["wearer", "cannot tell", "other"]

CLEAR_MARGIN = 0.1  # descriptor distance; the wearer bare and upright: 0.34-0.64, a worn face just after a turn: 0.00-0.02


@dataclass(frozen=True, slots=True)
class Sighting:
    """One face in one frame. Distances are Euclidean, between descriptors; smaller = more alike."""

    to_wearer: float
    to_source: float
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class People:
    """Reference descriptors of the wearer and of the worn sources, float32 (n, size), and the recogniser's threshold."""

    wearer: Floats
    sources: Floats
    same_person_below: float

    @property
    def apart(self) -> float:
        """Smallest distance between the wearer and a source; below the threshold the two cannot be told apart."""
        return min(_nearest(self.wearer, source) for source in self.sources)

    def sighting(self, descriptor: Floats) -> Sighting:
        """Judge one face: the wearer's only when it is clearly nearer to the wearer than to every source."""
        to_wearer, to_source = _nearest(self.wearer, descriptor), _nearest(self.sources, descriptor)
        return Sighting(to_wearer, to_source, self._verdict(to_wearer, to_source))

    def _verdict(self, to_wearer: float, to_source: float) -> Verdict:
        if to_wearer >= self.same_person_below or to_wearer - to_source > CLEAR_MARGIN:
            return "other"
        return "wearer" if to_source - to_wearer > CLEAR_MARGIN else "cannot tell"


@dataclass(frozen=True, slots=True)
class Checker:
    """Finds and describes upright faces in still pictures, with a finer detector than the live tracker's."""

    models: Models
    recogniser: Recogniser

    def faces(self, image: Image) -> list[Any]:
        """Landmarks of every face in a BGR uint8 picture that the mesh confirms."""
        found = []
        for detection in self.models.photo_detector.detect(image):
            landmarks = self.models.landmarker.fit(image, detection.points)
            landmarks = self.models.landmarker.fit(image, landmarks.points)
            if landmarks.presence > 0.5:
                found.append(landmarks)
        return found

    def descriptors(self, image: Image) -> list[Floats]:
        return [self.recogniser.describe(image, landmarks) for landmarks in self.faces(image)]

    def people(self, wearer: Sequence[Image], sources: Sequence[Image]) -> People:
        """References from pictures of the wearer and photos of the sources."""
        return People(
            np.stack([each for image in wearer for each in self.descriptors(image)]),
            np.stack([each for image in sources for each in self.descriptors(image)]),
            self.recogniser.same_person_below,
        )

    def sightings(self, image: Image, people: People) -> list[Sighting]:
        return [people.sighting(each) for each in self.descriptors(image)]


def farthest(photos: Sequence[Image], wearer: Image, checker: Checker, count: int) -> list[Image]:
    """The `count` photos whose face is farthest from the wearer's; photos without exactly one face are left out."""
    references = np.stack(checker.descriptors(wearer))
    measured = []
    for number, photo in enumerate(photos):
        found = checker.descriptors(photo)
        if len(found) == 1:
            measured.append((_nearest(references, found[0]), number))
    return [photos[number] for _, number in sorted(measured, reverse=True)[:count]]


def _nearest(references: Floats, descriptor: Floats) -> float:
    return float(np.linalg.norm(references - descriptor, axis=1).min())
