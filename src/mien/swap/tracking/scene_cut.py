"""Tells when a video jumps to another scene."""

import math

import cv2
import numpy as np

from mien.types import Array, Image

_THUMB_WH = 64, 36
_MARGIN_XY = 12, 7
"""How far, in pixels of the thumbnail, a pan may move the picture in one frame."""
_SAMPLED_ROWS = 144
_BLANK = 3.0
"""A thumbnail whose grey values spread less shows nothing: a blown flash, a black frame, a covered lens."""
_LEAST_CHANGE = 0.1
"""Unlikeness (1 - correlation) of two frames that motion in a scene at rest hardly reaches."""
_GRAIN = 50.0
"""Variance of grey values that noise alone may make: correlation below it says little."""
_JUMP = 4.0
"""A cut changes this many times more than the frames before it."""
_LIGHT = 0.002
"""Unlikeness that each grey value of difference in brightness excuses: a flash is not a cut."""
_MEMORY = 0.8
LEAST_MOTION = 6.0  # grey levels in one of 64 x 36 cells; sensor noise of 4 levels makes less than 5


class SceneCuts:
    """Looks at one frame after the other; deterministic, no clock."""

    def __init__(self) -> None:
        self._before: Array | None = None
        self._shape: tuple[int, ...] = ()
        self._usual = 0.0

    def is_cut(self, image: Image) -> bool:
        """True for the first frame of a new scene; `image` is BGR uint8. The very first frame is not a cut.

        Frames that show nothing are no cut; what follows them is compared with what was before them.
        """
        thumb = _thumbnail(image)
        if float(thumb.std()) < _BLANK:
            return False
        before, self._before = self._before, thumb
        shape, self._shape = self._shape, image.shape
        if before is None:
            return False
        change = _unlikeness(before, thumb)
        light = _LIGHT * abs(float(thumb.mean() - before.mean()))
        cut = shape != image.shape or change > max(_LEAST_CHANGE + light, _JUMP * self._usual)
        self._usual = 0.0 if cut else _MEMORY * self._usual + (1 - _MEMORY) * change
        return cut


class Motion:
    """Tells frames in which something moves from frames of a scene at rest."""

    def __init__(self) -> None:
        self._before: Array | None = None

    def seen(self, image: Image) -> bool:
        """Return whether any cell of the thumbnail, BGR uint8 in, differs from the frame before; True for the first."""
        thumb = _thumbnail(image)
        before, self._before = self._before, thumb
        return before is None or float(np.abs(thumb - before).max()) > LEAST_MOTION


def _thumbnail(image: Image) -> Array:
    # The green channel stands for the light. A thin grid is averaged: cheap, and sensor noise does not count.
    step = max(1, min(image.shape[:2]) // _SAMPLED_ROWS)
    thin = np.ascontiguousarray(image[::step, ::step, 1])
    return np.asarray(cv2.resize(thin, _THUMB_WH, interpolation=cv2.INTER_AREA), np.float32)


def _unlikeness(before: Array, thumb: Array) -> float:
    """0 for the same picture in whatever light or shifted by a pan, 1 for pictures that have nothing in common."""
    a, b = thumb - thumb.mean(), before - before.mean()
    spread = math.sqrt(float(np.vdot(a, a)) * float(np.vdot(b, b))) / a.size
    change: float = 1 - (float(np.vdot(a, b)) / a.size + _GRAIN) / (spread + _GRAIN)
    if change < _LEAST_CHANGE:
        return change
    x, y = _MARGIN_XY
    middle = np.ascontiguousarray(before[y:-y, x:-x])
    return min(change, 1.0 - float(cv2.matchTemplate(thumb, middle, cv2.TM_CCOEFF_NORMED).max()))
