"""The last look at a patch before it is laid: a small network says how its colours must bend to belong to the picture.

The network sees the composed face and its surroundings at 64 x 64 pixels and answers with a coarse map of gains and offsets:
it can change light and tone, and cannot paint, blur or sharpen anything.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from mien import geometry
from mien.contracts import Finisher
from mien.raster import blend, recolour
from mien.types import Array, FacePatch, Floats, Frame, Image, Mask, TrackedFace

VIEW = 64
"""Pixels a side of what the network sees."""
GRID = 32
"""Cells a side of its answer."""
REACH = 1.5
"""Side of the square that it sees, in lengths of the longer side of the face's box."""


@dataclass(frozen=True, slots=True)
class Window:
    """A square of the frame: whole pixels, may reach beyond the frame."""

    left: int
    top: int
    side: int


def window_round(points: Floats) -> Window:
    """The square round landmarks (478, 3) that the network sees."""
    x1, y1, x2, y2 = geometry.box_of(points)
    side = max(8, round(REACH * max(x2 - x1, y2 - y1)))
    return Window(round((x1 + x2 - side) / 2), round((y1 + y2 - side) / 2), side)


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

    Patches that are turned against the frame come back as they are: no engine of mien makes them.
    """
    if patch.crop_to_frame[0, 1] or patch.crop_to_frame[1, 0] or not patch.mask.any():
        return patch
    window = window_round(face.landmarks.points)
    target = _cut(frame.image, window)
    if target is None:
        return patch
    pixels = target.shape[0]
    to_pixels = pixels / window.side
    patch_to_pixels = patch.crop_to_frame.copy()
    patch_to_pixels[:, 2] += 0.5 - np.array([window.left, window.top])
    patch_to_pixels *= to_pixels
    patch_to_pixels[:, 2] -= 0.5
    composed, mask = _laid(target, patch, patch_to_pixels)
    colours = finisher.colours(view(target, composed, mask))
    crop = patch.crop.copy()
    recolour(crop, patch.mask, colours, _to_grid(patch_to_pixels, GRID / pixels))
    return replace(patch, crop=crop)


_MOST = 384
"""Larger windows are halved before the patch is laid into them: the network sees no more of them."""


def _cut(image: Image, window: Window) -> Image | None:
    """The window as a square, continued by the frame's border; None when it lies outside."""
    height, width = image.shape[:2]
    left, top = max(0, window.left), max(0, window.top)
    right, bottom = min(width, window.left + window.side), min(height, window.top + window.side)
    if right - left < 4 or bottom - top < 4:
        return None
    cut = image[top:bottom, left:right]
    around = top - window.top, window.top + window.side - bottom, left - window.left, window.left + window.side - right
    if any(around):
        cut = np.asarray(cv2.copyMakeBorder(cut, *around, cv2.BORDER_REPLICATE), np.uint8)
    if window.side > _MOST:
        cut = np.asarray(cv2.resize(cut, (_MOST, _MOST), interpolation=cv2.INTER_AREA), np.uint8)
    return cut


def _laid(target: Image, patch: FacePatch, patch_to_pixels: Array) -> tuple[Image, Mask]:
    """The patch laid over the cut, and its mask as large as the cut."""
    height, width = patch.mask.shape
    x, y = patch_to_pixels[:, 2] + 0.5 - 0.5 * np.diag(patch_to_pixels)
    left, top = round(float(x)), round(float(y))
    size_wh = max(1, round(width * float(patch_to_pixels[0, 0]))), max(1, round(height * float(patch_to_pixels[1, 1])))
    crop, part = patch.crop, patch.mask
    if size_wh != (width, height):
        crop = np.asarray(cv2.resize(crop, size_wh, interpolation=cv2.INTER_AREA), np.uint8)
        part = np.asarray(cv2.resize(part, size_wh, interpolation=cv2.INTER_AREA), np.uint8)
    composed, mask = target.copy(), np.zeros(target.shape[:2], np.uint8)
    blend(composed, crop, part, left, top, 256)
    rows, columns = (slice(max(0, first), first + size) for first, size in ((top, size_wh[1]), (left, size_wh[0])))
    inside = mask[rows, columns]
    mask[rows, columns] = part[max(0, -top) :, max(0, -left) :][: inside.shape[0], : inside.shape[1]]
    return composed, mask


def _to_grid(patch_to_pixels: Array, scale: float) -> Floats:
    """From the centres of the patch's pixels to the centres of the grid's cells."""
    to_grid = patch_to_pixels.copy()
    to_grid[:, 2] += 0.5
    to_grid *= scale
    to_grid[:, 2] -= 0.5
    return to_grid.astype(np.float32)
