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
def spread_whole(shares: Array, places: Array, moves: Array, rounds: int, asked: Array, nodes: Array) -> None:
    """Write to the nodes of a grid, float32 (rows, columns, 2), the moves (n, 2) of places by their `shares` (nodes, n).

    places float32 (n, 2) count in cells from the first node. As often as there are `rounds`, what has not arrived at them is
    added and spread again; `asked` float32 (2, n) takes it. Nodes are read in 32nds of a cell, as `cv2.remap` does.
    """
    rows, columns, count = nodes.shape[0], nodes.shape[1], moves.shape[0]
    for k in range(count):
        asked[0, k], asked[1, k] = moves[k, 0], moves[k, 1]
    for done in range(rounds + 1):
        for i in range(rows):
            for j in range(columns):
                x, y = np.float32(0), np.float32(0)
                node = i * columns + j
                for k in range(count):
                    x += shares[node, k] * asked[0, k]
                    y += shares[node, k] * asked[1, k]
                nodes[i, j, 0], nodes[i, j, 1] = x, y
        if done == rounds:
            return
        for k in range(count):
            column = min(max(int(np.rint(places[k, 0] * np.float32(32))), 0), 32 * (columns - 1))
            row = min(max(int(np.rint(places[k, 1] * np.float32(32))), 0), 32 * (rows - 1))
            j, i = min(column // 32, columns - 2), min(row // 32, rows - 2)
            fx, fy = np.float32(column - 32 * j) / np.float32(32), np.float32(row - 32 * i) / np.float32(32)
            for c in range(2):
                upper = nodes[i, j, c] + (nodes[i, j + 1, c] - nodes[i, j, c]) * fx
                lower = nodes[i + 1, j, c] + (nodes[i + 1, j + 1, c] - nodes[i + 1, j, c]) * fx
                asked[c, k] += moves[k, c] - (upper + (lower - upper) * fy)


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


@kernel
def write_places(nodes: Array, first_xy: tuple[float, float], step_xy: tuple[float, float], whole: Array, share: Array) -> None:
    """Write where each pixel of a part of a picture comes from, as `cv2.remap` reads it fastest.

    nodes float32 (rows, columns, 2) is the way from each node to there, read bilinearly; the first node lies at `first_xy` of
    the part and the others `step_xy` apart. whole int16 (h, w, 2) are whole pixels, share uint16 (h, w) the rest in 32nds.
    """
    rows, columns = nodes.shape[0], nodes.shape[1]
    height, width = share.shape
    parts, half = np.float32(32), np.float32(0.5)
    wide, places = np.empty((rows, 2, width), np.float32), np.empty((2, width), np.int32)
    first_x, first_y, step_x, step_y = first_xy[0], first_xy[1], step_xy[0], step_xy[1]
    for x in range(width):
        gx = np.float32(min(max((x - first_x) / step_x, 0.0), columns - 1.0))
        j = min(int(gx), columns - 2)
        fx = gx - np.float32(j)
        for i in range(rows):
            for c in range(2):
                wide[i, c, x] = parts * (nodes[i, j, c] + (nodes[i, j + 1, c] - nodes[i, j, c]) * fx)
    for y in range(height):
        gy = np.float32(min(max((y - first_y) / step_y, 0.0), rows - 1.0))
        i = min(int(gy), rows - 2)
        fy = gy - np.float32(i)
        from_y = parts * np.float32(y)
        for x in range(width):
            move_x = wide[i, 0, x] + (wide[i + 1, 0, x] - wide[i, 0, x]) * fy
            move_y = wide[i, 1, x] + (wide[i + 1, 1, x] - wide[i, 1, x]) * fy
            places[0, x] = np.int32(np.floor(parts * np.float32(x) + move_x + half))
            places[1, x] = np.int32(np.floor(from_y + move_y + half))
        for x in range(width):
            at_x, at_y = places[0, x], places[1, x]
            whole[y, x, 0], whole[y, x, 1] = at_x >> 5, at_y >> 5
            share[y, x] = (at_y & 31) * 32 + (at_x & 31)
