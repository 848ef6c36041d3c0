"""YUV 4:2:0 to BGR and back, and 4:2:2 (the format of USB cameras) to BGR, 8 bits, compiled by numba.

The common converter, swscale, rounds down and darkens a picture by two levels each way. These kernels round to nearest; a
second round trip changes one value in a thousand. Coefficients follow ITU-T H.273.
"""

import numpy as np

from mien.imaging.kernels import kernel
from mien.types import Array

_FIXED_POINT_ONE = 1 << 16
"""1 in the fixed point of the weights."""

KR_KB = {1: (0.2126, 0.0722), 4: (0.30, 0.11), 5: (0.299, 0.114), 6: (0.299, 0.114), 7: (0.212, 0.087), 9: (0.2627, 0.0593),
         10: (0.2627, 0.0593)}  # fmt: skip
"""Weights of red and blue in luma, for the matrix numbers of H.273."""


def decoding_weights(matrix: int, full_range: bool) -> Array:
    """Return int32 (6,): luma offset and gain, red of V, green of U and of V, blue of U; gains times 65536."""
    kr, kb = KR_KB[matrix]
    kg = 1 - kr - kb
    luma, chroma = (1.0, 1.0) if full_range else (219 / 255, 224 / 255)
    gains = (1 / luma, 2 * (1 - kr) / chroma, 2 * (1 - kb) * kb / kg / chroma, 2 * (1 - kr) * kr / kg / chroma,
             2 * (1 - kb) / chroma)  # fmt: skip
    return np.array([0 if full_range else 16, *(round(gain * _FIXED_POINT_ONE) for gain in gains)], np.int32)


def encoding_weights(matrix: int, full_range: bool) -> Array:
    """Return int32 (10,): luma offset, then luma, U and V of red, green and blue; all times 65536."""
    kr, kb = KR_KB[matrix]
    kg = 1 - kr - kb
    luma, chroma = (1.0, 1.0) if full_range else (219 / 255, 224 / 255)
    rows = (
        *(gain * luma for gain in (kr, kg, kb)),
        *(gain * chroma for gain in (-kr / 2 / (1 - kb), -kg / 2 / (1 - kb), 0.5)),
        *(gain * chroma for gain in (0.5, -kg / 2 / (1 - kr), -kb / 2 / (1 - kr))),
    )
    return np.array([0 if full_range else 16 * _FIXED_POINT_ONE, *(round(gain * _FIXED_POINT_ONE) for gain in rows)], np.int32)


@kernel
def to_bgr(y: Array, u: Array, v: Array, weights: Array, out: Array) -> None:
    """Convert y uint8 (h, w), u and v uint8 (h/2, w/2) or (h, w/2), h and w even, to `out`, BGR uint8 (h, w, 3)."""
    halved = 1 if u.shape[0] < y.shape[0] else 0
    offset, gain = weights[0], weights[1]
    red_v, green_u, green_v, blue_u = weights[2], weights[3], weights[4], weights[5]
    for j in range(y.shape[0]):
        row_u, row_v, row_y, row = u[j >> halved], v[j >> halved], y[j], out[j]
        for i in range(y.shape[1] >> 1):
            cu, cv = np.int32(row_u[i]) - 128, np.int32(row_v[i]) - 128
            red = red_v * cv + 32768
            green = 32768 - green_u * cu - green_v * cv
            blue = blue_u * cu + 32768
            for k in range(2 * i, 2 * i + 2):
                luma = (np.int32(row_y[k]) - offset) * gain
                row[k, 0] = min(max((luma + blue) >> 16, 0), 255)
                row[k, 1] = min(max((luma + green) >> 16, 0), 255)
                row[k, 2] = min(max((luma + red) >> 16, 0), 255)


@kernel
def from_bgr(picture: Array, weights: Array, y: Array, u: Array, v: Array) -> None:
    """Convert BGR uint8 (h, w, 3), h and w even, to y uint8 (h, w), u and v uint8 (h/2, w/2), means of four pixels."""
    offset = weights[0] + 32768
    yr, yg, yb = weights[1], weights[2], weights[3]
    ur, ug, ub = weights[4], weights[5], weights[6]
    vr, vg, vb = weights[7], weights[8], weights[9]
    middle = np.int32((128 << 18) + (1 << 17))
    for j in range(y.shape[0] >> 1):
        upper, lower, y_upper, y_lower = picture[2 * j], picture[2 * j + 1], y[2 * j], y[2 * j + 1]
        for i in range(y.shape[1] >> 1):
            b0, g0, r0 = np.int32(upper[2 * i, 0]), np.int32(upper[2 * i, 1]), np.int32(upper[2 * i, 2])
            b1, g1, r1 = np.int32(upper[2 * i + 1, 0]), np.int32(upper[2 * i + 1, 1]), np.int32(upper[2 * i + 1, 2])
            b2, g2, r2 = np.int32(lower[2 * i, 0]), np.int32(lower[2 * i, 1]), np.int32(lower[2 * i, 2])
            b3, g3, r3 = np.int32(lower[2 * i + 1, 0]), np.int32(lower[2 * i + 1, 1]), np.int32(lower[2 * i + 1, 2])
            y_upper[2 * i] = (yr * r0 + yg * g0 + yb * b0 + offset) >> 16
            y_upper[2 * i + 1] = (yr * r1 + yg * g1 + yb * b1 + offset) >> 16
            y_lower[2 * i] = (yr * r2 + yg * g2 + yb * b2 + offset) >> 16
            y_lower[2 * i + 1] = (yr * r3 + yg * g3 + yb * b3 + offset) >> 16
            blue, green, red = b0 + b1 + b2 + b3, g0 + g1 + g2 + g3, r0 + r1 + r2 + r3
            u[j, i] = min(max((ur * red + ug * green + ub * blue + middle) >> 18, 0), 255)
            v[j, i] = min(max((vr * red + vg * green + vb * blue + middle) >> 18, 0), 255)
