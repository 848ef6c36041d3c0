"""BlendSwap (Shiohara et al. 2023) at 256: RGB 0..1 in and out, aligned as ffhq_512; the source is a picture, not a vector.

The source's crop is 112 pixels, aligned as arcface_112_v2, RGB 0..1 (FaceFusion's recipe).
"""

from mien.contracts import Session
from mien.models.format.tensors import Scale
from mien.settings import Settings
from mien.swap.engines.network import Feed
from mien.swap.engines.pictured import PhotoFeed, PictureEngine

FEED = Feed("ffhq_512", 256, Scale(), Scale())
PHOTO = PhotoFeed("arcface_112_v2", 112)


def blendswap(model_id: str, session: Session, settings: Settings) -> PictureEngine:
    """The engine. Raises `ModelMismatch`."""
    return PictureEngine(model_id, session, "blendswap", FEED, PHOTO, settings)
