"""The wearer's own beard: one that is plainly seen stays whole, because half a beard around a bare face looks like a fault."""

from dataclasses import dataclass, replace
from functools import cache

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.face.beard import beard_view
from mien.face.mean_face import texture_points
from mien.face.texels import SIDE
from mien.imaging.arrays import locked
from mien.imaging.smoothstep import smoothstep_between
from mien.models.format.parsing import FaceClass
from mien.types import Mask, ParsedFace, SourceFace, TrackedFace


@dataclass(frozen=True, slots=True)
class BeardTuning:
    """Mean shares of the class of beards in the area where beards grow: full beards have 0.41 to 0.60, a day's stubble 0.1."""

    stays: tuple[float, float] = (0.165, 0.205)
    """Share between which a wearer's beard begins to stay, whatever the picture says: of these, shaving left patches beside the
    jaw."""
    agreed: tuple[float, float] = (0.05, 0.065)
    agreed_signs: tuple[float, float] = (0.30, 0.36)
    """The same where the colours of the picture agree (`BeardView.signs`), and signs from which they do."""
    seen: tuple[float, float] = (0.10, 0.13)
    seen_visible: tuple[float, float] = (0.035, 0.045)
    """The same where the beard is seen at once (`BeardView.visible`): white and soft ones have few signs. Of 12 everyday pairs
    with beards below the first bounds the beard that stays looked better in 9, the same in 2."""
    full: tuple[float, float] = (0.3, 0.42)
    """Share between which a beard begins to be long, and reaches farther."""
    source: float = 0.25
    source_agreed: float = 0.10
    source_signs: float = 0.45
    """Share from which the photo shows a beard, which is worn over the wearer's; share and signs that agree on a short one:
    three of 74 everyday photos, whose beards ended at the border of the face."""
    margin: int = 9
    """Side in texels of the square by which the area where beards grow is widened: whiskers reach beyond it."""
    gain: float = 1.4
    """Factor on the shares of a beard that stays: its thin edge never fills a pixel of the parser."""


TUNING = BeardTuning()


@dataclass(frozen=True, slots=True)
class BeardLook:
    """Opacity of a beard by the colours of the picture: `texture` uint8 (side, side), None where nothing is known.

    `signs` and `visible` as in `BeardView`.
    """

    texture: Mask | None = None
    signs: float = 0.0
    visible: float = 0.0


NOTHING = BeardLook()
"""No look at the picture so far."""


def shows_beard(source: SourceFace) -> bool:
    """Return True when the photo shows a beard; an unknown face shows one."""
    if source.classes is None:
        return True
    beard = source.classes[FaceClass.BEARD]
    share = share_of(beard)
    if share >= TUNING.source or share < TUNING.source_agreed:
        return share >= TUNING.source
    view = beard_view(source.image, source.landmarks.points, beard, None, fullness_of(share))
    return view is not None and view.signs >= TUNING.source_signs


def behind_own_beard(face: TrackedFace, seen: BeardLook = NOTHING) -> TrackedFace:
    """Return the face with its beard that is to stay among what lies in front of it."""
    known = face.known
    beard = None if known is None else own_beard(known.parsed, seen)
    if known is None or beard is None:
        return face
    occluder = beard if known.occluder is None else np.maximum(known.occluder, beard)
    return replace(face, known=replace(known, occluder=occluder))


def own_beard(parsed: ParsedFace | None, seen: BeardLook = NOTHING) -> Mask | None:
    """Return the beard of a face that is to stay as a texture, uint8 (side, side); None without one."""
    if parsed is None or parsed.beard is None:
        return None
    certainty = staying(parsed, seen)
    if certainty <= 0:
        return None
    whole = np.asarray(cv2.convertScaleAbs(parsed.beard, alpha=TUNING.gain), np.uint8)
    if seen.texture is not None:
        # Of a full beard the parser misses nothing, and the colours take in the shadows of cheeks.
        whole = np.maximum(whole, cv2.convertScaleAbs(seen.texture, alpha=1 - fullness(parsed)))
    # Where no beard grows none is kept, whatever was seen there.
    return cv2.convertScaleAbs(cv2.bitwise_and(whole, beard_reach()), alpha=certainty).astype(np.uint8)


def staying(parsed: ParsedFace, seen: BeardLook = NOTHING) -> float:
    """Return how surely a face has a beard that is to stay, 0..1."""
    if parsed.beard is None:
        return 0.0
    share = share_of(parsed.beard)
    agreed = smoothstep_between(*TUNING.agreed, share) * smoothstep_between(*TUNING.agreed_signs, seen.signs)
    return max(
        smoothstep_between(*TUNING.stays, share),
        agreed,
        smoothstep_between(*TUNING.seen, share) * smoothstep_between(*TUNING.seen_visible, seen.visible),
    )


def fullness(parsed: ParsedFace) -> float:
    """Return how surely a face has a full beard, 0..1."""
    return 0.0 if parsed.beard is None else fullness_of(share_of(parsed.beard))


def fullness_of(share: float) -> float:
    """Return how surely a beard of this mean share is a full one, 0..1."""
    return smoothstep_between(*TUNING.full, share)


def share_of(beard: Mask) -> float:
    """Return the mean share of a beard, uint8 (side, side), in the area where beards grow, 0..1."""
    return float(cv2.mean(beard, _area())[0]) / 255


@cache
def beard_reach() -> Mask:
    """Return the area where beards grow, and a margin around it; uint8 (side, side), read-only."""
    return locked(np.asarray(cv2.dilate(_area(), np.ones((TUNING.margin, TUNING.margin), np.uint8)), np.uint8))


@cache
def _area() -> Mask:
    """The area of the texture where beards grow, uint8 (side, side), read-only."""
    area = np.zeros((SIDE, SIDE), np.uint8)
    corners = cv2.convexHull(texture_points(SIDE)[list(landmark_sets.BEARD)].round().astype(np.int32))
    cv2.fillConvexPoly(area, corners, 255)
    return locked(area)
