"""Checks of a source face: large, frontal, inside the photo, sharp and free of occluders, or an error with a remedy."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from mien.contracts import Landmarker
from mien.errors import (
    NoSourceFace,
    SourceFaceBlurred,
    SourceFaceCovered,
    SourceFaceTooSmall,
    SourceFaceTurned,
)
from mien.face import landmark_sets
from mien.face.head_pose import pitch_yaw_of_axes
from mien.imaging import geometry
from mien.models.format.parsing import FaceClass
from mien.swap.source.regions import area_of, regions
from mien.types import Array, Floats, Image, Landmarks


@dataclass(frozen=True, slots=True)
class SourceTuning:
    """Bounds of a face that can be worn."""

    presence: float = 0.5
    """Least presence of the landmarks."""
    eye_distance: float = 30.0
    """Pixels between the outer eye corners; a smaller face would be all blur on the target."""
    turn_degrees: float = 40.0
    """Yaw or pitch beyond which one side of the face is not in the photo."""
    outside_share: float = 0.03
    """Share of the face that may lie outside the photo."""
    detail: float = 0.2
    """Share of fine in coarse detail; 144 sharp portraits have 0.36 and more, a blur of 2.5 % of the eye distance 0.19."""
    fit_spread: float = 0.027
    """Mean spread of fits from moved crops, in eye distances: clear faces of everyday photos reach 0.0267, dark glasses 0.0262,
    masked faces have 0.036 and more."""
    thing_spread: float = 0.024
    """The same where a hand or a thing lies over the face: of 96 drawn over 12 London portraits 3 microphones have less."""
    dark_share: float = 0.3
    """Share of dark panes over the eyes from which they are what makes a fit unsure."""
    thing_share: float = 0.1
    """The same of hands and things in the middle of the face."""
    probes: tuple[tuple[float, float, float], ...] = ((20.0, 1.0, 0.0), (-20.0, 1.0, 0.0), (0.0, 1.2, 0.05), (0.0, 0.85, -0.05))
    """Rotation in degrees, scale and shift of the crops by which a fit is tested."""


TUNING = SourceTuning()


def check_face(photo: Image, landmarks: Landmarks, tuning: SourceTuning = TUNING) -> None:
    """Raise a `SourceFaceError` for a face that cannot be worn; `photo` is BGR uint8."""
    points = landmarks.points
    if landmarks.presence < tuning.presence:
        raise NoSourceFace("what looks like a face in the photo is not clear enough to be one", "take another photo")
    distance = eye_distance(points)
    if distance < tuning.eye_distance:
        raise SourceFaceTooSmall(
            f"the face is too small: {distance:.0f} pixels between the eyes, {tuning.eye_distance:.0f} are needed",
            "take a photo from nearer, or a larger version of it",
        )
    pitch, yaw = pitch_yaw_of_axes(points)
    if max(abs(pitch), abs(yaw)) > tuning.turn_degrees:
        way = "to the side" if abs(yaw) >= abs(pitch) else "up or down"
        raise SourceFaceTurned(
            f"the face is turned too far {way} ({max(abs(pitch), abs(yaw)):.0f} degrees, {tuning.turn_degrees:.0f} at most)",
            "take a photo that looks into the camera",
        )
    _check_inside(points, photo.shape[1], photo.shape[0], tuning.outside_share)
    if detail_of(photo, points) < tuning.detail:
        raise SourceFaceBlurred("the face is too blurred", "take a sharp photo, with more light and a still hand")


def check_fit(
    photo: Image, landmarks: Landmarks, landmarker: Landmarker, classes: Array, tuning: SourceTuning = TUNING
) -> None:
    """Raise `SourceFaceCovered` for a face whose landmarks are guessed, with what hides it by its `classes`.

    `photo` is BGR uint8, `classes` are as in `SourceFace`.
    """
    spread = fit_spread(photo, landmarks, landmarker, tuning)
    if spread <= min(tuning.thing_spread, tuning.fit_spread):
        return
    shares = classes.astype(np.float32) / np.float32(255)
    eyes = np.maximum(area_of(landmark_sets.RIGHT_LIDS, 0.0), area_of(landmark_sets.LEFT_LIDS, 0.0))
    middle = np.maximum(regions().kept, regions().sample / np.float32(255))
    covered = _mean_in(middle, shares[FaceClass.HAND] + shares[FaceClass.THING]) > tuning.thing_share
    if spread <= (tuning.thing_spread if covered else tuning.fit_spread):
        return
    if _mean_in(eyes, shares[FaceClass.SHADE]) > tuning.dark_share:
        raise SourceFaceCovered("dark glasses hide too much of the face", "take a photo without them")
    if covered:
        raise SourceFaceCovered("a hand or a thing hides too much of the face", "take a photo of the bare face")
    raise SourceFaceCovered("part of the face is covered or unclear", "take a photo of the bare face, in clear light")


def _mean_in(area: Floats, values: Floats) -> float:
    return float((values * area).sum() / area.sum())


def _check_inside(points: Floats, width: int, height: int, most: float) -> None:
    outside = (points[:, 0] < 0) | (points[:, 1] < 0) | (points[:, 0] > width - 1) | (points[:, 1] > height - 1)
    share = float(outside[: landmark_sets.SKIN_POINTS].mean())
    if share > most:
        raise SourceFaceCovered(
            f"the border of the photo cuts the face ({share:.0%} of it is outside)",
            "take a photo that shows the whole face",
        )


def eye_distance(points: Floats) -> float:
    """Pixels between the outer eye corners, in depth, too."""
    right, left = landmark_sets.EYE_CORNERS
    return float(np.linalg.norm(points[right] - points[left]))


def detail_of(photo: Image, points: Floats) -> float:
    """Return the share of fine in coarse detail in the middle of the face, at one size for all photos."""
    rigid = points[list(landmark_sets.EYE_CORNERS), :2]
    frame_to_chip = geometry.similarity(rigid, np.array([[38.0, 55.0], [112.0, 55.0]]))
    scale = geometry.scale_of(frame_to_chip)
    while scale < 0.5:
        photo = np.asarray(cv2.pyrDown(photo), np.uint8)
        frame_to_chip[:, :2] *= 2
        scale *= 2
    chip = cv2.warpAffine(photo, frame_to_chip, (150, 150), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    grey = cv2.cvtColor(chip, cv2.COLOR_BGR2GRAY).astype(np.float32)
    soft, softer = cv2.GaussianBlur(grey, (0, 0), 1.0), cv2.GaussianBlur(grey, (0, 0), 3.0)
    middle = slice(25, 130)
    fine = float((grey - soft)[middle, middle].std())
    coarse = float((soft - softer)[middle, middle].std())
    return fine / (coarse + 0.5)


def fit_spread(photo: Image, landmarks: Landmarks, landmarker: Landmarker, tuning: SourceTuning = TUNING) -> float:
    """Return the mean spread over the skin, in eye distances, of fits from rotated, scaled and shifted crops.

    A network that sees the whole face finds it again from any crop; hidden parts are guessed differently each time.
    """
    starts = (moved(landmarks.points, *probe) for probe in tuning.probes)
    fits = [landmarks.points] + [landmarker.fit(photo, points).points for points in starts]
    stack = np.stack(fits)[:, : landmark_sets.SKIN_POINTS, :2]
    spread = np.linalg.norm(stack - stack.mean(0), axis=2).mean()
    return float(spread) / max(eye_distance(landmarks.points), 1e-6)


def moved(points: Floats, turn: float, scale: float, shift: float) -> Floats:
    """Return landmarks (478, 3) turned by degrees, scaled, and shifted by a share of the face's height, both ways."""
    angle = math.radians(turn)
    linear = scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    middle = points[:, :2].mean(0)
    height = float(np.ptp(points[:, 1]))
    found = points.copy()
    found[:, :2] = (points[:, :2] - middle) @ linear.T + middle + shift * height
    return found
