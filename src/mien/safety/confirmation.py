"""Trust in tracked faces that the detector confirms: a mesh that sits wrong, as on an inverted head, is sure of itself."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from mien.swap.tracking.box import FaceBox
from mien.swap.tracking.track import mesh_distance
from mien.types import Detection, TrackedFace


@dataclass(frozen=True, slots=True)
class ConfirmationTuning:
    """Numbers of the confirmation. A detection confirms by a high score, or by lying just where the mesh is.

    Upright faces of 12 clips disagree by 0.13 at most, faces tilted by 40 degrees by 0.15; beyond 50 degrees by 0.2 and more.
    """

    grace_s: float = 0.25  # a blink, blur or a passing hand may hide a confirmed face from the detector
    min_confirmations: int = 2  # frames that confirm a new face before it is trusted; a single detection may err
    high_score: float = 0.75
    high_score_max_disagreement: float = 0.2
    low_score: float = 0.5
    low_score_max_disagreement: float = 0.09


DEFAULT_TUNING = ConfirmationTuning()


@dataclass(slots=True)
class Confirmation:
    """Confirms tracked faces by detections, frame by frame and in order."""

    tuning: ConfirmationTuning = DEFAULT_TUNING
    _confirmed: dict[int, tuple[float, int]] = field(default_factory=dict)
    """Time of the last confirmation and number of confirmations, by track."""

    def trusted(
        self, faces: Sequence[TrackedFace], detections: Sequence[Detection], time_s: float
    ) -> tuple[TrackedFace, ...]:  # fmt: skip
        """Return the faces that are confirmed, now or a moment ago; `detections` are all of this frame."""
        before, self._confirmed = self._confirmed, {}
        for face in faces:
            last_s, times = before.get(face.track_id, (time_s, 0))
            if any(self._confirms(detection, face) for detection in detections):
                last_s, times = time_s, times + 1
            self._confirmed[face.track_id] = last_s, times
        return tuple(face for face in faces if self._is_trusted(face, time_s))

    def _is_trusted(self, face: TrackedFace, time_s: float) -> bool:
        last_s, times = self._confirmed[face.track_id]
        return times >= self.tuning.min_confirmations and time_s - last_s < self.tuning.grace_s

    def _confirms(self, detection: Detection, face: TrackedFace) -> bool:
        points, tuning = face.landmarks.points, self.tuning
        apart = mesh_distance(detection, points, FaceBox.of_points(points))
        if detection.score >= tuning.high_score and apart <= tuning.high_score_max_disagreement:
            return True
        return detection.score >= tuning.low_score and apart <= tuning.low_score_max_disagreement
