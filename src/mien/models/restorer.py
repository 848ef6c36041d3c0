"""Networks that restore a face: GFPGAN, GPEN, RestoreFormer++ and, with a weight beside the crop, CodeFormer.

All take an aligned crop as RGB, -1..1, batch x 3 x side x side, and give the same back.
"""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from mien.contracts import Session
from mien.errors import ModelError, ModelMismatch
from mien.families import families
from mien.signature import Slot, bind
from mien.types import Array, Floats, Image

TEMPLATES = {
    "gpen_256": "arcface_128",
    "restorer_512": "ffhq_512",
    "gpen_1024": "ffhq_512",
    "gpen_2048": "ffhq_512",
    "codeformer": "ffhq_512",
}
"""By which template the crops of a family are aligned."""


class Restorer:
    """A `contracts.Enhancer` for every family of `TEMPLATES`.

    `weights` are fed to the inputs beside the crop, in the order of the family's ports. Raises `ModelMismatch`.
    """

    def __init__(self, model_id: str, family: str, session: Session, weights: Sequence[float] = ()) -> None:
        ports = families()[family]
        bound = bind(model_id, session, ports.inputs, ports.outputs)
        self.template = TEMPLATES[family]
        side = ports.inputs[0].shape[-1]
        assert isinstance(side, int)
        self.side = side
        self._model_id = model_id
        self._session = session
        self._crop, self._restored = bound.taken(0), bound.given(0)
        self._batch = _batch_of(model_id, self._crop)
        further = [bound.taken(number) for number in range(1, len(ports.inputs))]
        self._further: Mapping[str, Array] = {
            slot.name: np.array([weight], slot.dtype) for slot, weight in zip(further, weights, strict=True)
        }

    def enhance(self, crops: Sequence[Image]) -> list[Image]:
        """The restored crops; raises `ModelError` when the network gives no numbers."""
        if not crops:
            return []
        together = [crops] if self._batch is None else [[crop] for crop in crops]
        return [image for some in together for image in self._restored_of(some)]

    def _restored_of(self, crops: Sequence[Image]) -> list[Image]:
        feed = {self._crop.name: blob_of(crops).astype(self._crop.dtype, copy=False), **self._further}
        given = self._session.run(feed)[self._restored.name]
        if given.shape != (len(crops), 3, self.side, self.side):
            raise ModelMismatch(
                f"{self._model_id} gives {given.shape} for {len(crops)} crops of {self.side} pixels",
                "use the file of the catalogue",
            )
        restored = given.astype(np.float32, copy=False)
        # One number that is none makes the sum none.
        if not np.isfinite(restored.sum()):
            raise ModelError(
                f"{self._model_id} gives numbers that are none", "set precision = single, or choose another enhancer"
            )
        return [image_of(each) for each in restored]


def _batch_of(model_id: str, slot: Slot) -> int | None:
    """How many crops a run takes, None for any number."""
    size = slot.shape[0]
    if not isinstance(size, int):
        return None
    if size != 1:
        raise ModelMismatch(f"{model_id} takes exactly {size} crops at once", "use the file of the catalogue")
    return size


def blob_of(crops: Sequence[Image]) -> Floats:
    """Crops, BGR uint8 (s, s, 3), as RGB float32 (n, 3, s, s): x / 255, then (x - 0.5) / 0.5."""
    half = 127.5
    return np.asarray(cv2.dnn.blobFromImages(list(crops), 1 / half, mean=(half, half, half), swapRB=True), np.float32)


def image_of(restored: Floats) -> Image:
    """RGB float32 (3, s, s) as BGR uint8 (s, s, 3): clipped to -1..1, then (y + 1) / 2."""
    planes = [np.clip(restored[channel], -1, 1) for channel in (2, 1, 0)]
    # Never negative after the clip, so that the absolute value which OpenCV takes changes nothing.
    return np.asarray(cv2.convertScaleAbs(cv2.merge(planes), alpha=127.5, beta=127.5), np.uint8)
