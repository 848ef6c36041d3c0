"""The harmonising network of mien: 64 x 64 pixels of a composed face in, a coarse map of colour gains and offsets out."""

import numpy as np

from mien.contracts import Session
from mien.models.format.ports import expect
from mien.types import Floats


class FinishNet:
    """A `contracts.Harmoniser`."""

    def __init__(self, session: Session) -> None:
        expect("finish", session.inputs, {"view": (1, 7, 64, 64)}, "input")
        expect("finish", session.outputs, {"colours": (1, 6, 16, 16)}, "output")
        self._session = session

    def colours(self, view: Floats) -> Floats:
        """Return gains and offsets, float32 (16, 16, 6)."""
        return np.ascontiguousarray(self._session.run({"view": view})["colours"][0].transpose(1, 2, 0))
