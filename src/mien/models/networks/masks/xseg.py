"""XSeg, as trained with DeepFaceLab: a crop of the whole face in, how far the face is seen out."""

from collections.abc import Sequence

from mien.contracts import Session
from mien.models.format.families import families
from mien.models.format.ports import bind
from mien.models.format.scale import BGR_LAST
from mien.models.format.tensors import blob, check_finite, masks
from mien.models.networks.batching import feed
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
        seen = feed(self._model_id, self._session, self._bound, blob(crops, BGR_LAST), _AT_ONCE)
        check_finite(self._model_id, seen)
        return masks(seen)
