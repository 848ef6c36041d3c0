"""Landmarks under an occluder: the mesh guesses them, so they keep their place on the head until they are seen again."""

from collections.abc import Container, Mapping
from dataclasses import dataclass, replace

import numpy as np

from mien.face import landmark_sets
from mien.face.mean_face import head_pose
from mien.imaging import geometry
from mien.models.format.parsing import FaceClass
from mien.swap.memory.parsing import at_landmarks
from mien.types import Array, Floats, Landmarks, ParsedFace, TrackedFace


@dataclass(frozen=True, slots=True)
class HoldTuning:
    """Landmarks that are held.

    With a hand, a cup or a bar drawn before 20 portraits, hidden landmarks were 4.5 % of the eye distance off, seen ones 2.4 %;
    hidden ones placed by the seen ones 2.0 %.
    """

    hidden: float = 0.5
    """Opacity of what lies before a landmark that is held wholly."""
    free: float = 0.1
    """Opacity below which a landmark is seen."""
    learnt: float = 0.1
    """Share of the way to the present place that a seen landmark's memory goes in a frame."""
    rounds: int = 2
    """Passes of pose and placing."""
    min_free_share: float = 0.4
    """Share of the landmarks that have to be seen to place the others by them."""


TUNING = HoldTuning()
_HIDING = FaceClass.HAND, FaceClass.THING, FaceClass.SHADE
"""Classes under which the mesh guesses. Rims and strands of hair are too thin, and skin moves between them."""


class HiddenLandmarks:
    """The places of the landmarks on each head of a stream, as last seen; give it every frame, in order."""

    def __init__(self) -> None:
        self._shapes: dict[int, Floats] = {}

    def held(
        self,
        faces: tuple[TrackedFace, ...],
        parsed: Mapping[int, ParsedFace],
        behind: Container[int] = (),
    ) -> tuple[TrackedFace, ...]:
        """Return the faces with their hidden landmarks where they were last seen on the head.

        `parsed` is what the parser last saw of each face, by `track_id`. Of faces in `behind`, which have others in front of
        them, nothing is held or learnt: the parser sees skin where the mesh guesses.
        """
        shapes: dict[int, Floats] = {}
        found = []
        for face in faces:
            if face.track_id in behind:
                found.append(face)
                continue
            shape, covered = self._shapes.get(face.track_id), _covered(parsed.get(face.track_id))
            seen = np.ones((len(face.landmarks.points), 1), np.float32)
            if shape is not None and covered is not None:
                face = _steadied(face, shape, covered)
                seen = np.clip(1 - covered / TUNING.free, 0, 1)[:, None]
            now = head_pose(face.landmarks.points).unplace(face.landmarks.points)
            shapes[face.track_id] = now if shape is None else shape + np.float32(TUNING.learnt) * seen * (now - shape)
            found.append(face)
        self._shapes = shapes
        return tuple(found)


def _steadied(face: TrackedFace, shape: Floats, covered: Floats) -> TrackedFace:
    """Return the face with its covered landmarks placed by the free ones and by the `shape` of its head, in the head frame."""
    points = face.landmarks.points
    for _ in range(TUNING.rounds):
        # The pose is read from all landmarks, the guessed ones too: better points give a better pose.
        points = _placed(face.landmarks.points, head_pose(points).place(shape), covered)
    return replace(face, landmarks=Landmarks(points, face.landmarks.presence))


def _covered(parsed: ParsedFace | None) -> Floats | None:
    """Return the opacity of what hides each landmark, float32 (478,), 0..1; None for nothing."""
    if parsed is None:
        return None
    covered = at_landmarks(parsed, *_HIDING).sum(axis=0, dtype=np.float32) / np.float32(255)
    return np.asarray(covered, np.float32) if np.any(covered >= TUNING.hidden) else None


def _placed(points: Floats, remembered: Floats, covered: Floats) -> Floats:
    """Return the points, the covered ones moved to where they are remembered, which the free ones place."""
    free: Array = covered < TUNING.free
    free[landmark_sets.SKIN_POINTS :] = False
    if np.count_nonzero(free) < TUNING.min_free_share * landmark_sets.SKIN_POINTS:
        return points
    to_now = geometry.similarity(remembered[free, :2], points[free, :2])
    placed = remembered * np.float32(geometry.scale_of(to_now))
    placed[:, :2] = geometry.apply(to_now, remembered[:, :2])
    placed[:, 2] += float((points[free, 2] - placed[free, 2]).mean())
    share = np.clip((covered - TUNING.free) / (TUNING.hidden - TUNING.free), 0, 1)[:, None]
    moved: Floats = (points + share * (placed - points)).astype(np.float32)
    return moved
