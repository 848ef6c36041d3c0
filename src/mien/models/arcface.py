"""ArcFace (Deng et al. 2019), w600k_r50 of InsightFace: a crop by arcface_112_v2, RGB (x - 127.5) / 127.5; 512 numbers."""

import numpy as np

from mien.contracts import Session
from mien.crop import cut
from mien.families import families
from mien.signature import bind
from mien.tensor import HALF, Scale, blob, check_finite
from mien.types import Floats, Image, Landmarks

SIDE = 112
TEMPLATE = "arcface_112_v2"
_SCALE = Scale(HALF, HALF)


class ArcFace:
    """A `contracts.Embedder`; raises `ModelMismatch` when the session is not of the family."""

    def __init__(self, model_id: str, session: Session) -> None:
        family = families()["arcface"]
        bound = bind(model_id, session, family.inputs, family.outputs)
        self._model_id = model_id
        self._session = session
        self._input, self._output = bound.taken(0), bound.given(0)

    def embed(self, image: Image, landmarks: Landmarks) -> Floats:
        crop = cut(image, landmarks.points, TEMPLATE, SIDE)
        given = self._session.run({self._input.name: blob([crop.image], _SCALE).astype(self._input.dtype, copy=False)})
        found = given[self._output.name]
        check_finite(self._model_id, found)
        return np.asarray(found[0], np.float32)
