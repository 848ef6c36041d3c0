"""Cut nearer faces out of the patch of a face behind them, with their hair and ears beside the face."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mien.face import landmark_sets
from mien.imaging import geometry
from mien.imaging.cut_out import cut_out
from mien.swap.stages.make_patches import Patches
from mien.types import FacePatch, TrackedFace


@dataclass(frozen=True, slots=True)
class NearerTuning:
    """Outline of a nearer face, in its own eye distances; chosen by eye on made crossings."""

    grow: float = 0.12
    """Growth of the oval: beside it lie the ears and the hair at the temples."""
    soft_edge: float = 0.03
    """Sigma of the edge."""


TUNING = NearerTuning()


def cut_nearer(patches: Patches, bare: Sequence[TrackedFace] = ()) -> Patches:
    """Lower the mask of each patch where a face is that is in front of it, by `KnownFace.behind`.

    The nearer face's own border is soft, and would otherwise show the farther one's patch instead of its own skin. `bare` are
    the faces that wear nothing.
    """
    faces = {face.track_id: face for face in (*bare, *(face for face, _ in patches))}
    found: Patches = []
    for face, patch in patches:
        before = frozenset() if face.known is None else face.known.behind
        nearer = [faces[number] for number in sorted(before) if number in faces]
        found.append((face, _cut(patch, nearer) if nearer else patch))
    return found


def _cut(patch: FacePatch, nearer: list[TrackedFace]) -> FacePatch:
    mask, scale = patch.mask.copy(), geometry.scale_of(patch.crop_to_frame)
    right, left = landmark_sets.EYE_CORNERS
    for other in nearer:
        points = other.landmarks.points
        eyes = float(np.linalg.norm(points[right] - points[left])) / scale
        oval = geometry.apply(geometry.invert(patch.crop_to_frame), points[list(landmark_sets.FACE_OVAL), :2])
        cut_out(mask, oval, TUNING.grow * eyes, max(TUNING.soft_edge * eyes, 0.5))
    return replace(patch, mask=mask)
