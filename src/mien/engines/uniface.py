"""UniFace (Xu et al. 2022) at 256: target RGB -1..1 and out -1..1, aligned as ffhq_512; the source is a picture, not a vector.

The source's crop is aligned in the same way, RGB 0..1, without mean and deviation (FaceFusion's recipe).
"""

from mien.contracts import Session
from mien.engines.aligned import Feed
from mien.engines.pictured import PhotoFeed, PictureEngine
from mien.settings import Settings
from mien.tensor import HALF, Scale

FEED = Feed("ffhq_512", 256, Scale(HALF, HALF), Scale(HALF, HALF))
PHOTO = PhotoFeed("ffhq_512", 256)


def uniface(model_id: str, session: Session, settings: Settings) -> PictureEngine:
    """The engine. Raises `ModelMismatch`."""
    return PictureEngine(model_id, session, "uniface", FEED, PHOTO, settings)
