"""inswapper_128 of InsightFace, single and half precision: RGB 0..1 in and out at 128, aligned as arcface_128.

It takes the unit embedding of w600k_r50 times the 512 x 512 matrix of its own file, divided by
its length (InsightFace's recipe).
"""

from mien.contracts import Embedder, Session
from mien.errors import ModelMismatch
from mien.models.format.tensors import Scale
from mien.settings import Settings
from mien.swap.engines.embedded import EmbeddedEngine
from mien.swap.engines.embedding import embedding_of, unit
from mien.swap.engines.network import Feed
from mien.types import Floats, SourceFace

FEED = Feed("arcface_128", 128, Scale(), Scale())


def inswapper(model_id: str, session: Session, embedder: Embedder, matrix: Floats, settings: Settings) -> EmbeddedEngine:
    """The engine; `matrix` is float32 (512, 512). Raises `ModelMismatch`."""
    if matrix.shape != (512, 512):
        raise ModelMismatch(
            f"{model_id}: its matrix is {matrix.shape}, expected is (512, 512)", "use the file of the catalogue"
        )

    def latent(source: SourceFace) -> Floats:
        return unit(unit(embedding_of(source, embedder)) @ matrix)

    return EmbeddedEngine(model_id, session, "inswapper", FEED, latent, settings)
