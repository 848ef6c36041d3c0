"""Track faces from frame to frame.

In steady state each face is found from its own last landmarks and the detector rests. It runs again every `detect_every`
frames, when a face is doubtful or was just lost, while nothing is tracked, and at a scene cut.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from mien.contracts import Detector, Landmarker
from mien.face.head_pose import LARGEST_YAW, yaw_of_mesh, yaw_of_points
from mien.settings import Settings
from mien.swap.tracking.box import FaceBox
from mien.swap.tracking.rotated_detector import RotatedSearch
from mien.swap.tracking.scene_cut import SceneCuts
from mien.swap.tracking.smoothing import LandmarkFilter
from mien.swap.tracking.tilted_heads import FILE_PACE, SearchPace, TiltedHeads
from mien.swap.tracking.track import TUNING as TRACK
from mien.swap.tracking.track import Fit, Track, is_plausible, is_same, is_tracked, mesh_distance
from mien.system.processor import available_cores
from mien.types import Detection, Frame, Image, Landmarks, TrackedFace


@dataclass(frozen=True, slots=True)
class TrackerTuning:
    """Tracking of faces. Lengths are in face sizes; presence is the landmarker's, 0..1."""

    present: float = 0.5
    """Presence below which the face is not in this frame."""
    new_presence: float = 0.6
    """Presence that a new face needs once it is fitted."""
    sure_presence: float = 0.9
    """Presence below which the fit is tried again and the detector runs."""
    clear_score: float = 0.8
    """Score of a detection below which it may be a hand: the landmarks must be sure of it."""
    far_fit: float = 0.18
    """A fit that ends farther from its start saw the face at the rim of its crop: it is tried again."""
    fits: int = 3
    """Fits of one face in one frame, at most."""
    max_stray: float = 0.8
    """The largest distance of a face from its predicted position."""
    stray_memory: float = 0.7
    """Share of a track's stray that stays from frame to frame."""
    max_mesh_distance: float = 0.3
    """Mean distance of the detector's points from the mesh beyond which the mesh sits wrong."""
    turned_degrees: float = 30.0
    """Yaw from which the detector runs on every frame: the mesh alone cannot measure a profile."""
    return_yaw_degrees: float = LARGEST_YAW - 6
    """Yaw below which a head that had turned away is tracked again."""
    missed_detections: int = 3
    """Redetections in a row that may miss a face of which the landmarks are not sure."""
    recheck_frames: int = 5
    """Frames between two runs of the detector while something is unclear."""
    grace_frames: int = 24
    """Frames for which a lost track can be revived near its last position; 0.8 s at 30 fps. Chosen by eye; not measured."""
    revive_distance: float = 1.0
    crossed: float = 0.85
    """Distance of two faces below which one hides much of the other: the detector takes the rest of it for a profile."""
    faces_a_thread: int = 2
    """Faces, 3 ms each, for which a thread of their own is worth its start."""
    replace_growth: float = 1.3
    """When all tracks are taken, a face this many times larger replaces the smallest."""


TUNING = TrackerTuning()


@dataclass(slots=True)
class Tracker:
    """The faces of one stream of frames; give it every frame, in order.

    Without `rotated`, a track starts only where `detector` sees the head in the upright picture.
    """

    detector: Detector
    landmarker: Landmarker
    settings: Settings
    rotated: RotatedSearch | None = None
    pace: SearchPace = FILE_PACE
    tuning: TrackerTuning = TUNING
    _tilted: TiltedHeads = field(init=False)
    _next_id: int = field(default=1, init=False)
    _tracks: list[Track] = field(default_factory=list, init=False)
    _lost: list[Track] = field(default_factory=list, init=False)
    _cuts: SceneCuts = field(default_factory=SceneCuts, init=False)
    _until_detection: int = field(default=0, init=False)
    _scene: int = field(default=0, init=False)
    _time_s: float | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._tilted = TiltedHeads(self.rotated, self.pace, self.settings.detect_score)

    def reset(self) -> None:
        """Forget all faces; numbers are not used again."""
        self._start_scene()
        self._cuts = SceneCuts()
        self._until_detection = 0
        self._time_s = None

    @property
    def scene(self) -> int:
        """The number of the scene that the last frame belongs to; another number, another scene."""
        return self._scene

    @property
    def readings(self) -> tuple[Detection, ...]:
        """Tilted faces of the last frame as the detector sees them upright: they may confirm a face."""
        return tuple(self._tilted.readings)

    @property
    def tilted_finds(self) -> tuple[Detection, ...]:
        """Tilted faces of the last frame that are not tracked."""
        return tuple(self._tilted.finds)

    def _start_scene(self) -> None:
        self._scene += 1
        self._tracks, self._lost = [], []
        self._tilted.start_scene()

    def update(self, frame: Frame) -> tuple[TrackedFace, ...]:
        """The faces of this frame, smallest number first; a face that is not seen in this frame is not returned."""
        if self._cuts.is_cut(frame.image):
            self._start_scene()
        elapsed_s = 0.0 if self._time_s is None else frame.time_s - self._time_s
        self._time_s = frame.time_s
        self._tilted.start_frame()
        self._follow(frame.image, elapsed_s)
        if self._needs_detection():
            self._redetect(frame.image)
        self._until_detection -= 1
        self._forget()
        return tuple(TrackedFace(track.track_id, track.shown, track.age, track.yaw) for track in self._tracks)

    def _follow(self, image: Image, elapsed_s: float) -> None:
        """Move each track to this frame; those that cannot be followed, or fall onto another face, are lost."""
        fits = [fit for fit in self._fits(image) if fit is not None]
        # A face found at its predicted position is the one it seems to be; among equals, the older one.
        fits.sort(key=lambda fit: (round(fit.stray, 1), fit.track.track_id))
        followed: list[Track] = []
        for fit in fits:
            if not is_tracked(fit.box, followed):
                fit.track.advance(fit, elapsed_s)
                followed.append(fit.track)
        kept = {track.track_id for track in followed}
        self._lost += [track for track in self._tracks if track.track_id not in kept]
        self._tracks = sorted(followed, key=lambda track: track.track_id)

    def _fits(self, image: Image) -> list[Fit | None]:
        """Fit all tracks in order; a crowd on several cores, as nothing that one fit finds matters to another."""
        threads = min(available_cores(), len(self._tracks) // self.tuning.faces_a_thread)
        if threads < 2:
            return [self._fit(track, image) for track in self._tracks]
        # Threads of the moment: they cost 0.2 ms, and nothing has to end them.
        with ThreadPoolExecutor(threads, thread_name_prefix="mien-fit") as pool:
            return list(pool.map(lambda track: self._fit(track, image), self._tracks))

    def _fit(self, track: Track, image: Image) -> Fit | None:
        """The face of the track in this frame; None when it is not there."""
        step_xy = track.predicted_step()
        predicted, box = track.box.moved(step_xy), track.box.moved(step_xy)
        around = track.start.copy()
        around[:, :2] += np.array(step_xy, np.float32)
        for _ in range(self.tuning.fits):
            landmarks = self.landmarker.fit(image, around)
            before, around, box = box, landmarks.points, FaceBox.of_points(landmarks.points)
            if landmarks.presence >= self.tuning.sure_presence and before.distance(box) < self.tuning.far_fit:
                break
        stray = predicted.distance(box)
        present = landmarks.presence >= self.tuning.present
        if not present or stray > self.tuning.max_stray or not is_plausible(landmarks, box, track, image):
            return None
        return Fit(track, landmarks, box, max(stray, self.tuning.stray_memory * track.stray))

    def _needs_detection(self) -> bool:
        unsure = any(
            track.shown.presence < self.tuning.sure_presence or abs(track.yaw) > self.tuning.turned_degrees
            for track in self._tracks
        )
        return unsure or bool(self._lost) or not self._tracks or self._until_detection <= 0

    def _redetect(self, image: Image) -> None:
        """Run the detector: confirm what is tracked, find what is new or was lost, give up what it keeps missing."""
        found = self._tilted.read_closely(self.detector.detect(image), self._tracks, self._lost, image)
        self._confirm(found)
        self._until_detection = self.settings.detect_every
        self._take_in(found, image)
        self._take_in(self._tilted.sweep(image, self._tracks), image)
        self._tilted.drop_tracked(self._tracks)
        if any(track.missed_detections for track in self._tracks):
            self._redetect_soon()
        self._tracks.sort(key=lambda track: track.track_id)

    def _take_in(self, found: Iterable[Detection], image: Image) -> None:
        """Track the detections that are not tracked yet, the largest first."""
        for detection in sorted(found, key=lambda each: FaceBox.of_detection(each).size, reverse=True):
            if not is_tracked(FaceBox.of_detection(detection), self._tracks) and not self._start(detection, image):
                self._redetect_soon()

    def _redetect_soon(self) -> None:
        self._until_detection = min(self.tuning.recheck_frames, self._until_detection)

    def _confirm(self, found: list[Detection]) -> None:
        """Lose faces whose mesh sits wrong, or that the detector keeps missing; a detection may revive them."""
        kept: list[Track] = []
        for track in self._tracks:
            seen = [each for each in found if is_same(FaceBox.of_detection(each), track.box)]
            track.missed_detections = 0 if seen else track.missed_detections + 1
            if seen:
                track.least_presence = track.shown.presence
                if not self._is_crossed(track.box, track):
                    track.correct_yaw(seen[0])
            apart = min((mesh_distance(each, track.points, track.box) for each in seen), default=0.0)
            missed = (
                track.missed_detections >= self.tuning.missed_detections and track.least_presence < self.tuning.sure_presence
            )
            lost = apart > self.tuning.max_mesh_distance or missed or abs(track.yaw) > LARGEST_YAW
            (self._lost if lost else kept).append(track)
        self._tracks = kept

    def _start(self, detection: Detection, image: Image) -> bool:
        """Start or revive the track of a detection; False when the landmarks do not confirm it."""
        crossed = self._is_crossed(FaceBox.of_detection(detection))
        if not crossed and abs(yaw_of_points(detection.points)) > self.tuning.return_yaw_degrees:
            return False
        fitted = self._fitted(detection, image)
        if fitted is None:
            return False
        upright = self._tilted.other_way_up(detection, image)
        if upright is not None:
            detection, fitted = upright, self._fitted(upright, image)
            if fitted is None:
                return False
        landmarks, box, known = fitted
        if not is_tracked(box, self._tracks) and self._make_room(box):
            track = self._revived(known, landmarks, box) if known else self._new_track(landmarks, box)
            if not crossed:
                track.correct_yaw(detection)
            self._tracks.append(track)
        return True

    def _is_crossed(self, box: FaceBox, own: Track | None = None) -> bool:
        """Return True when another track lies over a face: its landmarks are sure, its profile is not."""
        return any(track is not own and track.box.distance(box) < self.tuning.crossed for track in self._tracks)

    def _fitted(self, detection: Detection, image: Image) -> tuple[Landmarks, FaceBox, Track | None] | None:
        """The landmarks of a detection, their box and the lost track that came back; None when they do not confirm it."""
        first = self.landmarker.fit(image, detection.points)
        landmarks = self.landmarker.fit(image, first.points)
        box = FaceBox.of_points(landmarks.points)
        known = self._lost_near(box)
        return (landmarks, box, known) if _is_face(detection, first, landmarks, known is not None, self.tuning) else None

    def _lost_near(self, box: FaceBox) -> Track | None:
        """The nearest lost track whose face may have come here."""
        near = [
            track
            for track in self._lost
            if track.box.distance(box) < self.tuning.revive_distance and track.box.growth(box) < TRACK.max_growth
        ]
        return min(near, key=lambda track: track.box.distance(box), default=None)

    def _make_room(self, box: FaceBox) -> bool:
        if len(self._tracks) < self.settings.faces:
            return True
        smallest = min(self._tracks, key=lambda track: track.box.size)
        if box.size < self.tuning.replace_growth * smallest.box.size:
            return False
        self._tracks.remove(smallest)
        return True

    def _revived(self, track: Track, landmarks: Landmarks, box: FaceBox) -> Track:
        self._lost.remove(track)
        track.revive(landmarks, box)
        return track

    def _new_track(self, landmarks: Landmarks, box: FaceBox) -> Track:
        smoother = LandmarkFilter(self.settings.smoothing)
        shown = Landmarks(smoother.update(landmarks.points, 0.0), landmarks.presence)
        self._next_id += 1
        yaw = yaw_of_mesh(landmarks.points)
        return Track(self._next_id - 1, smoother, landmarks.points, landmarks.points, box, shown, yaw)

    def _forget(self) -> None:
        for track in self._lost:
            track.lost_frames += 1
        self._lost = [track for track in self._lost if track.lost_frames <= self.tuning.grace_frames]


def _is_face(detection: Detection, first: Landmarks, landmarks: Landmarks, known: bool, tuning: TrackerTuning) -> bool:
    """Return True when both models agree that a face is there; `known` = a track was lost there a moment ago."""
    if not np.isfinite(landmarks.points).all() or not landmarks.presence >= tuning.new_presence:
        return False
    sure = first.presence >= tuning.sure_presence and landmarks.presence >= tuning.sure_presence
    if not (sure or known or detection.score >= tuning.clear_score):
        return False
    return mesh_distance(detection, landmarks.points, FaceBox.of_points(landmarks.points)) <= tuning.max_mesh_distance
