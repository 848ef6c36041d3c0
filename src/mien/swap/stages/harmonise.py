"""The last look at a patch before it is laid: a small network says how its colours must bend to belong to the picture.

The network sees the composed face and its surroundings at 64 x 64 pixels and answers with a coarse map of gains and offsets:
it can change light and tone, and cannot paint, blur or sharpen anything.
"""

from dataclasses import replace

import cv2
import numpy as np

from mien.contracts import Finisher
from mien.imaging import geometry
from mien.imaging.blend import blend, recolour
from mien.swap.stages.compose import in_frame
from mien.types import Affine, Array, FacePatch, Floats, Frame, Image, Mask, TrackedFace

VIEW = 64
"""Pixels a side of what the network sees."""
GRID = 16
"""Cells a side of its answer: fine enough for a shadow, too coarse for a feature of anybody's face."""
REACH = 1.5
"""Side of the square that it sees, in lengths of the longer side of the face's box."""


def view(target: Image, composed: Image, mask: Mask) -> Floats:
    """The network's input, float32 (1, 7, 64, 64), 0..1: composed face, target, mask; squares of one size, BGR uint8."""
    stack = np.empty((1, 7, VIEW, VIEW), np.float32)
    for first, picture in ((0, composed), (3, target)):
        small = cv2.resize(picture, (VIEW, VIEW), interpolation=cv2.INTER_AREA)
        stack[0, first : first + 3] = small.transpose(2, 0, 1)
    stack[0, 6] = cv2.resize(mask, (VIEW, VIEW), interpolation=cv2.INTER_AREA)
    stack *= np.float32(1 / 255)
    return stack


def finish(frame: Frame, face: TrackedFace, patch: FacePatch, finisher: Finisher) -> FacePatch:
    """The patch with its colours led over to the frame's; its mask and its detail stay, and the frame is not changed.

    A patch that is turned against the frame comes back in the frame's own pixels.
    """
    if patch.crop_to_frame[0, 1] or patch.crop_to_frame[1, 0]:
        patch = in_frame(patch, frame.image.shape[1], frame.image.shape[0]) or patch
    if not patch.mask.any():
        return patch
    frame_to_seen = _to_square(face.landmarks.points, _SEEN)
    patch_to_seen = geometry.then(patch.crop_to_frame, frame_to_seen)
    target = _drawn(frame.image, frame_to_seen, cv2.BORDER_REPLICATE)
    mask = _drawn(patch.mask, patch_to_seen, cv2.BORDER_CONSTANT)
    composed = target.copy()
    blend(composed, _drawn(patch.crop, patch_to_seen, cv2.BORDER_REPLICATE), mask, 0, 0, 256)
    colours = finisher.colours(view(target, composed, mask))
    crop = patch.crop.copy()
    patch_to_grid = geometry.then(patch.crop_to_frame, _to_square(face.landmarks.points, GRID))
    recolour(crop, patch.mask, colours, patch_to_grid.astype(np.float32))
    return replace(patch, crop=crop)


_SEEN = 2 * VIEW
"""Pixels a side at which the patch is laid before both are shrunk to the view."""


def _to_square(points: Floats, side: int) -> Affine:
    """From the frame to a square of so many pixels round landmarks (478, 3), centre to centre."""
    x1, y1, x2, y2 = geometry.box_of(points)
    scale = side / max(1.0, REACH * max(x2 - x1, y2 - y1))
    middle = np.array([x1 + x2, y1 + y2]) / 2
    return np.hstack([np.eye(2) * scale, ((side - 1) / 2 - scale * middle)[:, None]])


def _drawn(picture: Array, to_seen: Affine, border: int) -> Array:
    return np.asarray(cv2.warpAffine(picture, to_seen, (_SEEN, _SEEN), flags=cv2.INTER_LINEAR, borderMode=border))
