"""Harmonise a patch: a small network predicts the gains and offsets by which its colours match the picture.

The network sees the composed face and its surroundings at 64 x 64 pixels and predicts a coarse map: it can change light and
tone, and cannot paint, blur or sharpen anything.
"""

from dataclasses import replace

import cv2
import numpy as np

from mien.contracts import Harmoniser
from mien.imaging import geometry
from mien.imaging.blend import blend, recolour
from mien.swap.stages.compose import in_frame
from mien.types import Affine, Array, FacePatch, Floats, Frame, Image, Mask, TrackedFace

VIEW = 64  # pixels on a side of the network's input
GRID = 16  # cells on a side of its prediction: fine enough for a shadow, too coarse for a feature of a face
REACH = 1.5  # side of the square that it sees, in lengths of the longer side of the face's box
SEEN = 2 * VIEW  # pixels on a side at which the patch is composed before both are shrunk to the view


def view(target: Image, composed: Image, mask: Mask) -> Floats:
    """Return the network's input, float32 (1, 7, 64, 64), 0..1: composed face, target, mask; squares of one size, BGR uint8."""
    stack = np.empty((1, 7, VIEW, VIEW), np.float32)
    for first, picture in ((0, composed), (3, target)):
        small = cv2.resize(picture, (VIEW, VIEW), interpolation=cv2.INTER_AREA)
        stack[0, first : first + 3] = small.transpose(2, 0, 1)
    stack[0, 6] = cv2.resize(mask, (VIEW, VIEW), interpolation=cv2.INTER_AREA)
    stack *= np.float32(1 / 255)
    return stack


def harmonise(frame: Frame, face: TrackedFace, patch: FacePatch, harmoniser: Harmoniser | None) -> FacePatch:
    """Match the colours of the patch to the frame; mask and detail stay, and the frame is not changed.

    A patch that is rotated against the frame comes back in the frame's own pixels. Without a harmoniser it comes back as it is.
    """
    if harmoniser is None:
        return patch
    if patch.crop_to_frame[0, 1] or patch.crop_to_frame[1, 0]:
        patch = in_frame(patch, frame.image.shape[1], frame.image.shape[0]) or patch
    if not patch.mask.any():
        return patch
    frame_to_seen = _to_square(face.landmarks.points, SEEN)
    patch_to_seen = geometry.then(patch.crop_to_frame, frame_to_seen)
    target = _drawn(frame.image, frame_to_seen, cv2.BORDER_REPLICATE)
    mask = _drawn(patch.mask, patch_to_seen, cv2.BORDER_CONSTANT)
    composed = target.copy()
    blend(composed, _drawn(patch.crop, patch_to_seen, cv2.BORDER_REPLICATE), mask, 0, 0, 256)
    colours = harmoniser.colours(view(target, composed, mask))
    crop = patch.crop.copy()
    patch_to_grid = geometry.then(patch.crop_to_frame, _to_square(face.landmarks.points, GRID))
    recolour(crop, patch.mask, colours, patch_to_grid.astype(np.float32))
    return replace(patch, crop=crop)


def _to_square(points: Floats, side: int) -> Affine:
    """Return the transform from the frame to a square of `side` pixels around landmarks (478, 3), centre to centre."""
    x1, y1, x2, y2 = geometry.box_of(points)
    scale = side / max(1.0, REACH * max(x2 - x1, y2 - y1))
    middle = np.array([x1 + x2, y1 + y2]) / 2
    return np.hstack([np.eye(2) * scale, ((side - 1) / 2 - scale * middle)[:, None]])


def _drawn(picture: Array, to_seen: Affine, border: int) -> Array:
    return np.asarray(cv2.warpAffine(picture, to_seen, (SEEN, SEEN), flags=cv2.INTER_LINEAR, borderMode=border))
