"""The upright square crop of a face that public networks take."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from mien.imaging import geometry
from mien.types import Affine, Floats, Image

MIN_SEEN_PIXELS = 4  # of each side of a face's box that must lie in the picture
MIN_BILINEAR_SCALE = 0.5  # shrinking farther in one bilinear step would skip pixels, and the face would flicker


@dataclass(frozen=True, slots=True)
class Crop:
    """A square cut, `image` BGR uint8 (side, side, 3), contiguous, and how it was cut."""

    image: Image
    frame_to_crop: Affine


def is_seen(image: Image, points: Floats) -> bool:
    """Return True when a part of the face with landmarks (478, 3) lies in the picture, BGR uint8."""
    x1, y1, x2, y2 = geometry.box_of(points)
    width, height = min(x2, image.shape[1]) - max(x1, 0), min(y2, image.shape[0]) - max(y1, 0)
    return bool(width >= MIN_SEEN_PIXELS and height >= MIN_SEEN_PIXELS)


def crop_to(template: str, side: int, points: Floats) -> Affine:
    """Return the similarity from picture to crop that takes the five points of landmarks (478, 3) to the template."""
    return geometry.similarity(geometry.five_points(points), geometry.TEMPLATES[template] * side)


def cut(image: Image, points: Floats, template: str, side: int) -> Crop:
    """Cut the face with landmarks (478, 3) aligned to `template` of `geometry.TEMPLATES`, `side` pixels a side.

    Sampled bilinearly; beyond the picture its border is replicated. A face more than twice as large as the crop is brought down
    by whole means of 2 x 2, 4 x 4, ... pixels first.
    """
    return cut_by(image, crop_to(template, side, points), side)


def cut_by(image: Image, frame_to_crop: Affine, side: int) -> Crop:
    """Cut the square of a similarity, `side` pixels a side, sampled as in `cut`."""
    scale = geometry.scale_of(frame_to_crop)
    if scale >= MIN_BILINEAR_SCALE:
        return Crop(_warped(image, frame_to_crop, side), frame_to_crop)
    step = 2 ** math.floor(math.log2(min(1 / scale, *image.shape[:2])))
    part, left, top = _under(image, frame_to_crop, side, step)
    small = cv2.resize(part, (part.shape[1] // step, part.shape[0] // step), interpolation=cv2.INTER_AREA)
    linear = frame_to_crop[:, :2]
    corner = np.array([left, top]) + (step - 1) / 2
    small_to_crop = np.hstack([linear * step, (linear @ corner + frame_to_crop[:, 2])[:, None]])
    return Crop(_warped(np.asarray(small, np.uint8), small_to_crop, side), frame_to_crop)


def _warped(image: Image, to_crop: Affine, side: int) -> Image:
    flags, border = cv2.INTER_LINEAR, cv2.BORDER_REPLICATE
    return np.asarray(cv2.warpAffine(image, to_crop, (side, side), flags=flags, borderMode=border), np.uint8)


def _under(image: Image, frame_to_crop: Affine, side: int, step: int) -> tuple[Image, int, int]:
    """Return the part of the picture under the crop, its sides multiples of `step`, and its left and top."""
    corners = np.array([[0, 0], [side, 0], [side, side], [0, side]], np.float64)
    box = geometry.box_of(geometry.apply(geometry.invert(frame_to_crop), corners))
    spans = []
    for low, high, limit in ((box[0], box[2], image.shape[1]), (box[1], box[3], image.shape[0])):
        first = min(max(0, int(low) - step), limit - step)
        last = min(limit, int(high) + 2 * step)
        spans.append((first, first + max(1, (last - first) // step) * step))
    (left, right), (top, bottom) = spans
    return image[top:bottom, left:right], left, top
