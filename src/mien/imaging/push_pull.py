"""Colours that grow from the known part of a picture into the unknown one (push-pull interpolation, Gortler et al. 1996)."""

import cv2
import numpy as np

from mien.types import Floats

_SMALLEST = 4  # pixels on a side, below which a colour is not sought farther away


def grown(picture: Floats, weight: Floats) -> Floats:
    """Return the picture, float32 (h, w, 3), where its weight, 0..1, is 1, and the nearest known colours where it is 0.

    The farther away the known part is, the smoother they are.
    """
    if min(weight.shape) <= _SMALLEST:
        total = max(float(weight.sum()), 1e-6)
        mean = (picture * weight[:, :, None]).sum((0, 1)) / total
        return np.asarray(np.broadcast_to(mean, picture.shape), np.float32)
    half_wh = weight.shape[1] // 2, weight.shape[0] // 2
    both = cv2.resize(np.dstack([picture * weight[:, :, None], weight]), half_wh, interpolation=cv2.INTER_AREA)
    below = np.asarray(both[:, :, :3] / np.maximum(both[:, :, 3:], 1e-6), np.float32)
    coarse = grown(below, np.asarray(np.minimum(4 * both[:, :, 3], 1), np.float32))
    wide = cv2.resize(coarse, weight.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(wide + (picture - wide) * weight[:, :, None], np.float32)
