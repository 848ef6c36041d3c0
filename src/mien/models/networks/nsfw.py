"""Yahoo's open_nsfw (2016), a thin ResNet-50: the middle of a 256-pixel picture in, the probability of nudity out."""

import cv2
import numpy as np
from PIL import Image as PillowImage

from mien.contracts import Session
from mien.models.format.ports import expect
from mien.types import Image

SIDE = 224  # pixels of the square that the network takes
_WHOLE_SIDE = 256  # pixels to which the whole picture is scaled first, as in training
_REDUCED_SIDE = 400  # pixels to which a large picture is reduced by whole steps: the exact filter is slow on large ones
_MEAN_BGR = np.array([104, 117, 123], np.float32)
_JPEG_QUALITY = 75  # the default of Pillow, by which the original code recompresses pictures


class OpenNsfw:
    """A `contracts.ContentClassifier`.

    The network was trained on JPEG pictures and is fed with one: without that, harmless faces score half as high.
    """

    def __init__(self, session: Session) -> None:
        expect("open_nsfw", session.inputs, {"image": (1, SIDE, SIDE, 3)}, "input")
        expect("open_nsfw", session.outputs, {"scores": (1, 2)}, "output")
        self._session = session

    def score(self, image: Image) -> float:
        """Return the probability of nudity, 0..1."""
        _, compressed = cv2.imencode(".jpg", _shrunk(image), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
        whole = np.asarray(cv2.imdecode(compressed, cv2.IMREAD_COLOR))
        edge = (_WHOLE_SIDE - SIDE) // 2
        blob = whole[None, edge : edge + SIDE, edge : edge + SIDE] - _MEAN_BGR
        return float(self._session.run({"image": blob})["scores"][0, 1])


def _shrunk(image: Image) -> Image:
    """Return the whole picture as 256 x 256 pixels, whatever its shape, by the filter of the training."""
    height, width = image.shape[:2]
    step = max(1, round(min(height, width) / _REDUCED_SIDE))
    if step > 1:
        even = image[: height // step * step, : width // step * step]
        image = np.asarray(cv2.resize(even, (width // step, height // step), interpolation=cv2.INTER_AREA), np.uint8)
    # The filter treats the channels alike: BGR stays BGR.
    picture = PillowImage.fromarray(np.ascontiguousarray(image))
    return np.asarray(picture.resize((_WHOLE_SIDE, _WHOLE_SIDE), PillowImage.Resampling.BILINEAR), np.uint8)
