"""Colours as logarithms, and the smooth change of light between two textures of one face."""

from functools import cache

import numpy as np

from mien.imaging.arrays import locked
from mien.imaging.kernels import kernel, kernel_part
from mien.types import Array, Floats, Image

TONE_SPREADS = np.array([0.16, 0.05, 0.09], np.float32)
"""Differences of brightness, red : green and blue : green, in natural logarithms, that mean nothing by themselves."""
FIT_ROUNDS = 3  # rounds of reweighted least squares
_GRID = 16  # cells on a side of the grid on which light is fitted
_BLACK = 12.0  # levels; added before the logarithm so that noise in the dark does not explode
_LOGS = locked(np.log(np.arange(256) + _BLACK).astype(np.float32))
_STIFF = np.array([[1e-3, 1, 1, 3, 3, 3], [1e-3, 4, 4, 12, 12, 12]], np.float32)
"""Regularisation of a light that varies over the face, of each basis function: for brightness and, stronger, for its colour."""
_LEAST_CELL, _LEAST_CELLS = 0.3, 30
"""Mean weight of a cell that is fitted to, and the cells without which nothing is fitted."""


def tones(texture: Image) -> Floats:
    """Brightness, red : green and blue : green of a BGR texture as logarithms, float32 (h, w, 3)."""
    found = np.empty(texture.shape, np.float32)
    _write_tones(texture, _LOGS, found)
    return found


@kernel
def _write_tones(texture: Array, logs: Array, found: Array) -> None:
    """Write the tones of a texture uint8 (h, w, 3); `logs` float32 (256,) are those of its levels."""
    for v in range(texture.shape[0]):
        for u in range(texture.shape[1]):
            blue, green, red = logs[texture[v, u, 0]], logs[texture[v, u, 1]], logs[texture[v, u, 2]]
            found[v, u, 0] = (blue + green + red) * np.float32(1 / 3)
            found[v, u, 1] = red - green
            found[v, u, 2] = blue - green


@cache
def basis(side: int) -> Floats:
    """1, u, v and their products at the middle of each cell, float32 (side * side, 6)."""
    v, u = np.mgrid[0:side, 0:side].astype(np.float32) * np.float32(2 / side) + np.float32(1 / side - 1)
    return locked(np.stack([np.ones_like(u), u, v, u * u, u * v, v * v], -1).reshape(-1, 6).astype(np.float32))


def fitted_light(difference: Floats, sure: Floats, light: Floats) -> Floats:
    """Fit the smooth change of light that most texels agree on, float32 (6, 3) over `basis`.

    `difference` is float32 (side, side, 3) in logarithms, `sure` the weight of each texel, `light` the start. Least squares
    with Cauchy weights.
    """
    fitted = np.array(light, np.float32)
    _fit(difference, np.ascontiguousarray(sure, np.float32), basis(_GRID), TONE_SPREADS, _STIFF, fitted)
    return fitted


@kernel
def _fit(difference: Array, sure: Array, basis_rows: Array, spreads: Array, stiff: Array, light: Array) -> None:
    """Move `light` float32 (6, 3) to the fit of `fitted_light`, in place."""
    step = sure.shape[0] // _GRID
    count = 0
    rows, wanted, weights = np.empty((_GRID * _GRID, 6)), np.empty((_GRID * _GRID, 3)), np.empty(_GRID * _GRID)
    for cell in range(_GRID * _GRID):
        top, left = cell // _GRID * step, cell % _GRID * step
        first, second, third, total = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
        for v in range(top, top + step):
            for u in range(left, left + step):
                weight = sure[v, u]
                first += difference[v, u, 0] * weight
                second += difference[v, u, 1] * weight
                third += difference[v, u, 2] * weight
                total += weight
        if total > np.float32(_LEAST_CELL) * step * step:
            for j in range(6):
                rows[count, j] = basis_rows[cell, j]
            wanted[count, 0], wanted[count, 1], wanted[count, 2] = first / total, second / total, third / total
            weights[count] = total / (step * step)
            count += 1
    if count < _LEAST_CELLS:
        return
    product, right, matrix = np.empty((6, 6)), np.empty((3, 6)), np.empty((6, 6))
    for _ in range(FIT_ROUNDS):
        for i in range(6):
            for j in range(6):
                product[i, j] = 0
            for c in range(3):
                right[c, i] = 0
        for k in range(count):
            trust = 1.0
            for c in range(3):
                off = wanted[k, c]
                for j in range(6):
                    off -= rows[k, j] * light[j, c]
                off /= spreads[c]
                trust += off * off
            trust = weights[k] / trust
            for i in range(6):
                heavy = trust * rows[k, i]
                for c in range(3):
                    right[c, i] += heavy * wanted[k, c]
                for j in range(i + 1):
                    product[i, j] += heavy * rows[k, j]
        for c in range(3):
            for i in range(6):
                for j in range(6):
                    matrix[i, j] = product[i, j]
            for i in range(6):
                matrix[i, i] += stiff[min(c, 1), i]
            _solve(matrix, right[c])
            for i in range(6):
                light[i, c] = right[c, i]


@kernel_part
def _solve(matrix: Array, right: Array) -> None:
    """Solve a symmetric, positive definite system whose lower half is given, in place (Cholesky)."""
    size = right.shape[0]
    for j in range(size):
        for k in range(j + 1):
            rest = matrix[j, k]
            for m in range(k):
                rest -= matrix[j, m] * matrix[k, m]
            matrix[j, k] = np.sqrt(rest) if j == k else rest / matrix[k, k]
    for j in range(size):
        for m in range(j):
            right[j] -= matrix[j, m] * right[m]
        right[j] /= matrix[j, j]
    for j in range(size - 1, -1, -1):
        for m in range(j + 1, size):
            right[j] -= matrix[m, j] * right[m]
        right[j] /= matrix[j, j]
