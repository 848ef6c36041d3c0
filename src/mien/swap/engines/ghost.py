"""GHOST 1, 2 and 3 (Groshev et al. 2022): RGB -1..1 in and out at 256, aligned as arcface_112_v1.

It takes what crossface_ghost makes of the raw embedding of w600k_r50 as it is, not normalised (FaceFusion's recipe).
"""

from mien.contracts import Converter, Embedder, Session
from mien.models.format.tensors import HALF, Scale
from mien.settings import Settings
from mien.swap.engines.embedded import EmbeddedEngine
from mien.swap.engines.embedding import embedding_of
from mien.swap.engines.network import Feed
from mien.types import Floats, SourceFace

FEED = Feed("arcface_112_v1", 256, Scale(HALF, HALF), Scale(HALF, HALF))


def ghost(model_id: str, session: Session, embedder: Embedder, converter: Converter, settings: Settings) -> EmbeddedEngine:
    """The engine. Raises `ModelMismatch`."""

    def latent(source: SourceFace) -> Floats:
        return converter.convert(embedding_of(source, embedder))

    return EmbeddedEngine(model_id, session, "ghost", FEED, latent, settings)
