"""A picture on its way within one machine: the planes of 4:2:0 behind a short header, not compressed."""

import struct

import numpy as np

from mien.imaging import yuv
from mien.types import Array, Image

HEADER = struct.Struct("<4sHHBBxx")
"""Layout of the planes, width, height, matrix of ITU-T H.273, 1 for the full range of values."""
I420, NV12 = b"I420", b"NV12"
_SENT_MATRIX = 6  # BT.601 of full range, as in JPEG: every browser converts it
_SENT_WEIGHTS = yuv.encoding_weights(_SENT_MATRIX, full_range=True)


def size_of(data: bytes) -> tuple[int, int] | None:
    """Return width and height, None for anything but a whole picture of even sides."""
    if len(data) < HEADER.size:
        return None
    layout, width, height, matrix, full_range = HEADER.unpack_from(data)
    is_known = layout in {I420, NV12} and matrix in yuv.KR_KB and full_range in {0, 1}
    is_even = width > 0 and height > 0 and width % 2 == 0 and height % 2 == 0
    if not is_known or not is_even or len(data) != HEADER.size + 3 * width * height // 2:
        return None
    return width, height


def read(data: bytes) -> Image | None:
    """Return BGR uint8 (h, w, 3), None for anything but a whole picture of even sides."""
    size = size_of(data)
    if size is None:
        return None
    width, height = size
    layout, _, _, matrix, full_range = HEADER.unpack_from(data)
    values = np.frombuffer(data, np.uint8, offset=HEADER.size)
    y, chroma = values[: width * height].reshape(height, width), values[width * height :]
    out = np.empty((height, width, 3), np.uint8)
    yuv.to_bgr(y, *_chroma(chroma, layout, width, height), yuv.decoding_weights(matrix, bool(full_range)), out)
    return out


def _chroma(values: Array, layout: bytes, width: int, height: int) -> tuple[Array, Array]:
    shape = height // 2, width // 2
    if layout == NV12:
        pairs = values.reshape(*shape, 2)
        return np.ascontiguousarray(pairs[..., 0]), np.ascontiguousarray(pairs[..., 1])
    u, v = values.reshape(2, *shape)
    return u, v


def written(image: Image) -> bytes | None:
    """Return the message for BGR uint8 (h, w, 3); None for odd sides, whose chroma has no whole planes."""
    height, width = image.shape[:2]
    if height % 2 or width % 2:
        return None
    data = np.empty(HEADER.size + 3 * width * height // 2, np.uint8)
    data[: HEADER.size] = np.frombuffer(HEADER.pack(I420, width, height, _SENT_MATRIX, 1), np.uint8)
    y = data[HEADER.size : HEADER.size + width * height].reshape(height, width)
    u, v = data[HEADER.size + width * height :].reshape(2, height // 2, width // 2)
    yuv.from_bgr(image, _SENT_WEIGHTS, y, u, v)
    return data.tobytes()
