"""Noise of a picture: measurement of its strength and coarseness, and tiles of the same kind. Pictures are BGR uint8."""

import math
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

from mien.imaging.arrays import locked
from mien.imaging.kernels import kernel, kernel_part
from mien.imaging.percentiles import percentile_of
from mien.types import Array, Floats, Grain, Image, Mask

TILE_SIDE_PIXELS = 512
"""Side of a tile of noise; a power of two, which `blend.speckle` needs."""
_TILE_LEVELS_PER_SIGMA = 32
"""Value of one standard deviation in a tile; `blend.speckle` divides by it."""
_TILE_BLURS_PIXELS = (0.0, 0.45, 0.55, 0.7, 0.9, 1.2, 1.7)
"""Sigma of the blur of each tile, from white noise to the coarsest; chosen by eye, not measured."""
_BLOCK_PIXELS = 8
"""Side of the blocks whose variance is measured; `_compare` is written for it."""
_TILE_SEED = 5
"""Any number: the same noise in every run."""


@dataclass(frozen=True, slots=True)
class GrainTuning:
    """Numbers of the measurement of noise; levels are those of uint8."""

    sampled_rows: int = 256  # about as many rows of pixels are measured, in stripes; bounds the time on large faces
    min_level: float = 20.0  # noise of darker blocks is cut off at black
    max_level: float = 235.0  # noise of brighter blocks is cut off at white
    flat_percentile: int = 25  # of the blocks' variances, stands for noise alone: the rest moves or has texture of its own
    percentile_bias: float = 1.15  # by which that percentile is too small where all blocks hold nothing but noise
    max_motion_pixels: float = 3.0  # a frame; two frames of a faster face are not compared
    max_bend_pixels: float = 0.2
    max_bend_share: float = 0.0015
    """Mean motion of the landmarks beside their common motion, in pixels a frame and as a share of the face's width; the larger
    bound counts. More is a head that turns, whose skin differs from frame to frame: 1.5 degrees look like noise of 8 levels.
    A talking face stays below in half of its frames."""
    interval_frames: int = 4  # between two measurements of a face
    memory: float = 0.8  # weight of earlier measurements; chosen by eye
    first_memory: float = 0.5
    """The same for the first measurement of a face that starts from the noise of another, or comes back: that picture may
    still turn."""


_DEFAULT = GrainTuning()


@dataclass(slots=True)
class GrainMeter:
    """Meter of the noise that changes from frame to frame, on one face; it takes every frame with the face, in order.

    It may start from `known`, the noise of another face: one camera films both.
    """

    tuning: GrainTuning = _DEFAULT
    known: Grain | None = None
    _measured: int = 0
    """Measurements since the start or the last pause."""
    _before: Image | None = None
    _corner: tuple[int, int] = (0, 0)
    _countdown: int = 0

    def pause(self) -> None:
        """Note that the face was away: two frames across the gap are not compared, but the camera's noise is as it was."""
        self._before, self._measured, self._countdown = None, 0, 0

    def measure(
        self,
        image: Image,
        box_xyxy: tuple[float, float, float, float],
        motion_xy: tuple[float, float],
        bend_pixels: float = 0.0,
    ) -> Grain | None:
        """Return the noise in the box of the face; None = not known yet.

        The face has moved by `motion_xy` pixels, and its landmarks by `bend_pixels` in the mean beside that.
        """
        if self._before is not None:
            width = box_xyxy[2] - box_xyxy[0]
            turns = bend_pixels > max(self.tuning.max_bend_pixels, self.tuning.max_bend_share * width)
            found = None if turns else self._compared(image, motion_xy)
            self._before = None
            if found is not None:
                memory = min(self.tuning.memory, 1 - (1 - self.tuning.first_memory) / (1 + self._measured))
                self.known = found if self.known is None else _between(self.known, found, memory)
                self._measured += 1
                self._countdown = self.tuning.interval_frames
        if self._countdown <= 0:
            left, top = max(0, round(box_xyxy[0])), max(0, round(box_xyxy[1]))
            crop = image[top : max(top, round(box_xyxy[3])), left : max(left, round(box_xyxy[2]))]
            if min(crop.shape[:2]) >= 4 * _BLOCK_PIXELS:
                self._before, self._corner = crop.copy(), (left, top)
        self._countdown -= 1
        return self.known

    def _compared(self, image: Image, motion_xy: tuple[float, float]) -> Grain | None:
        assert self._before is not None
        x, y = round(motion_xy[0]), round(motion_xy[1])
        left, top = self._corner[0] + x, self._corner[1] + y
        height, width = self._before.shape[:2]
        inside = left >= 0 and top >= 0 and left + width <= image.shape[1] and top + height <= image.shape[0]
        if not inside or max(abs(motion_xy[0]), abs(motion_xy[1])) > self.tuning.max_motion_pixels:
            return None
        return difference_grain(self._before, image[top : top + height, left : left + width], self.tuning)


def difference_grain(before: Image, now: Image, tuning: GrainTuning = _DEFAULT) -> Grain | None:
    """Return the noise in which two pictures of the same thing differ; None when too little of them is lit well enough."""
    step = max(1, before.shape[0] // tuning.sampled_rows)
    blocks = np.empty((-(-(before.shape[0] // _BLOCK_PIXELS) // step), before.shape[1] // _BLOCK_PIXELS, 4), np.float32)
    _compare(before, now, step, blocks)
    middle, luma, beside, colour = (np.ascontiguousarray(each) for each in blocks.reshape(-1, 4).T)
    lit = (middle > tuning.min_level) & (middle < tuning.max_level)
    if lit.sum() < 8:
        return None
    luma, beside, colour = luma[lit], beside[lit], colour[lit]
    flat = luma <= np.float32(percentile_of(luma, tuning.flat_percentile + 5))
    alike = float(beside[flat].sum()) / (float(luma[flat].sum()) + 1e-6)
    correlations, kept = _calibration()
    nearest = int(np.argmin(np.abs(correlations - alike)))
    # The mean of a block, which is taken off, holds some of a coarse noise.
    lift = np.float32(tuning.percentile_bias / float(kept[nearest]))
    luma, colour = np.asarray(lift * luma, np.float32), np.asarray(lift * colour, np.float32)
    return _grain(luma, colour, _TILE_BLURS_PIXELS[nearest], tuning.flat_percentile, fresh=True)


def still_grain(image: Image, mask: Mask | None = None, tuning: GrainTuning = _DEFAULT) -> Grain | None:
    """Return the noise of a single picture where it has least texture; it holds the finest texture, too. None = too small.

    With a mask (uint8, as the picture) only blocks wholly inside it count.
    """
    if min(image.shape[:2]) < 2 * _BLOCK_PIXELS:
        return None
    step = max(1, image.shape[0] // tuning.sampled_rows)
    count, width = image.shape[0] // _BLOCK_PIXELS, image.shape[1] // _BLOCK_PIXELS
    blocks = np.empty((-(-count // step), width, 4), np.float32)
    counted = np.ones(image.shape[:2], np.uint8) if mask is None else mask
    _roughness(np.ascontiguousarray(image).reshape(len(image), -1), counted, step, blocks)
    darkest, brightest, luma, colour = (np.ascontiguousarray(each) for each in blocks.reshape(-1, 4).T)
    lit = (darkest > tuning.min_level) & (brightest < tuning.max_level)
    if lit.sum() < 8:
        return None
    lift = np.float32(tuning.percentile_bias)
    luma, colour = np.asarray(lift * luma[lit], np.float32), np.asarray(lift * colour[lit], np.float32)
    return _grain(luma, colour, _TILE_BLURS_PIXELS[1], tuning.flat_percentile, fresh=False)


def _grain(luma: Floats, colour: Floats, size: float, percentile: int, *, fresh: bool) -> Grain:
    """Return the noise for the variances of each block in luma, and in blue and red with the luma that they share."""
    grey, coloured = (max(0.0, percentile_of(each, percentile)) for each in (luma, colour))
    return Grain(math.sqrt(grey), math.sqrt(max(0.0, coloured - grey)), size, fresh)


def green_sigma(grain: Grain | None) -> float:
    """Return the standard deviation of the noise in the green channel alone."""
    return 0.0 if grain is None else math.sqrt(grain.luma**2 + 0.3 * grain.chroma**2)


def noise_tile(grain: Grain) -> npt.NDArray[np.int8]:
    """Return a tile of noise as coarse as `grain`, for `blend.speckle`; shared and read-only."""
    return _tile(int(np.argmin([abs(size - grain.size) for size in _TILE_BLURS_PIXELS])))


def tile_offset(pts: int, track_id: int) -> tuple[int, int]:
    """Return x and y in the tile at which the noise of this face begins in the frame shown at `pts`."""
    mixed = (pts * 2654435761 + track_id * 2246822519) & 0xFFFFFFFF
    mixed = ((mixed ^ (mixed >> 15)) * 2246822519) & 0xFFFFFFFF
    mixed ^= mixed >> 13
    return mixed % TILE_SIDE_PIXELS, (mixed >> 16) % TILE_SIDE_PIXELS


def _between(old: Grain, new: Grain, memory: float) -> Grain:
    return Grain(
        old.luma + (1 - memory) * (new.luma - old.luma),
        old.chroma + (1 - memory) * (new.chroma - old.chroma),
        old.size + (1 - memory) * (new.size - old.size),
        new.fresh,
    )


@cache
def _tile(number: int) -> npt.NDArray[np.int8]:
    """Return the tile of a blur; each is made when it is first needed, as a picture needs one of them at most."""
    white, size = _white_noise(), _TILE_BLURS_PIXELS[number]
    noise = white if size == 0 else _wrapped_blur(white, size)
    return locked(np.clip(noise / noise.std((0, 1)) * _TILE_LEVELS_PER_SIGMA, -127, 127).round().astype(np.int8))


@cache
def _white_noise() -> Floats:
    draw = np.random.default_rng(_TILE_SEED)
    return locked(draw.standard_normal((TILE_SIDE_PIXELS, TILE_SIDE_PIXELS, 3)).astype(np.float32))


def _wrapped_blur(picture: Floats, sigma: float) -> Floats:
    margin = 8
    wide = np.pad(picture, ((margin, margin), (margin, margin), (0, 0)), mode="wrap")
    return np.asarray(cv2.GaussianBlur(wide, (0, 0), sigma)[margin:-margin, margin:-margin], np.float32)


@cache
def _calibration() -> tuple[Floats, Floats]:
    """Return what `_compare` measures on each tile: likeness of neighbours, and share of the variance left; float32."""
    alike, kept = [], []
    for number in range(len(_TILE_BLURS_PIXELS)):
        tile = _tile(number)
        noise = np.clip(tile[:256, :256, :1].astype(np.int16) + 128, 0, 255).astype(np.uint8)
        grey = np.ascontiguousarray(np.repeat(noise, 3, axis=2))
        blocks = np.empty((32, 32, 4), np.float32)
        _compare(np.full_like(grey, 128), grey, 1, blocks)
        alike.append(float(blocks[:, :, 2].sum() / blocks[:, :, 1].sum()))
        kept.append(float(2 * blocks[:, :, 1].mean() / noise.var()))
    return np.array(alike, np.float32), np.array(kept, np.float32)


@kernel
def _compare(before: Array, now: Array, step: int, blocks: Array) -> None:
    """Measure the difference of two pictures, uint8 (h, w, 3), in each block of 8 x 8 pixels.

    `blocks` float32 (m, n, 4) takes every `step`th row of blocks: mean level, half the variance of the difference in luma,
    the part of it that neighbours share, and half the variance of the difference in blue and red.
    """
    line = np.empty((8, 8), np.float32)
    for m in range(blocks.shape[0]):
        for n in range(blocks.shape[1]):
            level, luma, beside, colour = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
            mean_luma, mean_blue, mean_red = np.float32(0), np.float32(0), np.float32(0)
            for i in range(8):
                for j in range(8):
                    y, x = m * step * 8 + i, n * 8 + j
                    blue = np.float32(now[y, x, 0]) - np.float32(before[y, x, 0])
                    green = np.float32(now[y, x, 1]) - np.float32(before[y, x, 1])
                    red = np.float32(now[y, x, 2]) - np.float32(before[y, x, 2])
                    grey = np.float32(0.114) * blue + np.float32(0.587) * green + np.float32(0.299) * red
                    line[i, j] = grey
                    level += np.float32(now[y, x, 1])
                    mean_luma += grey
                    mean_blue += blue
                    mean_red += red
                    colour += blue * blue + red * red
            mean_luma /= np.float32(64)
            for i in range(8):
                for j in range(8):
                    line[i, j] -= mean_luma
                    luma += line[i, j] * line[i, j]
                    if j > 0:
                        beside += line[i, j] * line[i, j - 1]
                    if i > 0:
                        beside += line[i, j] * line[i - 1, j]
            blocks[m, n, 0] = level / np.float32(64)
            blocks[m, n, 1] = luma / np.float32(128)
            blocks[m, n, 2] = beside / np.float32(2 * 112)
            colour -= (mean_blue * mean_blue + mean_red * mean_red) / np.float32(64)
            blocks[m, n, 3] = colour / np.float32(256)


@kernel_part
def _gather(rough: Array, blocks: Array) -> None:
    """Add a line, int32 (3 * w,), to the sums of squares of its blocks, float32 (n, 4): in luma, and in blue and red."""
    for n in range(blocks.shape[0]):
        luma, colour = np.float32(0), np.float32(0)
        for i in range(24 * n, 24 * n + 24, 3):
            blue, green, red = np.float32(rough[i]), np.float32(rough[i + 1]), np.float32(rough[i + 2])
            grey = np.float32(0.114) * blue + np.float32(0.587) * green + np.float32(0.299) * red
            luma += grey * grey
            colour += blue * blue + red * red
        blocks[n, 2] += luma / np.float32(36 * 64)
        blocks[n, 3] += colour / np.float32(2 * 36 * 64)


@kernel_part
def _judge(image: Array, mask: Array, top: int, number: int, block: Array) -> None:
    """Write the mean levels of the darkest and of the brightest channel of a block; one that is not wholly seen is both."""
    sums = np.zeros(3, np.int32)
    for j in range(top, top + 8):
        for i in range(8 * number, 8 * number + 8):
            if mask[j, i] == 0:
                block[0], block[1] = -1, 256
                return
            for c in range(3):
                sums[c] += image[j, 3 * i + c]
    block[0], block[1] = min(sums[0], sums[1], sums[2]) / np.float32(64), max(sums[0], sums[1], sums[2]) / np.float32(64)


@kernel
def _roughness(image: Array, mask: Array, step: int, blocks: Array) -> None:
    """Measure what is left of a picture, uint8 (h, 3 * w), without slopes and curves, in each block of 8 x 8 pixels.

    It is filtered by [1, -2, 1] along x and along y, and by 1 / 6, which is of unit gain for white noise (Immerkaer 1996).
    `blocks` float32 (m, n, 4) takes every `step`th row of blocks: the levels of the darkest and of the brightest channel, -1
    and 256 where a pixel of `mask` uint8 (h, w) is 0, then the variance in luma, and in blue and red.
    """
    height, length = image.shape[0], image.shape[1]
    bent, rough = np.zeros((10, length), np.int32), np.empty(length, np.int32)
    for m in range(blocks.shape[0]):
        top = m * step * 8
        for k in range(10):
            row, line = image[min(max(top - 1 + k, 0), height - 1)], bent[k]
            for i in range(3, length - 3):
                middle = np.int32(np.int32(row[i]) << 1)
                line[i] = np.int32(np.int32(np.int32(row[i - 3]) + np.int32(row[i + 3])) - middle)
            for i in range(3):
                # The picture goes on with its last pixel.
                line[i] = np.int32(row[i + 3]) - np.int32(row[i])
                line[length - 3 + i] = np.int32(row[length - 6 + i]) - np.int32(row[length - 3 + i])
        blocks[m, :, 2:] = 0
        for j in range(8):
            above, here, below = bent[j], bent[j + 1], bent[j + 2]
            for i in range(length):
                rough[i] = np.int32(np.int32(above[i] + below[i]) - np.int32(here[i] << 1))
            _gather(rough, blocks[m])
        for n in range(blocks.shape[1]):
            _judge(image, mask, top, n, blocks[m, n])
