"""The 478-point face mesh (MediaPipe's attention mesh): a square crop turned upright in, landmarks out."""

import math
from typing import Protocol

import cv2
import numpy as np

from mien.contracts import Session
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
    scale = math.hypot(crop_to_frame[0, 0], crop_to_frame[1, 0])
    moved = np.empty((len(points), 3), np.float32)
    # The network counts from the corner of the first pixel, mien from its centre.
    moved[:, :2] = (points[:, :2] - 0.5) @ crop_to_frame[:, :2].T + crop_to_frame[:, 2]
    moved[:, 2] = points[:, 2] * scale
    return moved


def _square(centre: Array, side: float, right: Array) -> Affine:
    """Return the transform from a SIDE x SIDE crop to the frame: a square around `centre`, its x axis along `right`."""
    axis = right / max(float(np.hypot(*right)), 1e-6) * (max(side, 1.0) / SIDE)
    linear = np.array([[axis[0], -axis[1]], [axis[1], axis[0]]], np.float64)
    middle = (SIDE - 1) / 2
    return np.hstack([linear, (np.asarray(centre, np.float64) - linear @ [middle, middle])[:, None]])


def _roi_of_landmarks(points: Floats) -> Affine:
    columns = points[:, :2].T.copy()
    low, high = columns.min(1), columns.max(1)
    right = points[_EYE_CORNERS[1], :2] - points[_EYE_CORNERS[0], :2]
    return _square((low + high) / 2, _ROI_SCALE * float((high - low).max()), right)


def _roi_of_points(points: Floats) -> Affine:
    """Return the crop of a detection: a face is about 2.2 eye-to-mouth heights tall, its middle just above the nose tip."""
    eyes, mouth = points[:2].mean(0), points[3:].mean(0)
    right = points[1] - points[0]
    height = max(float(np.hypot(*(mouth - eyes))), 0.9 * float(np.hypot(*right)))
    centre = eyes + 0.45 * (mouth - eyes)
    return _square(centre, _ROI_SCALE * 2.25 * height, right)
