"""Heads that turn away: how far, and what of a face is still to be seen."""

from functools import cache

import numpy as np

from mien.face import landmark_sets
from mien.face.mean_face import face_model, head_pose
from mien.imaging import geometry
from mien.types import Array, Floats

LARGEST_YAW = 76.0
"""Degrees beyond which nothing of a face is worn: what the mesh says of a profile is guessed."""
_FADE_FROM, _FADE_TO = 38.0, 58.0
"""Yaw in degrees between which the far half goes."""
_MESH_HOLDS = 35.0
"""Up to here the mesh tells the yaw; it hardly turns farther, and says 37 for 50 and 46 for 72."""
_WIDEST = 0.8
"""Half the width of the mesh, in eye distances."""
_SOFT = 0.3
"""Width of the fading border, in eye distances."""
_STEPS = 12
_STILL = 0.003
"""Radians; a smaller step ends the fit."""
_STIFF = 0.02
"""Damping of the fit of the pose, for five points that lie almost in a plane."""


def far_side_opacity(yaw: float) -> Floats:
    """What a head turned by `yaw` degrees still shows: 0..1 for each landmark, float32 (478,).

    All is 1 up to 38 degrees; at 58 the half beyond the nose is gone: there the landmarks are guessed, and would be
    painted beside the head.
    """
    # A positive yaw turns the nose to the left of the picture and hides what lies to the left of it.
    far = face_model().shape[:, 0] * np.float32(-np.sign(yaw))
    gone = min(max((abs(yaw) - _FADE_FROM) / (_FADE_TO - _FADE_FROM), 0.0), 1.0)
    border = (1 - gone) * (_WIDEST + _SOFT)
    share = np.clip((border - far) / _SOFT, 0, 1)
    smooth: Floats = (share * share * (3 - 2 * share)).astype(np.float32)
    return smooth


def yaw_of_mesh(points: Floats) -> float:
    """Yaw in degrees of landmarks (478, 3)."""
    return geometry.angles_of(head_pose(points).rotation)[1]


def combined_yaw(of_mesh: float, of_detection: float) -> float:
    """The better one of two opinions in degrees: the mesh's while the head is seen from the front, else the detector's."""
    share = min(max((abs(of_detection) - _MESH_HOLDS) / 10, 0.0), 1.0)
    return of_mesh + share * (of_detection - of_mesh)


def yaw_of_points(five: Floats) -> float:
    """Yaw in degrees of a detection's five points (5, 2): the mean face under scaled orthography, by Gauss and Newton.

    A profile, which the mesh takes for a half turn, is told here up to about 80 degrees.
    """
    shape = _mean_points()
    goal = np.asarray(five, np.float64) - np.mean(five, axis=0)
    # The fit finds rolls within 45 degrees of its start.
    rotation: Array = _quarter_roll(goal)
    slope = np.zeros((10, 4))
    for _ in range(_STEPS):
        turned = shape @ rotation.T
        flat = turned[:, :2]
        scale = float((flat * goal).sum()) / max(float((flat * flat).sum()), 1e-9)
        # How the picture of the points moves when the head turns about x, y and z, and when it grows.
        slope[1::2, 0] = -scale * turned[:, 2]
        slope[0::2, 1] = scale * turned[:, 2]
        slope[0::2, 2], slope[1::2, 2] = -scale * turned[:, 1], scale * turned[:, 0]
        slope[:, 3] = flat.ravel()
        stiff = _STIFF * scale * scale + 1e-9
        step = np.linalg.solve(slope.T @ slope + np.diag((stiff, stiff, stiff, 1e-6)), slope.T @ (goal - scale * flat).ravel())
        rotation = _turn_by(step[:3]) @ rotation
        if max(abs(step[:3])) < _STILL:
            break
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


def _turn_by(vector: Array) -> Array:
    """The rotation matrix (3, 3) of a rotation vector in radians (Rodrigues 1840)."""
    angle = float(np.linalg.norm(vector))
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = vector / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    rotation: Array = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross)
    return rotation
