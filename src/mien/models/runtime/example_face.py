"""A face that ships with mien, for trials of models: Eileen Collins (NASA, public domain)."""

from importlib import resources

import cv2
import numpy as np

from mien.contracts import Landmarker
from mien.imaging import geometry
from mien.types import Image, SourceFace

_TEMPLATE = "arcface_128"


def example_picture() -> Image:
    """Return the picture, BGR uint8 (256, 256, 3), cut by `geometry.TEMPLATES["arcface_128"]`."""
    data = np.frombuffer(resources.files("mien").joinpath("assets/face_crop.jpg").read_bytes(), np.uint8)
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def example_face(landmarker: Landmarker) -> SourceFace:
    """Return the picture with its landmarks."""
    picture = example_picture()
    five = (geometry.TEMPLATES[_TEMPLATE] * len(picture)).astype(np.float32)
    landmarks = landmarker.fit(picture, landmarker.fit(picture, five).points)
    return SourceFace(picture, landmarks, "example")
