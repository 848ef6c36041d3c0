"""YOLO-face (YOLOv8 with five points): 20 numbers for each of 8400 places of a picture of 640 x 640."""

import numpy as np

from mien.contracts import Session
from mien.models.format.families import families
from mien.models.format.ports import bind
from mien.models.networks.batching import feed
from mien.models.networks.detectors.candidates import Candidates
from mien.models.networks.detectors.letterbox import letterbox
from mien.types import Detection, Floats, Image

_SIDE = 640  # pixels; the only size of the public files
_MAX_OVERLAP = 0.4  # intersection over union; chosen as SCRFD's, not measured


class YoloFace:
    """A `contracts.Detector`; the network sees 640 x 640 pixels, whatever the size of the picture. Raises `ModelMismatch`."""

    def __init__(self, model_id: str, session: Session, *, min_score: float = 0.6) -> None:
        family = families()["yoloface"]
        self._model_id = model_id
        self._bound = bind(model_id, session, family.inputs, family.outputs)
        self._session = session
        self._min_score = min_score

    def detect(self, image: Image) -> list[Detection]:
        """Return the faces, best first."""
        canvas, back = letterbox(image, _SIDE, _SIDE)
        rows = feed(self._model_id, self._session, self._bound, blob(canvas), 1)[0].T
        return self._decode(rows).best(back, _MAX_OVERLAP)

    def _decode(self, rows: Floats) -> Candidates:
        """Return candidates above the lowest score, of rows of middle, size, score, and five times x, y and visibility."""
        rows = rows[rows[:, 4] >= self._min_score]
        middle, half = rows[:, 0:2], rows[:, 2:4] / 2
        points = rows[:, 5:20].reshape(-1, 5, 3)[:, :, :2]
        return Candidates(np.concatenate([middle - half, middle + half], axis=1), points, np.clip(rows[:, 4], 0, 1))


def blob(canvas: Image) -> Floats:
    """Return a BGR picture as the network's input: BGR 0..1, (1, 3, 640, 640)."""
    return canvas.transpose(2, 0, 1)[None].astype(np.float32) * np.float32(1 / 255)
