"""MediaPipe's hand network: the 21 joints of a hand in a turned square, and whether there is a hand."""

import math

import cv2
import numpy as np

from mien.contracts import Session
from mien.models.format.ports import expect
from mien.models.networks.hands.palms import Palm
from mien.types import Affine, Array, Floats, Hand, Image

SIDE = 224  # pixels of the square that the network takes
_PALM_SQUARE, _PALM_SHIFT = 2.6, 0.5
"""Side and shift towards the fingers of the square of a palm, in boxes of the palm, as MediaPipe has them."""
_HAND_SQUARE, _HAND_SHIFT = 2.0, 0.1
"""The same from the joints of the frame before, in boxes of the joints of the palm and the roots of the fingers."""
_ROOTS = (0, 1, 2, 3, 5, 6, 9, 10, 13, 14, 17, 18)
"""Joints of the palm and the fingers' first segments."""
_WRIST, _INDEX, _MIDDLE, _RING = 0, 5, 9, 13  # joints: the wrist and the roots of three fingers


class HandJoints:
    """Network that fits 21 joints to one hand. An input of another shape raises a `ModelMismatch`."""

    def __init__(self, session: Session) -> None:
        expect("hand_224", session.inputs, {"image": (1, SIDE, SIDE, 3)}, "input")
        expect("hand_224", session.outputs, {"points": (1, 63), "score": (1, 1)}, "output")
        self._session = session

    def fit(self, image: Image, around: Palm | Hand) -> Hand:
        """Return the hand at a palm, or at the hand of the frame before, in a picture, BGR uint8."""
        crop_to_frame = _square_of_palm(around) if isinstance(around, Palm) else _square_of_joints(around.points)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        crop = cv2.warpAffine(image, crop_to_frame, (SIDE, SIDE), flags=flags)
        blob = np.empty((1, SIDE, SIDE, 3), np.float32)
        np.multiply(crop[:, :, ::-1], np.float32(1 / 255), out=blob[0])
        outputs = self._session.run({"image": blob})
        points = outputs["points"].reshape(21, 3)
        scale = math.hypot(crop_to_frame[0, 0], crop_to_frame[1, 0])
        moved = np.empty((21, 3), np.float32)
        moved[:, :2] = (points[:, :2] - 0.5) @ crop_to_frame[:, :2].T + crop_to_frame[:, 2]
        moved[:, 2] = points[:, 2] * scale
        return Hand(moved, float(outputs["score"].ravel()[0]))


def _square_of_palm(palm: Palm) -> Affine:
    x1, y1, x2, y2 = palm.box_xyxy
    side = max(x2 - x1, y2 - y1)
    up = _unit(palm.points[2] - palm.points[0])
    return _square(np.array([(x1 + x2) / 2, (y1 + y2) / 2]) + _PALM_SHIFT * side * up, _PALM_SQUARE * side, up)


def _square_of_joints(points: Floats) -> Affine:
    flat = points[:, :2].astype(np.float64)
    up = _unit((flat[_INDEX] + flat[_RING]) / 4 + flat[_MIDDLE] / 2 - flat[_WRIST])
    along = np.array([[-up[1], up[0]], [-up[0], -up[1]]])  # rows: right and down, as seen in the turned square
    roots = flat[list(_ROOTS)]
    turned = (roots - roots.mean(0)) @ along.T
    low, high = turned.min(0), turned.max(0)
    side = float((high - low).max())
    middle = roots.mean(0) + along.T @ ((low + high) / 2)
    return _square(middle + _HAND_SHIFT * side * up, _HAND_SQUARE * side, up)


def _square(middle: Array, side: float, up: Array) -> Affine:
    """Return the transform from the network's square to the picture; `up` is a unit vector of the picture."""
    scale = max(side, 1.0) / SIDE
    linear = scale * np.array([[-up[1], -up[0]], [up[0], -up[1]]])
    half = (SIDE - 1) / 2
    return np.hstack([linear, (middle - linear @ [half, half])[:, None]])


def _unit(vector: Array) -> Array:
    length = float(np.hypot(*vector))
    return np.asarray(vector, np.float64) / length if length > 1e-6 else np.array([0.0, -1.0])
