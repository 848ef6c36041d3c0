"""Search of frames for the wearer: each face is the wearer's, another's, or cannot be told apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from mien.assembly.factory import Models
from mien.contracts import Recogniser
from mien.types import Floats, Image

Verdict: TypeAlias = Literal["wearer", "cannot tell", "other"]

CLEAR_MARGIN = 0.1  # embedding distance; the wearer bare and upright: 0.34-0.64, a worn face just after a turn: 0.00-0.02


WEARER_BELOW = 0.6
"""Distance below which a face may be the wearer's. dlib's own threshold, looser than any limit that the product decides by:
here a missed wearer is the worse error."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One face in one frame. Distances are Euclidean, between embeddings; smaller = more alike."""

    to_wearer: float
    to_source: float
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class People:
    """Reference embeddings of the wearer and the sources, float32 (n, size)."""

    wearer: Floats
    sources: Floats

    @property
    def apart(self) -> float:
        """Distance from the wearer to the nearest source; below the threshold the two cannot be told apart."""
        return min(_nearest(self.wearer, source) for source in self.sources)

    def sighting(self, embedding: Floats) -> Sighting:
        """Judge one face: it is the wearer's only if clearly nearer to the wearer than to every source."""
        to_wearer, to_source = _nearest(self.wearer, embedding), _nearest(self.sources, embedding)
        return Sighting(to_wearer, to_source, self._verdict(to_wearer, to_source))

    def _verdict(self, to_wearer: float, to_source: float) -> Verdict:
        if to_wearer >= WEARER_BELOW or to_wearer - to_source > CLEAR_MARGIN:
            return "other"
        return "wearer" if to_source - to_wearer > CLEAR_MARGIN else "cannot tell"


@dataclass(frozen=True, slots=True)
class Checker:
    """Detector and recogniser for upright faces in still pictures; finer than the live tracker."""

    models: Models
    recogniser: Recogniser

    def faces(self, image: Image) -> list[Any]:
        """Return the landmarks of every face in a BGR uint8 picture that the mesh confirms."""
        found = []
        for detection in self.models.photo_detector.detect(image):
            landmarks = self.models.landmarker.fit(image, detection.points)
            landmarks = self.models.landmarker.fit(image, landmarks.points)
            if landmarks.presence > 0.5:
                found.append(landmarks)
        return found

    def embeddings(self, image: Image) -> list[Floats]:
        """Return the embedding of every face."""
        return [self.recogniser.describe(image, landmarks) for landmarks in self.faces(image)]

    def people(self, wearer: Sequence[Image], sources: Sequence[Image]) -> People:
        """Return the references from pictures of the wearer and photos of the sources."""
        return People(
            np.stack([each for image in wearer for each in self.embeddings(image)]),
            np.stack([each for image in sources for each in self.embeddings(image)]),
        )

    def sightings(self, image: Image, people: People) -> list[Sighting]:
        """Judge every face in the picture."""
        return [people.sighting(each) for each in self.embeddings(image)]


def farthest(photos: Sequence[Image], wearer: Image, checker: Checker, count: int) -> list[Image]:
    """Return the `count` photos whose face is farthest from the wearer's; photos without exactly one face are omitted."""
    references = np.stack(checker.embeddings(wearer))
    measured = []
    for number, photo in enumerate(photos):
        found = checker.embeddings(photo)
        if len(found) == 1:
            measured.append((_nearest(references, found[0]), number))
    return [photos[number] for _, number in sorted(measured, reverse=True)[:count]]


def _nearest(references: Floats, embedding: Floats) -> float:
    return float(np.linalg.norm(references - embedding, axis=1).min())
