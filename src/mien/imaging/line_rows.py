"""Rows of places across a line in a picture, and what the picture shows there. Pictures are BGR uint8 (h, w, 3)."""

from dataclasses import dataclass

import numpy as np

from mien.imaging.kernels import kernel
from mien.types import Affine, Array, Floats, Image, Mask


@dataclass(frozen=True, slots=True)
class LineRows:
    """Straight rows in a picture: a distance d of row i is the place `origins[i] + d * directions[i]`; float32 (n, 2) each."""

    origins: Floats
    directions: Floats

    def places(self, distances: Floats) -> Floats:
        """Return the places at distances (n, k) in the rows, float32 (n, k, 2)."""
        return np.asarray(self.origins[:, None] + distances[:, :, None] * self.directions[:, None], np.float32)

    def moved(self, transform: Affine) -> "LineRows":
        """Return the rows in another picture, to which the transform leads; distances stay those of this one."""
        moved = LineRows(np.empty_like(self.origins), np.empty_like(self.directions))
        _move(self.origins, self.directions, np.asarray(transform, np.float32), moved.origins, moved.directions)
        return moved

    def bounds(self, middle: Floats, reach: float) -> tuple[float, float, float, float]:
        """Return the box around the places within `reach` of a distance of each row, float32 (n,): left, top, right, bottom."""
        box = np.empty(4, np.float32)
        _bound(self.origins, self.directions, middle, reach, box)
        left, top, right, bottom = box.tolist()
        return left, top, right, bottom

    def sample(self, picture: Image, first: Floats, step: float, count: int) -> Image:
        """Return the picture at `count` distances of each row, `step` apart from its `first`, bilinearly; 0 beyond it."""
        found = np.empty((len(first), count, 3), np.uint8)
        _sample(picture, self.origins, self.directions, first, step, found)
        return found

    def black_share(
        self, target: Image, crop: Image, mask: Mask, first: Floats, step: float, count: int, limits: tuple[float, float]
    ) -> Floats:
        """Return for each row the share of such distances where the target is black and the mask sees it, float32 (n,).

        Black is below `limits[0]` of the crop's light, and the mask, uint8 (h, w), sees what it has below `limits[1]`.
        """
        shares = np.empty(len(first), np.float32)
        _count_black(target, crop, mask, self.origins, self.directions, first, step, count, limits[0], limits[1], shares)
        return shares


def closed_rows(shares: Floats, least: float, longest_gap: int) -> Floats:
    """Return 1 for the rows of a closed line with a share above `least`, and for gaps between them; float32 (n,), else 0.

    A gap is as long as `longest_gap` rows at most.
    """
    closed = np.empty_like(shares)
    _close(shares, least, longest_gap, closed)
    return closed


@kernel
def _move(origins: Array, directions: Array, transform: Array, moved_origins: Array, moved_directions: Array) -> None:
    for i in range(origins.shape[0]):
        for c in range(2):
            a, b = transform[c, 0], transform[c, 1]
            moved_origins[i, c] = a * origins[i, 0] + b * origins[i, 1] + transform[c, 2]
            moved_directions[i, c] = a * directions[i, 0] + b * directions[i, 1]


@kernel
def _bound(origins: Array, directions: Array, middle: Array, reach: float, box: Array) -> None:
    apart = np.float32(reach)
    for c in range(2):
        box[c] = box[2 + c] = origins[0, c] + directions[0, c] * middle[0]
    for i in range(origins.shape[0]):
        for distance in (middle[i] - apart, middle[i] + apart):
            for c in range(2):
                place = origins[i, c] + directions[i, c] * distance
                box[c], box[2 + c] = min(box[c], place), max(box[2 + c], place)


@kernel
def _sample(picture: Array, origins: Array, directions: Array, first: Array, step: float, found: Array) -> None:
    last_x, last_y = np.float32(picture.shape[1] - 1), np.float32(picture.shape[0] - 1)
    apart, half = np.float32(step), np.float32(0.5)
    for i in range(found.shape[0]):
        for k in range(found.shape[1]):
            distance = first[i] + apart * np.float32(k)
            x = origins[i, 0] + distance * directions[i, 0]
            y = origins[i, 1] + distance * directions[i, 1]
            # Put so that what is not a number lies beyond the picture, too.
            if not (x >= 0 and y >= 0 and x <= last_x and y <= last_y):
                found[i, k, 0], found[i, k, 1], found[i, k, 2] = 0, 0, 0
                continue
            u, v = min(max(int(x), 0), picture.shape[1] - 1), min(max(int(y), 0), picture.shape[0] - 1)
            right, below = min(u + 1, picture.shape[1] - 1), min(v + 1, picture.shape[0] - 1)
            fx, fy = x - np.float32(u), y - np.float32(v)
            for c in range(3):
                upper = np.float32(picture[v, u, c]) + (np.float32(picture[v, right, c]) - np.float32(picture[v, u, c])) * fx
                lower = np.float32(picture[below, u, c])
                lower += (np.float32(picture[below, right, c]) - lower) * fx
                found[i, k, c] = np.uint8(np.int32(upper + (lower - upper) * fy + half))


@kernel
def _count_black(
    target: Array, crop: Array, mask: Array, origins: Array, directions: Array, first: Array, step: float, count: int,
    dark: float, sight: float, shares: Array,
) -> None:  # fmt: skip
    height, width = mask.shape
    apart, half = np.float32(step), np.float32(0.5)
    for i in range(shares.shape[0]):
        found = 0
        for k in range(count):
            distance = first[i] + apart * np.float32(k)
            x = int(np.floor(origins[i, 0] + distance * directions[i, 0] + half))
            y = int(np.floor(origins[i, 1] + distance * directions[i, 1] + half))
            x, y = min(max(x, 0), width - 1), min(max(y, 0), height - 1)
            if mask[y, x] >= sight:
                continue
            light = int(target[y, x, 0]) + int(target[y, x, 1]) + int(target[y, x, 2])
            over = int(crop[y, x, 0]) + int(crop[y, x, 1]) + int(crop[y, x, 2])
            found += 1 if light < dark * over else 0
        shares[i] = np.float32(found) / np.float32(count)


@kernel
def _close(shares: Array, least: float, longest_gap: int, closed: Array) -> None:
    rows, first = shares.shape[0], -1
    for i in range(rows):
        closed[i] = np.float32(1) if shares[i] > least else np.float32(0)
        if first < 0 and shares[i] > least:
            first = i
    if first < 0:
        return
    gap = 0
    for k in range(1, rows + 1):
        if shares[(first + k) % rows] > least:
            for back in range(1, gap + 1 if gap <= longest_gap else 1):
                closed[(first + k - back) % rows] = np.float32(1)
            gap = 0
        else:
            gap += 1
