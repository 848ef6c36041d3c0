"""BGR to CIE Lab, 8 bits, bit for bit as OpenCV computes it, whose first call takes 0.1 s for tables of other colour spaces."""

from functools import cache

import numpy as np

from mien.types import Array, Image

_LIGHT_STEPS = 8  # of linear light a level: the fixed point of OpenCV's modules/imgproc/src/color_lab.cpp
_ROOT_SCALE = 1 << 15  # of cube roots, ibidem
_WEIGHT_SCALE = 1 << 12  # of the weights of X, Y and Z, ibidem
_TO_XYZ = ((0.412453, 0.357580, 0.180423), (0.212671, 0.715160, 0.072169), (0.019334, 0.119193, 0.950227))  # sRGB, D65
_WHITE = (0.950456, 1.0, 1.088754)  # X, Y and Z of D65
_HALF = 49  # entry of the roots that is 9454.5004, a half in single precision, which is rounded to the even number there
_LIGHTNESS = 296, (16 * 255 * _ROOT_SCALE + 50) // 100  # 116 and 16, for lightness of 0 to 255 instead of 0 to 100


def bgr_to_lab(picture: Image) -> Image:
    """Return a picture, BGR uint8 (h, w, 3), in CIE Lab: L of 0 to 255, a and b moved by 128; uint8 (h, w, 3)."""
    light, root, weights = _tables()
    blue, green, red = (light[picture[:, :, channel]] for channel in range(3))
    x, y, z = (root[_rounded(red * row[0] + green * row[1] + blue * row[2], _WEIGHT_SCALE)] for row in weights)
    scale, moved = _LIGHTNESS
    values = (scale * y - moved, 500 * (x - y) + 128 * _ROOT_SCALE, 200 * (y - z) + 128 * _ROOT_SCALE)
    picture_lab: Image = np.clip(np.stack([_rounded(each, _ROOT_SCALE) for each in values], 2), 0, 255).astype(np.uint8)
    return picture_lab


def _rounded(values: Array, scale: int) -> Array:
    return (values + scale // 2) // scale


@cache
def _tables() -> tuple[Array, Array, Array]:
    """Return linear light by level, the cube root by linear light, and the weights of red, green and blue in X, Y and Z."""
    level = np.arange(256) / 255
    linear = np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)
    light = np.rint(255 * _LIGHT_STEPS * linear).astype(np.int32)
    share = np.arange(255 * _LIGHT_STEPS + 1, dtype=np.float32) * (np.float32(1) / np.float32(255 * _LIGHT_STEPS))
    dark = share * np.float32(841 / 108) + np.float32(16 / 116)
    # In double precision: cube roots of single precision differ from processor to processor.
    bright = np.rint(_ROOT_SCALE * np.cbrt(share.astype(np.float64))).astype(np.int32)
    bright[_HALF] -= 1
    root = np.where(share < np.float32(216 / 24389), np.rint(_ROOT_SCALE * dark).astype(np.int32), bright)
    weights = np.array(_TO_XYZ) / np.array(_WHITE)[:, None]
    return light, root, np.rint(_WEIGHT_SCALE * weights).astype(np.int32)
