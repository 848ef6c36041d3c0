"""Tells when a video jumps to another scene."""

import cv2
import numpy as np

from mien.types import Array, Image

_STRIDE = 8
_THUMB_WH = 32, 18
_LEAST_CHANGE = 14.0
"""Mean change of the thumbnail's grey values below which nothing is a cut."""
_JUMP = 3.0
"""A cut changes this many times more than the frames before it."""
_LIKENESS = 0.75
"""Pictures of one scene correlate more than this, whatever the brightness."""


class SceneCuts:
    """Looks at one frame after the other; deterministic, no clock."""

    def __init__(self) -> None:
        self._before: Array | None = None
        self._usual = 0.0

    def is_cut(self, image: Image) -> bool:
        """True for the first frame of a new scene; `image` is BGR uint8. The very first frame is not a cut."""
        # The green channel stands for the light; every eighth pixel is averaged, so sensor noise does not count.
        thin = np.ascontiguousarray(image[::_STRIDE, ::_STRIDE, 1])
        thumb = cv2.resize(thin, _THUMB_WH, interpolation=cv2.INTER_AREA).astype(np.float32)
        before, self._before = self._before, thumb
        if before is None:
            return False
        level = thumb - thumb.mean(), before - before.mean()
        change = float(np.abs(level[0] - level[1]).mean())
        norm = float(np.linalg.norm(level[0]) * np.linalg.norm(level[1]))
        likeness = float((level[0] * level[1]).sum()) / norm if norm > 1 else 1.0
        cut = change > max(_LEAST_CHANGE, _JUMP * self._usual) and likeness < _LIKENESS
        self._usual = 0.0 if cut else 0.8 * self._usual + 0.2 * change
        return cut
