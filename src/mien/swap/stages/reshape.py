"""Reshape faces: warp the picture around each face so that it takes the proportions of the source.

The difference between the neutral source and the neutral target, alike on both sides, is carried along the target's pose; the
expression stays. The picture is warped with the landmarks, so that eyes, teeth, jaw and hair line stay at the landmarks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.face.lips import in_proportion
from mien.face.mean_face import HeadPose, face_model, head_pose, neutral
from mien.imaging import geometry
from mien.imaging.warp import follow, spread_shares, spread_whole, write_places
from mien.types import LANDMARK_COUNT, Floats, Image, Landmarks, TrackedFace


@dataclass(frozen=True, slots=True)
class ReshapeTuning:
    """The warp of a face; lengths are in eye distances."""

    margin: float = 0.6
    """Reach of the warp beyond the face."""
    step: float = 0.13
    """Distance of the coarse field's nodes."""
    max_nodes: int = 64
    """Nodes along each side; a sound face takes 30. One stray landmark must not cost seconds."""
    near: float = 0.06
    """Distance below which landmarks average their moves instead of each keeping its own."""
    max_move: float = 0.16
    """The farthest that a landmark moves."""
    limit_power: int = 4
    """Sharpness of that limit: with 4 a usual move of 0.07 loses 1 %, where a hyperbolic tangent takes 6 %."""
    refinements: int = 2
    """Rounds in which the field makes up for what its averages take off the moves."""
    gain: float = 1.15
    """Factor on the differences between neutral faces, which are read too small: real ones are 1.23 times those read from calm
    photos and 1.13 times those from smiling ones (52 Londoners; 14 of them held out: the same)."""
    depth: float = 0.5
    """Share of a difference in depth that is believed; the mesh guesses depth from one view."""
    fade_from_degrees: float = 45.0
    fade_to_degrees: float = 70.0
    """Yaw over which the change of shape fades out: beyond, a side of the face is a guess."""
    sure_from: float = 0.3
    sure_to: float = 0.7
    """Presence over which it fades in."""
    covered_gain: float = 3.0
    """Multiple of the share of a face's box under nearer faces that is taken off its change."""
    border_share: float = 0.4
    """Most of the way to the picture's border that a move may reach: squeezed, but never streaked."""
    min_move_pixels: float = 0.05
    """A face that would move less is left alone."""


TUNING = ReshapeTuning()

_HELD = (
    *landmark_sets.FACE_OVAL,
    *landmark_sets.RIGHT_EYE,
    *landmark_sets.LEFT_EYE,
    *landmark_sets.INNER_LIPS,
    *range(landmark_sets.SKIN_POINTS, LANDMARK_COUNT),
)
"""Landmarks at which the target shows through or starts: they move exactly as the picture does."""
_LEADING = np.array(
    (
        *_HELD[:-10],
        landmark_sets.RIGHT_IRIS,
        landmark_sets.LEFT_IRIS,
        *landmark_sets.SHAPE_BROWS,
        *landmark_sets.SHAPE_NOSE,
        *landmark_sets.SHAPE_LIPS,
        *landmark_sets.SHAPE_CHEEKS,
    )
)
"""Landmarks from which the field is made."""


@dataclass(frozen=True, slots=True)
class Field:
    """`moves` float32 (rows, columns, 2), in pixels: the offset from a cell's middle to where its content comes from.

    The cells fill the rectangle `box_xyxy` of whole pixels; beyond it nothing moves.
    """

    moves: Floats
    box_xyxy: tuple[int, int, int, int]

    @property
    def step_xy(self) -> tuple[float, float]:
        """Width and height of a cell in pixels."""
        left, top, right, bottom = self.box_xyxy
        return (right - left) / self.moves.shape[1], (bottom - top) / self.moves.shape[0]

    @property
    def first_xy(self) -> tuple[float, float]:
        """The middle of the first cell in frame pixels."""
        return self.box_xyxy[0] + (self.step_xy[0] - 1) / 2, self.box_xyxy[1] + (self.step_xy[1] - 1) / 2


def reshape(image: Image, faces: tuple[TrackedFace, ...], shape: Floats | None, strength: float) -> tuple[TrackedFace, ...]:
    """Warp all faces towards one `shape`, as `reshape_each` does; None changes nothing."""
    return reshape_each(image, faces, {face.track_id: shape for face in faces}, strength)


def reshape_each(
    image: Image, faces: tuple[TrackedFace, ...], shapes: Mapping[int, Floats | None], strength: float
) -> tuple[TrackedFace, ...]:
    """Warp `image`, BGR uint8, in place; return the faces with their landmarks in the warped picture.

    `shapes` holds by `track_id` the neutral face of the source that a face wears, float32 (478, 3) in the head frame; a face
    with None or without an entry keeps its shape. `strength` 0 changes nothing, 1 takes the proportions wholly. Pixels
    farther than the margin from a face that is changed keep their value.
    """
    moved = list(faces)
    for number in range(len(moved)):
        face = moved[number]
        shape = shapes.get(face.track_id)
        wanted = None if shape is None else _wanted(face, shape, strength * _uncovered(face, moved))
        if wanted is None:
            continue
        field = _field(face.landmarks.points, wanted, image.shape[1], image.shape[0])
        _warp(image, field)
        for other, neighbour in enumerate(moved):
            points = neighbour.landmarks.points
            if other != number and not _meets(geometry.box_of(points), field.box_xyxy):
                continue
            followed = _followed(points, field)
            if other == number:
                followed = _own(points, followed, wanted)
            moved[other] = replace(neighbour, landmarks=Landmarks(followed, neighbour.landmarks.presence))
    return tuple(moved)


def reach(points: Floats) -> tuple[int, int, int, int]:
    """Return the rectangle of whole pixels, `xyxy`, that `reshape` may touch for a face with landmarks (478, 3)."""
    margin = (TUNING.margin + TUNING.max_move) * _unit(points)
    x1, y1, x2, y2 = geometry.box_of(points)
    return int(x1 - margin) - 1, int(y1 - margin) - 1, int(x2 + margin) + 2, int(y2 + margin) + 2


def _unit(points: Floats) -> float:
    right, left = landmark_sets.EYE_CORNERS
    return max(float(np.linalg.norm(points[right] - points[left])), 1.0)


def _wanted(face: TrackedFace, shape: Floats, strength: float) -> Floats | None:
    """Return the wanted moves of the landmarks, float32 (478, 3) in pixels; None for a face that stays as it is."""
    points, presence = face.landmarks.points, face.landmarks.presence
    pose = head_pose(points)
    strength *= _faded(pose, face.yaw, presence)
    if strength <= 0:
        return None
    own = face.known.neutral if face.known is not None else neutral(points)
    change = in_proportion(_even(shape - own), pose.unplace(points), own)
    change = TUNING.gain * strength * change * np.array([1, 1, TUNING.depth], np.float32)
    size = np.linalg.norm(change, axis=1, keepdims=True) / TUNING.max_move
    change /= (1 + size**TUNING.limit_power) ** (1 / TUNING.limit_power)
    wanted = (pose.scale * (change @ pose.rotation.T)).astype(np.float32)
    return wanted if np.abs(wanted[:, :2]).max() >= TUNING.min_move_pixels else None


def _even(change: Floats) -> Floats:
    """Return the part of a change of shape (478, 3) that is alike on both sides.

    People are nearly symmetric. What differs is how the mesh reads a turned head: worn, it turns the face by half a degree.
    """
    mirrored = change[face_model().mirror] * np.array([-1, 1, 1], np.float32)
    return np.asarray((change + mirrored) / 2, np.float32)


def _uncovered(face: TrackedFace, faces: Sequence[TrackedFace]) -> float:
    """Return the share of the change for a face behind others, 0..1: its mesh is a guess, and would bend the nearer one."""
    before = frozenset() if face.known is None else face.known.behind
    x1, y1, x2, y2 = geometry.box_of(face.landmarks.points)
    covered = 0.0
    for other in faces:
        if other.track_id in before:
            left, top, right, bottom = geometry.box_of(other.landmarks.points)
            covered += max(0.0, min(x2, right) - max(x1, left)) * max(0.0, min(y2, bottom) - max(y1, top))
    return max(0.0, 1 - TUNING.covered_gain * covered / max((x2 - x1) * (y2 - y1), 1.0))


def _faded(pose: HeadPose, tracked_yaw: float, presence: float) -> float:
    """Return the share of the change that is shown, 0..1; of two estimates of the yaw the larger counts."""
    turned = TUNING.fade_to_degrees - max(abs(pose.yaw), abs(tracked_yaw))
    frontal = _ramp(turned, TUNING.fade_to_degrees - TUNING.fade_from_degrees)
    return frontal * _ramp(presence - TUNING.sure_from, TUNING.sure_to - TUNING.sure_from)


def _ramp(value: float, width: float) -> float:
    x = min(max(value / width, 0.0), 1.0)
    return x * x * (3 - 2 * x)


def _field(points: Floats, wanted: Floats, width: int, height: int) -> Field:
    """Return the backward field of a face: smooth, the landmarks' own moves at the landmarks, 0 at its border.

    Nothing is fetched from outside the picture, which is `width` x `height` pixels.
    """
    unit = _unit(points)
    moves = wanted[_LEADING, :2]
    places = points[_LEADING, :2] + moves
    x1, y1, x2, y2 = geometry.box_of(places)
    margin = TUNING.margin * unit
    box = int(x1 - margin), int(y1 - margin), int(np.ceil(x2 + margin)), int(np.ceil(y2 + margin))
    lengths = box[2] - box[0], box[3] - box[1]
    columns, rows = (min(max(4, round(length / (TUNING.step * unit))), TUNING.max_nodes) for length in lengths)
    field = Field(np.zeros((rows, columns, 2), np.float32), box)
    places = np.ascontiguousarray(places - np.array(field.first_xy, np.float32))
    _spread_exactly(places, moves, TUNING.near * unit, margin, field)
    for axis, end in ((0, width - 1), (1, height - 1)):
        count = field.moves.shape[1 - axis]
        place = field.first_xy[axis] + field.step_xy[axis] * np.arange(count, dtype=np.float32)
        place = place[None, :] if axis == 0 else place[:, None]
        low, high = np.minimum(-TUNING.border_share * place, 0), np.maximum(TUNING.border_share * (end - place), 0)
        np.clip(field.moves[:, :, axis], low, high, out=field.moves[:, :, axis])
    return field


def _spread_exactly(places: Floats, moves: Floats, near: float, margin: float, field: Field) -> None:
    """Fill the field with moves (n, 2) of places that count from its first cell, so that they arrive whole.

    Near landmarks average their moves, and each loses a fifth of its own; what has not arrived is added and spread again.
    """
    rows, columns = field.moves.shape[:2]
    shares = np.empty((rows * columns, len(places)), np.float32)
    spread_shares(places, field.step_xy, near, margin, np.array([rows, columns]), shares)
    cells, asked = places / np.array(field.step_xy, np.float32), np.empty((2, len(places)), np.float32)
    spread_whole(shares, cells, np.ascontiguousarray(moves, np.float32), TUNING.refinements, asked, field.moves)
    np.negative(field.moves, out=field.moves)


def _warp(image: Image, field: Field) -> None:
    x1, y1, x2, y2 = field.box_xyxy
    left, top, right, bottom = max(0, x1), max(0, y1), min(image.shape[1], x2), min(image.shape[0], y2)
    if right - left < 2 or bottom - top < 2:
        return
    # With coordinates in 16 + 5 bits OpenCV takes its fast path; 1/32 pixel is finer than the landmarks.
    whole, share = np.empty((bottom - top, right - left, 2), np.int16), np.empty((bottom - top, right - left), np.uint16)
    first_x, first_y = field.first_xy
    write_places(field.moves, (first_x - left, first_y - top), field.step_xy, whole, share)
    part = image[top:bottom, left:right]
    part[:] = cv2.remap(part, whole, share, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _followed(points: Floats, field: Field) -> Floats:
    """Return the positions of the picture's content at `points` after the warp."""
    first = np.array(field.first_xy, np.float32)
    places = np.ascontiguousarray(points[:, :2] - first)
    follow(places, field.moves, field.step_xy)
    return np.column_stack([places + first, points[:, 2]]).astype(np.float32)


def _meets(a_xyxy: tuple[float, float, float, float], b_xyxy: tuple[float, float, float, float]) -> bool:
    return min(a_xyxy[2], b_xyxy[2]) > max(a_xyxy[0], b_xyxy[0]) and min(a_xyxy[3], b_xyxy[3]) > max(a_xyxy[1], b_xyxy[1])


def _own(points: Floats, followed: Floats, wanted: Floats) -> Floats:
    """Return the face's own landmarks: moved as wanted, but with the picture where the target shows."""
    own = points + wanted
    held = list(_HELD)
    own[held, :2] = followed[held, :2]
    return own
