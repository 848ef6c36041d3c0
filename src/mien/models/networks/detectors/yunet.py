"""YuNet (Wu et al. 2023): face boxes and five points, anchor-free, one anchor a cell at strides 8, 16 and 32."""

from typing import Protocol

import numpy as np

from mien.contracts import Session
from mien.models.format.ports import expect
from mien.models.networks.detectors.candidates import Candidates, together
from mien.models.networks.detectors.letterbox import letterbox
from mien.types import Array, Detection, Image

STRIDES = (8, 16, 32)  # pixels between the cells of each grid
_OUTPUTS = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}


class YuNetNetwork(Protocol):
    """The network alone; safe to call from several threads."""

    def propose(self, canvas: Image, min_score: float) -> Candidates:
        """Return the candidates of a canvas BGR uint8 whose sides are multiples of 32."""
        ...


class YuNetSession:
    """A `YuNetNetwork` that a runtime computes. A network of another shape raises a `ModelMismatch`."""

    def __init__(self, session: Session) -> None:
        expect("yunet", session.inputs, {"input": (1, 3, "height", "width")}, "input")
        names = {f"{kind}_{stride}": (1, None, size) for stride in STRIDES for kind, size in _OUTPUTS.items()}
        expect("yunet", session.outputs, names, "output")
        self._session = session

    def propose(self, canvas: Image, min_score: float) -> Candidates:
        """Return the candidates; raises a `ModelError`."""
        outputs = self._session.run({"input": canvas.transpose(2, 0, 1)[None].astype(np.float32)})
        columns = canvas.shape[1]
        return together([_decode(outputs, stride, columns // stride, min_score) for stride in STRIDES])


class YuNet:
    """A `contracts.Detector`; pictures are searched at `longer_side` pixels."""

    def __init__(
        self, network: YuNetNetwork, *, longer_side: int = 320, min_score: float = 0.6, max_overlap: float = 0.3
    ) -> None:  # fmt: skip
        self._network = network
        self._longer_side = longer_side
        self._min_score = min_score
        self._max_overlap = max_overlap

    def detect(self, image: Image) -> list[Detection]:
        """Return the faces, best first."""
        canvas, back = letterbox(image, self._longer_side, max(STRIDES))
        return self._network.propose(canvas, self._min_score).best(back, self._max_overlap)


def _decode(outputs: dict[str, Array], stride: int, columns: int, min_score: float) -> Candidates:
    """Return candidates above the lowest score at this stride."""
    cls, obj = outputs[f"cls_{stride}"][0, :, 0], outputs[f"obj_{stride}"][0, :, 0]
    score = np.sqrt(np.clip(cls, 0, 1) * np.clip(obj, 0, 1))
    index = np.flatnonzero(score >= min_score)
    cell = np.stack([index % columns, index // columns], axis=1).astype(np.float32)
    box, points = outputs[f"bbox_{stride}"][0, index], outputs[f"kps_{stride}"][0, index]
    centre = (cell + box[:, :2]) * stride
    half = np.exp(box[:, 2:]) * (stride / 2)
    spots = (cell[:, None, :] + points.reshape(-1, 5, 2)) * stride
    return Candidates(np.concatenate([centre - half, centre + half], axis=1), spots, score[index])
