"""Position and size of a face, to compare faces with."""

import math
from dataclasses import dataclass
from typing import Self

from mien.imaging import geometry
from mien.types import Detection, Floats


@dataclass(frozen=True, slots=True)
class FaceBox:
    """The middle of a face's box and the square root of its area, in frame pixels."""

    x: float
    y: float
    size: float

    @classmethod
    def of_points(cls, points: Floats) -> Self:
        """The box of landmarks (n, 2 or 3)."""
        return cls._of_box(geometry.box_of(points))

    @classmethod
    def of_detection(cls, detection: Detection) -> Self:
        """The box of a detection."""
        return cls._of_box(detection.box_xyxy)

    @classmethod
    def _of_box(cls, box_xyxy: tuple[float, float, float, float]) -> Self:
        x1, y1, x2, y2 = box_xyxy
        return cls((x1 + x2) / 2, (y1 + y2) / 2, max(math.sqrt(max(x2 - x1, 0.0) * max(y2 - y1, 0.0)), 1e-3))

    def moved(self, step_xy: tuple[float, float]) -> "FaceBox":
        """The same box, shifted by pixels."""
        return FaceBox(self.x + step_xy[0], self.y + step_xy[1], self.size)

    def distance(self, other: "FaceBox") -> float:
        """The distance to the middle of `other`, in sizes of this face."""
        return math.hypot(other.x - self.x, other.y - self.y) / self.size

    def growth(self, other: "FaceBox") -> float:
        """The ratio of the larger to the smaller size: 1 for equal sizes, 2 for half or twice."""
        return max(self.size / other.size, other.size / self.size)
