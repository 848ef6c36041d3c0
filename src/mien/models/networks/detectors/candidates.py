"""Detections before overlaps are removed."""

from dataclasses import dataclass

import numpy as np

from mien.imaging.kernels import kernel, kernel_part
from mien.types import Array, Detection, Floats


@dataclass(frozen=True, slots=True)
class Candidates:
    """Boxes `boxes_xyxy` (n, 4), `points` (n, 5, 2) in the order of `Detection`, and `scores` (n), in the canvas's pixels."""

    boxes_xyxy: Floats
    points: Floats
    scores: Floats

    def best(self, back: Floats, max_overlap: float) -> list[Detection]:
        """Return those that no better one overlaps by more than `max_overlap` (intersection over union), best first.

        `back` (2,) are the factors to the pixels of the picture. Rows that are not finite or have no area are left out.
        """
        count = len(self.scores)
        if not count:
            return []
        boxes, points, scores = (np.asarray(each, np.float32) for each in (self.boxes_xyxy, self.points, self.scores))
        kept = np.empty(count + 1, np.int64)
        # Their bits, too: kernels compute as if all numbers were finite.
        bits = boxes.view(np.int32), points.view(np.int32), scores.view(np.int32)
        _choose(boxes, scores, *bits, max_overlap, kept)
        return [_detection(boxes[k], points[k], scores[k], back) for k in kept[: kept[count]].tolist()]


def together(parts: list[Candidates]) -> Candidates:
    """Join candidates."""
    return Candidates(
        np.concatenate([part.boxes_xyxy for part in parts]),
        np.concatenate([part.points for part in parts]),
        np.concatenate([part.scores for part in parts]),
    )


def _detection(box: Floats, points: Floats, score: float, back: Floats) -> Detection:
    x1, y1, x2, y2 = box.tolist()
    across, down = back.tolist()
    return Detection(box_xyxy=(x1 * across, y1 * down, x2 * across, y2 * down), points=points * back, score=float(score))


_EXPONENT = 0x7F800000  # bits of a float32 that are all 1 where it is not finite


@kernel
def _choose(
    boxes: Array, scores: Array, box_bits: Array, point_bits: Array, score_bits: Array, max_overlap: float, kept: Array
) -> None:  # fmt: skip
    """Write the numbers of the best candidates to `kept`, int64 (n + 1,), and their count to its end: see `Candidates.best`.

    The bits, int32, are those of the candidates' numbers. Of equal scores the first comes first.
    """
    count, found = scores.shape[0], 0
    free = np.empty(count, np.uint8)
    for k in range(count):
        sound = _is_finite(score_bits[k]) and scores[k] > 0
        for j in range(4):
            sound = sound and _is_finite(box_bits[k, j])
        for j in range(5):
            sound = sound and _is_finite(point_bits[k, j, 0]) and _is_finite(point_bits[k, j, 1])
        free[k] = 1 if sound and boxes[k, 2] > boxes[k, 0] and boxes[k, 3] > boxes[k, 1] else 0
    while True:
        best = -1
        for k in range(count):
            if free[k] == 1 and (best < 0 or scores[k] > scores[best]):
                best = k
        if best < 0:
            break
        kept[found] = best
        found += 1
        for k in range(count):
            if free[k] == 1 and _overlap(boxes, best, k) > max_overlap:
                free[k] = 0
        free[best] = 0
    kept[count] = found


@kernel_part
def _is_finite(bits: int) -> bool:
    return (bits & _EXPONENT) != _EXPONENT


@kernel_part
def _overlap(boxes: Array, first: int, second: int) -> float:
    """Return the intersection of two boxes over their union."""
    width = min(float(boxes[first, 2]), float(boxes[second, 2])) - max(float(boxes[first, 0]), float(boxes[second, 0]))
    height = min(float(boxes[first, 3]), float(boxes[second, 3])) - max(float(boxes[first, 1]), float(boxes[second, 1]))
    if width <= 0 or height <= 0:
        return 0.0
    area = (float(boxes[first, 2]) - boxes[first, 0]) * (float(boxes[first, 3]) - boxes[first, 1])
    area += (float(boxes[second, 2]) - boxes[second, 0]) * (float(boxes[second, 3]) - boxes[second, 1])
    return float(width * height / (area - width * height))
