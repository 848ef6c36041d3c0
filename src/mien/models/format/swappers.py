"""Table of the public face swappers. One row is all that a family needs: ports, feed, partners and engine follow from it.

The feeds are FaceFusion's recipes, inswapper's is InsightFace's. DeepFaceLab models are not in the table: `swap.engines.dfm`.
"""

from dataclasses import dataclass

from mien.models.format.scale import IMAGENET, PLAIN, SIGNED, Scale

RECOGNISER = "w600k_r50", "arcface_w600k_r50"
"""Ids of the recogniser whose embeddings the swappers take; either will do."""


@dataclass(frozen=True, slots=True)
class Feed:
    """Input and output of a swapper for the target: cut by `template` of `geometry.TEMPLATES`, `side` pixels.

    The input is scaled by `taken`, the output by `given`.
    """

    template: str
    side: int
    taken: Scale
    given: Scale


@dataclass(frozen=True, slots=True)
class EmbeddingFeed:
    """A source as a vector: the raw embedding of the recogniser, float32 (512,), and the steps from it to the input.

    `converter` is the id of the model that converts it, if any. `own_matrix`: it is brought to length 1 and multiplied by the
    512 x 512 matrix of the swapper's own file. `unit`: the result is brought to length 1.
    """

    converter: str = ""
    own_matrix: bool = False
    unit: bool = True

    @property
    def needs(self) -> tuple[tuple[str, ...], ...]:
        """Groups of model ids, of each of which one has to be installed."""
        return (RECOGNISER, (self.converter,)) if self.converter else (RECOGNISER,)


@dataclass(frozen=True, slots=True)
class PhotoFeed:
    """A source as a picture: the photo cut by `template` of `geometry.TEMPLATES`, `side` pixels, RGB 0..1."""

    template: str
    side: int

    @property
    def needs(self) -> tuple[tuple[str, ...], ...]:
        """No other model."""
        return ()


@dataclass(frozen=True, slots=True)
class Swapper:
    """One row: `target` and `source` are its inputs, `own_mask` = some exports give a mask 0..1; `note` is for people."""

    family: str
    target: Feed
    source: EmbeddingFeed | PhotoFeed
    note: str
    own_mask: bool = False


_ROWS = (
    # InsightFace, single and half precision. The product with the matrix is divided by its length.
    Swapper(
        "inswapper",
        Feed("arcface_128", 128, PLAIN, PLAIN),
        EmbeddingFeed(own_matrix=True),
        "arcface_128, RGB 0..1; unit embedding times the file's own matrix; gives 0..1",
    ),
    # FaceFusion Labs, 1a, 1b and 1c.
    Swapper(
        "hyperswap",
        Feed("arcface_128", 256, SIGNED, SIGNED),
        EmbeddingFeed(),
        "arcface_128, RGB -1..1; unit embedding; gives -1..1 and a mask",
        own_mask=True,
    ),
    # Chen et al. 2020. It takes ImageNet's scale and yet gives 0..1.
    Swapper(
        "simswap_256",
        Feed("arcface_112_v1", 256, IMAGENET, PLAIN),
        EmbeddingFeed("crossface_simswap"),
        "arcface_112_v1, RGB by ImageNet; unit converted embedding; gives 0..1",
    ),
    # The same at 512, by other authors.
    Swapper(
        "simswap_512",
        Feed("arcface_112_v1", 512, PLAIN, PLAIN),
        EmbeddingFeed("crossface_simswap"),
        "arcface_112_v1, RGB 0..1; unit converted embedding; gives 0..1",
    ),
    # GHOST 1, 2 and 3 (Groshev et al. 2022).
    Swapper(
        "ghost",
        Feed("arcface_112_v1", 256, SIGNED, SIGNED),
        EmbeddingFeed("crossface_ghost", unit=False),
        "arcface_112_v1, RGB -1..1; raw converted embedding; gives -1..1",
    ),
    # Wang et al. 2021, an unofficial export.
    Swapper(
        "hififace",
        Feed("mtcnn_512", 256, SIGNED, SIGNED),
        EmbeddingFeed("crossface_hififace"),
        "mtcnn_512, RGB -1..1; unit converted embedding; gives -1..1",
        own_mask=True,
    ),
    Swapper(
        "alphaface",
        Feed("arcface_128", 256, PLAIN, PLAIN),
        EmbeddingFeed(unit=False),
        "arcface_128, RGB 0..1; raw embedding; gives 0..1",
    ),
    # Xu et al. 2022.
    Swapper(
        "uniface",
        Feed("ffhq_512", 256, SIGNED, SIGNED),
        PhotoFeed("ffhq_512", 256),
        "ffhq_512, target RGB -1..1, source picture RGB 0..1 by ffhq_512; gives -1..1",
    ),
    # Shiohara et al. 2023.
    Swapper(
        "blendswap",
        Feed("ffhq_512", 256, PLAIN, PLAIN),
        PhotoFeed("arcface_112_v2", 112),
        "ffhq_512, RGB 0..1, source picture RGB 0..1 by arcface_112_v2; gives 0..1",
    ),
)
SWAPPERS = {row.family: row for row in _ROWS}
"""All rows, by family."""
