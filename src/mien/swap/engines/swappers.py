"""Engines for the rows of `models.format.swappers`."""

from collections.abc import Callable
from dataclasses import dataclass

from mien.contracts import Converter, Embedder, Session
from mien.errors import ModelMismatch
from mien.models.format.swappers import EmbeddingFeed, Swapper
from mien.settings import Settings
from mien.swap.engines.embedded import EmbeddedEngine
from mien.swap.engines.embedding import embedding_of, unit
from mien.swap.engines.pictured import PictureEngine
from mien.types import Floats, SourceFace

_MATRIX_SHAPE = 512, 512  # an embedding has 512 numbers


@dataclass(frozen=True, slots=True)
class Partners:
    """Models that a swapper works with, as its row names them; `matrix` is that of its own file, float32 (512, 512)."""

    embedder: Embedder
    converter: Converter | None = None
    matrix: Floats | None = None


def open_swapper(
    model_id: str, session: Session, swapper: Swapper, settings: Settings, partners: Partners | None = None
) -> EmbeddedEngine | PictureEngine:
    """Return the engine for an opened swapper; `partners` are for one that takes an embedding. Raises `ModelMismatch`."""
    if not isinstance(swapper.source, EmbeddingFeed):
        return PictureEngine(model_id, session, swapper.family, swapper.target, swapper.source, settings)
    assert partners is not None, "a swapper of embeddings works with a recogniser"
    vector = _vector_of(model_id, swapper.source, partners)
    return EmbeddedEngine(model_id, session, swapper.family, swapper.target, vector, settings)


def _vector_of(model_id: str, feed: EmbeddingFeed, partners: Partners) -> Callable[[SourceFace], Floats]:
    """Return the function from a source to the input of the swapper, float32 (512,)."""
    embedder, converter, matrix = partners.embedder, partners.converter, partners.matrix
    if feed.own_matrix and (matrix is None or matrix.shape != _MATRIX_SHAPE):
        found = None if matrix is None else matrix.shape
        raise ModelMismatch(f"{model_id}: its matrix is {found}, expected is {_MATRIX_SHAPE}", "use the file of the catalogue")

    def vector(source: SourceFace) -> Floats:
        found = embedding_of(source, embedder)
        if feed.converter:
            assert converter is not None, "the row names a converter"
            found = converter.convert(found)
        if feed.own_matrix:
            assert matrix is not None, "checked above"
            found = unit(found) @ matrix
        return unit(found) if feed.unit else found

    return vector
