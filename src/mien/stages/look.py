"""One look of the detector a frame, shared by all who ask."""

from mien.contracts import Detector
from mien.types import Detection, Image


class SharedLook:
    """A `contracts.Detector` that runs the one inside once a picture and hands out what is sure enough.

    The detector inside must report down to `doubtful`; `detect` gives what reaches `sure`, `doubts` gives everything.
    """

    def __init__(self, inside: Detector, sure: float) -> None:
        self._inside = inside
        self._sure = sure
        self._picture: Image | None = None
        self._found: list[Detection] = []

    def detect(self, image: Image) -> list[Detection]:
        return [found for found in self.doubts(image) if found.score >= self._sure]

    def doubts(self, image: Image) -> list[Detection]:
        """All that the detector inside reports of this picture, unlikely faces too."""
        if self._picture is not image:
            self._found = self._inside.detect(image)
            self._picture = image
        return self._found

    def forget(self) -> None:
        """Let go of the picture: it is about to be changed."""
        self._picture = None
