"""What a network has added to a face, kept apart from the face: it can be carried along with the mesh, or fade.

It lives in a square that is aligned with the face, int16 (side, side, 3), BGR, in 1/64 levels. Places in the square are
shares of its side, 0..1 from edge to edge, so that squares of different sides mean the same.
"""

from functools import cache

import cv2
import numpy as np

from mien.kernel import kernel
from mien.raster import carry_values
from mien.types import Array, Floats, Image, Mask
from mien.unwrap import texel_map

NODES = 64
"""Cells along each side of the map that says how a face has moved in its square."""
_AGREES, _DIFFERS = 0.05, 0.12
"""Moves in the square, in eye distances, up to which detail counts fully, and from which it is not shown any more."""
_STALE_SHARE = 95
"""Percentile of the landmarks' moves by which a whole face is judged: a blink moves 7 of 100 landmarks."""
_SPREAD = 9
"""Cells over which the map is led on beyond the mesh."""
_BORDER = 0.06
"""Share of the square over which detail fades towards its edges."""


def drift(then: Floats, now: Floats, eye_distance: float) -> Floats:
    """Where in the square the face's content was, and how far it may still be the same; float32 (64, 64, 3).

    `then` and `now` are landmarks (478, 2) in the square, `eye_distance` a share of its side. A cell holds the way back from
    now to then, x and y, and a weight, 0..1.
    """
    if then is now:
        return _nowhere()
    moves = then - now
    weight = _weight(moves, eye_distance)
    values = np.column_stack([moves, weight, np.ones_like(weight)]).astype(np.float32)
    drawn = np.zeros((NODES, NODES, 4), np.float32)
    carry_values(texel_map().triangles, np.ascontiguousarray(now * np.float32(NODES) - np.float32(0.5)), values, drawn)
    # Beside the mesh the nearest of it counts, and far from it the face as a whole, which rests in the square.
    near = cv2.blur(drawn, (_SPREAD, _SPREAD), borderType=cv2.BORDER_REPLICATE)
    share = near[:, :, 3:]
    rest = np.array([0, 0, weight.mean()], np.float32)
    beside = np.where(share > 0, near[:, :, :3] / np.maximum(share, 1e-6), rest)
    return np.ascontiguousarray(np.where(drawn[:, :, 3:] > 0, drawn[:, :, :3], beside), np.float32)


def is_stale(then: Floats, now: Floats, eye_distance: float) -> bool:
    """Whether so much of the face has moved in its square that its detail needs another look."""
    return float(np.percentile(np.linalg.norm(then - now, axis=1), _STALE_SHARE)) > _AGREES * eye_distance


def _weight(moves: Floats, eye_distance: float) -> Floats:
    x = np.clip((_DIFFERS - np.linalg.norm(moves, axis=1) / eye_distance) / (_DIFFERS - _AGREES), 0, 1)
    weight: Floats = (x * x * (3 - 2 * x)).astype(np.float32)
    return weight


@cache
def _nowhere() -> Floats:
    """A face that has not moved; read-only."""
    made = np.zeros((NODES, NODES, 3), np.float32)
    made[:, :, 2] = 1
    made.flags.writeable = False
    return made


def added(before: Image, after: Image, cover: Mask) -> Array:
    """The detail that leads from one square to the other, where `cover` is not 0: int16 (side, side, 3).

    All are uint8 of one side. It fades towards the square's edges and where little is covered.
    """
    detail = np.zeros(before.shape, np.int16)
    _difference(before, after, cover, _border(before.shape[0]), detail)
    return detail


@cache
def _border(side: int) -> Floats:
    """1 in the middle of a line of so many pixels, falling smoothly to 0 at both ends."""
    place = (np.arange(side, dtype=np.float32) + np.float32(0.5)) / np.float32(side)
    x = np.clip(np.minimum(place, 1 - place) / _BORDER, 0, 1)
    border: Floats = (x * x * (3 - 2 * x)).astype(np.float32)
    border.flags.writeable = False
    return border


@kernel
def _difference(before: Array, after: Array, cover: Array, border: Array, detail: Array) -> None:
    side = cover.shape[0]
    for y in range(side):
        for x in range(side):
            if cover[y, x] == 0:
                continue
            # A quarter of opacity is enough: the patch's own mask weighs the detail once more.
            share = min(np.float32(cover[y, x]) * np.float32(4 / 255), np.float32(1.0)) * border[y] * border[x]
            for c in range(3):
                detail[y, x, c] = int((np.int32(after[y, x, c]) - np.int32(before[y, x, c])) * share * np.float32(64.0))


@kernel
def follow_detail(shown: Array, way: Array, keep: float, fresh: Array, out: Array) -> None:
    """Lead what is `shown`, int16 (k, k, 3), over to `fresh`, int16 (n, n, 3), into `out` of its shape.

    `way` as in `drift`. `keep` 0..1 is how much of the shown detail stays where it is still the same; out = fresh elsewhere
    and where nothing is fresh.
    """
    side, old_side, nodes = fresh.shape[0], shown.shape[0], way.shape[0]
    scale = np.float32(nodes / side)
    back = np.float32(old_side)
    last = np.float32(old_side - 1.001)
    line = np.empty((nodes, 3), np.float32)
    for y in range(side):
        gy = min(max((y + np.float32(0.5)) * scale - np.float32(0.5), np.float32(0.0)), np.float32(nodes - 1.001))
        i = int(gy)
        fy = gy - np.float32(i)
        for k in range(nodes):
            for c in range(3):
                line[k, c] = way[i, k, c] + (way[i + 1, k, c] - way[i, k, c]) * fy
        v = (y + np.float32(0.5)) / np.float32(side)
        for x in range(side):
            b, g, r = fresh[y, x, 0], fresh[y, x, 1], fresh[y, x, 2]
            out[y, x, 0], out[y, x, 1], out[y, x, 2] = b, g, r
            if b == 0 and g == 0 and r == 0:
                continue
            gx = min(max((x + np.float32(0.5)) * scale - np.float32(0.5), np.float32(0.0)), np.float32(nodes - 1.001))
            j = int(gx)
            fx = gx - np.float32(j)
            weight = np.float32(keep) * (line[j, 2] + (line[j + 1, 2] - line[j, 2]) * fx)
            if weight <= 0:
                continue
            u = (x + np.float32(0.5)) / np.float32(side) + line[j, 0] + (line[j + 1, 0] - line[j, 0]) * fx
            w = v + line[j, 1] + (line[j + 1, 1] - line[j, 1]) * fx
            px, py = u * back - np.float32(0.5), w * back - np.float32(0.5)
            px, py = min(max(px, np.float32(0.0)), last), min(max(py, np.float32(0.0)), last)
            m, n = int(py), int(px)
            sx, sy = px - np.float32(n), py - np.float32(m)
            for c in range(3):
                above = shown[m, n, c] + (shown[m, n + 1, c] - shown[m, n, c]) * sx
                below = shown[m + 1, n, c] + (shown[m + 1, n + 1, c] - shown[m + 1, n, c]) * sx
                old = above + (below - above) * sy
                new = np.float32(fresh[y, x, c])
                out[y, x, c] = int(np.floor(new + weight * (old - new) + np.float32(0.5)))


@kernel
def add_detail(crop: Array, mask: Array, detail: Array, way: Array, crop_to_square: Array, strength: float) -> None:
    """Add detail to `crop` uint8 (h, w, 3), in place where mask > 0.

    detail int16 (k, k, 3); `way` as in `drift`; crop_to_square float32 (2, 3) leads from crop pixels to shares of the square;
    beyond the square nothing is added.
    """
    height, width = mask.shape
    side, nodes = detail.shape[0], way.shape[0]
    last, end = np.float32(side - 1), np.float32(nodes - 1.001)
    half = np.float32(0.5)
    gain = np.float32(strength / 64)
    for y in range(height):
        for x in range(width):
            if mask[y, x] == 0:
                continue
            u = crop_to_square[0, 0] * x + crop_to_square[0, 1] * y + crop_to_square[0, 2]
            v = crop_to_square[1, 0] * x + crop_to_square[1, 1] * y + crop_to_square[1, 2]
            gx = min(max(u * nodes - half, np.float32(0.0)), end)
            gy = min(max(v * nodes - half, np.float32(0.0)), end)
            i, j = int(gy), int(gx)
            fx, fy = gx - np.float32(j), gy - np.float32(i)
            above = way[i, j, 2] + (way[i, j + 1, 2] - way[i, j, 2]) * fx
            below = way[i + 1, j, 2] + (way[i + 1, j + 1, 2] - way[i + 1, j, 2]) * fx
            weight = (above + (below - above) * fy) * gain
            if weight <= 0:
                continue
            above = way[i, j, 0] + (way[i, j + 1, 0] - way[i, j, 0]) * fx
            below = way[i + 1, j, 0] + (way[i + 1, j + 1, 0] - way[i + 1, j, 0]) * fx
            px = (u + above + (below - above) * fy) * side - half
            above = way[i, j, 1] + (way[i, j + 1, 1] - way[i, j, 1]) * fx
            below = way[i + 1, j, 1] + (way[i + 1, j + 1, 1] - way[i + 1, j, 1]) * fx
            py = (v + above + (below - above) * fy) * side - half
            if px < 0 or py < 0 or px >= last or py >= last:
                continue
            m, n = int(py), int(px)
            sx, sy = px - np.float32(n), py - np.float32(m)
            for c in range(3):
                above = detail[m, n, c] + (detail[m, n + 1, c] - detail[m, n, c]) * sx
                below = detail[m + 1, n, c] + (detail[m + 1, n + 1, c] - detail[m + 1, n, c]) * sx
                value = crop[y, x, c] + weight * (above + (below - above) * sy) + half
                crop[y, x, c] = int(min(max(value, np.float32(0.0)), np.float32(255.0)))
