"""Lay a patch over the frame; only the patch's rectangle is touched."""

import math

import cv2
import numpy as np

from mien.imaging import geometry
from mien.imaging.blend import blend
from mien.types import Affine, FacePatch, Image, Mask

OVERSAMPLING = 1.5  # an enlarged crop is made this much finer than the frame and then warped linearly
MAX_ENLARGEMENT = 6  # bounds memory: 36 pixels for each of the crop
_SAME_PLACE = 1e-5  # of a transform's numbers: 0.003 pixels at the other side of a patch of 300
MIN_CUBIC_SCALE = 0.6  # down to here a cubic warp, which reads four pixels, skips none that matters


def compose(image: Image, patch: FacePatch, opacity: float = 1.0) -> None:
    """Blend the patch into `image`, BGR uint8, in place; pixels whose mask is 0 keep their value exactly."""
    laid = in_frame(patch, image.shape[1], image.shape[0])
    if laid is not None:
        left, top = (round(float(value)) for value in laid.crop_to_frame[:, 2])
        blend(image, laid.crop, laid.mask, left, top, round(opacity * 256))


def in_frame(patch: FacePatch, width: int, height: int) -> FacePatch | None:
    """Return the patch in the pixels of a frame of this size, so that only a shift by whole pixels is left.

    None when nothing of it is in the frame. A patch in frame pixels comes back as it is, also where it sticks out.
    """
    rows, columns = patch.mask.shape
    corners = np.array([[-0.5, -0.5], [columns - 0.5, -0.5], [columns - 0.5, rows - 0.5], [-0.5, rows - 0.5]])
    x1, y1, x2, y2 = geometry.box_of(geometry.apply(patch.crop_to_frame, corners))
    left, top = round(x1 + 0.5), round(y1 + 0.5)
    shift = np.array([[1.0, 0.0, left], [0.0, 1.0, top]])
    if float(np.abs(patch.crop_to_frame - shift).max()) <= _SAME_PLACE:
        return FacePatch(patch.crop, patch.mask, shift)
    left, top, right, bottom = geometry.clipped_box((x1, y1, x2, y2), width, height, after=1)
    size_wh = right - left, bottom - top
    if min(size_wh) <= 0:
        return None
    to_rectangle = patch.crop_to_frame - np.array([[0, 0, left], [0, 0, top]])
    crop, mask = _drawn(patch.crop, patch.mask, to_rectangle, size_wh)
    return FacePatch(crop, mask, np.array([[1.0, 0.0, left], [0.0, 1.0, top]]))


def _drawn(crop: Image, mask: Mask, to_rectangle: Affine, size_wh: tuple[int, int]) -> tuple[Image, Mask]:
    """Return crop and mask as the frame shows them.

    Growing is a cubic resize and then a linear warp, a third of a cubic warp's time; shrinking far goes by whole means first,
    so that no pixel is skipped and the face does not flicker.
    """
    scale, flags = geometry.scale_of(to_rectangle), cv2.INTER_CUBIC
    if scale > 1:
        times = min(math.ceil(scale * OVERSAMPLING), MAX_ENLARGEMENT)
        size = crop.shape[1] * times, crop.shape[0] * times
        crop, flags = np.asarray(cv2.resize(crop, size, interpolation=cv2.INTER_CUBIC), np.uint8), cv2.INTER_LINEAR
    elif scale < MIN_CUBIC_SCALE / 2:
        step = 2 ** math.floor(math.log2(MIN_CUBIC_SCALE / scale))
        size = math.ceil(crop.shape[1] / step), math.ceil(crop.shape[0] / step)
        crop = np.asarray(cv2.resize(crop, size, interpolation=cv2.INTER_AREA), np.uint8)
    border, to_crop = cv2.BORDER_REPLICATE, _resized(to_rectangle, crop, mask)
    crop = np.asarray(cv2.warpAffine(crop, to_crop, size_wh, flags=flags, borderMode=border), np.uint8)
    return crop, np.asarray(cv2.warpAffine(mask, to_rectangle, size_wh, flags=cv2.INTER_LINEAR), np.uint8)


def _resized(to_rectangle: Affine, crop: Image, mask: Mask) -> Affine:
    """Return the transform from the pixels of `crop`, which had the size of `mask` and was resized."""
    ratio = np.array([mask.shape[1] / crop.shape[1], mask.shape[0] / crop.shape[0]])
    resized = to_rectangle.copy()
    resized[:, 2] += to_rectangle[:, :2] @ ((ratio - 1) / 2)
    resized[:, :2] *= ratio
    return resized
