"""Kernels that fit a head's pose: several stages of a frame ask for one, and the same in NumPy's calls takes ten times as long.

All of them compute in float64.
"""

import math

import numpy as np

from mien.imaging.kernels import kernel, kernel_part
from mien.types import Array

_SWEEPS = 12  # of Jacobi's rotations: 4 x 4 values are diagonal to the last bit after five
_TINY = 1e-300  # an element below it turns nothing


@kernel
def fit_pose(model: Array, wanted: Array, rotation: Array, middle: Array, spread: Array) -> None:
    """Find the rotation (3, 3) that takes points `model` (n, 3) about the origin to `wanted` (n, 3) (Horn 1987).

    `middle` (3,) becomes the mean of `wanted`, `spread` (1,) the sum of products of `wanted` and the rotated points.
    """
    count = model.shape[0]
    for j in range(3):
        total = 0.0
        for k in range(count):
            total += wanted[k, j]
        middle[j] = total / count
    sums = np.zeros((3, 3))
    for k in range(count):
        for j in range(3):
            moved = wanted[k, j] - middle[j]
            for i in range(3):
                sums[i, j] += model[k, i] * moved
    # The quaternion of the rotation is the eigenvector of the largest eigenvalue.
    values, vectors = np.zeros((4, 4)), np.zeros((4, 4))
    values[0, 0] = sums[0, 0] + sums[1, 1] + sums[2, 2]
    values[0, 1] = values[1, 0] = sums[1, 2] - sums[2, 1]
    values[0, 2] = values[2, 0] = sums[2, 0] - sums[0, 2]
    values[0, 3] = values[3, 0] = sums[0, 1] - sums[1, 0]
    for i in range(3):
        for j in range(3):
            values[1 + i, 1 + j] = sums[i, j] + sums[j, i]
        values[1 + i, 1 + i] -= values[0, 0]
        vectors[1 + i, 1 + i] = 1.0
    vectors[0, 0] = 1.0
    _diagonalise(values, vectors)
    best = 0
    for k in range(1, 4):
        if values[k, k] > values[best, best]:
            best = k
    spread[0] = values[best, best]
    _write_rotation(vectors[0, best], vectors[1, best], vectors[2, best], vectors[3, best], rotation)


@kernel_part
def _diagonalise(values: Array, vectors: Array) -> None:
    """Turn symmetric values (4, 4) to a diagonal in place, and `vectors` (4, 4) with them (Jacobi 1846)."""
    for _ in range(_SWEEPS):
        for p in range(3):
            for q in range(p + 1, 4):
                apart = values[p, q]
                if abs(apart) > _TINY:
                    ratio = (values[q, q] - values[p, p]) / (2.0 * apart)
                    tangent = 1.0 / (abs(ratio) + math.sqrt(ratio * ratio + 1.0))
                    if ratio < 0:
                        tangent = -tangent
                    cosine = 1.0 / math.sqrt(tangent * tangent + 1.0)
                    sine = tangent * cosine
                    for k in range(4):
                        first, second = values[k, p], values[k, q]
                        values[k, p], values[k, q] = cosine * first - sine * second, sine * first + cosine * second
                    for k in range(4):
                        first, second = values[p, k], values[q, k]
                        values[p, k], values[q, k] = cosine * first - sine * second, sine * first + cosine * second
                    for k in range(4):
                        first, second = vectors[k, p], vectors[k, q]
                        vectors[k, p], vectors[k, q] = cosine * first - sine * second, sine * first + cosine * second


@kernel_part
def _write_rotation(w: float, x: float, y: float, z: float, rotation: Array) -> None:
    """Write the rotation (3, 3) of a quaternion of length 1."""
    rotation[0, 0], rotation[1, 1], rotation[2, 2] = 1 - 2 * (y * y + z * z), 1 - 2 * (x * x + z * z), 1 - 2 * (x * x + y * y)
    rotation[0, 1], rotation[1, 0] = 2 * (x * y - w * z), 2 * (x * y + w * z)
    rotation[0, 2], rotation[2, 0] = 2 * (x * z + w * y), 2 * (x * z - w * y)
    rotation[1, 2], rotation[2, 1] = 2 * (y * z - w * x), 2 * (y * z + w * x)


@kernel
def place_shape(shape: Array, rotation: Array, scale: float, origin: Array, placed: Array) -> None:
    """Write `origin + scale * (shape @ rotation.T)` of points (n, 3) to float32 (n, 3)."""
    for k in range(shape.shape[0]):
        x, y, z = float(shape[k, 0]), float(shape[k, 1]), float(shape[k, 2])
        for j in range(3):
            placed[k, j] = origin[j] + scale * (rotation[j, 0] * x + rotation[j, 1] * y + rotation[j, 2] * z)


@kernel
def unplace_points(points: Array, rotation: Array, scale: float, origin: Array, shape: Array) -> None:
    """Write `(points - origin) @ rotation / scale` of points (n, 3) to float32 (n, 3)."""
    for k in range(points.shape[0]):
        x, y, z = points[k, 0] - origin[0], points[k, 1] - origin[1], points[k, 2] - origin[2]
        for j in range(3):
            shape[k, j] = (rotation[0, j] * x + rotation[1, j] * y + rotation[2, j] * z) / scale


@kernel
def turn_to(shape: Array, goal: Array, rotation: Array, steps: int, damping: float, rest_radians: float) -> None:
    """Turn points `shape` (n, 3) until they lie as `goal` (n, 2) does, both about the origin, by Gauss and Newton's way.

    `rotation` (3, 3) is where it starts, and its end: after `steps`, or when one turns by less than `rest_radians`.
    """
    count = shape.shape[0]
    turned, squares, slope = np.zeros((count, 3)), np.zeros((4, 5)), np.zeros(4)
    turn, before = np.zeros((3, 3)), np.zeros((3, 3))
    for _ in range(steps):
        product = square = 0.0
        for k in range(count):
            for j in range(3):
                turned[k, j] = shape[k, 0] * rotation[j, 0] + shape[k, 1] * rotation[j, 1] + shape[k, 2] * rotation[j, 2]
            product += turned[k, 0] * goal[k, 0] + turned[k, 1] * goal[k, 1]
            square += turned[k, 0] * turned[k, 0] + turned[k, 1] * turned[k, 1]
        scale = product / max(square, 1e-9)
        for i in range(4):
            for j in range(5):
                squares[i, j] = 0.0
        for k in range(count):
            x, y, z = turned[k, 0], turned[k, 1], turned[k, 2]
            # Motion of the point in the picture when the head turns about x, y and z, and when it grows.
            for axis in range(2):
                if axis == 0:
                    slope[0], slope[1], slope[2], slope[3] = 0.0, scale * z, -scale * y, x
                else:
                    slope[0], slope[1], slope[2], slope[3] = -scale * z, 0.0, scale * x, y
                rest = goal[k, axis] - scale * turned[k, axis]
                for i in range(4):
                    squares[i, 4] += slope[i] * rest
                    for j in range(4):
                        squares[i, j] += slope[i] * slope[j]
        for i in range(3):
            squares[i, i] += damping * scale * scale + 1e-9
        squares[3, 3] += 1e-6
        _solve(squares)
        x, y, z = squares[0, 4], squares[1, 4], squares[2, 4]
        _write_turn(x, y, z, turn)
        for i in range(3):
            for j in range(3):
                before[i, j] = rotation[i, j]
        for i in range(3):
            for j in range(3):
                rotation[i, j] = turn[i, 0] * before[0, j] + turn[i, 1] * before[1, j] + turn[i, 2] * before[2, j]
        if max(abs(x), abs(y), abs(z)) < rest_radians:
            break


@kernel_part
def _solve(squares: Array) -> None:
    """Solve four equations (4, 5) in place; the last column becomes the result. Positive definite: no rows are exchanged."""
    for i in range(4):
        for k in range(4, i - 1, -1):
            squares[i, k] /= squares[i, i]
        for j in range(4):
            if j != i:
                factor = squares[j, i]
                for k in range(i, 5):
                    squares[j, k] -= factor * squares[i, k]


@kernel_part
def _write_turn(x: float, y: float, z: float, turn: Array) -> None:
    """Write the rotation (3, 3) of a rotation vector in radians (Rodrigues 1840)."""
    angle = math.sqrt(x * x + y * y + z * z)
    half = angle / 2
    share = math.sin(half) / angle if angle > 1e-12 else 0.5
    _write_rotation(math.cos(half), share * x, share * y, share * z, turn)
