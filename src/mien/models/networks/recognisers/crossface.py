"""The crossface converters of FaceFusion: a raw embedding of w600k_r50 in, one in the space of another recogniser out."""

import numpy as np

from mien.contracts import Session
from mien.models.format.families import families
from mien.models.format.ports import bind
from mien.models.format.tensors import check_finite
from mien.models.networks.batching import feed
from mien.types import Floats


class Crossface:
    """A `contracts.Converter`; raises `ModelMismatch` when the session is not of the family."""

    def __init__(self, model_id: str, session: Session) -> None:
        family = families()["crossface"]
        self._bound = bind(model_id, session, family.inputs, family.outputs)
        self._model_id = model_id
        self._session = session

    def convert(self, embedding: Floats) -> Floats:
        """Return the converted embedding, float32 (512,)."""
        found = feed(self._model_id, self._session, self._bound, embedding[None], 1)
        check_finite(self._model_id, found)
        return np.asarray(found[0], np.float32)
