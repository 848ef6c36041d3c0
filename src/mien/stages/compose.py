"""Lays a patch over the frame; touches the face's rectangle and nothing else."""

import cv2
import numpy as np

from mien import geometry
from mien.raster import blend
from mien.types import FacePatch, Image


def compose(image: Image, patch: FacePatch, opacity: float = 1.0) -> None:
    """Blend the patch into `image`, BGR uint8, in place; pixels whose mask is 0 keep their value exactly."""
    laid = in_frame(patch, image.shape[1], image.shape[0])
    if laid is not None:
        left, top = (round(float(value)) for value in laid.crop_to_frame[:, 2])
        blend(image, laid.crop, laid.mask, left, top, round(opacity * 256))


def in_frame(patch: FacePatch, width: int, height: int) -> FacePatch | None:
    """The patch in the very pixels of a frame of this size, so that only a shift by whole pixels is left.

    None when nothing of it is in the frame. A patch that lies so already comes back as it is, also where it sticks out.
    """
    rows, columns = patch.mask.shape
    corners = np.array([[-0.5, -0.5], [columns - 0.5, -0.5], [columns - 0.5, rows - 0.5], [-0.5, rows - 0.5]])
    x1, y1, x2, y2 = geometry.box_of(geometry.apply(patch.crop_to_frame, corners))
    left, top = round(x1 + 0.5), round(y1 + 0.5)
    shift = np.array([[1.0, 0.0, left], [0.0, 1.0, top]])
    if np.allclose(patch.crop_to_frame, shift, atol=1e-6):
        return FacePatch(patch.crop, patch.mask, shift)
    left, top = max(0, int(np.floor(x1))), max(0, int(np.floor(y1)))
    size_wh = min(width, int(np.ceil(x2)) + 1) - left, min(height, int(np.ceil(y2)) + 1) - top
    if min(size_wh) <= 0:
        return None
    to_rectangle = patch.crop_to_frame - np.array([[0, 0, left], [0, 0, top]])
    border = cv2.BORDER_REPLICATE
    crop = np.asarray(cv2.warpAffine(patch.crop, to_rectangle, size_wh, flags=cv2.INTER_CUBIC, borderMode=border), np.uint8)
    mask = np.asarray(cv2.warpAffine(patch.mask, to_rectangle, size_wh, flags=cv2.INTER_LINEAR), np.uint8)
    return FacePatch(crop, mask, np.array([[1.0, 0.0, left], [0.0, 1.0, top]]))
