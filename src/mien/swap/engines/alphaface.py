"""AlphaFace at 256: RGB 0..1 in and out, aligned as arcface_128.

It takes the raw embedding of w600k_r50, not normalised (FaceFusion's recipe).
"""

from mien.contracts import Embedder, Session
from mien.models.format.tensors import Scale
from mien.settings import Settings
from mien.swap.engines.embedded import EmbeddedEngine
from mien.swap.engines.embedding import embedding_of
from mien.swap.engines.network import Feed
from mien.types import Floats, SourceFace

FEED = Feed("arcface_128", 256, Scale(), Scale())


def alphaface(model_id: str, session: Session, embedder: Embedder, settings: Settings) -> EmbeddedEngine:
    """The engine. Raises `ModelMismatch`."""

    def latent(source: SourceFace) -> Floats:
        return embedding_of(source, embedder)

    return EmbeddedEngine(model_id, session, "alphaface", FEED, latent, settings)
