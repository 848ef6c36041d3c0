"""The 478-point face mesh (MediaPipe's attention mesh): a square crop turned upright in, landmarks out."""

import math
from typing import Protocol

import cv2
import numpy as np

from mien.contracts import Session
from mien.imaging import geometry
from mien.imaging.kernels import kernel
from mien.models.format.ports import expect
from mien.models.format.tensors import check_finite
from mien.types import Affine, Array, Floats, Image, Landmarks

SIDE = 192  # pixels of the crop that the network takes
_ROI_SCALE = 1.5
"""Side of the crop as a multiple of the longer side of the box of all landmarks, as MediaPipe does it."""
_EYE_CORNERS = (33, 263)  # outer corners, right and left: the line that is turned level


class MeshNetwork(Protocol):
    """The network alone; safe to call from several threads."""

    def landmarks(self, crop: Image) -> tuple[Floats, float]:
        """Return the landmarks (478, 3) in pixels of a crop BGR uint8 (192, 192, 3), and their presence."""
        ...


class MeshSession:
    """A `MeshNetwork` that a runtime computes. A network of another shape raises a `ModelMismatch`."""

    def __init__(self, session: Session) -> None:
        expect("face_mesh_478", session.inputs, {"image": (1, SIDE, SIDE, 3)}, "input")
        expect("face_mesh_478", session.outputs, {"landmarks": (1, 478, 3), "score": (1,)}, "output")
        self._session = session

    def landmarks(self, crop: Image) -> tuple[Floats, float]:
        """Return landmarks and presence; raises a `ModelError`."""
        blob = np.empty((1, SIDE, SIDE, 3), np.float32)
        np.multiply(crop[:, :, ::-1], np.float32(1 / 255), out=blob[0])
        outputs = self._session.run({"image": blob})
        return np.asarray(outputs["landmarks"][0], np.float32), float(outputs["score"][0])


class FaceMesh:
    """A `contracts.Landmarker`."""

    def __init__(self, network: MeshNetwork) -> None:
        self._network = network

    def fit(self, image: Image, around: Floats) -> Landmarks:
        """Return the landmarks in pixels of `image`; raises a `ModelError` for numbers that are not finite."""
        crop_to_frame = _roi_of_points(around) if len(around) == 5 else _roi_of_landmarks(around)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        crop = cv2.warpAffine(image, crop_to_frame, (SIDE, SIDE), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        points, presence = self._network.landmarks(np.asarray(crop, np.uint8))
        # Kernels that draw between landmarks check no index.
        check_finite("face_mesh_478", points)
        return Landmarks(_to_frame(points, crop_to_frame), presence)


def _to_frame(points: Array, crop_to_frame: Affine) -> Floats:
    moved = np.empty((len(points), 3), np.float32)
    _place(points, crop_to_frame, math.hypot(crop_to_frame[0, 0], crop_to_frame[1, 0]), moved)
    return moved


@kernel
def _place(points: Array, crop_to_frame: Array, scale: float, moved: Array) -> None:
    """Write landmarks float32 (n, 3) of a crop, which count from the corner of its first pixel, as they lie in the frame."""
    for k in range(points.shape[0]):
        # mien counts from the pixel's centre.
        x, y = points[k, 0] - np.float32(0.5), points[k, 1] - np.float32(0.5)
        for j in range(2):
            moved[k, j] = crop_to_frame[j, 0] * x + crop_to_frame[j, 1] * y + crop_to_frame[j, 2]
        moved[k, 2] = points[k, 2] * np.float32(scale)


def _square(centre_xy: tuple[float, float], side: float, right_xy: tuple[float, float]) -> Affine:
    """Return the transform from a SIDE x SIDE crop to the frame: a square around a point, its x axis along `right_xy`."""
    length, scale = max(_single(math.hypot(*right_xy)), 1e-6), _single(max(side, 1.0) / SIDE)
    across, down = (_single(_single(each / length) * scale) for each in right_xy)
    half = (SIDE - 1) / 2
    x, y = centre_xy
    return np.array([[across, -down, x - (across * half - down * half)], [down, across, y - (down * half + across * half)]])


def _single(number: float) -> float:
    """Return the nearest float32: a crop that depends on more digits than the landmarks have would follow noise."""
    return float(np.float32(number))


def _roi_of_landmarks(points: Floats) -> Affine:
    x1, y1, x2, y2 = geometry.box_of(points)
    (right_x, right_y, _), (left_x, left_y, _) = (points[corner].tolist() for corner in _EYE_CORNERS)
    side = _ROI_SCALE * max(_single(x2 - x1), _single(y2 - y1))
    centre = _single(x1 + x2) / 2, _single(y1 + y2) / 2
    return _square(centre, side, (_single(left_x - right_x), _single(left_y - right_y)))


def _roi_of_points(points: Floats) -> Affine:
    """Return the crop of a detection: a face is about 2.2 eye-to-mouth heights tall, its middle just above the nose tip."""
    eyes, mouth = points[:2].mean(0), points[3:].mean(0)
    right_x, right_y = (points[1] - points[0]).tolist()
    height = max(float(np.hypot(*(mouth - eyes))), 0.9 * math.hypot(right_x, right_y))
    x, y = (eyes + 0.45 * (mouth - eyes)).tolist()
    return _square((x, y), _ROI_SCALE * 2.25 * height, (right_x, right_y))
