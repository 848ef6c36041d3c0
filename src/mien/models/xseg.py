"""XSeg, as trained with DeepFaceLab: a crop of the whole face in, how far the face is seen out."""

from collections.abc import Sequence

import numpy as np

from mien.contracts import Session
from mien.families import families
from mien.models.feed import feed, numbers
from mien.signature import bind
from mien.types import Image, Mask

_AT_ONCE = 8
_FAMILY = families()["xseg"]


class XSeg:
    """A `contracts.Segmenter`.

    Its training set was cut as "whole face": forehead to chin, which `dfl_whole_face` comes nearest to. Masking tools feed it
    with the swapper's crop, whatever that is; a tight one cuts the forehead off, where hair and caps stand.
    """

    template = "dfl_whole_face"
    side = 256

    def __init__(self, model_id: str, session: Session) -> None:
        self._model_id = model_id
        self._session = session
        self._bound = bind(model_id, session, _FAMILY.inputs, _FAMILY.outputs)

    def visible(self, crops: Sequence[Image]) -> list[Mask]:
        if not crops:
            return []
        blob = np.stack(crops).astype(np.float32) * np.float32(1 / 255)
        seen = numbers(self._model_id, feed(self._model_id, self._session, self._bound, blob, _AT_ONCE))
        return list((np.clip(seen[:, :, :, 0], 0, 1) * 255 + 0.5).astype(np.uint8))
