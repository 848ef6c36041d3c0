"""The bundled portraits with their landmarks, opened once for all tests."""

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from mien.assembly import factory
from mien.models.library.store import Store
from mien.models.networks.recognisers.face_id import FaceId
from mien.settings import Settings
from mien.types import Affine, Floats, Image, Landmarks
from tests.support.places import EXAMPLES

HOPPER, COLLINS = EXAMPLES / "grace_hopper.jpg", EXAMPLES / "eileen_collins.png"
CLIP = EXAMPLES / "clip.mp4"


@dataclass(frozen=True, slots=True)
class Portrait:
    """A picture, BGR uint8, the landmarks of its face and its descriptor."""

    image: Image
    landmarks: Landmarks
    descriptor: Floats


@cache
def models() -> factory.Models:
    return factory.open_models(Settings(), Store())


@cache
def recogniser() -> FaceId:
    return factory.open_recogniser(Store())


WORN_BELOW = 0.6
"""Distance of a worn face from its source, dlib's own threshold: what stays of the target keeps it from that of a photo."""


@cache
def portrait(path: Path) -> Portrait:
    """One of the bundled pictures; treat the arrays as read-only."""
    image = read(path)
    landmarks = locate(image)
    image.setflags(write=False)
    return Portrait(image, landmarks, recogniser().describe(image, landmarks))


def read(path: Path) -> Image:
    image = cv2.imread(str(path))
    assert image is not None, path
    return np.asarray(image, np.uint8)


def locate(image: Image) -> Landmarks:
    """The landmarks of the surest face."""
    landmarks = models().landmarker.fit(image, models().photo_detector.detect(image)[0].points)
    for _ in range(3):
        landmarks = models().landmarker.fit(image, landmarks.points)
    return landmarks


def moved(face: Portrait, to_frame: Affine, width: int, height: int) -> tuple[Image, Landmarks]:
    """The portrait drawn into a new picture by a similarity, and where its landmarks are then."""
    image = cv2.warpAffine(face.image, to_frame, (width, height), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    points = face.landmarks.points.copy()
    points[:, :2] = points[:, :2] @ to_frame[:, :2].T + to_frame[:, 2]
    points[:, 2] *= float(np.hypot(to_frame[0, 0], to_frame[1, 0]))
    return np.asarray(image, np.uint8), replace(face.landmarks, points=points.astype(np.float32))
