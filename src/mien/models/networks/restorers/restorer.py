"""Face restorers: GFPGAN, GPEN, RestoreFormer++ and, with a weight beside the crop, CodeFormer.

All take an aligned crop as RGB, -1..1, batch x 3 x side x side, and give the same back.
"""

from collections.abc import Sequence

import numpy as np

from mien.contracts import Session
from mien.models.format.families import families
from mien.models.format.ports import bind
from mien.models.format.scale import SIGNED
from mien.models.format.tensors import blob, check_finite, pictures
from mien.models.networks.batching import feed
from mien.types import Image

TEMPLATES = {
    "gpen_256": "arcface_128",
    "restorer_512": "ffhq_512",
    "gpen_1024": "ffhq_512",
    "gpen_2048": "ffhq_512",
    "codeformer": "ffhq_512",
}
"""Templates by which the crops of each family are aligned."""
_MAX_PIXELS = 8 * 512 * 512  # in one run: these networks take much memory a crop


class Restorer:
    """A `contracts.Enhancer` for every family of `TEMPLATES`.

    `weights` are fed to the inputs beside the crop, in the order of the family's ports. Raises `ModelMismatch`.
    """

    def __init__(self, model_id: str, family: str, session: Session, weights: Sequence[float] = ()) -> None:
        ports = families()[family]
        self._bound = bind(model_id, session, ports.inputs, ports.outputs)
        self.template = TEMPLATES[family]
        side = ports.inputs[0].shape[-1]
        assert isinstance(side, int)
        self.side = side
        self._model_id = model_id
        self._session = session
        further = [self._bound.taken(number) for number in range(1, len(ports.inputs))]
        self._further = {tensor.name: np.array([weight], tensor.dtype) for tensor, weight in zip(further, weights, strict=True)}

    def enhance(self, crops: Sequence[Image]) -> list[Image]:
        """Return the restored crops; raises `ModelError` for outputs that are not finite."""
        if not crops:
            return []
        most = max(1, _MAX_PIXELS // self.side**2)
        restored = feed(self._model_id, self._session, self._bound, blob(crops, SIGNED), most, self._further)
        check_finite(self._model_id, restored)
        return pictures(restored, SIGNED)
