"""Test of whether what a doubtful find shows is gone a moment before and after: a head stays, a hand passes."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from mien.imaging.geometry import clipped_box
from mien.swap.tracking.box import FaceBox
from mien.types import Image, Mask


@dataclass(frozen=True, slots=True)
class PassingTuning:
    """Search for the content of a find in the frames around it."""

    steps: int = 3
    """Frames before, and frames after."""
    most_s: float = 0.3
    """Time from the first of these frames to the last, at most: in a slide show everything is gone in the next picture."""
    side: int = 24
    """Pixels of the square to which the find is reduced."""
    reach: float = 0.5
    """Sides that it may move from one frame to the next."""
    least_likeness: float = 0.8
    """Correlation below which the find is gone. 546 looks at turning and nodding faces have 0.89 and more on one of the sides;
    hands that pass have up to 0.72 on both (6 clips; the other 6 were left out)."""
    least_contrast: float = 8.0
    """Standard deviation of the find, in grey levels, below which noise would decide."""


TUNING = PassingTuning()


def is_passing(images: Sequence[Image], box: FaceBox, tuning: PassingTuning = TUNING) -> bool:
    """Return True when the content of `box` in the middle one of the images, BGR uint8, is gone in the first and the last.

    False also where this cannot be told: next to the border, which a face may cross, and without contrast.
    """
    middle = len(images) // 2
    height, width = images[middle].shape[:2]
    room = min(box.x, box.y, width - 1 - box.x, height - 1 - box.y)
    if room < box.size / 2:
        return False
    find = _grey(images[middle], box, tuning.side)
    if float(find.std()) < tuning.least_contrast:
        return False
    sides = images[middle + 1 :], images[:middle][::-1]
    return all(_likeness(find, side, box, tuning) < tuning.least_likeness for side in sides)


def _likeness(find: Mask, images: Sequence[Image], box: FaceBox, tuning: PassingTuning) -> float:
    """Return the correlation of a find with its place in the last of the images, through which the place is followed.

    1 where it leaves the picture: a face may do that.
    """
    likeness, wide = 1.0, round(tuning.side * (1 + 2 * tuning.reach))
    for image in images:
        if not (0 <= box.x < image.shape[1] and 0 <= box.y < image.shape[0]):
            return 1.0
        around = FaceBox(box.x, box.y, box.size * wide / tuning.side)
        found = cv2.matchTemplate(_grey(image, around, wide), find, cv2.TM_CCOEFF_NORMED)
        _, likeness, _, best = cv2.minMaxLoc(found)
        step_x, step_y = (box.size / tuning.side * (place - (wide - tuning.side) / 2) for place in best)
        box = box.moved((step_x, step_y))
    return float(likeness)


def _grey(image: Image, box: FaceBox, side: int) -> Mask:
    """Return the square of a box in grey, uint8 (side, side), without what is finer than its pixels."""
    x1, y1, x2, y2 = clipped_box(
        (box.x - box.size, box.y - box.size, box.x + box.size, box.y + box.size), image.shape[1], image.shape[0]
    )
    scale = side / box.size
    part = cv2.cvtColor(image[y1:y2, x1:x2], cv2.COLOR_BGR2GRAY)
    if scale < 1:
        part = cv2.GaussianBlur(part, (0, 0), _BLUR / scale)
    place = np.array([[scale, 0, (side - 1) / 2 - scale * (box.x - x1)], [0, scale, (side - 1) / 2 - scale * (box.y - y1)]])
    return np.asarray(cv2.warpAffine(part, place, (side, side), borderMode=cv2.BORDER_REPLICATE), np.uint8)


_BLUR = 0.45  # pixels of the small picture: without it, skipped pixels make two views of one thing unlike
