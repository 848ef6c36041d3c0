"""A detector at several sizes, for photos."""

from collections.abc import Sequence

from mien.contracts import Detector
from mien.imaging.geometry import overlap
from mien.types import Detection, Image

_SAME_FACE = 0.4  # share of a box inside a better one from which both are one face; chosen by eye


class Pyramid:
    """A `contracts.Detector` for photos at several sizes, for close-ups as well as groups far away.

    Each of the `steps` is a detector with the longer side, in pixels, at which it searches; sizes much larger than the picture
    are left out, except for the smallest.
    """

    def __init__(self, steps: Sequence[tuple[int, Detector]]) -> None:
        self._steps = sorted(steps, key=lambda step: step[0])

    def detect(self, image: Image) -> list[Detection]:
        """Return the faces of all sizes, best first."""
        longest = max(image.shape[:2])
        found: list[Detection] = []
        for number, (side, detector) in enumerate(self._steps):
            if number == 0 or side < 2 * longest:
                found += detector.detect(image)
        found.sort(key=lambda detection: -detection.score)
        kept: list[Detection] = []
        for detection in found:
            # At a size too large for it, a close-up falls into parts that look like small faces.
            if all(overlap(detection.box_xyxy, other.box_xyxy) < _SAME_FACE for other in kept):
                kept.append(detection)
        return kept
