"""Content check of the live picture: closed until the first score, and while the check refuses or does not answer."""

from typing import Literal

from mien.contracts import ContentClassifier
from mien.live.inspector import DEFAULT_TUNING, Inspection, InspectionTuning, Inspector
from mien.live.status import Status
from mien.safety.content_check import ContentWatch
from mien.types import Frame, Image

ContentStage = Literal["pending", "clear", "refused", "unchecked"]
"""`pending`: no score yet; `unchecked`: the classifier fails or hangs."""
ContentStatus = Status[ContentStage]

PENDING: ContentStatus = Status("pending")
CLEAR: ContentStatus = Status("clear")
REFUSED: ContentStatus = Status(
    "refused",
    "the content check takes the picture for nudity",
    "the picture returns about ten seconds after the check last saw any",
)
UNCHECKED: ContentStatus = Status(
    "unchecked", "the content check does not answer", "nothing is shown without it; if this lasts, restart mien"
)


class LiveContent:
    """Checks the frames of a live run about once a second, beside the loop."""

    def __init__(self, classifier: ContentClassifier, inspector: Inspector, tuning: InspectionTuning = DEFAULT_TUNING) -> None:
        self._classifier = classifier
        self._inspector = inspector
        self._watch = ContentWatch()
        self._scored = False
        self._inspection = Inspection("content", self._score, tuning)
        self.status = PENDING

    def see(self, frame: Frame) -> ContentStatus:
        """Offer a frame, not yet labelled, and return whether it may be seen; costs a copy of the picture at most."""
        self.status = self._judged(frame.time_s)
        self._inspector.offer(self._inspection, frame)
        return self.status

    def _judged(self, time_s: float) -> ContentStatus:
        if self._inspection.failing or self._inspection.silent(time_s):
            return UNCHECKED
        if not self._scored:
            return PENDING
        return REFUSED if self._watch.refused else CLEAR

    def _score(self, image: Image, time_s: float) -> None:
        self._watch.observe(self._classifier.score(image), time_s)
        self._scored = True
