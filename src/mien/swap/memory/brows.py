"""Brows that are raised or drawn down: the mesh follows them only in part, so their way from where they rest is lengthened."""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from mien.face import landmark_sets
from mien.face.mean_face import face_model, head_pose
from mien.imaging.arrays import locked
from mien.types import Array, Floats, Landmarks, TrackedFace


@dataclass(frozen=True, slots=True)
class BrowTuning:
    """Lengthening of a brow's way, in eye distances.

    In two recordings, measured by matching the brows' pictures, the mesh shows 0.63 to 0.81 of their way, up and down.
    """

    gain: float = 0.35
    """Share of the way that is added."""
    rest: float = 0.006
    """Way that is left alone: landmarks tremble."""
    most: float = 0.04
    """The most that is added."""
    reach: float = 0.14
    """Sigma of the fading around the brow: forehead and upper lid follow in part."""
    first_frames: int = 30
    """Frames of which the usual height is the plain mean; later ones count as 1 of `memory_frames`."""
    memory_frames: int = 150
    frontal_degrees: float = 35.0
    """Yaw from which nothing is added: one brow is a guess."""


TUNING = BrowTuning()
_BROWS = landmark_sets.RIGHT_BROW, landmark_sets.LEFT_BROW
_HELD = (*landmark_sets.RIGHT_EYE, *landmark_sets.LEFT_EYE, *landmark_sets.FACE_OVAL)
"""Landmarks that stay where they are: the eyes, and the border of the face."""


@dataclass(frozen=True, slots=True)
class _Usual:
    """Usual height of the two brows of a face, and the frames that made it."""

    heights: Array
    frames: int


class Brows:
    """The usual height of the brows on each head of a stream; give it every frame, in order."""

    def __init__(self) -> None:
        self._usual: dict[int, _Usual] = {}

    def lengthened(self, faces: tuple[TrackedFace, ...]) -> tuple[TrackedFace, ...]:
        """Return the faces with each brow where the picture has it; a turned head stays as it is, and nothing is learnt."""
        found = []
        usual = {face.track_id: self._usual[face.track_id] for face in faces if face.track_id in self._usual}
        for face in faces:
            frontal = 1 - abs(face.yaw) / TUNING.frontal_degrees
            if frontal > 0:
                pose = head_pose(face.landmarks.points)
                heights = _heights(pose.unplace(face.landmarks.points))
                known = usual.get(face.track_id, _Usual(heights, 0))
                points = _moved(
                    face.landmarks.points, heights - known.heights, pose.rotation[:, 1] * pose.scale * min(1, 2 * frontal)
                )
                face = replace(face, landmarks=Landmarks(points, face.landmarks.presence))
                share = 1 / (known.frames + 1 if known.frames < TUNING.first_frames else TUNING.memory_frames)
                usual[face.track_id] = _Usual(known.heights + share * (heights - known.heights), known.frames + 1)
            found.append(face)
        self._usual = usual
        return tuple(found)


def _heights(shape: Floats) -> Array:
    """Return how far below the origin of the head frame the right and the left brow lie, float64 (2,)."""
    return np.array([float(shape[list(brow), 1].mean()) for brow in _BROWS])


def _moved(points: Floats, ways: Array, down: Array) -> Floats:
    """Return the landmarks with the brows' `ways` lengthened; `down` (3,) is one eye distance down the face, in pixels."""
    added = np.clip(TUNING.gain * np.sign(ways) * np.maximum(np.abs(ways) - TUNING.rest, 0), -TUNING.most, TUNING.most)
    if not added.any():
        return points
    moved: Floats = (points + (_nearness() @ added)[:, None] * down).astype(np.float32)
    return moved


@cache
def _nearness() -> Array:
    """Return how much each landmark follows the right and the left brow, 0..1, float64 (478, 2)."""
    shape = face_model().shape[:, :2]
    apart = [np.linalg.norm(shape[:, None] - shape[None, list(brow)], axis=2).min(1) for brow in _BROWS]
    near = np.exp(-np.square(np.stack(apart, axis=1) / TUNING.reach) / 2)
    near[list(_HELD)] = 0
    near[landmark_sets.SKIN_POINTS :] = 0
    return locked(near)
