"""A line of the picture kept before a crop: as opaque as it stands out from both of its sides, which it may shade."""

from dataclasses import dataclass

import numpy as np

from mien.imaging.kernels import kernel, kernel_part
from mien.types import Affine, Array, Floats, Image, Mask


@dataclass(frozen=True, slots=True)
class MatteTuning:
    """Levels of colour, and widths."""

    noise: float = 6.0
    """Levels by which a pixel may differ from the colours of both sides and be none of the line."""
    least: float = 32.0
    """Levels from which it is wholly of the line, at least, and `share` of the contrast of the line that it takes else."""
    share: float = 0.75
    dark: float = 8.0
    """Levels added to both colours before the one is divided by the other: in the dark a ratio means nothing."""
    ratios: tuple[float, float] = (0.4, 1.25)
    """Least and most shading."""
    black: tuple[float, float] = (0.4, 0.55)
    """Share of the crop's light below which a pixel outside of a closed line is wholly of it, and begins to be: of a thick
    black rim, at whose edge the line may lie."""
    side_rows: int = 5
    level_rows: int = 13
    """Rows of a strip over which the colours of a side, and the contrast of a line, are one."""


TUNING = MatteTuning()
_LEVELS = np.array((TUNING.noise, TUNING.least, TUNING.share, TUNING.dark, *TUNING.ratios, *TUNING.black), np.float32)


@dataclass(frozen=True, slots=True)
class Strip:
    """Rows across a line: straight, or around a middle (`closed`).

    A place in pixels is `to_local` into x and y. Of a straight strip x counts the rows, 0 the first and 1 the last, and y is
    the place in the row; of a closed one the angle counts the rows, the distance is the place. Columns begin at `first` and
    are `step` apart.
    """

    to_local: Affine
    closed: bool
    first: float
    step: float


def lay_line(
    target: Image, crop: Image, mask: Mask, strip: Strip, rows: Floats, widths: tuple[float, float, float], profile: Image
) -> None:
    """Keep a line of `target` before `crop`, all BGR uint8 (h, w, 3): lower `mask` uint8 (h, w), and shade the crop, in place.

    `rows` float32 (4, n): for each row the column of the line, how surely it stays whatever the picture says, how far the
    picture may decide, 0..1, and 1 where black outside of it is a rim, too. `widths`, in columns: half of the line's, the
    margin in which the picture decides, and how far out black belongs to a closed line. `profile` uint8 (n, 2 k + 1, 3) is
    the picture along the line, its middle column on it.
    """
    half, margin, outer = widths
    reach = min(round(half + margin), profile.shape[1] // 2 - 1)
    sides = np.empty((rows.shape[1], 7), np.float32)
    _fill_sides(profile, round(half), reach, strip.closed, TUNING.side_rows // 2, TUNING.level_rows // 2, sides)
    local = np.asarray(strip.to_local, np.float32)
    _lay(target, crop, mask, local, strip.closed, strip.first, strip.step, rows, sides, half, margin, outer, _LEVELS)


@kernel
def _fill_sides(profile: Array, half: int, reach: int, closed: bool, side_rows: int, level_rows: int, sides: Array) -> None:
    """Write the mean colours of both sides, 3 and 3, and the greatest difference from them on the line, for each row."""
    rows, middle = profile.shape[0], profile.shape[1] // 2
    levels = np.zeros(rows, np.float32)
    for y in range(rows):
        for c in range(6):
            sides[y, c] = 0
        for d in range(-side_rows, side_rows + 1):
            k = (y + d + rows) % rows if closed else min(max(y + d, 0), rows - 1)
            for c in range(3):
                sides[y, c] += profile[k, middle - reach, c] + np.float32(profile[k, middle - reach - 1, c])
                sides[y, 3 + c] += profile[k, middle + reach, c] + np.float32(profile[k, middle + reach + 1, c])
        for c in range(6):
            sides[y, c] /= np.float32(2 * (2 * side_rows + 1))
        for d in range(-half, half + 1):
            share = np.float32((d + reach) / (2 * reach))
            for c in range(3):
                behind = sides[y, c] + (sides[y, 3 + c] - sides[y, c]) * share
                levels[y] = max(levels[y], abs(profile[y, middle + d, c] - behind))
    for y in range(rows):
        total = np.float32(0)
        for d in range(-level_rows, level_rows + 1):
            total += levels[(y + d + rows) % rows if closed else min(max(y + d, 0), rows - 1)]
        sides[y, 6] = total / np.float32(2 * level_rows + 1)


@kernel_part
def _without_black(under: Array, over: Array, mask: int, levels: Array) -> int:
    """Return the mask of a pixel, lower where what is under it is black against what is over it."""
    light, dark = np.float32(over[0]) + over[1] + over[2], np.float32(under[0]) + under[1] + under[2]
    black = min(max((levels[7] * light - dark) / ((levels[7] - levels[6]) * light + 1), np.float32(0)), np.float32(1))
    return int(mask * (1 - black) + np.float32(0.5))


@kernel_part
def _ends(values: Array) -> tuple[float, float]:
    """Return the least and the greatest value; numba's own functions take a tenth of a second to load."""
    least, most = values[0], values[0]
    for value in values:
        least, most = min(least, value), max(most, value)
    return least, most


@kernel
def _lay(
    target: Array, crop: Array, mask: Array, local: Array, closed: bool, first: float, step: float, rows: Array, sides: Array,
    half: float, margin: float, outer: float, levels: Array,
) -> None:  # fmt: skip
    count, reach, begin = rows.shape[1], np.float32(half + margin), np.float32(first)
    turn, full, by_step = np.float32(count / (2 * np.pi)), np.float32(count), np.float32(1 / step)
    first_column, last_column = _ends(rows[0])
    near = max(begin + np.float32(step) * max(first_column - reach, np.float32(0)), np.float32(0)) ** 2
    far = (begin + np.float32(step) * (last_column + max(reach, np.float32(outer)))) ** 2
    for y in range(mask.shape[0]):
        start_u = local[0, 1] * np.float32(y) + local[0, 2]
        start_v = local[1, 1] * np.float32(y) + local[1, 2]
        for x in range(mask.shape[1]):
            if mask[y, x] == 0:
                continue
            u, v = local[0, 0] * np.float32(x) + start_u, local[1, 0] * np.float32(x) + start_v
            if closed:
                place = u * u + v * v
                if place < near or place > far:
                    continue
                column = (np.sqrt(place) - begin) * by_step
                row = np.arctan2(v, u) * turn
                row = row + full if row < 0 else row
            else:
                row, column = u * (full - np.float32(1)), (v - begin) * by_step
                if row < np.float32(-0.01) or row > full - np.float32(0.99):
                    continue
            i = min(int(row), count - 1)
            k = (i + 1) % count if closed else min(i + 1, count - 1)
            f = row - np.float32(i)
            away = column - (rows[0, i] + (rows[0, k] - rows[0, i]) * f)
            if closed and rows[3, i] > 0 and away > -reach and away < outer:
                mask[y, x] = _without_black(target[y, x], crop[y, x], mask[y, x], levels)
            if abs(away) >= reach:
                continue
            sure = rows[1, i] + (rows[1, k] - rows[1, i]) * f
            level = sides[i, 6] + (sides[k, 6] - sides[i, 6]) * f
            band = rows[2, i] + (rows[2, k] - rows[2, i]) * f
            band *= min(np.float32(1), np.float32(2) * (reach - abs(away)) / reach)
            share = (away + reach) / (np.float32(2) * reach)
            apart = np.float32(0)
            for c in range(3):
                behind = sides[i, c] + (sides[i, 3 + c] - sides[i, c]) * share
                apart = max(apart, abs(target[y, x, c] - behind))
                ratio = min(max((target[y, x, c] + levels[3]) / (behind + levels[3]), levels[4]), levels[5])
                shaded = np.float32(crop[y, x, c]) * (np.float32(1) + band * (ratio - np.float32(1))) + np.float32(0.5)
                crop[y, x, c] = np.uint8(np.int32(min(shaded, np.float32(255))))
            most = max(levels[2] * level, levels[1])
            kept = band * min(max((apart - levels[0]) / (most - levels[0]), np.float32(0)), np.float32(1))
            core = sure * min(max(np.float32(half) + np.float32(0.5) - abs(away), np.float32(0)), np.float32(1))
            left = np.float32(mask[y, x]) * (np.float32(1) - max(kept, core)) + np.float32(0.5)
            mask[y, x] = np.uint8(np.int32(left))
