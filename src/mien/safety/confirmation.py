"""Trust in tracked faces that the detector confirms: a mesh that sits wrong, as on an inverted head, is sure of itself."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from mien.swap.tracking.box import FaceBox
from mien.swap.tracking.track import mesh_distance
from mien.types import Detection, TrackedFace

_GRACE_S = 0.25
"""A face that was confirmed may be missed by the detector for so long: blinks, blur, a hand that passes."""
_LEAST_TIMES = 2
"""A new face is trusted when it has been confirmed in so many frames: one look may err."""
_CLEAR = 0.75, 0.2
_CLOSE = 0.5, 0.09
"""Least score and largest distance from the mesh: what the detector sees clearly, or hardly sees but just where the mesh is.
Upright faces of 12 clips disagree by 0.13 at the most, faces tilted by 40 degrees by 0.15; beyond 50 degrees by 0.2 and
more."""


@dataclass(slots=True)
class Confirmation:
    """Give it every frame, in order."""

    _confirmed: dict[int, tuple[float, int]] = field(default_factory=dict)
    """Of each face, when it was confirmed last and how often."""

    def trusted(
        self, faces: Sequence[TrackedFace], doubts: Sequence[Detection], time_s: float
    ) -> tuple[TrackedFace, ...]:  # fmt: skip
        """The faces that the detector confirms, now or a moment ago; `doubts` is all that it has seen in this frame."""
        before, self._confirmed = self._confirmed, {}
        for face in faces:
            last_s, times = before.get(face.track_id, (time_s, 0))
            if any(_confirms(doubt, face) for doubt in doubts):
                last_s, times = time_s, times + 1
            self._confirmed[face.track_id] = last_s, times
        return tuple(face for face in faces if self._is_trusted(face, time_s))

    def _is_trusted(self, face: TrackedFace, time_s: float) -> bool:
        last_s, times = self._confirmed[face.track_id]
        return times >= _LEAST_TIMES and time_s - last_s < _GRACE_S


def _confirms(doubt: Detection, face: TrackedFace) -> bool:
    points = face.landmarks.points
    apart = mesh_distance(doubt, points, FaceBox.of_points(points))
    return any(doubt.score >= score and apart <= most for score, most in (_CLEAR, _CLOSE))
