"""BiSeNet face parsing: a crop of head and neck in, one of 19 classes for each pixel out."""

from collections.abc import Sequence

import numpy as np

from mien.contracts import Session
from mien.models.format.families import families
from mien.models.format.ports import bind
from mien.models.format.scale import IMAGENET
from mien.models.format.tensors import blob, check_finite
from mien.models.networks.batching import feed
from mien.types import Floats, Image, Mask

_BATCH = 2  # crops a run: 19 planes of 512 x 512 are 20 MB
_FACE = 1, 2, 3, 4, 5, 10, 11, 12, 13
"""Skin, brows, eyes, nose, mouth and lips, by the order of CelebAMask-HQ."""
_OTHER = 0, 6, 7, 8, 9, 14, 15, 16, 17, 18
"""Background, glasses, ears and their rings, neck, necklace, cloth, hair and hat: occluders where they cover the mesh."""
_FAMILY = families()["bisenet"]


class BiSeNet:
    """A `contracts.Segmenter`. Glasses stay in front of the face; a beard counts as skin."""

    template = "ffhq_512"
    side = 512

    def __init__(self, model_id: str, session: Session) -> None:
        self._model_id = model_id
        self._session = session
        self._bound = bind(model_id, session, _FAMILY.inputs, _FAMILY.outputs)

    def visible(self, crops: Sequence[Image]) -> list[Mask]:
        """Return masks, 255 where the face is visible."""
        masks: list[Mask] = []
        for first in range(0, len(crops), _BATCH):
            numbers = blob(crops[first : first + _BATCH], IMAGENET)
            masks += [self._face(each) for each in feed(self._model_id, self._session, self._bound, numbers, _BATCH)]
        return masks

    def _face(self, scores: Floats) -> Mask:
        """Return 255 where the class with the highest score, of float32 (19, h, w), belongs to the face."""
        face, other = _highest(scores, _FACE), _highest(scores, _OTHER)
        for highest in (face, other):
            check_finite(self._model_id, highest)
        return np.where(face > other, np.uint8(255), np.uint8(0))


def _highest(scores: Floats, classes: tuple[int, ...]) -> Floats:
    highest: Floats = scores[classes[0]].copy()
    for number in classes[1:]:
        np.maximum(highest, scores[number], out=highest)
    return highest
