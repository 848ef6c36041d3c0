"""What the live loop knows of the content of its picture, and whether it may be seen."""

from dataclasses import dataclass

from mien.contracts import ContentClassifier
from mien.live.inspector import Inspector, Look
from mien.safety.content_check import ContentWatch
from mien.types import Frame, Image


@dataclass(frozen=True, slots=True)
class ContentState:
    """What the content check says: pending (nothing yet), clear, refused or unchecked (it does not answer)."""

    state: str
    message: str = ""
    remedy: str = ""


PENDING = ContentState("pending")
CLEAR = ContentState("clear")
REFUSED = ContentState(
    "refused",
    "the content check takes the picture for nudity",
    "the picture comes back about ten seconds after the check sees none any more",
)
UNCHECKED = ContentState(
    "unchecked", "the content check does not answer", "nothing is shown without it; if it stays so, start mien again"
)


class LiveContent:
    """Closed until the first score; closed while the watch refuses, and while the classifier fails or hangs."""

    def __init__(self, classifier: ContentClassifier, inspector: Inspector) -> None:
        self._classifier = classifier
        self._inspector = inspector
        self._watch = ContentWatch()
        self._scored = False
        self._look = Look("content", self._score)
        self.state = PENDING

    def see(self, frame: Frame) -> ContentState:
        """Offer a frame, not yet labelled, and say whether it may be seen; takes no longer than a copy of the picture."""
        self.state = self._judged(frame.time_s)
        self._inspector.offer(self._look, frame)
        return self.state

    def _judged(self, time_s: float) -> ContentState:
        if self._look.failing or self._look.silent(time_s):
            return UNCHECKED
        if not self._scored:
            return PENDING
        return REFUSED if self._watch.refused else CLEAR

    def _score(self, image: Image, time_s: float) -> None:
        self._watch.observe(self._classifier.score(image), time_s)
        self._scored = True
