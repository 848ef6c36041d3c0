"""Lays a patch over the frame; touches the face's rectangle and nothing else."""

import cv2
import numpy as np

from mien import geometry
from mien.raster import blend
from mien.types import FacePatch, Image


def compose(image: Image, patch: FacePatch, opacity: float = 1.0) -> None:
    """Blend the patch into `image`, BGR uint8, in place; pixels whose mask is 0 keep their value exactly."""
    height, width = patch.mask.shape
    corners = np.array([[-0.5, -0.5], [width - 0.5, -0.5], [width - 0.5, height - 0.5], [-0.5, height - 0.5]])
    x1, y1, x2, y2 = geometry.box_of(geometry.apply(patch.crop_to_frame, corners))
    crop, mask = patch.crop, patch.mask
    left, top = round(x1 + 0.5), round(y1 + 0.5)
    shift = np.array([[1.0, 0.0, left], [0.0, 1.0, top]])
    if not np.allclose(patch.crop_to_frame, shift, atol=1e-6):
        left, top = max(0, int(np.floor(x1))), max(0, int(np.floor(y1)))
        size_wh = min(image.shape[1], int(np.ceil(x2)) + 1) - left, min(image.shape[0], int(np.ceil(y2)) + 1) - top
        if min(size_wh) <= 0:
            return
        to_rectangle = patch.crop_to_frame - np.array([[0, 0, left], [0, 0, top]])
        border = cv2.BORDER_REPLICATE
        crop = np.asarray(cv2.warpAffine(crop, to_rectangle, size_wh, flags=cv2.INTER_CUBIC, borderMode=border), np.uint8)
        mask = np.asarray(cv2.warpAffine(mask, to_rectangle, size_wh, flags=cv2.INTER_LINEAR), np.uint8)
    blend(image, crop, mask, left, top, round(opacity * 256))
