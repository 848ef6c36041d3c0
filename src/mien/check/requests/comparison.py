"""Comparison of a call with one photo, one to one: descriptors stay in memory, and only the distance is noted."""

from dataclasses import dataclass
from statistics import median

import numpy as np

from mien.check.requests.sighting import Sighting
from mien.check.sentences import phrase
from mien.contracts import Recogniser
from mien.provenance.report.file_report import ReportRow
from mien.provenance.report.words import CANNOT_TELL, NOT_SEEN, SEEN, Seen
from mien.types import Floats, Image, Landmarks


@dataclass(frozen=True, slots=True)
class ComparisonTuning:
    """Bounds of what is compared."""

    most_yaw: float = 20.0
    """Degrees of yaw; of views turned by more, one in a hundred of the same person differs as two people do."""
    least_eyes_px: float = 32.0
    """Distance of the outer eye corners; smaller faces differ from themselves."""
    most_covered: float = 0.03
    """Share of the face under a hand."""
    pause_s: float = 1.0
    looks: int = 12
    """Looks, and the time between two: their median is the distance."""
    least_looks: int = 3
    strangers: float = 0.6
    """Distance over which two people are: dlib's own line, below which 1.1 % of 22,526 pairs of two people are."""


_TUNING = ComparisonTuning()


class Comparison:
    """Compares the face of a call with the face of a photo, each with the same recogniser."""

    def __init__(
        self, recogniser: Recogniser, photo: Image, landmarks: Landmarks, tuning: ComparisonTuning = _TUNING
    ) -> None:  # fmt: skip
        self._recogniser = recogniser
        self._photo: Floats = recogniser.describe(photo, landmarks)
        self._tuning = tuning
        self._distances: list[float] = []
        self._looked_s = float("-inf")

    @property
    def is_full(self) -> bool:
        """True when no more looks are needed."""
        return len(self._distances) >= self._tuning.looks

    @property
    def distance(self) -> float | None:
        """Distance between photo and call; None with too few looks."""
        return median(self._distances) if len(self._distances) >= self._tuning.least_looks else None

    def add(self, image: Image, sighting: Sighting, landmarks: Landmarks | None) -> None:
        """Take a picture, of which only one a second that shows a single face from the front is looked at."""
        face, tuning = sighting.face, self._tuning
        if self.is_full or face is None or landmarks is None or sighting.faces != 1 or sighting.yaw is None:
            return
        if sighting.at_s - self._looked_s < tuning.pause_s or abs(sighting.yaw) > tuning.most_yaw:
            return
        if face.eyes_px < tuning.least_eyes_px or face.covered > tuning.most_covered:
            return
        self._looked_s = sighting.at_s
        self._distances.append(float(np.linalg.norm(self._recogniser.describe(image, landmarks) - self._photo)))

    @property
    def seen(self) -> Seen:
        """One of the three words: whether the face resembles the photo."""
        distance, near, far = self.distance, self._recogniser.limits.photo, self._tuning.strangers
        if distance is None:
            return CANNOT_TELL
        return SEEN if distance < near else NOT_SEEN if distance > far else CANNOT_TELL

    def word_row(self) -> ReportRow:
        """Return the row of notes that hold nothing that was measured."""
        basis = phrase("reference-word-basis")
        if self.distance is None:
            return ReportRow("Photo", CANNOT_TELL, (phrase("reference-few", looks=len(self._distances)), basis))
        said = phrase(f"reference-word-{self.seen.replace(' ', '-')}")
        return ReportRow("Photo", self.seen, (said, phrase("reference-swap"), basis))

    def row(self) -> ReportRow:
        """Return the row of the notes."""
        distance, seen = self.distance, self.seen
        basis = phrase("reference-basis")
        if distance is None:
            return ReportRow("Photo", CANNOT_TELL, (phrase("reference-few", looks=len(self._distances)), basis))
        near, far = self._recogniser.limits.photo, self._tuning.strangers
        name = {SEEN: "reference-like", NOT_SEEN: "reference-unlike", CANNOT_TELL: "reference-between"}[seen]
        said = phrase(name, distance=f"{distance:.2f}", near=f"{near:.2f}", far=f"{far:.2f}", looks=len(self._distances))
        return ReportRow("Photo", seen, (said, phrase("reference-swap"), basis))
