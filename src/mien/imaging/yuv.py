"""YUV 4:2:0 to BGR and back, and 4:2:2 (the format of USB cameras) to BGR, 8 bits, compiled by numba.

The common converter, swscale, rounds down and darkens a picture by two levels each way. These kernels round to nearest; a
second round trip changes one value in a thousand. Coefficients follow ITU-T H.273.

The kernels work on separate planes of blue, green and red, a band of rows at a time, and OpenCV interleaves them: only whole
planes are computed several values at once. For the same reason all of their arithmetic is held at 32 bits, where numba would
take 64.
"""

import cv2
import numpy as np

from mien.imaging.kernels import kernel
from mien.types import Array, Image

_FIXED_POINT_ONE = 1 << 16
"""1 in the fixed point of the weights."""
_BAND_ROWS = 64
"""Rows of a band, an even number. A frame of 720p takes 0.63 ms with 64, 0.76 with 16, on an Intel Xeon; more take memory."""
_INT = np.int32

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


def to_bgr(y: Array, u: Array, v: Array, weights: Array, out: Image) -> None:
    """Convert y uint8 (h, w), u and v uint8 (h/2, w/2) or (h, w/2), h and w even, to `out`, BGR uint8 (h, w, 3)."""
    halved = int(u.shape[0] < y.shape[0])
    for top in range(0, len(y), _BAND_ROWS):
        bottom = min(top + _BAND_ROWS, len(y))
        rows, chroma = slice(top, bottom), slice(top >> halved, bottom >> halved)
        planes = np.empty((3, bottom - top, y.shape[1]), np.uint8)
        _decode(y[rows], u[chroma], v[chroma], weights, planes)
        cv2.merge(list(planes), out[rows])


def from_bgr(picture: Image, weights: Array, y: Array, u: Array, v: Array) -> None:
    """Convert BGR uint8 (h, w, 3), h and w even, to y uint8 (h, w), u and v uint8 (h/2, w/2), means of four pixels."""
    for top in range(0, len(y), _BAND_ROWS):
        bottom = min(top + _BAND_ROWS, len(y))
        planes = np.empty((3, bottom - top, y.shape[1]), np.uint8)
        cv2.split(picture[top:bottom], list(planes))
        chroma = slice(top >> 1, bottom >> 1)
        _encode(planes, weights, y[top:bottom], u[chroma], v[chroma])


@kernel
def _decode(y: Array, u: Array, v: Array, weights: Array, planes: Array) -> None:
    """Convert as `to_bgr` does, to planes of blue, green and red, uint8 (3, h, w)."""
    halved = 1 if u.shape[0] < y.shape[0] else 0
    gain, red_v, green_u, green_v, blue_u = weights[1], weights[2], weights[3], weights[4], weights[5]
    width, low, high = y.shape[1], _INT(0), _INT(255)
    start = _INT(32768 - weights[0] * gain)
    blue, green, red = np.empty(width, _INT), np.empty(width, _INT), np.empty(width, _INT)
    for j in range(y.shape[0]):
        if not halved or j % 2 == 0:
            row_u, row_v = u[j >> halved], v[j >> halved]
            for i in range(width >> 1):
                cu, cv = _INT(_INT(row_u[i]) - 128), _INT(_INT(row_v[i]) - 128)
                add_blue, add_red = _INT(_INT(blue_u * cu) + start), _INT(_INT(red_v * cv) + start)
                add_green = _INT(start - _INT(_INT(green_u * cu) + _INT(green_v * cv)))
                blue[2 * i], blue[2 * i + 1] = add_blue, add_blue
                green[2 * i], green[2 * i + 1] = add_green, add_green
                red[2 * i], red[2 * i + 1] = add_red, add_red
        row, to_blue, to_green, to_red = y[j], planes[0, j], planes[1, j], planes[2, j]
        for k in range(width):
            luma = _INT(_INT(row[k]) * gain)
            to_blue[k] = min(max(_INT(_INT(luma + blue[k]) >> 16), low), high)
            to_green[k] = min(max(_INT(_INT(luma + green[k]) >> 16), low), high)
            to_red[k] = min(max(_INT(_INT(luma + red[k]) >> 16), low), high)


@kernel
def _encode(planes: Array, weights: Array, y: Array, u: Array, v: Array) -> None:
    """Convert as `from_bgr` does, from planes of blue, green and red, uint8 (3, h, w)."""
    offset, middle = _INT(weights[0] + 32768), _INT((128 << 18) + (1 << 17))
    yr, yg, yb = weights[1], weights[2], weights[3]
    ur, ug, ub = weights[4], weights[5], weights[6]
    vr, vg, vb = weights[7], weights[8], weights[9]
    width, low, high = y.shape[1], _INT(0), _INT(255)
    blue, green, red = np.empty(width, _INT), np.empty(width, _INT), np.empty(width, _INT)
    for j in range(0, y.shape[0], 2):
        for k in range(j, j + 2):
            b, g, r, row = planes[0, k], planes[1, k], planes[2, k], y[k]
            for i in range(width):
                first = _INT(_INT(yr * _INT(r[i])) + _INT(yg * _INT(g[i])))
                row[i] = _INT(_INT(first + _INT(_INT(yb * _INT(b[i])) + offset)) >> 16)
        b0, g0, r0, b1, g1, r1 = planes[0, j], planes[1, j], planes[2, j], planes[0, j + 1], planes[1, j + 1], planes[2, j + 1]
        for i in range(width):
            blue[i], green[i] = _INT(_INT(b0[i]) + _INT(b1[i])), _INT(_INT(g0[i]) + _INT(g1[i]))
            red[i] = _INT(_INT(r0[i]) + _INT(r1[i]))
        row_u, row_v = u[j >> 1], v[j >> 1]
        for i in range(width >> 1):
            sb, sg = _INT(blue[2 * i] + blue[2 * i + 1]), _INT(green[2 * i] + green[2 * i + 1])
            sr = _INT(red[2 * i] + red[2 * i + 1])
            first = _INT(_INT(ur * sr) + _INT(ug * sg))
            row_u[i] = min(max(_INT(_INT(first + _INT(_INT(ub * sb) + middle)) >> 18), low), high)
            first = _INT(_INT(vr * sr) + _INT(vg * sg))
            row_v[i] = min(max(_INT(_INT(first + _INT(_INT(vb * sb) + middle)) >> 18), low), high)
