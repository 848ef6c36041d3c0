"""ArcFace (Deng et al. 2019), w600k_r50 of InsightFace: a crop by arcface_112_v2, RGB (x - 127.5) / 127.5; 512 numbers."""

import numpy as np

from mien.contracts import Session
from mien.face.aligned_crop import cut
from mien.models.format.families import families
from mien.models.format.ports import bind
from mien.models.format.scale import SIGNED
from mien.models.format.tensors import blob, check_finite
from mien.models.networks.batching import feed
from mien.types import Floats, Image, Landmarks

SIDE = 112  # pixels of the crop that the network takes
TEMPLATE = "arcface_112_v2"


class ArcFace:
    """A `contracts.Embedder`; raises `ModelMismatch` when the session is not of the family."""

    def __init__(self, model_id: str, session: Session) -> None:
        family = families()["arcface"]
        self._bound = bind(model_id, session, family.inputs, family.outputs)
        self._model_id = model_id
        self._session = session

    def embed(self, image: Image, landmarks: Landmarks) -> Floats:
        """Return the raw embedding, float32 (512,)."""
        crop = cut(image, landmarks.points, TEMPLATE, SIDE)
        found = feed(self._model_id, self._session, self._bound, blob([crop.image], SIGNED), 1)
        check_finite(self._model_id, found)
        return np.asarray(found[0], np.float32)
