"""SimSwap (Chen et al. 2020) at 256 and, by other hands, at 512: RGB aligned as arcface_112_v1, RGB 0..1 out.

The smaller one takes ImageNet's scale and yet gives 0..1, the larger one takes 0..1. Both take the embedding that
crossface_simswap makes of the raw one of w600k_r50, at length 1 (FaceFusion's recipe).
"""

from mien.contracts import Converter, Embedder, Session
from mien.models.format.tensors import IMAGENET_MEAN, IMAGENET_STD, Scale
from mien.settings import Settings
from mien.swap.engines.embedded import EmbeddedEngine
from mien.swap.engines.embedding import embedding_of, unit
from mien.swap.engines.network import Feed
from mien.types import Floats, SourceFace

FEEDS = {
    "simswap_256": Feed("arcface_112_v1", 256, Scale(IMAGENET_MEAN, IMAGENET_STD), Scale()),
    "simswap_512": Feed("arcface_112_v1", 512, Scale(), Scale()),
}
"""By family."""


def simswap(
    model_id: str, session: Session, family: str, embedder: Embedder, converter: Converter, settings: Settings
) -> EmbeddedEngine:
    """The engine for one of the two families. Raises `ModelMismatch`."""

    def latent(source: SourceFace) -> Floats:
        return unit(converter.convert(embedding_of(source, embedder)))

    return EmbeddedEngine(model_id, session, family, FEEDS[family], latent, settings)
