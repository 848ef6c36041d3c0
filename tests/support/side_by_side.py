"""A short clip of two people side by side, made of the bundled portraits."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from mien.types import Image
from tests.support.portraits import COLLINS, HOPPER

WIDTH, HEIGHT = 640, 360
_FRAMES = 24
_SWAY_PIXELS = 6.0


def side_by_side() -> Image:
    """Return the picture, BGR uint8 (360, 640, 3): Hopper on the left, Collins on the right."""
    halves = []
    for portrait in (HOPPER, COLLINS):
        image = cv2.imread(str(portrait))
        assert image is not None
        scale = max(WIDTH / 2 / image.shape[1], HEIGHT / image.shape[0])
        large = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        left = (large.shape[1] - WIDTH // 2) // 2
        halves.append(large[:HEIGHT, left : left + WIDTH // 2])
    return np.ascontiguousarray(np.hstack(halves), np.uint8)


def write_side_by_side(path: Path) -> Path:
    """Write the clip, in which both sway a little, and return its path."""
    image = side_by_side()
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=Fraction(12), options={"qmin": "2", "qmax": "4"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for index in range(_FRAMES):
            way = _SWAY_PIXELS * np.sin(2 * np.pi * index / _FRAMES)
            moved = cv2.warpAffine(image, np.array([[1, 0, way], [0, 1, 0]]), (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.asarray(moved, np.uint8), format="bgr24")))
        out.mux(stream.encode(None))
    return path
