"""Kernels of means over areas that need not be whole pixels: rows first, a register of values at a time, then columns."""

import numpy as np

from mien.imaging.kernels import kernel, kernel_part
from mien.types import Array


@kernel_part
def _add_row(line: Array, part: np.float32, sums: Array) -> None:
    for i in range(line.shape[0]):
        sums[i] += part * np.float32(line[i])


@kernel_part
def _divide(count: int, first: Array, shares: Array) -> None:
    """Write for k equal parts of a line of `count` pixels the `first` of each, and the `shares` (k, n) of it and the next."""
    span = np.float32(count / first.shape[0])
    for k in range(first.shape[0]):
        left, right = np.float32(k) * span, min(np.float32(k + 1) * span, np.float32(count))
        # The last ones start earlier: each has as many pixels, of which some count for nothing.
        first[k] = min(int(left), count - shares.shape[1])
        for j in range(shares.shape[1]):
            x = first[k] + j
            shares[k, j] = max(min(np.float32(x + 1), right) - max(np.float32(x), left), np.float32(0))


@kernel
def gather_cells(crop: Array, target: Array, mask: Array, cells: Array) -> None:
    """Write the means of the pixels of each cell, float32 (gh, gw, 8): crop (3), target (3), mask, and the share of mask > 0.

    crop and target are the rows of pictures, uint8 (h, w * 3), the mask uint8 (h, w).
    """
    height, width = mask.shape
    rows, columns = cells.shape[0], cells.shape[1]
    down, across = np.float32(height / rows), np.float32(width / columns)
    scale = np.float32(1) / (down * across)
    own, other, sure = np.empty(3 * width, np.float32), np.empty(3 * width, np.float32), np.empty(width, np.float32)
    covered = np.empty(width, np.float32)
    first, shares = np.empty(columns, np.int64), np.empty((columns, min(int(across) + 2, width)), np.float32)
    _divide(width, first, shares)
    for r in range(rows):
        top, bottom = np.float32(r) * down, min(np.float32(r + 1) * down, np.float32(height))
        own[:], other[:], sure[:], covered[:] = 0, 0, 0, 0
        for y in range(int(top), min(int(np.ceil(bottom)), height)):
            part = (min(np.float32(y + 1), bottom) - max(np.float32(y), top)) * scale
            _add_row(crop[y], part, own)
            _add_row(target[y], part, other)
            _add_row(mask[y], part, sure)
            for x in range(width):
                covered[x] += part if mask[y, x] > 0 else np.float32(0)
        for k in range(columns):
            b, g, red, s = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
            ob, og, ored, c = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
            for j in range(shares.shape[1]):
                x, share = first[k] + j, shares[k, j]
                b += share * own[3 * x]
                g += share * own[3 * x + 1]
                red += share * own[3 * x + 2]
                ob += share * other[3 * x]
                og += share * other[3 * x + 1]
                ored += share * other[3 * x + 2]
                s += share * sure[x]
                c += share * covered[x]
            cells[r, k, 0], cells[r, k, 1], cells[r, k, 2] = b, g, red
            cells[r, k, 3], cells[r, k, 4], cells[r, k, 5] = ob, og, ored
            cells[r, k, 6], cells[r, k, 7] = s, c


@kernel
def shrink_area(image: Array, box: tuple[int, int, int, int], result: Array) -> None:
    """Write the rectangle `box` (left, top, width, height) of a picture, its rows uint8 (h, w * 3), to uint8 (rh, rw, 3).

    `result` is no larger than the rectangle, which lies in the picture.
    """
    left, top, width, height = box
    rows, columns = result.shape[0], result.shape[1]
    down, across = np.float32(height / rows), np.float32(width / columns)
    scale = np.float32(1) / (down * across)
    line = np.empty(3 * width, np.float32)
    first, shares = np.empty(columns, np.int64), np.empty((columns, min(int(across) + 2, width)), np.float32)
    _divide(width, first, shares)
    for r in range(rows):
        upper, lower = np.float32(r) * down, min(np.float32(r + 1) * down, np.float32(height))
        line[:] = 0
        for y in range(int(upper), min(int(np.ceil(lower)), height)):
            part = (min(np.float32(y + 1), lower) - max(np.float32(y), upper)) * scale
            _add_row(image[top + y, 3 * left : 3 * (left + width)], part, line)
        for k in range(columns):
            b, g, red = np.float32(0.5), np.float32(0.5), np.float32(0.5)
            for j in range(shares.shape[1]):
                x, share = 3 * (first[k] + j), shares[k, j]
                b += share * line[x]
                g += share * line[x + 1]
                red += share * line[x + 2]
            result[r, k, 0], result[r, k, 1], result[r, k, 2] = np.uint8(b), np.uint8(g), np.uint8(red)
