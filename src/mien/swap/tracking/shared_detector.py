"""One look of the detector a frame, shared by all who ask; finer while nobody is followed."""

from collections.abc import Sequence

from mien.contracts import Detector
from mien.swap.tracking.box import Place
from mien.types import Detection, Image, TrackedFace

_LEAST_PIXELS = 20.0
"""The smallest size, in the picture that a detector looks at, in which it sees a face surely."""
_FINEST_EVERY = 10
"""While nobody is followed, so many frames lie between two looks for faces far away."""


class SharedLook:
    """A `contracts.Detector` that looks once a picture and hands out what is sure enough.

    `looks` are detectors, each with the longer side of the picture that it looks at, from coarse to fine. The coarsest in
    which the smallest followed face is large enough looks. While nobody is followed the second does, and now and then the
    last: a face too small for the usual look must not pass for an empty room. All report down to what is only doubtful;
    `detect` gives what reaches `sure`, `doubts` gives everything.

    A `finder` is another detector, which is asked instead when faces are sought; what it sees is among the doubts, too, but
    does not confirm: the scores and distances at which a face may be trusted were measured with the `looks`.
    """

    def __init__(self, looks: Sequence[tuple[int, Detector]], sure: float, finder: Detector | None = None) -> None:
        self._looks = tuple(looks)
        self._sure = sure
        self._finder = finder
        self._smallest: float | None = None
        self._picture: Image | None = None
        self._seen: list[Detection] = []
        self._found: list[Detection] = []
        self._until_finest = 0

    def detect(self, image: Image) -> list[Detection]:
        self._look(image)
        found = self._seen if self._finder is None else self._found
        return [each for each in found if each.score >= self._sure]

    def doubts(self, image: Image) -> list[Detection]:
        """All that was seen in this picture, unlikely faces too."""
        self._look(image)
        return [*self._seen, *self._found]

    def confirming(self, image: Image) -> list[Detection]:
        """Of the doubts, those that may confirm a face."""
        self._look(image)
        return self._seen

    def forget(self) -> None:
        """Let go of the picture: it is about to be changed."""
        self._picture = None

    def _look(self, image: Image) -> None:
        if self._picture is image:
            return
        self._seen = self._detector().detect(image)
        self._found = [] if self._finder is None else self._finder.detect(image)
        self._picture = image

    def follow(self, faces: Sequence[TrackedFace], image: Image) -> None:
        """Told by the one who tracks, after each frame: who is followed in this picture, for the next look."""
        sizes = [Place.of_points(face.landmarks.points).size for face in faces]
        self._smallest = min(sizes) / max(image.shape[:2]) if sizes else None

    def _detector(self) -> Detector:
        detectors = [detector for _, detector in self._looks]
        if self._smallest is not None:
            self._until_finest = 0
            large_enough = (detector for side, detector in self._looks if self._smallest * side >= _LEAST_PIXELS)
            return next(large_enough, detectors[-1])
        self._until_finest -= 1
        if self._until_finest < 0:
            self._until_finest = _FINEST_EVERY
            return detectors[-1]
        return detectors[min(1, len(detectors) - 1)]
