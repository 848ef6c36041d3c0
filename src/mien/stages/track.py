"""Follows faces from frame to frame.

In steady state each face is found from its own last landmarks and the detector rests. It looks again every
`detect_every` frames, when a track is weak, when nobody is there, and at a scene cut.
"""

from dataclasses import dataclass

import numpy as np

from mien import geometry
from mien.contracts import Detector, Landmarker
from mien.settings import Settings
from mien.stages.cut import SceneCuts
from mien.stages.smooth import LandmarkFilter
from mien.types import Detection, Floats, Frame, Image, Landmarks, TrackedFace

_PRESENT = 0.5
"""Below, the face is lost in this frame."""
_SURE = 0.9
"""Below, the detector is asked whether the face is still there."""
_BORN = 0.7
_SETTLE = 2
_NEAR = 0.5
"""Two faces whose middles are nearer than this share of their size are one."""
_MOST_GROWTH = 1.6
"""From one frame to the next a face does not grow or shrink more."""
_UNSEEN_LOOKS = 3
"""Looks in a row in which the detector may miss a face that the landmarks still follow."""
_RECHECK = 5
_GRACE_S = 0.5
"""For so long a lost face gets its old number back when it is found again near its last place."""


@dataclass(slots=True)
class _Track:
    track_id: int
    points: Floats
    presence: float
    filter: LandmarkFilter
    age: int = 1
    motion: Floats | None = None
    unseen_looks: int = 0

    def follow(self, landmarks: Landmarks, elapsed_s: float) -> None:
        before = self.points
        self.points = self.filter.update(landmarks.points, elapsed_s)
        self.motion = (self.points - before).mean(0)
        self.presence = landmarks.presence
        self.age += 1

    def expected(self) -> Floats:
        """Where the face should be in the next frame, at constant speed but at most a third of its size away."""
        if self.motion is None:
            return self.points
        length = float(np.hypot(self.motion[0], self.motion[1]))
        most = _size(self.points) / 3
        share = min(1.0, most / length) if length > 0 else 0.0
        moved = self.points.copy()
        moved[:, :2] += self.motion[:2] * np.float32(share)
        return moved


@dataclass(frozen=True, slots=True)
class _Lost:
    track_id: int
    points: Floats
    time_s: float


class Tracker:
    """The faces of one stream of frames; give it every frame, in order."""

    def __init__(self, detector: Detector, landmarker: Landmarker, settings: Settings) -> None:
        self._detector = detector
        self._landmarker = landmarker
        self._settings = settings
        self._next_id = 1
        self.reset()

    def reset(self) -> None:
        """Forget all faces; numbers are not used again."""
        self._tracks: list[_Track] = []
        self._lost: list[_Lost] = []
        self._cuts = SceneCuts()
        self._until_look = 0
        self._time_s: float | None = None

    def update(self, frame: Frame) -> tuple[TrackedFace, ...]:
        """The faces of this frame, smallest number first; a face that is not in this frame is not returned."""
        if self._cuts.is_cut(frame.image):
            self._tracks, self._lost, self._until_look = [], [], 0
        elapsed_s = 0.0 if self._time_s is None else max(0.0, frame.time_s - self._time_s)
        self._time_s = frame.time_s
        doubtful = self._follow(frame, elapsed_s)
        if doubtful or not self._tracks or self._until_look <= 0:
            self._look(frame, doubtful)
        self._until_look -= 1
        self._merge()
        self._lost = [lost for lost in self._lost if frame.time_s - lost.time_s <= _GRACE_S]
        return tuple(
            TrackedFace(track.track_id, Landmarks(track.points, track.presence), track.age)
            for track in sorted(self._tracks, key=lambda track: track.track_id)
        )

    def _follow(self, frame: Frame, elapsed_s: float) -> bool:
        """Move each track to this frame; tracks that cannot be followed become lost. True = the detector should look."""
        doubtful = False
        kept = []
        for track in self._tracks:
            landmarks = self._landmarker.fit(frame.image, track.expected())
            if landmarks.presence >= _PRESENT and _plausible(landmarks.points, track.points, frame.image):
                track.follow(landmarks, elapsed_s)
                kept.append(track)
                doubtful |= landmarks.presence < _SURE
            else:
                self._lose(track, frame.time_s)
                doubtful = True
        self._tracks = kept
        return doubtful

    def _look(self, frame: Frame, doubtful: bool) -> None:
        """Ask the detector: confirm the tracks, give birth to new ones, let those die that it keeps missing."""
        found = self._detector.detect(frame.image)
        for track in self._tracks:
            seen = any(_same_place(_box(detection), track.points) for detection in found)
            track.unseen_looks = 0 if seen else track.unseen_looks + 1
        for track in [track for track in self._tracks if track.unseen_looks > _UNSEEN_LOOKS]:
            self._tracks.remove(track)
            self._lose(track, frame.time_s)
        for detection in sorted(found, key=_area, reverse=True):
            if len(self._tracks) >= self._settings.faces:
                break
            if not any(_same_place(_box(detection), track.points) for track in self._tracks):
                self._give_birth(detection, frame)
        soon = doubtful or any(track.unseen_looks for track in self._tracks)
        self._until_look = min(_RECHECK, self._settings.detect_every) if soon else self._settings.detect_every

    def _give_birth(self, detection: Detection, frame: Frame) -> None:
        landmarks = self._landmarker.fit(frame.image, detection.points)
        for _ in range(_SETTLE):
            landmarks = self._landmarker.fit(frame.image, landmarks.points)
        if landmarks.presence < _BORN or not _same_place(_box(detection), landmarks.points):
            return
        if any(_same_place(geometry.box_of(landmarks.points), track.points) for track in self._tracks):
            return
        smoother = LandmarkFilter(self._settings.smoothing)
        points = smoother.update(landmarks.points, 0.0)
        self._tracks.append(_Track(self._number_for(landmarks.points), points, landmarks.presence, smoother))

    def _number_for(self, points: Floats) -> int:
        """The number of a face that was lost here a moment ago, or a new one."""
        for lost in self._lost:
            if _same_place(geometry.box_of(points), lost.points):
                self._lost.remove(lost)
                return lost.track_id
        self._next_id += 1
        return self._next_id - 1

    def _lose(self, track: _Track, time_s: float) -> None:
        self._lost.append(_Lost(track.track_id, track.points, time_s))

    def _merge(self) -> None:
        """Two tracks on one face: the younger goes."""
        kept: list[_Track] = []
        for track in sorted(self._tracks, key=lambda track: (-track.age, track.track_id)):
            if not any(_same_place(geometry.box_of(track.points), other.points) for other in kept):
                kept.append(track)
        self._tracks = kept


def _box(detection: Detection) -> tuple[float, float, float, float]:
    return detection.box_xyxy


def _area(detection: Detection) -> float:
    x1, y1, x2, y2 = detection.box_xyxy
    return (x2 - x1) * (y2 - y1)


def _size(points: Floats) -> float:
    x1, y1, x2, y2 = geometry.box_of(points)
    return max(float(np.sqrt(max(x2 - x1, 0) * max(y2 - y1, 0))), 1e-3)


def _same_place(box_xyxy: tuple[float, float, float, float], points: Floats) -> bool:
    other = geometry.box_of(points)
    middles = [((x1 + x2) / 2, (y1 + y2) / 2) for x1, y1, x2, y2 in (box_xyxy, other)]
    distance = float(np.hypot(middles[0][0] - middles[1][0], middles[0][1] - middles[1][1]))
    sizes = [float(np.sqrt(max((x2 - x1) * (y2 - y1), 0))) for x1, y1, x2, y2 in (box_xyxy, other)]
    return distance < _NEAR * min(sizes)


def _plausible(points: Floats, before: Floats, image: Image) -> bool:
    """False for a fit that no face makes from one frame to the next, or that lies outside the picture."""
    growth = _size(points) / _size(before)
    if not 1 / _MOST_GROWTH < growth < _MOST_GROWTH:
        return False
    middle = points[:, :2].mean(0)
    return bool((middle > 0).all() and middle[0] < image.shape[1] and middle[1] < image.shape[0])
