"""Planes of decoded frames as arrays."""

import re
import sys

import numpy as np
from av import VideoFrame

from mien.types import Array

_PLANAR = re.compile(r"(?:yuvj?a?4(?:20|22|44)|gbra?)p(?:(9|10|12|14|16)le)?")
_GREY = re.compile(r"gray(?:(9|10|12|14|16)le)?")
_SEMI_PLANAR = re.compile(r"nv(?:12|16|24)|p[024]1([0268])le")
"""Luma, then U and V interleaved; formats with more than 8 bits use the upper bits of 16."""


def plane(frame: VideoFrame, number: int, dtype: type[np.generic] = np.uint8) -> Array:
    """Return a view of one plane, without the padding at the ends of the rows."""
    data = frame.planes[number]
    rows = np.frombuffer(memoryview(data), dtype).reshape(-1, data.line_size // np.dtype(dtype).itemsize)
    return rows[: data.height, : data.width]


def three_planes(frame: VideoFrame) -> tuple[Array, Array, Array, int] | None:
    """Return Y, U and V, or green, blue and red, and the bits per sample; None for other layouts.

    uint8, or uint16 in the order of this machine; grey has neutral chroma. The samples of `p010` and its kin count as 16 bits.
    """
    name = frame.format.name
    if sys.byteorder != "little":
        return None
    if found := _PLANAR.fullmatch(name):
        bits = int(found[1] or 8)
        dtype = np.uint8 if bits == 8 else np.uint16
        return plane(frame, 0, dtype), plane(frame, 1, dtype), plane(frame, 2, dtype), bits
    if found := _GREY.fullmatch(name):
        bits = int(found[1] or 8)
        luma = plane(frame, 0, np.uint8 if bits == 8 else np.uint16)
        neutral = np.full_like(luma[::2, ::2], 1 << (bits - 1))
        return luma, neutral, neutral, bits
    if found := _SEMI_PLANAR.fullmatch(name):
        dtype = np.uint8 if name.startswith("nv") else np.uint16
        both = _pairs(frame, dtype)
        return plane(frame, 0, dtype), both[:, 0::2], both[:, 1::2], 8 if dtype is np.uint8 else 16
    return None


def _pairs(frame: VideoFrame, dtype: type[np.generic]) -> Array:
    """Return the interleaved plane of a semi-planar format, two samples for each column of chroma."""
    data = frame.planes[1]
    rows = np.frombuffer(memoryview(data), dtype).reshape(-1, data.line_size // np.dtype(dtype).itemsize)
    return rows[: data.height, : 2 * data.width]
