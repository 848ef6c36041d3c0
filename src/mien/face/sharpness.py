"""Sharpness of a picture, measured at its edges. Pictures are BGR uint8, blur is the sigma of a Gaussian in pixels."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.imaging import geometry
from mien.imaging.kernels import kernel
from mien.types import Array, Floats, Focus, Image, Mask

ROW_STEP = 2  # rows from one that is read to the next; read by the kernel


@dataclass(frozen=True, slots=True)
class FocusTuning:
    """Measurement of sharpness. Blur is the sigma in pixels."""

    added_blur: float = 1.0
    """Sigma of the blur that is added to measure how much steepness an edge loses."""
    max_blur: float = 4.0
    """More cannot be told from an area without edges."""
    difference_variance: float = 1 / 3
    """Variance of the blur that differences over two pixels add."""
    every_frames: int = 3
    """Frames between two measurements."""
    follow: float = 0.15
    refocused: float = 0.35
    """Share of a new measurement that is taken, unless its logarithm differs by more than `refocused`: then all of it."""
    min_side: int = 32
    """Pixels of the smallest face that is measured."""
    inner: float = 0.85
    """Part of the face that counts, from its middle: along its rim the background is seen."""
    noise_detail: float = 0.7
    """Levels of finest detail that noise of one level makes."""


TUNING = FocusTuning()


@dataclass(slots=True)
class FocusMeter:
    """Sharpness of one face over time; give it every frame in which the face is seen, in order."""

    _known: Focus | None = None
    _countdown: int = 0

    def measure(self, image: Image, points: Floats, noise: float) -> Focus | None:
        """Return the focus of the face with landmarks `points` (478, 3) in a picture with this noise; None = too small."""
        self._countdown -= 1
        if self._countdown > 0:
            return self._known
        found = face_focus(image, points, noise)
        if found is None or self._known is None:
            self._known = found
        else:
            change = abs(math.log(found.blur / self._known.blur))
            share = TUNING.follow if change < TUNING.refocused else 1.0
            self._known = Focus(
                self._known.blur + share * (found.blur - self._known.blur),
                self._known.detail + share * (found.detail - self._known.detail),
            )
        self._countdown = TUNING.every_frames
        return self._known


def face_focus(image: Image, points: Floats, noise: float) -> Focus | None:
    """Measure the sharpness of a face; None when it is too small."""
    x1, y1, x2, y2 = geometry.box_of(points)
    left, top, right, bottom = max(0, int(x1)), max(0, int(y1)), max(0, int(x2) + 1), max(0, int(y2) + 1)
    crop = image[top:bottom, left:right]
    if min(crop.shape[:2]) < TUNING.min_side:
        return None
    inside = np.zeros(crop.shape[:2], np.uint8)
    local = (points[:, :2] - np.array([left, top], np.float32)).round().astype(np.int32)
    middle = local[list(landmark_sets.FACE_OVAL)].mean(0)
    oval = (middle + TUNING.inner * (local[list(landmark_sets.FACE_OVAL)] - middle)).round().astype(np.int32)
    cv2.fillPoly(inside, [oval], 1)
    cv2.fillPoly(
        inside, [local[list(each)] for each in (landmark_sets.RIGHT_EYE, landmark_sets.LEFT_EYE, landmark_sets.INNER_LIPS)], 0
    )
    found = focus_of(crop, inside, noise)
    return found if found.blur < TUNING.max_blur else None


def focus_of(picture: Image, inside: Mask, noise: float) -> Focus:
    """Measure the sharpness of a picture where `inside` (uint8) is not 0."""
    sums = _sums(picture, inside, (1.0, 0.0), noise)
    along, across = _blur(sums[0], sums[1]), _blur(sums[2], sums[3])
    detail = sums[4] / max(sums[5], 1.0)
    return Focus((along + across) / 2, math.sqrt(max(0.0, detail * detail - (TUNING.noise_detail * noise) ** 2)))


def blur_of(picture: Image, inside: Mask, along_xy: tuple[float, float], noise: float) -> tuple[float, float]:
    """Measure the blur along a direction, a unit vector, and across it, of the edges where `inside` (uint8) is not 0.

    The sharper an edge, the more steepness it loses when it is blurred once more (after Zhuo, Sim 2011); steep edges count
    most, so that hardly anything depends on the person. `noise` is the standard deviation of the noise in green.
    """
    sums = _sums(picture, inside, along_xy, noise)
    return _blur(sums[0], sums[1]), _blur(sums[2], sums[3])


def _sums(picture: Image, inside: Mask, along_xy: tuple[float, float], noise: float) -> Array:
    green = np.ascontiguousarray(picture[:, :, 1])
    again = cv2.GaussianBlur(green, (0, 0), TUNING.added_blur)
    sums = np.zeros(6, np.float64)
    _steepness(green, again, inside, along_xy[0], along_xy[1], noise * noise / 2, sums)
    return sums


def _blur(sharp: float, blurred: float) -> float:
    """Return the sigma of edges from their summed steepness before and after the added blur.

    Both are weighted with the squared steepness of the blurred edges. For a Gaussian of variance q that grows to q + 1, summed
    across the edge, the squared ratio of the two is 2 (q + 1)^2 / (q (2 q + 1)).
    """
    ratio = (sharp / blurred) ** 2 if blurred > 0 and sharp > 0 else 1.0
    if ratio <= 1 + 1e-6:
        return TUNING.max_blur
    middle = 4 - ratio
    variance = TUNING.added_blur**2 * (middle + math.sqrt(middle * middle + 16 * (ratio - 1))) / (4 * (ratio - 1))
    return min(TUNING.max_blur, math.sqrt(max(variance - TUNING.difference_variance, 0.01)))


@kernel
def _steepness(green: Array, again: Array, inside: Array, x_by: float, y_by: float, noise: float, sums: Array) -> None:
    """Sum the squared steepness of `green` and of `again` along (x_by, y_by) and across, weighted with the latter's square.

    Then the difference of the two, and the number of pixels.
    """
    half, grain = np.float32(0.5), np.float32(noise)
    ux, uy = np.float32(x_by), np.float32(y_by)
    for y in range(1, green.shape[0] - 1, ROW_STEP):
        along, along_again, across, across_again = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
        detail, count = np.float32(0), 0
        for x in range(1, green.shape[1] - 1):
            if inside[y, x] == 0:
                continue
            gx = np.float32(np.int32(again[y, x + 1]) - np.int32(again[y, x - 1])) * half
            gy = np.float32(np.int32(again[y + 1, x]) - np.int32(again[y - 1, x])) * half
            fx = np.float32(np.int32(green[y, x + 1]) - np.int32(green[y, x - 1])) * half
            fy = np.float32(np.int32(green[y + 1, x]) - np.int32(green[y - 1, x])) * half
            a, b = gx * ux + gy * uy, gy * ux - gx * uy
            c, d = fx * ux + fy * uy, fy * ux - fx * uy
            a, b = a * a, b * b
            along += a * (c * c - grain)
            along_again += a * a
            across += b * (d * d - grain)
            across_again += b * b
            detail += abs(np.float32(green[y, x]) - np.float32(again[y, x]))
            count += 1
        sums[0] += along
        sums[1] += along_again
        sums[2] += across
        sums[3] += across_again
        sums[4] += detail
        sums[5] += count
