"""Shave a face: the wearer's beard gives way to the skin under it, down to the neck, before the new face is laid over it.

Without it a short beard would remain as a ring along the jaw, around the new face.
"""

import numpy as np

from mien.face.beard import beard_view
from mien.imaging.blend import resurface
from mien.imaging.smoothstep import smoothstep
from mien.swap.stages.own_beard import TUNING, fullness, share_of
from mien.types import Image, TrackedFace


def shave(image: Image, faces: tuple[TrackedFace, ...], strength: float, *, full: bool) -> None:
    """Shave the faces in `image`, BGR uint8, in place; `strength` 0 changes nothing, 1 leaves no beard.

    A full beard is shaved only with `full`. Occluders stay in front; nothing beyond the reach of a beard is touched. A head
    that is turned away keeps its beard, and so does a face that the parser has not seen.
    """
    for face in faces:
        _shave(image, face, strength, full=full)


def _shave(image: Image, face: TrackedFace, strength: float, *, full: bool) -> None:
    known = face.known
    if known is None or known.parsed is None or known.parsed.beard is None:
        return
    grown = fullness(known.parsed)
    low, high = TUNING.some
    strength *= float(smoothstep(np.array((share_of(known.parsed.beard) - low) / (high - low))))
    strength *= 1.0 if full else 1.0 - grown
    low, high = TUNING.turned_degrees
    strength *= 1.0 - float(smoothstep(np.array((abs(face.yaw) - low) / (high - low))))
    if strength <= 0:
        return
    view = beard_view(image, face.landmarks.points, known.parsed.beard, known.occluder, grown)
    if view is None:
        return
    left, top, right, bottom = view.box_xyxy
    maps = np.dstack([view.seen, view.skin, view.share * np.float32(strength)])
    resurface(image[top:bottom, left:right], np.ascontiguousarray(maps, np.float32), view.detail)
