"""Colours as logarithms, and the smooth change of light between two textures of one face."""

from functools import cache

import cv2
import numpy as np

from mien.face.texels import SIDE
from mien.imaging.arrays import locked
from mien.types import Array, Floats, Image

TONE_SPREADS = np.array([0.16, 0.05, 0.09], np.float32)
"""Differences of brightness, red : green and blue : green, in natural logarithms, that mean nothing by themselves."""
FIT_ROUNDS = 3  # rounds of reweighted least squares
_GRID = 16  # cells on a side of the grid on which light is fitted
_BLACK = 12.0  # levels; added before the logarithm so that noise in the dark does not explode
_LOGS = np.log(np.arange(256) + _BLACK).astype(np.float32)
_TO_TONES = np.array([[1 / 3, 1 / 3, 1 / 3], [0, -1, 1], [1, -1, 0]], np.float32)
_STIFFNESS = np.diag([1e-3, 1, 1, 3, 3, 3]).astype(np.float32)
_COLOUR_STIFFNESS = np.diag([1e-3, 4, 4, 12, 12, 12]).astype(np.float32)
"""Regularisation of a light that varies over the face, stronger for its colour; diagonals over the six basis functions."""


def tones(texture: Image) -> Floats:
    """Brightness, red : green and blue : green of a BGR texture as logarithms, float32 (h, w, 3)."""
    return np.asarray(cv2.transform(cv2.LUT(texture, _LOGS), _TO_TONES), np.float32)


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
    # Plane by plane: NumPy takes four times as long for arrays with three values at the end.
    weighed = cv2.merge([*(cv2.multiply(plane, sure) for plane in cv2.split(difference)), sure])
    cells = cv2.resize(weighed, (_GRID, _GRID), interpolation=cv2.INTER_AREA).reshape(-1, 4)
    chosen = cells[:, 3] > 0.3
    if int(chosen.sum()) < 30:
        return light
    rows, weight = basis(_GRID)[chosen], cells[chosen, 3]
    wanted = cells[chosen, :3] / weight[:, None]
    for _ in range(FIT_ROUNDS):
        trust = weight / (1 + np.square((wanted - rows @ light) / TONE_SPREADS).sum(1))
        heavy = rows * trust[:, None]
        product, right = heavy.T @ rows, heavy.T @ wanted
        brightness = np.linalg.solve(product + _STIFFNESS, right[:, :1])
        colour = np.linalg.solve(product + _COLOUR_STIFFNESS, right[:, 1:])
        light = np.hstack([brightness, colour]).astype(np.float32)
    return light


def light_map(light: Floats) -> Array:
    """Evaluate a fitted light on the full texture, (SIDE, SIDE, 3)."""
    return (basis(SIDE) @ light).reshape(SIDE, SIDE, 3)
