"""Detections before overlaps are removed."""

from dataclasses import dataclass

import cv2
import numpy as np

from mien.types import Detection, Floats


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
        rows = np.concatenate([self.boxes_xyxy, self.points.reshape(-1, 10), self.scores[:, None]], axis=1)
        sound = np.isfinite(rows).all(axis=1) & (self.boxes_xyxy[:, 2:] > self.boxes_xyxy[:, :2]).all(axis=1)
        rows = rows[sound]
        if not len(rows):
            return []
        boxes_xywh = np.concatenate([rows[:, 0:2], rows[:, 2:4] - rows[:, 0:2]], axis=1)
        kept = cv2.dnn.NMSBoxes(boxes_xywh.tolist(), rows[:, 14].tolist(), 0.0, max_overlap)
        return [_detection(rows[int(number)], back) for number in kept]


def together(parts: list[Candidates]) -> Candidates:
    """Join candidates."""
    return Candidates(
        np.concatenate([part.boxes_xyxy for part in parts]),
        np.concatenate([part.points for part in parts]),
        np.concatenate([part.scores for part in parts]),
    )


def _detection(row: Floats, back: Floats) -> Detection:
    x1, y1, x2, y2 = (row[:4].reshape(2, 2) * back).ravel().tolist()
    points = (row[4:14].reshape(5, 2) * back).astype(np.float32)
    return Detection(box_xyxy=(x1, y1, x2, y2), points=points, score=float(row[14]))
