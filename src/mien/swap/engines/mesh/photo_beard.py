"""The beard that a photo shows, by the parser and by the colours of the picture together."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from mien.face.beard import BeardView, beard_view, opacity_in_texture
from mien.models.format.parsing import FaceClass
from mien.swap.stages.own_beard import beard_reach, fullness_of, share_of, shows_beard
from mien.types import SourceFace


@dataclass(frozen=True, slots=True)
class PhotoBeardTuning:
    """Signs of a beard that is worth wearing; chosen by eye on 75 everyday photos."""

    share: float = 0.07
    signs: float = 0.33
    """Mean share of the parser's class and `BeardView.signs` from which a short beard goes on over the jaw. Of faces without a
    beard none has both: 0.05 and 0.26 at most."""
    near: float = 3.0
    """Factor on what the parser sees near a texel: there the colours are believed, elsewhere a dark fold is none."""
    side: int = 5
    """Side of that neighbourhood in texels."""


TUNING = PhotoBeardTuning()


def photo_beard(source: SourceFace) -> BeardView | None:
    """Return the beard of a photo as its picture shows it; None where it has none that is known."""
    if source.classes is None:
        return None
    beard = source.classes[FaceClass.BEARD]
    share = share_of(beard)
    if share < TUNING.share:
        return None
    view = beard_view(source.image, source.landmarks.points, beard, None, fullness_of(share))
    return view if view is not None and (view.signs >= TUNING.signs or shows_beard(source)) else None


def with_whole_beard(source: SourceFace) -> SourceFace:
    """Return the photo with all of its beard among its classes: what the parser misses of one would be evened like a shadow."""
    view = photo_beard(source)
    if source.classes is None or view is None:
        return source
    beard = source.classes[FaceClass.BEARD]
    square = np.ones((TUNING.side, TUNING.side), np.uint8)
    near = cv2.convertScaleAbs(cv2.blur(cv2.dilate(beard, square), square.shape), alpha=TUNING.near)
    seen = cv2.min(cv2.min(opacity_in_texture(view), near), beard_reach())
    classes = source.classes.copy()
    classes[FaceClass.BEARD] = cv2.max(beard, seen)
    return replace(source, classes=classes)
