"""Detail that a network has added to a face, stored apart from the face: it is carried along with the mesh, or fades.

It lives in a square that is aligned with the face, int16 (side, side, 3), BGR, in 1/64 levels. Places in the square are
shares of its side, 0..1 from edge to edge, so that squares of different sides mean the same.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np

from mien.face.texels import texel_map
from mien.imaging.arrays import locked
from mien.imaging.draw import carry_values
from mien.imaging.kernels import kernel, kernel_part
from mien.imaging.smoothstep import smoothstep
from mien.types import Array, Floats, Image, Mask

NODES = 64  # cells along each side of the map of a face's motion in its square
KNOT = 8  # pixels of a row from one place where the map is read to the next; it changes slowly


@dataclass(frozen=True, slots=True)
class DetailTuning:
    """Motion of a face in its square."""

    agrees: float = 0.05
    differs: float = 0.12
    """Moves, in eye distances, up to which detail counts fully, and from which it is no longer shown."""
    stale_percentile: float = 95
    """Percentile of the landmarks' moves by which a whole face is judged: a blink moves 7 of 100 landmarks."""
    spread_cells: int = 9
    """Cells over which the map is extended beyond the mesh."""
    border: float = 0.06
    """Share of the square over which detail fades towards its edges."""


TUNING = DetailTuning()


def drift(then: Floats, now: Floats, eye_distance: float) -> Floats:
    """Return the way back to the face's former content, and how far it may still be the same; float32 (64, 64, 3).

    `then` and `now` are landmarks (478, 2) in the square, `eye_distance` a share of its side. A cell holds the way back from
    now to then, x and y, and a weight, 0..1.
    """
    if then is now:
        return _nowhere()
    moves = then - now
    weight = _weight(moves, eye_distance)
    values = np.column_stack([moves, weight, np.ones_like(weight)]).astype(np.float32)
    drawn = np.zeros((NODES, NODES, 4), np.float32)
    # Where skin folds over skin, the part that has moved most wins: it is drawn last.
    triangles = texel_map().triangles
    triangles = np.ascontiguousarray(triangles[np.argsort(-weight[triangles].min(axis=1), kind="stable")])
    carry_values(triangles, np.ascontiguousarray(now * np.float32(NODES) - np.float32(0.5)), values, drawn)
    # Beside the mesh the nearest of it counts, and far from it the face as a whole, which rests in the square.
    near = cv2.blur(drawn, (TUNING.spread_cells, TUNING.spread_cells), borderType=cv2.BORDER_REPLICATE)
    share = near[:, :, 3:]
    rest = np.array([0, 0, weight.mean()], np.float32)
    beside = np.where(share > 0, near[:, :, :3] / np.maximum(share, 1e-6), rest)
    return np.ascontiguousarray(np.where(drawn[:, :, 3:] > 0, drawn[:, :, :3], beside), np.float32)


def is_stale(then: Floats, now: Floats, eye_distance: float) -> bool:
    """Return True when so much of the face has moved in its square that the network must run again."""
    return float(np.percentile(np.linalg.norm(then - now, axis=1), TUNING.stale_percentile)) > TUNING.agrees * eye_distance


def _weight(moves: Floats, eye_distance: float) -> Floats:
    return smoothstep((TUNING.differs - np.linalg.norm(moves, axis=1) / eye_distance) / (TUNING.differs - TUNING.agrees))


@cache
def _nowhere() -> Floats:
    """A face that has not moved; read-only."""
    made = np.zeros((NODES, NODES, 3), np.float32)
    made[:, :, 2] = 1
    return locked(made)


def added(before: Image, after: Image, worn: Mask) -> Array:
    """Return the detail that leads from one square to the other, where `worn` is not 0: int16 (side, side, 3).

    All are uint8 of one side. It fades towards the square's edges and where little is worn.
    """
    detail = np.zeros(before.shape, np.int16)
    _difference(before, after, worn, _border(before.shape[0]), detail)
    return detail


@cache
def _border(side: int) -> Floats:
    """1 in the middle of a line of `side` pixels, falling smoothly to 0 at both ends."""
    place = (np.arange(side, dtype=np.float32) + np.float32(0.5)) / np.float32(side)
    return locked(smoothstep(np.minimum(place, 1 - place) / TUNING.border))


@kernel
def _difference(before: Array, after: Array, worn: Array, border: Array, detail: Array) -> None:
    side = worn.shape[0]
    for y in range(side):
        for x in range(side):
            if worn[y, x] == 0:
                continue
            # A quarter of opacity is enough: the patch's own mask weighs the detail once more.
            share = min(np.float32(worn[y, x]) * np.float32(4 / 255), np.float32(1.0)) * border[y] * border[x]
            for c in range(3):
                detail[y, x, c] = np.int16(
                    (np.float32(after[y, x, c]) - np.float32(before[y, x, c])) * share * np.float32(64.0)
                )


@kernel_part
def _between(a: Any, b: Any, c: Any, d: Any, x: Any, y: Any) -> Any:
    """Interpolate between four neighbours, float32: above left and right, below left and right."""
    above = a + (b - a) * x
    below = c + (d - c) * x
    return above + (below - above) * y


@kernel_part
def _look_up(way: Array, to_square: Array, y: int, side: float, line: Array) -> None:
    """Fill `line` float32 (n, 3) with the origin of detail, in pixels of its square, and its weight, at every eighth pixel.

    The pixels between are interpolated: the way changes slowly.
    """
    cells, end = np.float32(way.shape[0]), np.float32(way.shape[0] - 1.001)
    half, none = np.float32(0.5), np.float32(0.0)
    for k in range(line.shape[0]):
        x_here, y_here = np.float32(k * KNOT), np.float32(y)
        u = to_square[0, 0] * x_here + to_square[0, 1] * y_here + to_square[0, 2]
        v = to_square[1, 0] * x_here + to_square[1, 1] * y_here + to_square[1, 2]
        gx, gy = min(max(u * cells - half, none), end), min(max(v * cells - half, none), end)
        i, j = np.int32(gy), np.int32(gx)
        fx, fy = gx - np.float32(j), gy - np.float32(i)
        for c in range(3):
            line[k, c] = _between(way[i, j, c], way[i, j + 1, c], way[i + 1, j, c], way[i + 1, j + 1, c], fx, fy)
        line[k, 0] = (line[k, 0] + u) * np.float32(side) - half
        line[k, 1] = (line[k, 1] + v) * np.float32(side) - half


@kernel
def follow_detail(shown: Array, way: Array, keep: float, fresh: Array, out: Array) -> None:
    """Fade the detail `shown`, int16 (k, k, 3), over to `fresh`, int16 (n, n, 3), into `out` of its shape.

    `way` as in `drift`. `keep` 0..1 is the share of the shown detail that stays where it is still the same; out = fresh
    elsewhere and where nothing is fresh.
    """
    side = fresh.shape[0]
    last, none = np.float32(shown.shape[0] - 1.001), np.float32(0.0)
    to_square = np.zeros((2, 3), np.float32)
    to_square[0, 0] = to_square[1, 1] = np.float32(1 / side)
    to_square[0, 2] = to_square[1, 2] = np.float32(0.5 / side)
    line = np.empty(((side + KNOT - 1) // KNOT + 1, 3), np.float32)
    for y in range(side):
        _look_up(way, to_square, y, shown.shape[0], line)
        for x in range(side):
            out[y, x, 0], out[y, x, 1], out[y, x, 2] = fresh[y, x, 0], fresh[y, x, 1], fresh[y, x, 2]
            if fresh[y, x, 0] == 0 and fresh[y, x, 1] == 0 and fresh[y, x, 2] == 0:
                continue
            k = x // KNOT
            t = np.float32(x - k * KNOT) * np.float32(1 / KNOT)
            px = min(max(line[k, 0] + (line[k + 1, 0] - line[k, 0]) * t, none), last)
            py = min(max(line[k, 1] + (line[k + 1, 1] - line[k, 1]) * t, none), last)
            weight = np.float32(keep) * (line[k, 2] + (line[k + 1, 2] - line[k, 2]) * t)
            m, n = np.int32(py), np.int32(px)
            sx, sy = px - np.float32(n), py - np.float32(m)
            for c in range(3):
                old = _between(
                    np.float32(shown[m, n, c]), np.float32(shown[m, n + 1, c]),
                    np.float32(shown[m + 1, n, c]), np.float32(shown[m + 1, n + 1, c]), sx, sy,
                )  # fmt: skip
                new = np.float32(fresh[y, x, c])
                # Rounded to the nearest, also below 0.
                out[y, x, c] = np.int16(np.int32(new + weight * (old - new) + np.float32(32768.5)) - np.int32(32768))


@kernel
def add_detail(crop: Array, mask: Array, detail: Array, way: Array, crop_to_square: Array, strength: float) -> None:
    """Add detail to `crop` uint8 (h, w, 3), in place where mask > 0.

    detail int16 (k, k, 3); `way` as in `drift`; crop_to_square float32 (2, 3) leads from crop pixels to shares of the square;
    beyond the square nothing is added.
    """
    height, width = mask.shape
    last = np.float32(detail.shape[0] - 1.001)
    half, none, most = np.float32(0.5), np.float32(0.0), np.float32(255.0)
    gain = np.float32(strength / 64)
    line = np.empty(((width + KNOT - 1) // KNOT + 1, 3), np.float32)
    for y in range(height):
        _look_up(way, crop_to_square, y, detail.shape[0], line)
        for x in range(width):
            if mask[y, x] == 0:
                continue
            k = x // KNOT
            t = np.float32(x - k * KNOT) * np.float32(1 / KNOT)
            px = line[k, 0] + (line[k + 1, 0] - line[k, 0]) * t
            py = line[k, 1] + (line[k + 1, 1] - line[k, 1]) * t
            if px < none or py < none or px > last or py > last:
                continue
            weight = gain * (line[k, 2] + (line[k + 1, 2] - line[k, 2]) * t)
            m, n = np.int32(py), np.int32(px)
            sx, sy = px - np.float32(n), py - np.float32(m)
            for c in range(3):
                more = _between(
                    np.float32(detail[m, n, c]), np.float32(detail[m, n + 1, c]),
                    np.float32(detail[m + 1, n, c]), np.float32(detail[m + 1, n + 1, c]), sx, sy,
                )  # fmt: skip
                value = np.float32(crop[y, x, c]) + weight * more + half
                crop[y, x, c] = np.uint8(np.int32(min(max(value, none), most)))
