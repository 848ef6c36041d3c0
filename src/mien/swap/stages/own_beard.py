"""The wearer's own beard: a full one stays whole, because half a beard around a bare face looks like a fault."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.face.mean_face import texture_points
from mien.face.texels import SIDE
from mien.imaging.arrays import locked
from mien.imaging.smoothstep import smoothstep
from mien.models.format.parsing import FaceClass
from mien.types import Mask, ParsedFace, SourceFace


@dataclass(frozen=True, slots=True)
class BeardTuning:
    """Mean shares of the class of beards in the area where beards grow: full beards have 0.41 to 0.60, a day's stubble 0.1."""

    stays: tuple[float, float] = (0.165, 0.205)
    """Share between which a wearer's beard begins to stay: of thicker ones, patches were left beside the jaw when they were
    shaved, which two readers named at once in 3 of 58 pairs."""
    full: tuple[float, float] = (0.3, 0.42)
    """Share between which a beard begins to be long, and reaches farther."""
    source: float = 0.25
    """Share from which the photo shows a beard, which is worn over the wearer's."""
    margin: int = 9
    """Side in texels of the square by which the area where beards grow is widened: whiskers reach beyond it."""
    gain: float = 1.4
    """Factor on the shares of a beard that stays: its thin edge never fills a pixel of the parser."""


TUNING = BeardTuning()


def shows_beard(source: SourceFace) -> bool:
    """Return True when the photo shows a beard; an unknown face shows one."""
    return source.classes is None or share_of(source.classes[FaceClass.BEARD]) >= TUNING.source


def own_beard(parsed: ParsedFace | None) -> Mask | None:
    """Return the full beard of a face as a texture, uint8 (side, side); None without one."""
    if parsed is None or parsed.beard is None:
        return None
    certainty = staying(parsed)
    if certainty <= 0:
        return None
    # Where no beard grows none is kept, whatever the parser saw there.
    return cv2.convertScaleAbs(cv2.bitwise_and(parsed.beard, _reach()), alpha=TUNING.gain * certainty).astype(np.uint8)


def staying(parsed: ParsedFace) -> float:
    """Return how surely a face has a beard that is to stay, 0..1."""
    low, high = TUNING.stays
    return 0.0 if parsed.beard is None else float(smoothstep(np.array((share_of(parsed.beard) - low) / (high - low))))


def fullness(parsed: ParsedFace) -> float:
    """Return how surely a face has a full beard, 0..1."""
    return 0.0 if parsed.beard is None else fullness_of(share_of(parsed.beard))


def fullness_of(share: float) -> float:
    """Return how surely a beard of this mean share is a full one, 0..1."""
    low, high = TUNING.full
    return float(smoothstep(np.array((share - low) / (high - low))))


def share_of(beard: Mask) -> float:
    """Return the mean share of a beard, uint8 (side, side), in the area where beards grow, 0..1."""
    return float(cv2.mean(beard, _area())[0]) / 255


@cache
def _reach() -> Mask:
    """The area where beards grow, and a margin around it; uint8 (side, side), read-only."""
    return locked(np.asarray(cv2.dilate(_area(), np.ones((TUNING.margin, TUNING.margin), np.uint8)), np.uint8))


@cache
def _area() -> Mask:
    """The area of the texture where beards grow, uint8 (side, side), read-only."""
    area = np.zeros((SIDE, SIDE), np.uint8)
    corners = cv2.convexHull(texture_points(SIDE)[list(landmark_sets.BEARD)].round().astype(np.int32))
    cv2.fillConvexPoly(area, corners, 255)
    return locked(area)
