"""A short clip of two people side by side, the first of whom leaves, for tests of who wears what."""

from pathlib import Path

import av
import cv2
import numpy as np

from mien.media.files.picture_read import read_picture
from mien.types import Image

RATE, FRAMES, LEFT_AFTER = 12, 36, 18
WIDTH, HEIGHT = 640, 360


def _half(photo: Path, index: int) -> Image:
    """The photo in one half of the frame, swaying a little so that a tracker has something to follow."""
    image = read_picture(photo, max_pixels=10**8, max_bytes=10**9).frame.image
    scale = HEIGHT / image.shape[0]
    shift = 6 * np.sin(index / 5)
    to_half = np.array([[scale, 0, WIDTH / 4 - scale * image.shape[1] / 2 + shift], [0, scale, 0]])
    drawn = cv2.warpAffine(image, to_half, (WIDTH // 2, HEIGHT), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(drawn, np.uint8)


def two_people(left: Path, right: Path, target: Path) -> Path:
    """Write 3 s at 12 frames a second: `left` is in sight for 1.5 s, `right` all the time."""
    with av.open(str(target), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"crf": "18", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for index in range(FRAMES):
            one = _half(left, index) if index < LEFT_AFTER else np.full((HEIGHT, WIDTH // 2, 3), 96, np.uint8)
            image = np.hstack([one, _half(right, index)])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode())
    return target
