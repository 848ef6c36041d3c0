"""The picture under a patch, in the patch's pixels."""

import cv2
import numpy as np

from mien.types import FacePatch, Image

_SAME_SIZE = 1e-5  # of a transform's numbers: 0.003 pixels at the other side of a patch of 300


def under_patch(image: Image, patch: FacePatch) -> Image:
    """Return the part of the frame under the patch, BGR uint8 of its size; a view where the pixels are the same."""
    height, width = patch.mask.shape
    if float(np.abs(patch.crop_to_frame[:, :2] - np.eye(2)).max()) <= _SAME_SIZE:
        left, top = (round(float(value)) for value in patch.crop_to_frame[:, 2])
        if left >= 0 and top >= 0 and left + width <= image.shape[1] and top + height <= image.shape[0]:
            return image[top : top + height, left : left + width]
    flags = cv2.INTER_AREA | cv2.WARP_INVERSE_MAP
    border = cv2.BORDER_REPLICATE
    return np.asarray(cv2.warpAffine(image, patch.crop_to_frame, (width, height), flags=flags, borderMode=border), np.uint8)
