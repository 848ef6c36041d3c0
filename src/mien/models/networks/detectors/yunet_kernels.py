"""Kernels of the YuNet network: units of a pointwise and a depthwise convolution, row by row, and what its heads propose.

Pictures lie pixel by pixel, channels together, all in one array `work`; places in it and in `weights` are offsets.
"""

import numpy as np

from mien.imaging.kernels import kernel, kernel_part
from mien.models.networks.vectors import LANES, instructions
from mien.types import Array

SOURCE, WHOLE, POOLED, ROWS, COLUMNS, TAKEN, GIVEN, MIX, SPREAD, STEM, ADDED, BENT = range(12)
"""Columns of a table of units: offsets in `work` of the picture that is taken, of the one that is given and of its largest
values of each 2 x 2 pixels, pixels and channels; offsets in `weights` of the pointwise and the depthwise convolution. STEM is
the offset of the first convolution's weights in the unit that takes the canvas. ADDED is the offset of a picture half as large
that is added to the one taken, in place. Offsets that do not apply are -1. BENT is 1 where negative sums become 0, as in all
but heads."""
HEAD_CHANNELS = 16
"""Channels of a cell of a head: class and object scores, box, points."""
STEM_TAPS = 9  # values in each of three rows that a pixel of the first convolution is made of: 3 pixels of 3 channels
FIELDS = 15  # numbers of a candidate: box, points, score
PIXELS, FEW = 8, 4
"""Pixels whose sums are kept at once, of 16 or 32 channels."""
_INSTRUCTIONS = "mien.models.networks.detectors.yunet_instructions"
_mix_wide, _mix_tile, _mix_few, _mix_one, _begin = (
    instructions(_INSTRUCTIONS, name) for name in ("mix_wide", "mix_tile", "mix_few", "mix_one", "begin")
)
_spread_bent, _spread_plain = (instructions(_INSTRUCTIONS, name) for name in ("spread_bent", "spread_plain"))
_pool_row, _add_row = (instructions(_INSTRUCTIONS, name) for name in ("pool_row", "add_row"))


@kernel
def run_units(units: Array, weights: Array, work: Array, zeros: int, ring: int, stem: int, pair: int) -> None:
    """Walk a table of units, int64 (n, 12).

    `zeros`, `ring`, `stem` and `pair` are offsets of room for a row of 0, for three rows between the convolutions, one of the
    first convolution, and two of a picture that is not kept. A row has a pixel more at each end.
    """
    for u in range(units.shape[0]):
        rows, columns, taken, given = units[u, ROWS], units[u, COLUMNS], units[u, TAKEN], units[u, GIVEN]
        if units[u, ADDED] >= 0:
            _add_doubled(work, weights, units[u])
        slot = (columns + 2) * given
        for k in range(3):
            for c in range(given):
                work[ring + k * slot + c] = np.float32(0)
                work[ring + k * slot + (columns + 1) * given + c] = np.float32(0)
        for y in range(rows + 1):
            if y < rows:
                line = units[u, SOURCE] + y * columns * taken
                if units[u, STEM] >= 0:
                    _begin_row(work, weights, units[u], y, stem)
                    line = stem
                _mix_row(work, weights, units[u], line, ring + (y % 3) * slot + given)
            if y > 0:
                above = ring + ((y + 1) % 3) * slot if y > 1 else zeros
                below = ring + (y % 3) * slot if y < rows else zeros
                _finish_row(work, weights, units[u], y - 1, (above, ring + ((y + 2) % 3) * slot, below, pair))


@kernel_part
def _begin_row(work: Array, weights: Array, unit: Array, y: int, target: int) -> None:
    """Write a row of the first convolution, of a canvas of floats with a pixel of 0 before each row, and a row of it on top."""
    columns, row = unit[COLUMNS], 3 * (2 * unit[COLUMNS] + 1)
    for x in range(0, columns, PIXELS):
        numbers = (
            unit[SOURCE] + 2 * y * row + 6 * x, 6, target + x * LANES, LANES, STEM_TAPS, 3, row, unit[STEM], 0,
            unit[STEM] + 3 * STEM_TAPS * LANES,
        )  # fmt: skip
        _begin(work, weights, numbers)


@kernel_part
def _mix_row(work: Array, weights: Array, unit: Array, line: int, target: int) -> None:
    """Write all channels of a row of the pointwise convolution."""
    columns, taken, given, mix = unit[COLUMNS], unit[TAKEN], unit[GIVEN], unit[MIX]
    bias, panel = mix + taken * given, taken * LANES
    whole = columns - columns % PIXELS
    paired = given - given % (2 * LANES)
    for c in range(0, paired, 2 * LANES):
        for x in range(0, whole, PIXELS):
            source, to = line + x * taken, target + x * given + c
            _mix_wide(work, weights, (source, taken, to, given, taken, 1, 0, mix + c * taken, panel, bias + c))
    for c in range(paired, given, LANES):
        for x in range(0, whole, PIXELS):
            source, to = line + x * taken, target + x * given + c
            _mix_tile(work, weights, (source, taken, to, given, taken, 1, 0, mix + c * taken, panel, bias + c))
    for c in range(0, given, LANES):
        x = whole
        while x < columns:
            source, to = line + x * taken, target + x * given + c
            numbers = (source, taken, to, given, taken, 1, 0, mix + c * taken, panel, bias + c)
            if columns - x >= FEW:
                _mix_few(work, weights, numbers)
                x += FEW
            else:
                _mix_one(work, weights, numbers)
                x += 1


@kernel_part
def _finish_row(work: Array, weights: Array, unit: Array, y: int, places: tuple[int, int, int, int]) -> None:
    """Write row `y` of the depthwise convolution, and of the largest values when it is the lower one of two."""
    above, at, below, pair = places
    columns, given, pooled = unit[COLUMNS], unit[GIVEN], unit[POOLED]
    row = columns * given
    target = unit[WHOLE] + y * row if unit[WHOLE] >= 0 else pair + (y % 2) * row
    bias = unit[SPREAD] + 9 * given
    for c in range(0, given, LANES):
        numbers = (above + c, at + c, below + c, target + c, given, columns, unit[SPREAD] + c, bias + c)
        if unit[BENT] == 1:
            _spread_bent(work, weights, numbers)
        else:
            _spread_plain(work, weights, numbers)
    if pooled >= 0 and y % 2 == 1:
        first = target - row if unit[WHOLE] >= 0 else pair
        to = pooled + (y // 2) * (columns // 2) * given
        for c in range(0, given, LANES):
            _pool_row(work, weights, (first + c, first + row + c, given, to + c, columns // 2))


@kernel_part
def _add_doubled(work: Array, weights: Array, unit: Array) -> None:
    """Add a picture half as large, each of its pixels four times, to the one that the unit takes."""
    columns, channels = unit[COLUMNS], unit[TAKEN]
    for y in range(unit[ROWS]):
        source, target = unit[ADDED] + (y // 2) * (columns // 2) * channels, unit[SOURCE] + y * columns * channels
        for c in range(0, channels, LANES):
            _add_row(work, weights, (source + c, target + c, channels, columns // 2))


@kernel
def read_canvas(canvas: Array, work: Array, target: int) -> None:
    """Write a canvas uint8 (height, 3 * width) as floats, with a row of 0 on top and a pixel of 0 before each row."""
    row = canvas.shape[1] + 3
    for k in range(row):
        work[target + k] = np.float32(0)
    for y in range(canvas.shape[0]):
        start = target + (y + 1) * row
        for c in range(3):
            work[start + c] = np.float32(0)
        for k in range(canvas.shape[1]):
            work[start + 3 + k] = np.float32(canvas[y, k])


@kernel
def propose(work: Array, heads: Array, least: float, found: Array, count: Array) -> None:
    """Write the candidates with a score of at least `least` to `found` float32 (n, 15), and their number to `count` int64 (1,).

    `heads` int64 (k, 4): offset, rows, columns and stride of each grid. A candidate is the box xyxy, five points and the score,
    in pixels of the canvas.
    """
    n = 0
    for head in range(heads.shape[0]):
        columns, stride = heads[head, 2], heads[head, 3]
        for cell in range(heads[head, 1] * columns):
            at = heads[head, 0] + cell * HEAD_CHANNELS
            kind, object_score = 1 / (1 + np.exp(-work[at])), 1 / (1 + np.exp(-work[at + 1]))
            score = np.sqrt(kind * object_score)
            if score >= least:
                x, y = np.float32(cell % columns), np.float32(cell // columns)
                middle_x, middle_y = (x + work[at + 2]) * stride, (y + work[at + 3]) * stride
                half_x, half_y = np.exp(work[at + 4]) * stride / 2, np.exp(work[at + 5]) * stride / 2
                found[n, 0], found[n, 1] = middle_x - half_x, middle_y - half_y
                found[n, 2], found[n, 3] = middle_x + half_x, middle_y + half_y
                for k in range(5):
                    found[n, 4 + 2 * k] = (x + work[at + 6 + 2 * k]) * stride
                    found[n, 5 + 2 * k] = (y + work[at + 7 + 2 * k]) * stride
                found[n, 14] = score
                n += 1
    count[0] = n
