"""hyperswap 1a, 1b and 1c of FaceFusion Labs: RGB -1..1 in and out at 256, aligned as arcface_128, and a mask 0..1 of its own.

It takes the unit embedding of w600k_r50.
"""

from mien.contracts import Embedder, Session
from mien.models.format.tensors import HALF, Scale
from mien.settings import Settings
from mien.swap.engines.embedded import EmbeddedEngine
from mien.swap.engines.embedding import embedding_of, unit
from mien.swap.engines.network import Feed
from mien.types import Floats, SourceFace

FEED = Feed("arcface_128", 256, Scale(HALF, HALF), Scale(HALF, HALF))


def hyperswap(model_id: str, session: Session, embedder: Embedder, settings: Settings) -> EmbeddedEngine:
    """The engine. Raises `ModelMismatch`."""

    def latent(source: SourceFace) -> Floats:
        return unit(embedding_of(source, embedder))

    return EmbeddedEngine(model_id, session, "hyperswap", FEED, latent, settings)
