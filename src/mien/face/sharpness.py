"""Sharpness of a picture, measured at its edges. Pictures are BGR uint8, blur is the sigma of a Gaussian in pixels."""

import math
from dataclasses import dataclass, field, replace

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
    moving_pixels: float = 2.0
    """Pixels a frame from which a face is measured in every frame; slower motion leaves no visible blur."""
    forget: float = 0.997
    """Share of the greatest contrast that is left after a measurement: light and expressions change."""
    last: int = 3
    """Measurements with which a contrast is compared that drops at once."""
    probe: float = 0.06
    """Length, in face widths, of the smear by which a sharp face is tried: how much contrast it loses depends on the person."""
    probe_every: int = 40
    probe_growth: float = 1.05
    """Measurements between two trials, and growth of the contrast from which another is made at once: a smeared face tells
    nothing."""
    differs: float = 0.9
    """Share of the contrast along a motion, against that across, by which a face that is not smeared differs from itself."""
    smear_power: float = 0.7
    """Power of the lost contrast, as a multiple of what is left, with which the length of a smear grows; for two portraits,
    sharp and soft, smeared by 4 to 24 pixels of 200, it is 0.65 to 0.75."""
    blend: float = 0.05
    """Length of a smear in face widths for a contrast that drops to half; a frame blended of two keeps no less."""
    sudden: float = 0.8
    """Share of the contrast under which it has dropped at once; a head that turns keeps 0.9 and more from frame to frame."""
    least_kept: float = 0.15
    """Least share of the contrast that still tells of a length."""
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
    _sharpest: Floats | None = None
    """Contrast of the face where it was sharpest lately."""
    _half_xy: tuple[float, float] = (0.0, 0.0)
    """Lengths in face widths of smears along x and y that leave half of its contrast along them against that across."""
    _probed: float = 0.0
    """Contrast at the last trial."""
    _until_probe: int = 0
    _last: list[Floats] = field(default_factory=list)
    """Its contrast in the last measurements, the newest at the end."""
    _countdown: int = 0

    def measure(self, image: Image, points: Floats, noise: float, motion_xy: tuple[float, float] = (0.0, 0.0)) -> Focus | None:
        """Return the focus of the face with landmarks `points` (478, 3) in a picture with this noise; None = too small.

        A face that has moved by `motion_xy` pixels since the frame before is measured in every frame: motion blur and blended
        frames come and go.
        """
        self._countdown -= 1
        length = math.hypot(*motion_xy)
        if self._countdown > 0 and length < TUNING.moving_pixels:
            return self._known
        seen = _inside(image, points)
        green = None if seen is None else _green(seen[0])
        found = None if seen is None or green is None else _focus(_sums(*green, seen[1], noise), noise)
        if seen is None or green is None or found is None or found.blur >= TUNING.max_blur:
            self._known = None
        else:
            width = float(np.ptp(points[:, 0]))
            contrast = _contrasts(*green, seen[1], width)
            trail = self._trail(contrast, motion_xy, width) if length >= TUNING.moving_pixels else 0.0
            self._keep(contrast, *seen, width)
            self._known = replace(_between(self._known, found), trail=trail)
        if self._countdown <= 0:
            self._countdown = TUNING.every_frames
        return self._known

    def _keep(self, contrast: Floats, crop: Image, inside: Mask, width: float) -> None:
        sharpest = contrast if self._sharpest is None else self._sharpest * np.float32(TUNING.forget)
        self._until_probe -= 1
        # Blur takes contrast away, and nothing that lasts gives more.
        if contrast[0] + contrast[1] >= sharpest[0] + sharpest[1]:
            sharpest, much = contrast, float(contrast[0] + contrast[1])
            if self._until_probe <= 0 or much > TUNING.probe_growth * self._probed:
                self._half_xy = _half_lengths(crop, inside, contrast, width)
                self._until_probe, self._probed = TUNING.probe_every, much
        self._sharpest = sharpest
        self._last = [*self._last, contrast][-TUNING.last :]

    def _trail(self, contrast: Floats, motion_xy: tuple[float, float], width: float) -> float:
        """Return the length in pixels by which a face of this width is smeared along its motion, as its contrast tells."""
        if self._sharpest is None:
            return 0.0
        x, y = motion_xy
        # A head that turns loses contrast in both directions, one that is smeared far more along its motion.
        half = (x * x * self._half_xy[0] + y * y * self._half_xy[1]) / (x * x + y * y)
        length = half * _lost(_kept(contrast, self._sharpest, x, y)) ** TUNING.smear_power
        # Two frames that are blended into one lose contrast in both, but at once.
        left = _along(contrast, x, y) / max(*(_along(each, x, y) for each in self._last), 1e-12)
        if left < TUNING.sudden:
            length = max(length, TUNING.blend * min(_lost(left), 1.0))
        return float(width * length)


def _along(contrast: Floats, x: float, y: float) -> float:
    """Return the contrast along a direction; `contrast` is float32 (3,), along x, along y, and their product."""
    return float(x * x * contrast[0] + y * y * contrast[1] + 2 * x * y * contrast[2])


def _kept(contrast: Floats, sharp: Floats, x: float, y: float) -> float:
    """Return how much of the contrast along a direction is kept against that across; 1 and more = all of it."""
    kept = _along(contrast, x, y) * _along(sharp, -y, x)
    return kept / max(_along(contrast, -y, x) * _along(sharp, x, y), 1e-12) / TUNING.differs


def _lost(kept: float) -> float:
    """Return the contrast that is lost as a multiple of what is left."""
    return max(0.0, 1 / max(kept, TUNING.least_kept) - 1)


def _half_lengths(crop: Image, inside: Mask, contrast: Floats, width: float) -> tuple[float, float]:
    """Return the smears along x and y, in face widths, that leave half of this face's contrast; it is tried on the face."""
    side = 2 * round(TUNING.probe * width / 2) + 1
    smeared = [np.asarray(cv2.blur(crop, wh), np.uint8) for wh in ((side, 1), (1, side))]
    lost = [
        _lost(_kept(_contrasts(*_green(each), inside, width), contrast, *direction))
        for each, direction in zip(smeared, ((1.0, 0.0), (0.0, 1.0)), strict=True)
    ]
    x, y = (side / width * max(each, 0.1) ** -TUNING.smear_power for each in lost)
    return x, y


def _between(known: Focus | None, found: Focus) -> Focus:
    """Return a focus near the known one, or the one found where it is another."""
    if known is None or abs(math.log(found.blur / known.blur)) >= TUNING.refocused:
        return found
    share = TUNING.follow
    return Focus(known.blur + share * (found.blur - known.blur), known.detail + share * (found.detail - known.detail))


def face_focus(image: Image, points: Floats, noise: float) -> Focus | None:
    """Measure the sharpness of a face; None when it is too small."""
    seen = _inside(image, points)
    found = None if seen is None else focus_of(*seen, noise)
    return found if found is not None and found.blur < TUNING.max_blur else None


def _inside(image: Image, points: Floats) -> tuple[Image, Mask] | None:
    """Return the rectangle of a face and where in it its skin is; None when it is too small."""
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
    return crop, inside


def _contrasts(green: Mask, again: Mask, inside: Mask, width: float) -> Floats:
    """Return the contrast of a face at a width and a brightness of 1, for `_along`; `again` is its green, blurred."""
    sums = np.zeros(4, np.float64)
    _tensor(again, inside, sums)
    bright = float(cv2.mean(green, inside)[0]) + 1
    return np.asarray(sums[:3] / max(sums[3], 1.0) * (width / bright) ** 2, np.float32)


def focus_of(picture: Image, inside: Mask, noise: float) -> Focus:
    """Measure the sharpness of a picture where `inside` (uint8) is not 0.

    The sharper an edge, the more steepness it loses when it is blurred once more (after Zhuo, Sim 2011); steep edges count
    most, so that hardly anything depends on the person. `noise` is the standard deviation of the noise in green.
    """
    return _focus(_sums(*_green(picture), inside, noise), noise)


def _focus(sums: Array, noise: float) -> Focus:
    along, across = _blur(sums[0], sums[1]), _blur(sums[2], sums[3])
    detail = sums[4] / max(sums[5], 1.0)
    return Focus((along + across) / 2, math.sqrt(max(0.0, detail * detail - (TUNING.noise_detail * noise) ** 2)))


def _green(picture: Image) -> tuple[Mask, Mask]:
    """Return the green of a picture, and the same blurred once more."""
    green = cv2.extractChannel(picture, 1)
    return np.asarray(green, np.uint8), np.asarray(cv2.GaussianBlur(green, (0, 0), TUNING.added_blur), np.uint8)


def _sums(green: Mask, again: Mask, inside: Mask, noise: float) -> Array:
    sums = np.zeros(6, np.float64)
    _steepness(green, again, inside, noise * noise / 2, sums)
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
def _steepness(green: Array, again: Array, inside: Array, noise: float, sums: Array) -> None:
    """Sum the squared steepness of `green` and of `again` along x and along y, weighted with the latter's square.

    Then the difference of the two, and the number of pixels.
    """
    half, grain = np.float32(0.5), np.float32(noise)
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
            a, b = gx * gx, gy * gy
            along += a * (fx * fx - grain)
            along_again += a * a
            across += b * (fy * fy - grain)
            across_again += b * b
            detail += abs(np.float32(green[y, x]) - np.float32(again[y, x]))
            count += 1
        sums[0] += along
        sums[1] += along_again
        sums[2] += across
        sums[3] += across_again
        sums[4] += detail
        sums[5] += count


@kernel
def _tensor(green: Array, inside: Array, sums: Array) -> None:
    """Sum the squared steepness of `green` along x, along y, their product, and the number of pixels."""
    half = np.float32(0.5)
    for y in range(1, green.shape[0] - 1, ROW_STEP):
        xx, yy, xy, count = np.float32(0), np.float32(0), np.float32(0), 0
        for x in range(1, green.shape[1] - 1):
            if inside[y, x] == 0:
                continue
            gx = np.float32(np.int32(green[y, x + 1]) - np.int32(green[y, x - 1])) * half
            gy = np.float32(np.int32(green[y + 1, x]) - np.int32(green[y - 1, x])) * half
            xx += gx * gx
            yy += gy * gy
            xy += gx * gy
            count += 1
        sums[0] += xx
        sums[1] += yy
        sums[2] += xy
        sums[3] += count
