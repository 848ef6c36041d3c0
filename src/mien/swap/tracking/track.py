"""One tracked face: its landmarks, its predicted motion, and the tests that tie a fit or a detection to it."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from mien.face import landmark_sets
from mien.face.head_pose import combined_yaw, yaw_of_mesh, yaw_of_points
from mien.imaging import geometry
from mien.imaging.geometry import PointSets, middles_of, roll_of
from mien.swap.tracking.box import FaceBox
from mien.swap.tracking.smoothing import LandmarkFilter
from mien.types import Detection, Floats, Image, Landmarks


@dataclass(frozen=True, slots=True)
class TrackTuning:
    """Motion of one face. Lengths are in face sizes."""

    rest_step: float = 0.015
    """Mean step within which the crop stays where it is: a crop that follows noise adds to it."""
    min_predicted_step: float = 0.05
    """The shortest step that is predicted: predicted noise would feed back."""
    max_predicted_step: float = 0.5
    max_growth: float = 1.6
    """The largest ratio of sizes of one face from frame to frame."""
    max_bend: float = 0.2
    """Largest mean distance from the landmarks of the frame before, moved and rotated as a whole."""
    max_roll_degrees: float = 45.0
    """The largest roll from one frame to the next; a somersault makes 12 at 30 frames a second."""
    same_face: float = 0.5
    """Faces whose middles are nearer than this, in sizes of the smaller one, are one face."""
    tilted_degrees: float = 28.0
    """Roll of a tilted face; up to 30 all of 26 faces are seen in the upright picture, at 45 half of them."""
    yaw_share: float = 0.3
    yaw_jitter_degrees: float = 12.0
    """Share of a small difference in yaw that is taken at once, and the largest small difference."""


TUNING = TrackTuning()
_DETECTED = PointSets.of(landmark_sets.DETECTED_PAIRS)


@dataclass(slots=True)
class Track:
    """One face; `points` are the landmarks as they were fitted, `shown` the smoothed ones.

    `start` is where the next fit starts: earlier `points`, which are renewed as soon as the face leaves them.
    """

    track_id: int
    filter: LandmarkFilter
    points: Floats
    start: Floats
    box: FaceBox
    shown: Landmarks
    mesh_yaw: float
    yaw_missed: float = 0.0
    """Degrees of yaw that the mesh misses, as the detector has last seen the face."""
    step_xy: tuple[float, float] = (0.0, 0.0)
    age: int = 1
    stray: float = 0.0
    """Recent distance from the predicted position, in face sizes."""
    lost_frames: int = 0
    missed_detections: int = 0
    """Redetections in a row that did not see the face."""
    least_presence: float = 1.0
    """Since the detector last saw the face."""

    def predicted_step(self) -> tuple[float, float]:
        """The step to the face's position in the next frame, at the speed of the last one."""
        length = math.hypot(*self.step_xy) / self.box.size
        if length < TUNING.min_predicted_step:
            return 0.0, 0.0
        share = min(1.0, TUNING.max_predicted_step / length)
        return self.step_xy[0] * share, self.step_xy[1] * share

    def advance(self, fit: "Fit", elapsed_s: float) -> None:
        """Move the track to this fit, `elapsed_s` seconds after the last one."""
        self.step_xy = fit.box.x - self.box.x, fit.box.y - self.box.y
        self.stray = fit.stray
        self._take(fit.landmarks, fit.box, elapsed_s)

    def revive(self, landmarks: Landmarks, box: FaceBox) -> None:
        """Continue a lost track here; its motion no longer holds."""
        self.step_xy = 0.0, 0.0
        self.lost_frames = self.missed_detections = 0
        self.stray, self.least_presence, self.yaw_missed = 0.0, 1.0, 0.0
        self.filter.reset()
        self._take(landmarks, box, 0.0)

    @property
    def yaw(self) -> float:
        """Yaw in degrees, by mesh and detector."""
        return self.mesh_yaw + self.yaw_missed

    @property
    def roll(self) -> float:
        """Roll in degrees, -180..180."""
        return roll_of(middles_of(self.points, _DETECTED))

    @property
    def tilted(self) -> bool:
        """True when the detector may miss the face in the upright picture."""
        return abs(self.roll) > TUNING.tilted_degrees

    def correct_yaw(self, detection: Detection) -> None:
        """Learn the yaw that the mesh misses: small differences may be the detector's jitter, large ones are not."""
        missed = combined_yaw(self.mesh_yaw, yaw_of_points(detection.points)) - self.mesh_yaw
        share = TUNING.yaw_share if abs(missed - self.yaw_missed) < TUNING.yaw_jitter_degrees else 1.0
        self.yaw_missed += share * (missed - self.yaw_missed)

    def _take(self, landmarks: Landmarks, box: FaceBox, elapsed_s: float) -> None:
        self.points, self.box, self.mesh_yaw = landmarks.points, box, yaw_of_mesh(landmarks.points)
        if float(np.abs(self.points[:, :2] - self.start[:, :2]).mean()) > TUNING.rest_step * box.size:
            self.start = self.points
        self.shown = Landmarks(self.filter.update(landmarks.points, elapsed_s), landmarks.presence)
        self.least_presence = min(self.least_presence, landmarks.presence)
        self.age += 1


@dataclass(slots=True)
class Fit:
    """The landmarker's result for a track in one frame; `stray` is its distance from the prediction, in face sizes."""

    track: Track
    landmarks: Landmarks
    box: FaceBox
    stray: float


def is_same(a: FaceBox, b: FaceBox) -> bool:
    """Return True when two boxes are of one face."""
    smaller, larger = sorted((a, b), key=lambda box: box.size)
    return smaller.distance(larger) < TUNING.same_face


def is_tracked(box: FaceBox, tracks: Iterable[Track]) -> bool:
    """Return True when one of the tracks is of the face in this box."""
    return any(is_same(box, track.box) for track in tracks)


def is_among(found: Detection, others: Iterable[Detection]) -> bool:
    """Return True when one of the other detections is of the same face."""
    return any(is_same(FaceBox.of_detection(found), FaceBox.of_detection(other)) for other in others)


def is_plausible(landmarks: Landmarks, box: FaceBox, track: Track, image: Image) -> bool:
    """Return True when the face of a track can reach this box and shape within one frame, and is in the picture."""
    inside = 0 <= box.x < image.shape[1] and 0 <= box.y < image.shape[0]
    if not inside or not np.isfinite(landmarks.points).all() or track.box.growth(box) > TUNING.max_growth:
        return False
    flat, before = landmarks.points[:, :2], track.points[:, :2]
    transform = geometry.similarity(before, flat)
    if abs(math.degrees(math.atan2(transform[1, 0], transform[0, 0]))) > TUNING.max_roll_degrees:
        return False
    moved = geometry.apply(transform, before)
    return float(np.abs(moved - flat).mean()) < TUNING.max_bend * box.size


def mesh_distance(detection: Detection, points: Floats, box: FaceBox) -> float:
    """The mean distance of a detection's five points from those of the mesh (478, 3), in sizes of `box`."""
    return float(np.linalg.norm(detection.points - middles_of(points, _DETECTED), axis=1).mean()) / box.size
