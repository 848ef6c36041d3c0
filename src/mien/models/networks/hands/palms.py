"""MediaPipe's palm detector: palms in a square of the picture."""

from dataclasses import dataclass

import numpy as np

from mien.contracts import Session
from mien.face.aligned_crop import cut_by
from mien.imaging import geometry
from mien.models.format.ports import expect
from mien.types import Affine, Array, Floats, Image

SIDE = 192  # pixels of the square that the network takes
_GRIDS = ((24, 2), (12, 6))
"""Cells on a side of each grid of anchors, and anchors a cell, as MediaPipe lays them."""
_PALM_POINTS = 7  # that the network gives with each box
_MIN_SCORE = 0.3
"""MediaPipe takes 0.5; with 0.3, 71 of 72 frames with a hand in front of the face were caught, and the network of the joints
rejects false palms: it found no hand in 104 bare frames."""
_MAX_OVERLAP = 0.3  # of two boxes of one palm, as a share of their union, as MediaPipe has it


@dataclass(frozen=True, slots=True)
class Palm:
    """One palm: `box_xyxy` and `points` (7, 2), the wrist first and the root of the middle finger third, in the picture."""

    score: float
    box_xyxy: tuple[float, float, float, float]
    points: Floats


class PalmDetector:
    """Detector of palms. An input of another shape raises a `ModelMismatch`."""

    def __init__(self, session: Session) -> None:
        expect("palm_192", session.inputs, {"image": (1, SIDE, SIDE, 3)}, "input")
        expect("palm_192", session.outputs, {"boxes": (1, 2016, 18), "scores": (1, 2016, 1)}, "output")
        self._session = session

    def detect(self, image: Image, square: Affine) -> list[Palm]:
        """Return the palms in a square of a picture, BGR uint8, best first; `square` takes the picture to `SIDE` pixels."""
        blob = np.empty((1, SIDE, SIDE, 3), np.float32)
        np.multiply(cut_by(image, square, SIDE).image[:, :, ::-1], np.float32(1 / 255), out=blob[0])
        outputs = self._session.run({"image": blob})
        score = 1 / (1 + np.exp(-np.clip(outputs["scores"][0, :, 0], -50, 50)))
        index = np.flatnonzero(score >= _MIN_SCORE)
        rows = outputs["boxes"][0, index] * np.float32(1 / SIDE)
        anchors = _ANCHORS[index]
        return _together(anchors, rows, score[index], geometry.invert(square))


def _anchors() -> Floats:
    """Return the middles of the cells, shares of the square (2016, 2)."""
    rows = []
    for cells, count in _GRIDS:
        y, x = np.mgrid[0:cells, 0:cells]
        rows.append(np.repeat(np.stack([(x.ravel() + 0.5) / cells, (y.ravel() + 0.5) / cells], axis=1), count, axis=0))
    return np.concatenate(rows).astype(np.float32)


_ANCHORS = _anchors()


def _together(anchors: Array, rows: Array, scores: Array, to_image: Affine) -> list[Palm]:
    """Merge the candidates of each palm into their mean, weighted by score; `rows` are shares of the square (n, 18)."""
    middle = anchors + rows[:, :2]
    boxes = np.concatenate([middle - rows[:, 2:4] / 2, middle + rows[:, 2:4] / 2], axis=1)
    points = anchors[:, None] + rows[:, 4:].reshape(-1, _PALM_POINTS, 2)
    area = rows[:, 2] * rows[:, 3]
    free = np.ones(len(rows), bool)
    palms = []
    for best in np.argsort(-scores):
        if not free[best]:
            continue
        shared = np.clip(np.minimum(boxes[best, 2:], boxes[:, 2:]) - np.maximum(boxes[best, :2], boxes[:, :2]), 0, None).prod(1)
        group = free & (shared > _MAX_OVERLAP * (area[best] + area - shared))
        group[best] = True
        free &= ~group
        weight = scores[group] / scores[group].sum()
        spots = np.concatenate([(boxes[group].T @ weight).reshape(2, 2), np.tensordot(weight, points[group], 1)])
        # Shares count from the corner of the first pixel.
        moved = geometry.apply(to_image, spots * SIDE - 0.5)
        (x1, y1), (x2, y2) = moved[:2].min(0), moved[:2].max(0)
        palms.append(Palm(float(scores[best]), (float(x1), float(y1), float(x2), float(y2)), moved[2:]))
    return palms


def square_around(middle_xy: tuple[float, float], side: float) -> Affine:
    """Return the transform from a picture to a square of `side` pixels around a point, scaled to `SIDE`."""
    scale = SIDE / max(side, 1.0)
    half = (SIDE - 1) / 2
    return np.array([[scale, 0, half - scale * middle_xy[0]], [0, scale, half - scale * middle_xy[1]]], np.float64)
