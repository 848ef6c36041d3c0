"""One run of the detector a frame, shared by tracker and guard; finer while nothing is tracked."""

from collections.abc import Sequence

from mien.contracts import Detector
from mien.swap.tracking.box import FaceBox
from mien.types import Detection, Image, TrackedFace

MIN_FACE_PIXELS = 20.0  # the smallest face, in the picture that a detector searches, that it surely sees
FINEST_EVERY_FRAMES = 10  # frames between two searches for faces far away, while nothing is tracked


class SharedDetector:
    """A `contracts.Detector` that searches a picture once and returns what is sure enough.

    `detectors` come with the longer side of the picture that each searches, from coarse to fine. The coarsest in which the
    smallest tracked face is large enough runs. While nothing is tracked the second runs, and now and then the last: a face too
    small for the usual run must not pass for an empty room. `detect` returns what reaches `min_score`, `low_confidence`
    everything.

    A `finder` is another detector, which takes the place of the others when faces are sought. What it sees is among the
    low-confidence detections, too, but confirms nothing: the scores and distances at which a face may be trusted were measured
    with `detectors`.
    """

    def __init__(self, detectors: Sequence[tuple[int, Detector]], min_score: float, finder: Detector | None = None) -> None:
        self._detectors = tuple(detectors)
        self._min_score = min_score
        self._finder = finder
        self._smallest: float | None = None
        self._picture: Image | None = None
        self._seen: list[Detection] = []
        self._found: list[Detection] = []
        self._until_finest = 0

    def detect(self, image: Image) -> list[Detection]:
        """The faces that may start a track."""
        self._search(image)
        found = self._seen if self._finder is None else self._found
        return [each for each in found if each.score >= self._min_score]

    def low_confidence(self, image: Image) -> list[Detection]:
        """All detections in this picture, unlikely ones too."""
        self._search(image)
        return [*self._seen, *self._found]

    def confirming(self, image: Image) -> list[Detection]:
        """The detections, unlikely ones too, that may confirm a tracked face."""
        self._search(image)
        return self._seen

    def release_picture(self) -> None:
        """Drop the picture before it is changed."""
        self._picture = None

    def note_tracked(self, faces: Sequence[TrackedFace], image: Image) -> None:
        """Choose the detector of the next frame by the faces that are tracked in this one."""
        sizes = [FaceBox.of_points(face.landmarks.points).size for face in faces]
        self._smallest = min(sizes) / max(image.shape[:2]) if sizes else None

    def _search(self, image: Image) -> None:
        if self._picture is image:
            return
        self._seen = self._detector().detect(image)
        self._found = [] if self._finder is None else self._finder.detect(image)
        self._picture = image

    def _detector(self) -> Detector:
        detectors = [detector for _, detector in self._detectors]
        if self._smallest is not None:
            self._until_finest = 0
            large_enough = (detector for side, detector in self._detectors if self._smallest * side >= MIN_FACE_PIXELS)
            return next(large_enough, detectors[-1])
        self._until_finest -= 1
        if self._until_finest < 0:
            self._until_finest = FINEST_EVERY_FRAMES
            return detectors[-1]
        return detectors[min(1, len(detectors) - 1)]
