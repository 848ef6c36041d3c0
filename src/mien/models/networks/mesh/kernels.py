"""Kernels of the face mesh network: blocks of a depthwise and a pointwise convolution, with their shortcut and PReLU.

Pictures lie pixel by pixel, channels together, all in one array `work`; places in it and in `weights` are offsets. The inner
loops are those of `instructions`.
"""

import numpy as np

from mien.imaging.kernels import kernel, kernel_part
from mien.models.networks.vectors import LANES, instructions
from mien.types import Array

SOURCE, TARGET, ROWS, COLUMNS, TAKEN, GIVEN, STEP, SHORTCUT, SPREAD, MIX, ROW, PIXEL, RUNS, RUN = range(14)
"""Columns of a table of steps: offsets in `work`, the picture that is given in pixels, and channels. STEP is that of the
depthwise convolution, 0 without one; SHORTCUT is one of those below; SPREAD and MIX are offsets in `weights`. ROW, PIXEL and
RUN are values from one row, pixel and run of the source to the next: a pointwise convolution reads RUNS runs of TAKEN values
for each pixel."""
NO_SHORTCUT, PLAIN_SHORTCUT, POOLED_SHORTCUT = range(3)
ROW_VALUES = 1536
"""The most values in a row of a picture: 96 pixels of 16 channels, 12 of 128."""
PIXELS = 96
"""Pixels that go through a block together: what lies between its convolutions stays in the nearest cache."""
ZEROS, LINES, POOLED, PICTURES = 0, ROW_VALUES, ROW_VALUES + 128 * PIXELS, ROW_VALUES + 2 * 128 * PIXELS
"""Offsets in `work` of a row of zeros, of what lies between the convolutions, of the shortcut, and of pictures."""
CROP_SIDE, CROP_ROW, STEM_SIDE, STEM_TAPS = 192, 579, 96, 9
"""Pixels of the crop, values of its row with a pixel of 0 at its end, pixels after the first convolution, and the values in
each of three rows that one of these is made of: 3 pixels of 3 channels."""
REGION_SIDE, REGION_CHANNELS, FEATURE_SIDE = 16, 32, 48
"""Pixels and channels of the picture of an eye or of the lips, and pixels of the picture that it is cut from."""
IRIS = 5  # landmarks of an iris
REGION_REACH = 1.5 / 16  # of the box of a region, for each pixel of its picture: half as much again as the box
TILE = 8
"""Pixels whose sums are kept at once: one register each where 32 hold 16 values, two of 16 in halves elsewhere."""
_INSTRUCTIONS = "mien.models.networks.mesh.instructions"
_mix_tile, _mix_half, _mix_one = (instructions(_INSTRUCTIONS, name) for name in ("mix_tile", "mix_half", "mix_one"))
_pool_row = instructions(_INSTRUCTIONS, "pool_row")
_spread_inside, _spread_left, _spread_right = (
    instructions(_INSTRUCTIONS, name) for name in ("spread_inside", "spread_left", "spread_right")
)


@kernel
def run_steps(steps: Array, weights: Array, work: Array) -> None:
    """Walk a table of steps, int64 (n, 10): see `SOURCE` and those after it."""
    for s in range(steps.shape[0]):
        rows, columns, taken, given = steps[s, ROWS], steps[s, COLUMNS], steps[s, TAKEN], steps[s, GIVEN]
        together = max(1, min(rows, PIXELS // columns))
        for top in range(0, rows, together):
            count = min(together, rows - top)
            line, shortcut, channels = steps[s, SOURCE] + top * steps[s, ROW], ZEROS, taken
            if steps[s, SHORTCUT] == PLAIN_SHORTCUT:
                shortcut = line
            elif steps[s, SHORTCUT] == POOLED_SHORTCUT:
                _pool(work, weights, steps[s], top, count)
                shortcut = POOLED
            else:
                channels = 0
            if steps[s, STEP] > 0:
                _spread_rows(work, weights, steps[s], top, count)
                line = LINES
            target = steps[s, TARGET] + top * columns * given
            run = taken, steps[s, RUNS], steps[s, RUN]
            _mix_pixels(
                work, weights, (line, steps[s, PIXEL], target, given, shortcut, channels, steps[s, MIX]), run, count * columns
            )


@kernel_part
def _spread_rows(work: Array, weights: Array, step: Array, top: int, count: int) -> None:
    """Write `count` rows of a depthwise convolution to `LINES`."""
    columns, channels, stride, weight = step[COLUMNS], step[TAKEN], step[STEP], step[SPREAD]
    height, values = step[ROWS] * stride, columns * stride * channels
    for y in range(count):
        first = (top + y) * stride - (1 if stride == 1 else 0)
        above = step[SOURCE] + first * values if first >= 0 else ZEROS
        at = step[SOURCE] + (first + 1) * values
        below = step[SOURCE] + (first + 2) * values if first + 2 < height else ZEROS
        target, move = LINES + y * columns * channels, stride * channels
        for c in range(0, channels, LANES):
            factors, bias = weight + c, weight + 9 * channels + c
            up, here, down, to = above + c, at + c, below + c, target + c
            inside = columns - 1
            if stride == 1:
                left = -channels
                numbers = (up + left, here + left, down + left, move, to, channels, 1, factors, bias, channels)
                _spread_left(work, weights, numbers)
                to += channels
                inside -= 1
            numbers = (up, here, down, move, to, channels, inside, factors, bias, channels)
            _spread_inside(work, weights, numbers)
            over = inside * move
            numbers = (up + over, here + over, down + over, move, to + inside * channels, channels, 1, factors, bias, channels)
            _spread_right(work, weights, numbers)


@kernel_part
def _mix_pixels(work: Array, weights: Array, step: tuple[int, ...], run: tuple[int, int, int], pixels: int) -> None:
    """Compute all channels of a pointwise convolution: source, its step, target, given, shortcut, its channels, weights.

    `run` are the values in a run, the runs, and the step between them. Channels that the shortcut lacks are 0 in it.
    """
    source, source_step, target, given, shortcut, channels, weight = step
    taken, runs, run_step = run
    total = taken * runs
    for c in range(0, given, LANES):
        factors, bias = weight + c * total, weight + given * total + c
        before, before_step = (shortcut + c, channels) if c < channels else (ZEROS, 0)
        p = 0
        while p < pixels:
            numbers = (
                source + p * source_step, source_step, target + p * given + c, given, before + p * before_step, before_step,
                taken, runs, run_step, factors, bias, bias + given, bias + 2 * given,
            )  # fmt: skip
            if pixels - p >= TILE:
                _mix_tile(work, weights, numbers)
                p += TILE
            elif pixels - p >= TILE // 2:
                _mix_half(work, weights, numbers)
                p += TILE // 2
            else:
                _mix_one(work, weights, numbers)
                p += 1


@kernel_part
def _pool(work: Array, weights: Array, step: Array, top: int, count: int) -> None:
    """Write the largest of each 2 x 2 values of `count` rows to `POOLED`."""
    columns, channels = step[COLUMNS], step[TAKEN]
    row = 2 * columns * channels
    for y in range(count):
        first, target = step[SOURCE] + 2 * (top + y) * row, POOLED + y * columns * channels
        for c in range(0, channels, LANES):
            _pool_row(work, weights, (first + c, row, channels, target + c, columns))


@kernel
def read_crop(crop: Array, work: Array, target: int) -> None:
    """Write the levels of a crop uint8 (192, 576) as shares, with a column and a row of 0 at its end."""
    share = np.float32(1 / 255)
    for y in range(CROP_SIDE):
        for k in range(crop.shape[1]):
            work[target + y * CROP_ROW + k] = np.float32(crop[y, k]) * share
        for k in range(crop.shape[1], CROP_ROW):
            work[target + y * CROP_ROW + k] = np.float32(0)
    for k in range(CROP_ROW):
        work[target + CROP_SIDE * CROP_ROW + k] = np.float32(0)


@kernel
def cut_region(work: Array, mesh: int, corners: Array, outline: Array, features: int, target: int, place: Array) -> None:
    """Cut the picture of an eye or of the lips, turned upright, out of `features`, bilinearly.

    `mesh` is the offset of the landmarks (468, 3) in pixels of the crop, `corners` are the two that are turned level, `outline`
    those that it has to show. `place` float32 (2, 3) takes the transform from its pixels to those of the crop.
    """
    scale = np.float32(FEATURE_SIDE / CROP_SIDE)
    left, right = mesh + 3 * corners[0], mesh + 3 * corners[1]
    ux, uy = (work[right] - work[left]) * scale, (work[right + 1] - work[left + 1]) * scale
    length = np.sqrt(ux * ux + uy * uy)
    ux, uy = ux / length, uy / length
    low_x, low_y, high_x, high_y = np.float32(1e9), np.float32(1e9), np.float32(-1e9), np.float32(-1e9)
    for k in range(outline.shape[0]):
        x, y = work[mesh + 3 * outline[k]] * scale, work[mesh + 3 * outline[k] + 1] * scale
        along, across = x * ux + y * uy, y * ux - x * uy
        low_x, high_x, low_y, high_y = min(low_x, along), max(high_x, along), min(low_y, across), max(high_y, across)
    middle_x, middle_y = np.float32(0.5) * (low_x + high_x), np.float32(0.5) * (low_y + high_y)
    step_x, step_y = (high_x - low_x) * np.float32(REGION_REACH), (high_y - low_y) * np.float32(REGION_REACH)
    half = np.float32(REGION_SIDE / 2)
    ax, ay, bx, by = ux * step_x, uy * step_x, -uy * step_y, ux * step_y
    x0 = middle_x * ux - middle_y * uy - half * (ax + bx)
    y0 = middle_x * uy + middle_y * ux - half * (ay + by)
    place[0, 0], place[0, 1], place[0, 2] = ax, bx, x0 / scale
    place[1, 0], place[1, 1], place[1, 2] = ay, by, y0 / scale
    last = np.float32(FEATURE_SIDE - 1)
    row = FEATURE_SIDE * REGION_CHANNELS
    for v in range(REGION_SIDE):
        for u in range(REGION_SIDE):
            across, down = np.float32(u) + np.float32(0.5), np.float32(v) + np.float32(0.5)
            x = min(max(ax * across + bx * down + x0 - np.float32(0.5), np.float32(0)), last)
            y = min(max(ay * across + by * down + y0 - np.float32(0.5), np.float32(0)), last)
            j, i = min(int(x), FEATURE_SIDE - 2), min(int(y), FEATURE_SIDE - 2)
            fx, fy = x - np.float32(j), y - np.float32(i)
            first, to = features + i * row + j * REGION_CHANNELS, target + (v * REGION_SIDE + u) * REGION_CHANNELS
            for c in range(REGION_CHANNELS):
                upper = work[first + c] + (work[first + REGION_CHANNELS + c] - work[first + c]) * fx
                under = first + row + c
                lower = work[under] + (work[under + REGION_CHANNELS] - work[under]) * fx
                work[to + c] = upper + (lower - upper) * fy


@kernel
def gather_landmarks(work: Array, sources: Array, places: Array, mesh: int, rims: Array, landmarks: Array) -> None:
    """Write the landmarks float32 (n, 3) in pixels of the crop.

    `sources` int64 (n, 2) are the offset of the x of each, and the region that it comes from, -1 for the whole crop; `places`
    float32 (regions, 2, 3) are those of `cut_region`. `mesh` is the offset of the landmarks whose depth is known; that of the
    others, in equal parts for each of `rims` int64 (k, m), is the mean of those.
    """
    for n in range(sources.shape[0]):
        at, region = sources[n, 0], sources[n, 1]
        x, y = work[at], work[at + 1]
        if region < 0:
            landmarks[n, 0], landmarks[n, 1] = x, y
        else:
            for j in range(2):
                # Rounded as a product of matrices is: another last bit moves the next crop, and the track with it.
                across = np.float32(places[region, j, 0] * x)
                turned = np.float32(np.float64(places[region, j, 1]) * np.float64(y) + np.float64(across))
                landmarks[n, j] = turned + places[region, j, 2]
    count = rims.shape[0]
    known = sources.shape[0] - count * IRIS
    for n in range(known):
        landmarks[n, 2] = work[mesh + 3 * n + 2]
    for k in range(count):
        total = np.float32(0)
        for m in range(rims.shape[1]):
            total += work[mesh + 3 * rims[k, m] + 2]
        for n in range(known + k * IRIS, known + (k + 1) * IRIS):
            landmarks[n, 2] = total / np.float32(rims.shape[1])
