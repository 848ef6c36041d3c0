"""UniFace (Xu et al. 2022) at 256: target RGB -1..1 and out -1..1, aligned as ffhq_512; the source is a picture, not a vector.

The source's crop is aligned in the same way, RGB 0..1, without mean and deviation (FaceFusion's recipe).
"""

from mien.contracts import Session
from mien.models.format.tensors import HALF, Scale
from mien.settings import Settings
from mien.swap.engines.network import Feed
from mien.swap.engines.pictured import PhotoFeed, PictureEngine

FEED = Feed("ffhq_512", 256, Scale(HALF, HALF), Scale(HALF, HALF))
PHOTO = PhotoFeed("ffhq_512", 256)


def uniface(model_id: str, session: Session, settings: Settings) -> PictureEngine:
    """The engine. Raises `ModelMismatch`."""
    return PictureEngine(model_id, session, "uniface", FEED, PHOTO, settings)
