"""XSeg, as trained with DeepFaceLab: a crop of the whole face in, its visibility out."""

from collections.abc import Sequence

from mien.contracts import Session
from mien.models.format.families import families
from mien.models.format.ports import bind
from mien.models.format.scale import BGR_LAST
from mien.models.format.tensors import blob, check_finite, masks
from mien.models.networks.batching import feed
from mien.types import Image, Mask

_BATCH = 8  # crops a run; bounds memory, not measured
_FAMILY = families()["xseg"]


class XSeg:
    """A `contracts.Segmenter`.

    Its training set was cut as "whole face": forehead to chin, to which `dfl_whole_face` is nearest. Masking tools feed it
    with the swapper's crop; a tight one cuts the forehead off, where hair and caps are.
    """

    template = "dfl_whole_face"
    side = 256

    def __init__(self, model_id: str, session: Session) -> None:
        self._model_id = model_id
        self._session = session
        self._bound = bind(model_id, session, _FAMILY.inputs, _FAMILY.outputs)

    def visible(self, crops: Sequence[Image]) -> list[Mask]:
        """Return masks, 255 where the face is visible."""
        if not crops:
            return []
        seen = feed(self._model_id, self._session, self._bound, blob(crops, BGR_LAST), _BATCH)
        check_finite(self._model_id, seen)
        return masks(seen)
