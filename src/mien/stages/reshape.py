"""Bends the picture round each face, so that the face takes the proportions of the source.

What a neutral source differs in from the neutral target is carried along the target's pose; the expression stays. The
picture is bent with the landmarks, so that eyes, teeth, jaw and hair line stay where the landmarks say.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from mien import geometry, topology
from mien.facemodel import HeadPose, head_pose, neutral
from mien.raster import spread
from mien.types import Array, Floats, Image, Landmarks, TrackedFace

_MARGIN = 0.6
"""How far the bending reaches beyond the face, in eye distances."""
_STEP = 0.1
"""Distance of the coarse field's nodes, in eye distances."""
_NEAR = 0.06
"""Below this distance, in eye distances, landmarks average their moves instead of each keeping its own."""
_MOST = 0.16
"""No landmark moves farther, in eye distances."""
_DEPTH = 0.5
"""How much of a difference in depth is believed; the mesh guesses depth from one view."""
_FADE_FROM, _FADE_TO = 45.0, 70.0
"""Degrees of yaw over which the change of shape fades: beyond, a side of the face is a guess."""
_SURE_FROM, _SURE_TO = 0.5, 0.9
_LEAST_MOVE = 0.05
"""Pixels; a face that would move less is left alone."""
_ROUNDS = 3

_HELD = (*topology.FACE_OVAL, *topology.RIGHT_EYE, *topology.LEFT_EYE, *topology.INNER_LIPS, *range(468, 478))
"""Landmarks at which the target shows through or begins: they move exactly as the picture does."""
_BROWS = (70, 63, 105, 66, 107, 55, 65, 52, 53, 46, 300, 293, 334, 296, 336, 285, 295, 282, 283, 276)
_NOSE = (168, 6, 197, 195, 5, 4, 1, 2, 98, 327, 64, 294, 48, 278)
_LIPS = (61, 40, 37, 0, 267, 270, 291, 321, 314, 17, 84, 91)
_CHEEKS = (50, 280, 117, 346, 205, 425, 187, 411, 151, 9, 108, 337, 199, 200)
_LEADING = np.array((*_HELD[:-10], 468, 473, *_BROWS, *_NOSE, *_LIPS, *_CHEEKS))
"""Landmarks from which the field is made."""


@dataclass(frozen=True, slots=True)
class Field:
    """`moves` float32 (rows, columns, 2): where the content of a node comes from, relative to it; `x + moves(x)`.

    The nodes lie `step` pixels apart, the first at `left`, `top`; beyond the nodes nothing moves.
    """

    moves: Floats
    left: float
    top: float
    step: float

    def at(self, points: Array) -> Floats:
        """The moves (n, 2) at points (n, 2), bilinear, 0 outside."""
        rows, columns = self.moves.shape[:2]
        x, y = (points[:, 0] - self.left) / self.step, (points[:, 1] - self.top) / self.step
        inside = (x >= 0) & (y >= 0) & (x <= columns - 1) & (y <= rows - 1)
        j, i = np.clip(x, 0, columns - 1.001).astype(int), np.clip(y, 0, rows - 1.001).astype(int)
        fx, fy = (np.clip(x, 0, columns - 1) - j)[:, None], (np.clip(y, 0, rows - 1) - i)[:, None]
        upper = self.moves[i, j] * (1 - fx) + self.moves[i, j + 1] * fx
        lower = self.moves[i + 1, j] * (1 - fx) + self.moves[i + 1, j + 1] * fx
        return np.where(inside[:, None], upper * (1 - fy) + lower * fy, 0).astype(np.float32)


def reshape(image: Image, faces: tuple[TrackedFace, ...], shape: Floats, strength: float) -> tuple[TrackedFace, ...]:
    """The faces with their landmarks where the bent picture has them; `image`, BGR uint8, is changed in place.

    shape is the source's neutral face, float32 (478, 3) in the head frame; strength 0 changes nothing, 1 takes its
    proportions wholly. Pixels farther than the margin from a face keep their value.
    """
    moved = list(faces)
    for number in range(len(moved)):
        face = moved[number]
        wanted = _wanted(face, shape, strength)
        if wanted is None:
            continue
        field = _field(face.landmarks.points, wanted)
        _bend(image, field)
        for other, neighbour in enumerate(moved):
            points = neighbour.landmarks.points
            followed = _followed(points, field)
            if other == number:
                followed = _own(points, followed, wanted)
            if followed is not points:
                moved[other] = replace(neighbour, landmarks=Landmarks(followed, neighbour.landmarks.presence))
    return tuple(moved)


def _wanted(face: TrackedFace, shape: Floats, strength: float) -> Floats | None:
    """How the landmarks shall move, float32 (478, 3) in pixels; None when they shall not."""
    points, presence = face.landmarks.points, face.landmarks.presence
    pose = head_pose(points)
    strength *= _faded(pose, presence)
    if strength <= 0:
        return None
    own = face.known.neutral if face.known is not None else neutral(points)
    change = strength * (shape - own) * np.array([1, 1, _DEPTH], np.float32)
    size = np.linalg.norm(change, axis=1, keepdims=True)
    change *= _MOST * np.tanh(size / _MOST) / np.maximum(size, 1e-9)
    wanted = (pose.scale * (change @ pose.rotation.T)).astype(np.float32)
    return wanted if np.abs(wanted[:, :2]).max() >= _LEAST_MOVE else None


def _faded(pose: HeadPose, presence: float) -> float:
    _, yaw, _ = geometry.angles_of(pose.rotation)
    return _ramp(_FADE_TO - abs(yaw), _FADE_TO - _FADE_FROM) * _ramp(presence - _SURE_FROM, _SURE_TO - _SURE_FROM)


def _ramp(value: float, width: float) -> float:
    x = min(max(value / width, 0.0), 1.0)
    return x * x * (3 - 2 * x)


def _field(points: Floats, wanted: Floats) -> Field:
    """The backward field of a face: smooth, the landmarks' own moves at the landmarks, 0 at its border."""
    right, left = topology.EYE_CORNERS
    unit = max(float(np.linalg.norm(points[right] - points[left])), 1.0)
    moves = wanted[_LEADING, :2]
    places = points[_LEADING, :2] + moves
    x1, y1, x2, y2 = geometry.box_of(places)
    step = _STEP * unit
    margin = _MARGIN * unit
    columns, rows = (int(np.ceil((length + 2 * margin) / step)) + 1 for length in (x2 - x1, y2 - y1))
    nodes = np.zeros((rows, columns, 2), np.float32)
    spread(np.ascontiguousarray(places - [x1 - margin, y1 - margin], np.float32), moves, step, _NEAR * unit, margin, nodes)
    return Field(nodes, x1 - margin, y1 - margin, step)


def _bend(image: Image, field: Field) -> None:
    rows, columns = field.moves.shape[:2]
    left, top = max(0, int(np.ceil(field.left))), max(0, int(np.ceil(field.top)))
    right = min(image.shape[1], int(np.floor(field.left + (columns - 1) * field.step)) + 1)
    bottom = min(image.shape[0], int(np.floor(field.top + (rows - 1) * field.step)) + 1)
    if right - left < 2 or bottom - top < 2:
        return
    to_nodes = np.array(
        [[1 / field.step, 0, (left - field.left) / field.step], [0, 1 / field.step, (top - field.top) / field.step]]
    )
    size_wh = right - left, bottom - top
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    places = cv2.warpAffine(field.moves, to_nodes, size_wh, flags=flags, borderMode=cv2.BORDER_CONSTANT)
    places[:, :, 0] += np.arange(size_wh[0], dtype=np.float32)
    places[:, :, 1] += np.arange(size_wh[1], dtype=np.float32)[:, None]
    part = image[top:bottom, left:right]
    part[:] = cv2.remap(part, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _followed(points: Floats, field: Field) -> Floats:
    """Where the picture's content at `points` lies after bending; the same array when nothing moves."""
    places = points[:, :2].astype(np.float32)
    for _ in range(_ROUNDS):
        places = points[:, :2] - field.at(places)
    if np.array_equal(places, points[:, :2]):
        return points
    followed = points.copy()
    followed[:, :2] = places
    return followed


def _own(points: Floats, followed: Floats, wanted: Floats) -> Floats:
    """The face's own landmarks: wholly where they shall be, but with the picture where the target shows."""
    own = points + wanted
    held = list(_HELD)
    own[held, :2] = followed[held, :2]
    return own
