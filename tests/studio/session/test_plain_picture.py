"""Pictures that travel within one machine without compression."""

import cv2
import numpy as np
import pytest

from mien.studio.session import plain_picture
from mien.studio.session.plain_picture import HEADER, I420, NV12
from mien.types import Image


def _picture() -> Image:
    """A smooth picture, of whose colours halved chroma loses little."""
    rows, columns = np.mgrid[:48, :64]
    return np.dstack([2 * rows + 60, 3 * columns + 20, 250 - 4 * rows]).astype(np.uint8)


def test_a_picture_is_read_as_it_was_written() -> None:
    data = plain_picture.written(_picture())
    assert data is not None
    assert plain_picture.size_of(data) == (64, 48)
    read = plain_picture.read(data)
    assert read is not None
    assert np.abs(read.astype(int) - _picture()).mean() < 1.5


def test_what_a_browser_sends_has_the_colours_of_opencv() -> None:
    planes = cv2.cvtColor(_picture(), cv2.COLOR_BGR2YUV_I420)
    data = HEADER.pack(I420, 64, 48, 6, 0) + planes.tobytes()
    read, wanted = plain_picture.read(data), cv2.cvtColor(planes, cv2.COLOR_YUV2BGR_I420)
    assert read is not None
    assert np.abs(read.astype(int) - wanted).max() <= 2


def test_interleaved_chroma_is_the_same_picture() -> None:
    data = plain_picture.written(_picture())
    assert data is not None
    values = np.frombuffer(data, np.uint8, offset=HEADER.size)
    y, u, v = values[: 64 * 48], values[64 * 48 : 64 * 60], values[64 * 60 :]
    pairs = np.stack([u, v], axis=-1)
    interleaved = HEADER.pack(NV12, 64, 48, 6, 1) + y.tobytes() + pairs.tobytes()
    one, other = plain_picture.read(interleaved), plain_picture.read(data)
    assert one is not None
    assert other is not None
    assert np.array_equal(one, other)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"I420",
        b"\xff\xd8" + bytes(40),
        HEADER.pack(I420, 64, 48, 6, 1),
        HEADER.pack(I420, 64, 48, 6, 1) + bytes(64 * 48 * 3 // 2 + 1),
        HEADER.pack(I420, 63, 48, 6, 1) + bytes(63 * 48 * 3 // 2),
        HEADER.pack(I420, 0, 0, 6, 1),
        HEADER.pack(I420, 64, 48, 200, 1) + bytes(64 * 48 * 3 // 2),
        HEADER.pack(I420, 64, 48, 6, 7) + bytes(64 * 48 * 3 // 2),
        HEADER.pack(b"I444", 64, 48, 6, 1) + bytes(64 * 48 * 3 // 2),
    ],
    ids=["nothing", "short", "JPEG", "no planes", "too long", "odd", "empty", "matrix", "range", "layout"],
)
def test_anything_else_is_refused(data: bytes) -> None:
    assert plain_picture.size_of(data) is None
    assert plain_picture.read(data) is None


def test_odd_sides_are_left_to_jpeg() -> None:
    assert plain_picture.written(np.zeros((48, 63, 3), np.uint8)) is None
