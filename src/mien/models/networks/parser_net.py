"""The parser of mien: a crop of the whole face in, the share of each class at each pixel out."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from mien.contracts import Session
from mien.imaging.kernels import kernel, kernel_part
from mien.models.format.parsing import SIDE, TEMPLATE, FaceClass
from mien.models.format.ports import expect
from mien.models.format.scale import PLAIN
from mien.models.format.tensors import blob, check_finite
from mien.types import Array, Image

_CELLS = SIDE // 2  # the network answers for cells of 2 x 2 pixels


class ParserNet:
    """A `contracts.Parser`. A network of another shape raises a `ModelMismatch`."""

    template = TEMPLATE
    side = SIDE

    def __init__(self, session: Session) -> None:
        expect("parser", session.inputs, {"crop": (None, 3, SIDE, SIDE)}, "input")
        expect("parser", session.outputs, {"logits": (None, 4 * len(FaceClass), _CELLS, _CELLS)}, "output")
        self._session = session

    def parse(self, crops: Sequence[Image]) -> list[Array]:
        """Return the shares of the classes; raises `ModelError` when they are not finite."""
        if not crops:
            return []
        logits = self._session.run({"crop": blob(crops, PLAIN)})["logits"]
        check_finite("parser", logits)
        found = [np.empty((len(FaceClass), SIDE, SIDE), np.uint8) for _ in logits]
        scratch = np.empty((2, len(FaceClass) + 2, _CELLS), np.float32)
        for each, shares in zip(logits, found, strict=True):
            _share(np.ascontiguousarray(each, np.float32), scratch, shares)
        return found


_LEAST_LOGIT = -8.0
"""Logit, against the highest of a pixel, under which a share is below a tenth of a level, and 0."""
_HALF = math.exp(-0.5)  # the value about which the series of `_power` is written


@kernel
def _share(logits: Array, scratch: Array, shares: Array) -> None:
    """Write the softmax over the classes in levels, uint8 (classes, 2h, 2w).

    `logits` float32 (4 * classes, h, w): plane 4c + 2a + b is class c at rows 2y + a and columns 2x + b. `scratch` float32
    (2, classes + 2, w) takes the powers of a row's columns, their highest logits and their sums.
    """
    classes, columns = shares.shape[0], logits.shape[2]
    for y in range(shares.shape[1]):
        for b in range(2):
            first, v = 2 * (y % 2) + b, y // 2
            for x in range(columns):
                scratch[b, classes, x] = logits[first, v, x]
                scratch[b, classes + 1, x] = np.float32(0.0)
            for c in range(1, classes):
                for x in range(columns):
                    scratch[b, classes, x] = max(scratch[b, classes, x], logits[4 * c + first, v, x])
            for c in range(classes):
                for x in range(columns):
                    power = _power(logits[4 * c + first, v, x] - scratch[b, classes, x])
                    scratch[b, c, x] = power
                    scratch[b, classes + 1, x] += power
            for x in range(columns):
                scratch[b, classes + 1, x] = np.float32(255.0) / scratch[b, classes + 1, x]
        for c in range(classes):
            for x in range(columns):
                shares[c, y, 2 * x] = np.uint8(scratch[0, c, x] * scratch[0, classes + 1, x] + np.float32(0.5))
                shares[c, y, 2 * x + 1] = np.uint8(scratch[1, c, x] * scratch[1, classes + 1, x] + np.float32(0.5))


@kernel_part
def _power(logit: Any) -> Any:
    """Return e to a power from -8 to 0, 0 below: an eighth of it by Taylor's series about -1/2, within 0.00002 of its value.

    The compiler computes sixteen of them at once, which it cannot with a call of `exp`.
    """
    bounded = max(logit, np.float32(_LEAST_LOGIT))
    t = bounded * np.float32(1 / 8) + np.float32(0.5)
    series = np.float32(1 / 120) + t * np.float32(1 / 720)
    series = np.float32(1 / 6) + t * (np.float32(1 / 24) + t * series)
    series = np.float32(1) + t * (np.float32(1) + t * (np.float32(1 / 2) + t * series))
    root = np.float32(_HALF) * series
    fourth = root * root
    fourth = fourth * fourth
    return fourth * fourth if logit > np.float32(_LEAST_LOGIT) else np.float32(0)
