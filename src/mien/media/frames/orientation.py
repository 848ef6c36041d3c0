"""Orientation of a stored video, and rotation of its frames to upright."""

from dataclasses import dataclass

import cv2
import numpy as np
from av import VideoFrame

from mien.media.frames.pyav import display_matrix
from mien.types import Array, Image


@dataclass(frozen=True, slots=True)
class Orientation:
    """From stored to upright: swap rows and columns, then mirror left-right, then mirror top-bottom."""

    transposed: bool = False
    mirrored: bool = False
    flipped: bool = False

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Return width and height after the rotation."""
        return (height, width) if self.transposed else (width, height)

    def turn(self, image: Image) -> Image:
        """Return the picture upright, contiguous; the same array if it already is."""
        turned: Array = cv2.transpose(image) if self.transposed else image
        if self.mirrored and self.flipped:
            turned = cv2.flip(turned, -1)
        elif self.mirrored or self.flipped:
            turned = cv2.flip(turned, 1 if self.mirrored else 0)
        return turned


def orientation_of(frame: VideoFrame) -> Orientation | None:
    """Return the orientation in the display matrix of a decoded frame; None if it is not a multiple of 90 degrees."""
    try:
        matrix = display_matrix(frame)
    except ValueError:
        # Side data of a kind unknown to PyAV, which then cannot read the matrix either.
        return Orientation() if not frame.rotation else None
    return Orientation() if matrix is None else _from_matrix(np.frombuffer(matrix, np.int32)[:9].reshape(3, 3))


def _from_matrix(matrix: Array) -> Orientation | None:
    # A stored point (x, y) is shown at (x, y) @ matrix[:2, :2], in 16.16 fixed point.
    (x_to_x, x_to_y), (y_to_x, y_to_y) = (matrix[:2, :2] / 65536).round(3).tolist()
    if x_to_y == y_to_x == 0 and x_to_x and y_to_y:
        return Orientation(mirrored=x_to_x < 0, flipped=y_to_y < 0)
    if x_to_x == y_to_y == 0 and x_to_y and y_to_x:
        return Orientation(transposed=True, mirrored=y_to_x < 0, flipped=x_to_y < 0)
    return None
