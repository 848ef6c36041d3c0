"""Removal of a studio's backdrop: its light is taken as white balance and exposure, the head in front is cut free."""

import cv2
import numpy as np

from mien.imaging.push_pull import grown
from mien.types import Floats, Image

GREY = 222.0  # levels of every backdrop after it; the London set has 170 to 215
_MARGIN_SHARE = 0.06  # of the picture at top, left and right that surely shows the backdrop
_MARGIN_DEPTH = 0.6  # of the picture's height to which it does
_CONTRAST = 0.10  # natural logarithm from which a pixel is no backdrop
_SOFT = 1.5  # sigma of the outline, pixels


def cut_free(picture: Image) -> Image:
    """Return a portrait before a plain backdrop, BGR uint8, as BGRA: in the same light as all others, with opacity.

    The colours of the head go on behind its outline.
    """
    ratio = picture.astype(np.float32) / _backdrop(picture)
    level = np.asarray(np.clip(ratio * np.float32(GREY), 0, 255), np.float32)
    contrast = np.abs(np.log(np.maximum(ratio, 0.02))).max(axis=2)
    contrast = cv2.GaussianBlur(contrast, (0, 0), 1.0)
    inside = cv2.morphologyEx((contrast > _CONTRAST).astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    outlines, _ = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    solid = np.zeros(inside.shape, np.uint8)
    cv2.drawContours(solid, [max(outlines, key=cv2.contourArea)], -1, 255, cv2.FILLED)
    # The outline itself is mixed with the backdrop.
    core = cv2.erode(solid, np.ones((7, 7), np.uint8)).astype(np.float32) / np.float32(255)
    spread = grown(level, core)
    opacity = cv2.GaussianBlur(solid, (0, 0), _SOFT)
    return np.ascontiguousarray(np.dstack([spread + 0.5, opacity]), np.uint8)


def _backdrop(picture: Image) -> Floats:
    """Return the light of the backdrop, float32 (h, w, 3): a polynomial of the second degree over the margins."""
    height, width = picture.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = x / width - 0.5, y / height - 0.5
    terms = np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=2)
    sure = np.zeros((height, width), bool)
    side, deep = round(_MARGIN_SHARE * width), round(_MARGIN_DEPTH * height)
    sure[:side] = sure[:deep, :side] = sure[:deep, -side:] = True
    known, *_ = np.linalg.lstsq(terms[sure], np.log(np.maximum(picture[sure], 1).astype(np.float32)), rcond=None)
    return np.asarray(np.exp(terms @ known), np.float32)
