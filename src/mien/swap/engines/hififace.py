"""HifiFace (Wang et al. 2021), an unofficial 256: RGB -1..1 in and out, aligned as mtcnn_512; some exports give a mask, too.

It takes what crossface_hififace makes of the raw embedding of w600k_r50, at length 1 (FaceFusion's recipe).
"""

from mien.contracts import Converter, Embedder, Session
from mien.models.format.tensors import HALF, Scale
from mien.settings import Settings
from mien.swap.engines.embedded import EmbeddedEngine
from mien.swap.engines.embedding import embedding_of, unit
from mien.swap.engines.network import Feed
from mien.types import Floats, SourceFace

FEED = Feed("mtcnn_512", 256, Scale(HALF, HALF), Scale(HALF, HALF))


def hififace(model_id: str, session: Session, embedder: Embedder, converter: Converter, settings: Settings) -> EmbeddedEngine:
    """The engine. Raises `ModelMismatch`."""

    def latent(source: SourceFace) -> Floats:
        return unit(converter.convert(embedding_of(source, embedder)))

    return EmbeddedEngine(model_id, session, "hififace", FEED, latent, settings)
