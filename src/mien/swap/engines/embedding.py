"""The embedding of a source: one out of one or several photos."""

import numpy as np

from mien.contracts import Embedder
from mien.errors import ModelError
from mien.types import Floats, SourceFace


def embedding_of(source: SourceFace, embedder: Embedder) -> Floats:
    """Return the raw embedding, float32 (512,): for several photos their mean direction, with their mean length.

    Raises `ModelError` for an embedding without a direction.
    """
    found = [embedder.embed(photo.image, photo.landmarks) for photo in source.photos]
    length = float(np.mean([np.linalg.norm(each) for each in found]))
    return np.asarray(unit(np.mean([unit(each) for each in found], axis=0)) * np.float32(length), np.float32)


def unit(vector: Floats) -> Floats:
    """Return the vector at length 1; raises `ModelError` for one without a direction."""
    length = float(np.linalg.norm(vector))
    if not np.isfinite(length) or length < 1e-6:
        raise ModelError(
            "the recogniser gave no embedding of this face", "`mien models verify` shows whether its file is whole"
        )
    return np.asarray(vector / np.float32(length), np.float32)
