"""Yaw and pitch of heads, by mesh, detector or axes of the face, and the part of a turned face that is still seen."""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np

from mien.face import landmark_sets
from mien.face.mean_face import face_model, head_pose
from mien.face.pose_kernels import turn_to
from mien.imaging import geometry
from mien.imaging.smoothstep import smoothstep
from mien.types import Array, Floats

LARGEST_YAW = 76.0  # degrees; beyond, nothing of a face is worn: the mesh of a profile is guessed


@dataclass(frozen=True, slots=True)
class PoseTuning:
    """Yaw of turned heads."""

    fade_from_degrees: float = 38.0
    fade_to_degrees: float = 58.0
    """Yaw between which the far half of the face fades out."""
    half_width: float = 0.8
    """Half the width of the mesh, in eye distances."""
    border: float = 0.3
    """Width of the fading border, in eye distances."""
    mesh_holds_degrees: float = 35.0
    """Yaw up to which the mesh is right; it hardly turns farther, and gives 37 for 50 and 46 for 72."""
    fit_steps: int = 12
    """Steps of the fit to five points, at most; three or four are usual."""
    rest_radians: float = 0.003
    """A smaller step ends the fit."""
    damping: float = 0.02
    """For five points that lie almost in a plane."""


TUNING = PoseTuning()


def far_side_opacity(yaw: float) -> Floats:
    """Return the opacity of each landmark of a head turned by `yaw` degrees, 0..1, float32 (478,).

    All is 1 up to 38 degrees; at 58 the half beyond the nose is gone: there the landmarks are guessed, and would be
    painted beside the head.
    """
    # A positive yaw turns the nose to the left of the picture and hides what lies to the left of it.
    far = face_model().shape[:, 0] * np.float32(-np.sign(yaw))
    gone = min(max((abs(yaw) - TUNING.fade_from_degrees) / (TUNING.fade_to_degrees - TUNING.fade_from_degrees), 0.0), 1.0)
    border = (1 - gone) * (TUNING.half_width + TUNING.border)
    return smoothstep((border - far) / TUNING.border)


def yaw_of_mesh(points: Floats) -> float:
    """Yaw in degrees of landmarks (478, 3)."""
    return head_pose(points).yaw


def pitch_yaw_of_axes(points: Floats) -> tuple[float, float]:
    """Pitch and yaw in degrees, 0 = into the camera, from the axes of the face: eye to eye and forehead to chin.

    Not the pose of the mean face: the axes are this person's own, as the photo has them.
    """
    across = points[list(landmark_sets.LEFT_EYE)].mean(0) - points[list(landmark_sets.RIGHT_EYE)].mean(0)
    down = points[152] - points[10]
    yaw = math.degrees(math.atan2(float(across[2]), float(np.hypot(across[0], across[1]))))
    pitch = math.degrees(math.atan2(float(down[2]), float(np.hypot(down[0], down[1]))))
    return pitch, yaw


def combined_yaw(of_mesh: float, of_detection: float) -> float:
    """Return the better of two estimates in degrees: the mesh's while the head is seen from the front, else the detector's."""
    share = min(max((abs(of_detection) - TUNING.mesh_holds_degrees) / 10, 0.0), 1.0)
    return of_mesh + share * (of_detection - of_mesh)


def yaw_of_points(five: Floats) -> float:
    """Yaw in degrees of a detection's five points (5, 2): the mean face under scaled orthography, by Gauss and Newton.

    Right up to about 80 degrees, also for a profile, which the mesh takes for a half turn.
    """
    goal = np.asarray(five, np.float64) - np.mean(five, axis=0)
    # The fit finds rolls within 45 degrees of its start.
    rotation: Array = _quarter_roll(goal)
    turn_to(_mean_points(), goal, rotation, TUNING.fit_steps, TUNING.damping, TUNING.rest_radians)
    return geometry.angles_of(rotation)[1]


def _quarter_roll(goal: Array) -> Array:
    """The rotation matrix (3, 3) of the quarter turn that is nearest to the roll of five points (5, 2)."""
    quarters = round(geometry.roll_of(goal) / 90)
    cosine, sine = ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))[quarters % 4]
    return np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])


@cache
def _mean_points() -> Array:
    """The five points on the mean face, float64 (5, 3), their mean at the origin."""
    points = np.array([face_model().shape[list(pair)].mean(0) for pair in landmark_sets.DETECTED_PAIRS], np.float64)
    return np.asarray(points - points.mean(0))
