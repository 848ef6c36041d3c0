"""Smooth displacement fields on a coarse grid, compiled by numba; the kernels release the GIL and allocate nothing."""

import numpy as np

from mien.imaging.kernels import kernel
from mien.types import Array


@kernel
def spread_shares(places: Array, step_xy: tuple[float, float], near: float, margin: float, size: Array, shares: Array) -> None:
    """Find the share of each place in each node of a grid: 1 / (distance^2 + near^2)^2 over their sum (Shepard 1968).

    places is float32 (n, 2); the grid has `size` (rows, columns), int, `step_xy` apart from (0, 0). shares float32
    (rows * columns, n) takes the result; within `margin` of the grid's border they fall smoothly to 0.
    """
    rows, columns = size[0], size[1]
    width, height = (columns - 1) * step_xy[0], (rows - 1) * step_xy[1]
    least = np.float32(near * near)
    for i in range(rows):
        y = np.float32(i * step_xy[1])
        v = min(max(min(y, height - y) / margin, 0.0), 1.0)
        for j in range(columns):
            x = np.float32(j * step_xy[0])
            u = min(max(min(x, width - x) / margin, 0.0), 1.0)
            fade = u * u * (3.0 - 2.0 * u) * v * v * (3.0 - 2.0 * v)
            node, total = i * columns + j, np.float32(0.0)
            for k in range(places.shape[0]):
                dx, dy = x - places[k, 0], y - places[k, 1]
                near_by = np.float32(1.0) / (dx * dx + dy * dy + least)
                shares[node, k] = near_by * near_by
                total += shares[node, k]
            gain = np.float32(fade / total)
            for k in range(places.shape[0]):
                shares[node, k] *= gain


@kernel
def follow(points: Array, nodes: Array, step_xy: tuple[float, float]) -> None:
    """Move points float32 (n, 2), in place, along with a picture that is bent by `nodes`.

    nodes float32 (rows, columns, 2) is the way from each node back to the origin of its content, read bilinearly; points count
    from its first node. The backward field is inverted by fixed point iteration.
    """
    rows, columns = nodes.shape[0], nodes.shape[1]
    for k in range(points.shape[0]):
        start_x, start_y = points[k, 0], points[k, 1]
        for _ in range(4):
            x, y = points[k, 0] / step_xy[0], points[k, 1] / step_xy[1]
            if x < 0 or y < 0 or x > columns - 1 or y > rows - 1:
                break
            j, i = min(int(x), columns - 2), min(int(y), rows - 2)
            fx, fy = x - j, y - i
            for c in range(2):
                upper = nodes[i, j, c] + (nodes[i, j + 1, c] - nodes[i, j, c]) * fx
                lower = nodes[i + 1, j, c] + (nodes[i + 1, j + 1, c] - nodes[i + 1, j, c]) * fx
                points[k, c] = (start_x if c == 0 else start_y) - (upper + (lower - upper) * fy)
