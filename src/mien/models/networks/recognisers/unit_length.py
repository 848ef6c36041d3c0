"""Embeddings compared at length 1, as a limit on their cosine is one on their distance."""

import numpy as np

from mien.contracts import Embedder
from mien.types import Floats, IdentityLimits, Image, Landmarks


class UnitLength:
    """A `contracts.Recogniser` of the embeddings of another model, with limits that were measured for it."""

    def __init__(self, embedder: Embedder, limits: IdentityLimits) -> None:
        self.limits = limits
        self._embedder = embedder

    def describe(self, image: Image, landmarks: Landmarks) -> Floats:
        """Return the embedding at length 1, float32 (n,)."""
        embedding = self._embedder.embed(image, landmarks)
        return np.asarray(embedding / max(float(np.linalg.norm(embedding)), 1e-9), np.float32)
