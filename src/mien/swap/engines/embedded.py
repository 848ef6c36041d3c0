"""A swapping network that takes a crop of the target and an embedding of the source."""

from collections.abc import Callable, Sequence

import numpy as np

from mien.contracts import Session
from mien.imaging.arrays import locked
from mien.models.format.families import families
from mien.models.format.ports import bind
from mien.models.format.swappers import Feed
from mien.settings import Settings
from mien.swap.engines.network import Network
from mien.types import Array, FacePatch, Floats, Frame, SourceFace, TrackedFace


class EmbeddedEngine:
    """A `contracts.Engine`; `vector` makes the input of the network, float32 (512,), out of the source.

    Raises `ModelMismatch` when the session is not of the family.
    """

    wants_reshape = False

    def __init__(
        self,
        model_id: str,
        session: Session,
        family: str,
        feed: Feed,
        vector: Callable[[SourceFace], Floats],
        settings: Settings,
    ) -> None:
        ports = families()[family]
        bound = bind(model_id, session, ports.inputs, ports.outputs)
        own_masks = [tensor for tensor in bound.outputs[1:] if tensor is not None]
        self.name = model_id
        self._vector = vector
        self._source = bound.taken(0)
        self._network = Network(model_id, session, feed, settings, bound.taken(1), bound.given(0), own_masks)

    def prepare(self, source: SourceFace) -> Array:
        """Return the network's vector, (1, 512) in its own type, read-only; raises `ModelError`."""
        return locked(np.asarray(self._vector(source)[None].astype(self._source.dtype)))

    def swap(self, frame: Frame, faces: Sequence[TrackedFace], prepared: Array) -> list[FacePatch | None]:
        """Return a patch for each face, None where nothing of it is in the picture."""
        return self._network.swap(frame, faces, {self._source.name: prepared})
