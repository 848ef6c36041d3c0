"""SCRFD (Guo et al. 2021) and InsightFace's RetinaFace 10G, which is one of them: boxes and five points at three strides."""

import numpy as np

from mien.contracts import Session
from mien.errors import ModelMismatch
from mien.models.format.families import families
from mien.models.format.ports import bind, shape_text
from mien.models.networks.detectors.candidates import Candidates, together
from mien.models.networks.detectors.letterbox import letterbox
from mien.types import Array, Detection, Floats, Image

_STRIDES = 8, 16, 32  # pixels between the cells of each grid
_ANCHORS = 2  # rows a cell, one after the other; both at its top left corner
_MAX_OVERLAP = 0.4  # intersection over union; InsightFace's default
_PROBE_SIDE = 64  # pixels of the black picture on which a file's rows are counted when it is opened
_REMEDY = "use a SCRFD or RetinaFace file of the catalogue, with five points and two anchors a cell"


class Scrfd:
    """A `contracts.Detector`; pictures are searched at `longer_side` pixels.

    Raises `ModelMismatch` for a file with other outputs, such as those without points.
    """

    def __init__(
        self, model_id: str, session: Session, *, longer_side: int = 640, min_score: float = 0.6
    ) -> None:  # fmt: skip
        family = families()["scrfd"]
        if len(session.outputs) != len(family.outputs):
            raise ModelMismatch(
                f"{model_id} has {len(session.outputs)} outputs, expected are {len(family.outputs)}: scores, boxes and points "
                "at three strides",
                _REMEDY,
            )
        # Public files name their outputs by numbers; these are bound by their place: scores, boxes, points.
        bound = bind(model_id, session, family.inputs, family.outputs)
        self._model_id = model_id
        self._session = session
        self._input = bound.taken(0).name
        names = [bound.given(number).name for number in range(len(family.outputs))]
        self._names = list(zip(_STRIDES, names[0:3], names[3:6], names[6:9], strict=True))
        self._longer_side = longer_side
        self._min_score = min_score
        self._propose(np.zeros((_PROBE_SIDE, _PROBE_SIDE, 3), np.uint8))

    def detect(self, image: Image) -> list[Detection]:
        """Return the faces, best first."""
        canvas, back = letterbox(image, self._longer_side, max(_STRIDES))
        return self._propose(canvas).best(back, _MAX_OVERLAP)

    def _propose(self, canvas: Image) -> Candidates:
        outputs = self._session.run({self._input: blob(canvas)})
        height, width = canvas.shape[:2]
        parts = []
        for stride, *names in self._names:
            scores, boxes, points = (outputs[name] for name in names)
            rows = (height // stride) * (width // stride) * _ANCHORS
            if (scores.shape, boxes.shape, points.shape) != ((rows, 1), (rows, 4), (rows, 10)):
                found = [shape_text(each.shape) for each in (scores, boxes, points)]
                raise ModelMismatch(
                    f"{self._model_id} gives {found[0]} scores, {found[1]} boxes and {found[2]} "
                    f"points at stride {stride} for {width} x {height} pixels, expected are {rows}",
                    _REMEDY,
                )
            parts.append(self._decode(scores, boxes, points, stride, width // stride))
        return together(parts)

    def _decode(self, scores: Array, boxes: Array, points: Array, stride: int, columns: int) -> Candidates:
        """Return candidates above the lowest score; sides and points are relative to the anchor, in strides."""
        score = np.clip(scores[:, 0], 0, 1)
        index = np.flatnonzero(score >= self._min_score)
        cell = index // _ANCHORS
        anchor = np.stack([cell % columns, cell // columns], axis=1).astype(np.float32) * stride
        left_top, right_bottom = boxes[index, :2] * stride, boxes[index, 2:] * stride
        spots = anchor[:, None, :] + points[index].reshape(-1, 5, 2) * stride
        return Candidates(np.concatenate([anchor - left_top, anchor + right_bottom], axis=1), spots, score[index])


def blob(canvas: Image) -> Floats:
    """Return a BGR picture as the network's input: RGB, (x - 127.5) / 128, (1, 3, height, width)."""
    pixels = canvas[:, :, ::-1].transpose(2, 0, 1)[None].astype(np.float32)
    return (pixels - np.float32(127.5)) * np.float32(1 / 128)
