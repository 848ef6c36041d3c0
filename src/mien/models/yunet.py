"""YuNet (Wu et al. 2023): face boxes and five points, anchor-free, one anchor a cell at strides 8, 16 and 32."""

import cv2
import numpy as np

from mien.contracts import Session
from mien.geometry import covered
from mien.signature import expect
from mien.types import Array, Detection, Floats, Image

STRIDES = (8, 16, 32)
_MULTIPLE = 32


class YuNet:
    """A `contracts.Detector`; `longer_side` is the size in pixels to which pictures are brought before they are searched."""

    def __init__(
        self, session: Session, *, longer_side: int = 320, least_score: float = 0.6, most_overlap: float = 0.3
    ) -> None:
        expect("yunet", session.inputs, {"input": (1, 3, "height", "width")}, "input")
        names = {f"{kind}_{stride}": (1, None, size) for stride in STRIDES for kind, size in _OUTPUTS.items()}
        expect("yunet", session.outputs, names, "output")
        self._session = session
        self._longer_side = longer_side
        self._least_score = least_score
        self._most_overlap = most_overlap

    def detect(self, image: Image) -> list[Detection]:
        height, width = image.shape[:2]
        scale = min(1.0, self._longer_side / max(height, width))
        small_wh = max(1, round(width * scale)), max(1, round(height * scale))
        small = cv2.resize(image, small_wh, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        padded_h, padded_w = (-(-side // _MULTIPLE) * _MULTIPLE for side in (small_wh[1], small_wh[0]))
        canvas = np.zeros((1, 3, padded_h, padded_w), np.float32)
        canvas[0, :, : small_wh[1], : small_wh[0]] = small.transpose(2, 0, 1)
        outputs = self._session.run({"input": canvas})
        rows = np.concatenate([self._decode(outputs, stride, padded_w // stride) for stride in STRIDES])
        if not len(rows):
            return []
        boxes_xywh = np.concatenate([rows[:, 0:2], rows[:, 2:4] - rows[:, 0:2]], axis=1)
        kept = cv2.dnn.NMSBoxes(boxes_xywh.tolist(), rows[:, 14].tolist(), self._least_score, self._most_overlap)
        back = np.array([width / small_wh[0], height / small_wh[1]], np.float32)
        return [_detection(rows[int(i)], back) for i in kept]

    def _decode(self, outputs: dict[str, Array], stride: int, columns: int) -> Floats:
        """Rows of (x1, y1, x2, y2, 5 x (x, y), score) over the least score, in pixels of the small picture."""
        cls, obj = outputs[f"cls_{stride}"][0, :, 0], outputs[f"obj_{stride}"][0, :, 0]
        score = np.sqrt(np.clip(cls, 0, 1) * np.clip(obj, 0, 1))
        index = np.flatnonzero(score >= self._least_score)
        cell = np.stack([index % columns, index // columns], axis=1).astype(np.float32)
        box, points = outputs[f"bbox_{stride}"][0, index], outputs[f"kps_{stride}"][0, index]
        centre = (cell + box[:, :2]) * stride
        half = np.exp(box[:, 2:]) * (stride / 2)
        spots = (cell[:, None, :] + points.reshape(-1, 5, 2)) * stride
        rows = np.concatenate([centre - half, centre + half, spots.reshape(-1, 10), score[index, None]], axis=1)
        return rows.astype(np.float32)


class YuNetPyramid:
    """A `contracts.Detector` for photos: searches several sizes, for a close-up as well as for a group far away.

    Each size is the longer side in pixels; sizes larger than the picture are left out, but for the smallest.
    """

    def __init__(self, session: Session, *, longer_sides: tuple[int, ...], least_score: float = 0.6) -> None:
        self._steps = [(side, YuNet(session, longer_side=side, least_score=least_score)) for side in sorted(longer_sides)]

    def detect(self, image: Image) -> list[Detection]:
        longest = max(image.shape[:2])
        found: list[Detection] = []
        for number, (side, detector) in enumerate(self._steps):
            if number == 0 or side < 2 * longest:
                found += detector.detect(image)
        found.sort(key=lambda detection: -detection.score)
        kept: list[Detection] = []
        for detection in found:
            # At a size too large for it, a close-up falls into parts that look like small faces.
            if all(covered(detection.box_xyxy, other.box_xyxy) < _SAME_FACE for other in kept):
                kept.append(detection)
        return kept


_SAME_FACE = 0.4
_OUTPUTS = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}


def _detection(row: Floats, back: Floats) -> Detection:
    x1, y1, x2, y2 = (row[:4].reshape(2, 2) * back).ravel().tolist()
    points = (row[4:14].reshape(5, 2) * back).astype(np.float32)
    return Detection(box_xyxy=(x1, y1, x2, y2), points=points, score=float(row[14]))
