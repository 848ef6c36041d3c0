"""The mean face: its shape in the head frame, its texture coordinates, and which landmarks mirror each other.

Head frame: x to the person's left (right in the picture), y down, z away from the camera; the outer eye corners are 1
apart and the mean of the rigid points is the origin.
"""

from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources

import numpy as np
import numpy.typing as npt

from mien.face import landmark_sets
from mien.face.pose_kernels import fit_pose, place_shape, unplace_points
from mien.imaging import geometry
from mien.imaging.arrays import locked
from mien.imaging.kernels import kernel
from mien.types import Array, Floats

MIN_SCALE = 1e-3  # pixels between the eyes; landmarks that all lie on one spot have no size to divide by
POSES_KEPT = 256  # poses that are remembered: five for each of 48 faces of a frame; 200 KB


@dataclass(frozen=True, slots=True)
class FaceModel:
    """`shape` float32 (478, 3); `uv` float32 (478, 2), 0..1 from the top left; `mirror` int32 (478,)."""

    shape: Floats
    uv: Floats
    mirror: npt.NDArray[np.int32]


@cache
def face_model() -> FaceModel:
    """The model; its arrays are shared and read-only."""
    text = resources.files("mien").joinpath("assets/face_model.csv").read_text("utf-8")
    rows = np.array([line.split(",") for line in text.splitlines() if not line.startswith("#")], np.float64)
    model = FaceModel(rows[:, :3].astype(np.float32), rows[:, 3:5].astype(np.float32), rows[:, 5].astype(np.int32))
    for array in (model.shape, model.uv, model.mirror):
        locked(array)
    return model


def texture_points(size: int) -> Floats:
    """Positions of the landmarks in a square texture of `size` texels, the first one's centre at (0, 0); float32 (478, 2)."""
    return face_model().uv * np.float32(size) - np.float32(0.5)


@cache
def texture_per_eye_distance() -> float:
    """The share of a texture's side that one eye distance takes in the middle of the face, where texels are scarcest."""
    model = face_model()
    across = float(np.linalg.norm(model.uv[33] - model.uv[263]))
    down = float(np.linalg.norm(model.uv[168] - model.uv[152]) / np.linalg.norm(model.shape[168] - model.shape[152]))
    return min(across, down)


@dataclass(frozen=True, slots=True)
class Expressions:
    """Motion of faces: `modes` float32 (16, 1434) of flattened shapes; `reader` float32 (16, 1434) finds the amount of each."""

    modes: Floats
    reader: Floats


@cache
def expressions() -> Expressions:
    """The modes; their arrays are shared and read-only."""
    with resources.files("mien").joinpath("assets/face_expressions.npz").open("rb") as file:
        stored = np.load(file)
        found = Expressions(stored["modes"].astype(np.float32), stored["reader"].astype(np.float32))
    for array in (found.modes, found.reader):
        locked(array)
    return found


def neutral(points: Floats) -> Floats:
    """The proportions of a face without its expression, float32 (478, 3) in the head frame, from landmarks (478, 3)."""
    return without_expression(head_pose(points).unplace(points))


def without_expression(shape: Floats) -> Floats:
    """Subtract what the expression modes explain of a shape of the head frame, float32 (478, 3).

    Identity and expression are separated by a joint fit of both with Gaussian priors (`mien.lab.training.facemodel`).
    """
    known = expressions()
    rest = np.array(shape, np.float32)
    _take_off(rest.ravel(), face_model().shape.ravel(), known.reader, known.modes, np.empty(len(known.modes), np.float32))
    return rest


@kernel
def _take_off(values: Array, mean: Array, reader: Array, modes: Array, amounts: Array) -> None:
    """Take from values float32 (n,) the modes (m, n) that the reader (m, n) finds in their difference from the mean (n,)."""
    for m in range(modes.shape[0]):
        amount = np.float32(0)
        for k in range(values.shape[0]):
            amount += reader[m, k] * (values[k] - mean[k])
        amounts[m] = amount
    for m in range(modes.shape[0]):
        for k in range(values.shape[0]):
            values[k] -= amounts[m] * modes[m, k]


@dataclass(frozen=True, slots=True)
class HeadPose:
    """Pose of a head: `points = origin + scale * (shape @ rotation.T)`; scale in pixels for each eye distance."""

    rotation: Array
    scale: float
    origin: Array

    @property
    def yaw(self) -> float:
        """Yaw in degrees, positive when the nose points to the left of the picture."""
        return geometry.angles_of(self.rotation)[1]

    def place(self, shape: Array) -> Floats:
        """Bring a shape of the head frame (n, 3) to picture coordinates, float32."""
        placed = np.empty(shape.shape, np.float32)
        place_shape(shape, self.rotation, self.scale, self.origin, placed)
        return placed

    def unplace(self, points: Array) -> Floats:
        """Bring picture coordinates (n, 3) to the head frame, float32."""
        shape = np.empty(points.shape, np.float32)
        unplace_points(points, self.rotation, self.scale, self.origin, shape)
        return shape


def head_pose(points: Floats) -> HeadPose:
    """The pose of landmarks (478, 3): the mean face's rigid points, turned, scaled and moved onto theirs (Horn 1987)."""
    rigid = points.take(_RIGID, 0)
    return _pose_of(rigid.tobytes(), rigid.dtype.char)


_RIGID = np.array(landmark_sets.RIGID_POINTS)


@lru_cache(maxsize=POSES_KEPT)
def _pose_of(rigid_points: bytes, kind: str) -> HeadPose:
    """Return the pose of the rigid points (n, 3), float32 or float64: several stages of a frame ask for that of one face."""
    wanted, model = np.frombuffer(rigid_points, kind).reshape(-1, 3), _rigid_model()
    rotation, middle, spread = np.empty((3, 3)), np.empty(3), np.empty(1)
    fit_pose(model.centred, wanted, rotation, middle, spread)
    scale = max(float(spread[0]) / model.spread, MIN_SCALE)
    return HeadPose(locked(rotation), scale, locked(middle - scale * (rotation @ model.middle)))


@dataclass(frozen=True, slots=True)
class _RigidModel:
    """The mean face's rigid points about their middle, float64 (n, 3), and the sum of their squares."""

    centred: Array
    middle: Array
    spread: float


@cache
def _rigid_model() -> _RigidModel:
    model = face_model().shape[_RIGID].astype(np.float64)
    centred = model - model.mean(0)
    return _RigidModel(locked(centred), locked(model.mean(0)), float((centred * centred).sum()))
