"""Follows faces from frame to frame.

In steady state each face is found from its own last landmarks and the detector rests. It looks again every
`detect_every` frames, when a face is doubtful or was just lost, while nobody is there, and at a scene cut.

The mesh follows a head through any roll, the detector sees upright heads only, and both take an inverted head for an upright
one. So each new face is read at every way up, a tilted one is confirmed in a crop that is turned with it, and the whole
picture is searched for tilted heads at the start of a scene and then one turn at a time.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from mien.contracts import Detector, Landmarker
from mien.face import landmark_sets
from mien.face.head_pose import LARGEST_YAW, combined_yaw, yaw_of_mesh, yaw_of_points
from mien.imaging import geometry
from mien.imaging.geometry import between_rolls, roll_of
from mien.settings import Settings
from mien.swap.tracking.box import Place
from mien.swap.tracking.rotated_detector import QUARTER_TURNS, TURNS, TURNS_AT_ONCE, TurnedSearch
from mien.swap.tracking.scene_cut import Motion, SceneCuts
from mien.swap.tracking.smoothing import LandmarkFilter
from mien.types import Detection, Floats, Frame, Image, Landmarks, TrackedFace

_PRESENT = 0.5
"""Less presence: the face is not in this frame."""
_BORN = 0.6
"""Presence that a new face needs once it is fitted."""
_SURE = 0.9
"""Less presence: the fit is tried again, and the detector is asked."""
_CLEAR_SCORE = 0.8
"""A detection below this may be a hand: the landmarks must be sure of it."""
_FAR = 0.18
"""A fit that ends farther from its start, in face sizes, saw the face at the rim of its crop: it is tried again."""
_FITS = 3
_AT_REST = 0.015
"""Mean step, in face sizes, within which the crop stays where it is: a crop that follows noise adds to it."""
_LEAST_STEP = 0.05
"""The shortest step, in face sizes, that is foreseen: to foresee noise would feed it back."""
_LONGEST_STEP = 0.5
"""The farthest, in face sizes, that motion is foreseen."""
_MOST_STRAY = 0.8
"""The farthest, in face sizes, that a face is found from where it is foreseen."""
_STRAY_MEMORY = 0.7
_MOST_GROWTH = 1.6
_MOST_BEND = 0.2
"""Mean distance, in face sizes, of a face from the face before, moved and turned as a whole."""
_SAME = 0.5
"""Faces whose middles are nearer than this share of the smaller one's size are one face."""
_DISAGREE = 0.3
"""Mean distance, in face sizes, of the detector's points from the mesh: farther, the mesh sits wrong."""
_TURNED = 30.0
"""Degrees of yaw from which the detector looks at every frame: the mesh alone cannot tell a profile."""
_RETURN_YAW = LARGEST_YAW - 6
"""Degrees under which a head that had turned away is taken in again."""
_YAW_SHARE, _YAW_JITTER = 0.3, 12.0
"""How much of a small difference in yaw is taken at once, and what is small, in degrees."""
_UNSEEN_LOOKS = 3
"""Looks in a row in which the detector may miss a face of which the landmarks are not sure."""
_RECHECK = 5
"""Frames between two looks while something is unclear."""
_GRACE_FRAMES = 24
"""For so long a lost face gets its number back when it is found near its last place."""
_REVIVED_WITHIN = 1.0
_MOST_ROLL = 45.0  # degrees from one frame to the next; a somersault makes 12 at 30 frames a second
_TILTED = 28.0  # degrees of roll; up to 30 all of 26 faces are seen in the upright picture, at 45 half of them
_SURELY_UPRIGHT = 0.86  # score; inverted heads reach 0.83 in whole frames (26 faces), one without hair 0.90
_WAY_UP_EVERY = 16  # looks between two checks that a face with a good score is the right way up
_OTHER_WAY_UP = 30.0  # degrees of roll between two readings of a face that cannot both be right
_SWEPT = 0.5  # score from which a find in the turned picture is read closely
_MOST_FINDS = 4  # faces that are found again, 0.8 ms each
_TURNED_SCORE = (
    0.85  # score of a tilted face beside others, or a new one; faces have 0.86 and more, hands up to 0.82 (12 clips)
)
_TURNED_ALONE = 0.6  # score of a tilted face that may be one while nobody is followed; in the dark they have 0.79 and more
_LARGER = 1.3
"""When all places are taken, a face this many times larger takes the place of the smallest."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Pace of the search for tilted heads: one turn every `followed_every` frames while faces are followed; while nobody is,
    `alone_turns` a frame in which something moves, one in any other; after `far_every` turns one for faces far away."""

    followed_every: int
    alone_turns: int
    far_every: int


FILE_PACE = Pace(followed_every=16, alone_turns=1, far_every=40)  # 0.3 ms a frame
LIVE_PACE = Pace(followed_every=4, alone_turns=4, far_every=10)  # all quarter turns at once: a head must not come in unseen


@dataclass(slots=True)
class _Track:
    """One face; `points` are the landmarks as they were fitted, `shown` the smoothed ones.

    `start` is where the next fit starts: earlier `points`, which are renewed as soon as the face leaves them.
    """

    track_id: int
    filter: LandmarkFilter
    points: Floats
    start: Floats
    place: Place
    shown: Landmarks
    mesh_yaw: float
    yaw_missed: float = 0.0
    """Degrees by which the head is turned farther than the mesh says, as the detector has last seen it."""
    step_xy: tuple[float, float] = (0.0, 0.0)
    age: int = 1
    stray: float = 0.0
    """How far from where it was foreseen the face was found of late, in face sizes."""
    lost_frames: int = 0
    unseen_looks: int = 0
    least_presence: float = 1.0
    """Since the detector saw the face last."""

    def foresee(self) -> tuple[float, float]:
        """The step to where the face should be in the next frame, at the speed of the last one."""
        length = math.hypot(*self.step_xy) / self.place.size
        if length < _LEAST_STEP:
            return 0.0, 0.0
        share = min(1.0, _LONGEST_STEP / length)
        return self.step_xy[0] * share, self.step_xy[1] * share

    def follow(self, fit: "_Fit", elapsed_s: float) -> None:
        """The face moved on to this fit."""
        self.step_xy = fit.place.x - self.place.x, fit.place.y - self.place.y
        self.stray = fit.stray
        self._take(fit.landmarks, fit.place, elapsed_s)

    def revive(self, landmarks: Landmarks, place: Place) -> None:
        """The lost face was found again; what was known of its motion no longer holds."""
        self.step_xy = 0.0, 0.0
        self.lost_frames = self.unseen_looks = 0
        self.stray, self.least_presence, self.yaw_missed = 0.0, 1.0, 0.0
        self.filter.reset()
        self._take(landmarks, place, 0.0)

    @property
    def yaw(self) -> float:
        """How far the head is turned aside, in degrees."""
        return self.mesh_yaw + self.yaw_missed

    @property
    def roll(self) -> float:
        """Roll in degrees, -180..180."""
        return roll_of(_five(self.points))

    @property
    def tilted(self) -> bool:
        return abs(self.roll) > _TILTED

    def seen(self, detection: Detection) -> None:
        """The detector has seen this face, so: small differences may be its jitter, large ones are not."""
        missed = combined_yaw(self.mesh_yaw, yaw_of_points(detection.points)) - self.mesh_yaw
        share = _YAW_SHARE if abs(missed - self.yaw_missed) < _YAW_JITTER else 1.0
        self.yaw_missed += share * (missed - self.yaw_missed)

    def _take(self, landmarks: Landmarks, place: Place, elapsed_s: float) -> None:
        self.points, self.place, self.mesh_yaw = landmarks.points, place, yaw_of_mesh(landmarks.points)
        if float(np.abs(self.points[:, :2] - self.start[:, :2]).mean()) > _AT_REST * place.size:
            self.start = self.points
        self.shown = Landmarks(self.filter.update(landmarks.points, elapsed_s), landmarks.presence)
        self.least_presence = min(self.least_presence, landmarks.presence)
        self.age += 1


@dataclass(slots=True)
class _Fit:
    """What the landmarker says of a track in this frame."""

    track: _Track
    landmarks: Landmarks
    place: Place
    stray: float


@dataclass(slots=True)
class Tracker:
    """The faces of one stream of frames; give it every frame, in order.

    Without `turned`, heads are born only where `detector` sees them.
    """

    detector: Detector
    landmarker: Landmarker
    settings: Settings
    turned: TurnedSearch | None = None
    pace: Pace = FILE_PACE
    _next_id: int = field(default=1, init=False)
    _tracks: list[_Track] = field(default_factory=list, init=False)
    _lost: list[_Track] = field(default_factory=list, init=False)
    _cuts: SceneCuts = field(default_factory=SceneCuts, init=False)
    _until_look: int = field(default=0, init=False)
    _scene: int = field(default=0, init=False)
    _time_s: float | None = field(default=None, init=False)
    _fresh: bool = field(default=True, init=False)
    """Whether this scene has not been searched for tilted heads yet."""
    _until_sweep: int = field(default=0, init=False)
    _sweeps: int = field(default=0, init=False)
    _far_sweeps: int = field(default=0, init=False)
    _motion: Motion = field(default_factory=Motion, init=False)
    _finds: list[Detection] = field(default_factory=list, init=False)
    _readings: list[Detection] = field(default_factory=list, init=False)

    def reset(self) -> None:
        """Forget all faces; numbers are not used again."""
        self._leave_scene()
        self._cuts = SceneCuts()
        self._until_look = 0
        self._time_s = None

    @property
    def scene(self) -> int:
        """The number of the scene that the last frame belongs to; another number, another scene."""
        return self._scene

    @property
    def readings(self) -> tuple[Detection, ...]:
        """Tilted faces of the last frame as the detector sees them upright: they may confirm a face."""
        return tuple(self._readings)

    @property
    def tilted_finds(self) -> tuple[Detection, ...]:
        """Tilted faces of the last frame that are not followed."""
        return tuple(self._finds)

    def _leave_scene(self) -> None:
        self._scene += 1
        self._tracks, self._lost = [], []
        self._fresh, self._finds = True, []

    def update(self, frame: Frame) -> tuple[TrackedFace, ...]:
        """The faces of this frame, smallest number first; a face that is not seen in this frame is not returned."""
        if self._cuts.is_cut(frame.image):
            self._leave_scene()
        elapsed_s = 0.0 if self._time_s is None else frame.time_s - self._time_s
        self._time_s = frame.time_s
        self._readings = []
        self._follow(frame.image, elapsed_s)
        if self._must_look():
            self._look(frame.image)
        self._until_look -= 1
        self._until_sweep -= 1
        self._forget()
        return tuple(TrackedFace(track.track_id, track.shown, track.age, track.yaw) for track in self._tracks)

    def _follow(self, image: Image, elapsed_s: float) -> None:
        """Move each track to this frame; those that cannot be followed, or fall onto another one's face, are lost."""
        fits = [fit for track in self._tracks if (fit := self._fit(track, image)) is not None]
        # Who was found where it was foreseen is who it seems to be; among equals, the older one.
        fits.sort(key=lambda fit: (round(fit.stray, 1), fit.track.track_id))
        followed: list[_Track] = []
        for fit in fits:
            if not _taken(fit.place, followed):
                fit.track.follow(fit, elapsed_s)
                followed.append(fit.track)
        kept = {track.track_id for track in followed}
        self._lost += [track for track in self._tracks if track.track_id not in kept]
        self._tracks = sorted(followed, key=lambda track: track.track_id)

    def _fit(self, track: _Track, image: Image) -> _Fit | None:
        """The face of the track in this frame; None when it is not there."""
        step_xy = track.foresee()
        foreseen, place = track.place.moved(step_xy), track.place.moved(step_xy)
        around = track.start.copy()
        around[:, :2] += np.array(step_xy, np.float32)
        for _ in range(_FITS):
            landmarks = self.landmarker.fit(image, around)
            before, around, place = place, landmarks.points, Place.of_points(landmarks.points)
            if landmarks.presence >= _SURE and before.distance(place) < _FAR:
                break
        stray = foreseen.distance(place)
        if not landmarks.presence >= _PRESENT or stray > _MOST_STRAY or not _believable(landmarks, place, track, image):
            return None
        return _Fit(track, landmarks, place, max(stray, _STRAY_MEMORY * track.stray))

    def _must_look(self) -> bool:
        doubtful = any(track.shown.presence < _SURE or abs(track.yaw) > _TURNED for track in self._tracks)
        return doubtful or bool(self._lost) or not self._tracks or self._until_look <= 0

    def _look(self, image: Image) -> None:
        """Ask the detector: confirm what is followed, find what is new or was lost, give up what it keeps missing."""
        found = self._read_closely(self.detector.detect(image), image)
        self._confirm(found)
        self._until_look = self.settings.detect_every
        self._take_in(found, image)
        self._sweep(image)
        if any(track.unseen_looks for track in self._tracks):
            self._look_soon()
        self._tracks.sort(key=lambda track: track.track_id)

    def _take_in(self, found: Iterable[Detection], image: Image) -> None:
        for detection in sorted(found, key=lambda each: Place.of_detection(each).size, reverse=True):
            if not _taken(Place.of_detection(detection), self._tracks) and not self._welcome(detection, image):
                self._look_soon()

    def _read_closely(self, found: list[Detection], image: Image) -> list[Detection]:
        """Replace the detections of tilted faces, and of faces followed the wrong way up, by closer readings."""
        if self.turned is None:
            return found
        for track in self._tracks:
            near = [each for each in found if _same(Place.of_detection(each), track.place)]
            reading = self._reading(self.turned, track, near, image)
            if reading is not None:
                self._readings.append(reading)
                found = [each for each in found if not _same(Place.of_detection(each), track.place)]
        again = (self.turned.read(image, track.place, track.roll) for track in self._lost if track.tilted)
        self._readings += [each for each in again if each is not None and each.score >= self.settings.detect_score]
        return [*self._readings, *found]

    def _reading(self, turned: TurnedSearch, track: _Track, near: list[Detection], image: Image) -> Detection | None:
        """Return what replaces the detections `near` a track; None when they are right."""
        score = max((each.score for each in near), default=0.0)
        if not track.tilted and score >= _SURELY_UPRIGHT and track.age % _WAY_UP_EVERY:
            return None
        own = turned.read(image, track.place, track.roll)
        score = max(score, 0.0 if own is None else own.score)
        other = None
        if score < _SURELY_UPRIGHT or track.age % _WAY_UP_EVERY == 0:
            other = turned.read(image, track.place, track.roll + 180)
        if other is not None and other.score > max(score, _TURNED_SCORE):
            return other
        if not track.tilted:
            return None
        return max((each for each in (own, *near) if each is not None), key=lambda each: each.score, default=None)

    def _sweep(self, image: Image) -> None:
        """Search the turned picture for tilted heads that are not followed yet; find again those that were found before."""
        if self.turned is None:
            return
        least = _TURNED_SCORE if self._tracks else _TURNED_ALONE
        known = [self.turned.read(image, Place.of_detection(each), roll_of(each.points)) for each in self._finds[:_MOST_FINDS]]
        finds = [each for each in known if each is not None and each.score >= least]
        for found in self._swept(self.turned, image):
            if found.score >= _SWEPT and not _taken(Place.of_detection(found), self._tracks) and not _among(found, finds):
                upright = self.turned.right_way_up(image, found)
                if upright is not None and upright.score >= least and not _among(upright, finds):
                    finds.append(upright)
        self._take_in([each for each in finds if each.score >= _TURNED_SCORE], image)
        self._finds = [each for each in finds if not _taken(Place.of_detection(each), self._tracks)]

    def _swept(self, turned: TurnedSearch, image: Image) -> list[Detection]:
        """Search the turns that are due: all at the start of a scene, else a few."""
        fresh, alone = self._fresh, not self._tracks
        moved = alone and self._motion.seen(image)
        self._fresh = False
        if fresh:
            return turned.sweep(image, TURNS_AT_ONCE if alone else QUARTER_TURNS)
        if not alone and self._until_sweep > 0:
            return []
        self._until_sweep = self.pace.followed_every
        count = self.pace.alone_turns if moved else 1
        turns = [TURNS[(self._sweeps + step) % len(TURNS)] for step in range(count)]
        self._sweeps += count
        found = turned.sweep(image, turns)
        if alone and self._sweeps % self.pace.far_every < count:
            self._far_sweeps += 1
            found += turned.sweep_far(image, QUARTER_TURNS[self._far_sweeps % len(QUARTER_TURNS)])
        return found

    def _look_soon(self) -> None:
        self._until_look = min(_RECHECK, self._until_look)

    def _confirm(self, found: list[Detection]) -> None:
        """Faces whose mesh sits wrong, or that the detector keeps missing, are lost; a detection may revive them."""
        kept: list[_Track] = []
        for track in self._tracks:
            seen = [each for each in found if _same(Place.of_detection(each), track.place)]
            track.unseen_looks = 0 if seen else track.unseen_looks + 1
            if seen:
                track.least_presence = track.shown.presence
                track.seen(seen[0])
            wrong = bool(seen) and min(disagreement(each, track.points, track.place) for each in seen) > _DISAGREE
            missed = track.unseen_looks >= _UNSEEN_LOOKS and track.least_presence < _SURE
            away = abs(track.yaw) > LARGEST_YAW
            (self._lost if wrong or missed or away else kept).append(track)
        self._tracks = kept

    def _welcome(self, detection: Detection, image: Image) -> bool:
        """Take in a face that is not followed yet; False when the landmarks do not confirm it."""
        if abs(yaw_of_points(detection.points)) > _RETURN_YAW:
            return False
        fitted = self._fitted(detection, image)
        if fitted is None:
            return False
        turned = self._other_way_up(detection, image)
        if turned is not None:
            detection, fitted = turned, self._fitted(turned, image)
            if fitted is None:
                return False
        landmarks, place, known = fitted
        if not _taken(place, self._tracks) and self._make_place(place):
            track = self._revived(known, landmarks, place) if known else self._born(landmarks, place)
            track.seen(detection)
            self._tracks.append(track)
        return True

    def _fitted(self, detection: Detection, image: Image) -> tuple[Landmarks, Place, _Track | None] | None:
        """The landmarks of a detection, their place and the lost face that came back; None when they do not confirm it."""
        first = self.landmarker.fit(image, detection.points)
        landmarks = self.landmarker.fit(image, first.points)
        place = Place.of_points(landmarks.points)
        known = self._lost_near(place)
        return (landmarks, place, known) if _is_face(detection, first, landmarks, known is not None) else None

    def _other_way_up(self, detection: Detection, image: Image) -> Detection | None:
        """The right reading of a face that was detected the wrong way up; None when it is right."""
        best = None if self.turned is None else self.turned.right_way_up(image, detection)
        if best is None or best.score <= detection.score:
            return None
        return best if between_rolls(roll_of(best.points), roll_of(detection.points)) > _OTHER_WAY_UP else None

    def _lost_near(self, place: Place) -> _Track | None:
        """The nearest lost face that may have come here."""
        near = [
            track
            for track in self._lost
            if track.place.distance(place) < _REVIVED_WITHIN and track.place.growth(place) < _MOST_GROWTH
        ]
        return min(near, key=lambda track: track.place.distance(place), default=None)

    def _make_place(self, place: Place) -> bool:
        if len(self._tracks) < self.settings.faces:
            return True
        smallest = min(self._tracks, key=lambda track: track.place.size)
        if place.size < _LARGER * smallest.place.size:
            return False
        self._tracks.remove(smallest)
        return True

    def _revived(self, track: _Track, landmarks: Landmarks, place: Place) -> _Track:
        self._lost.remove(track)
        track.revive(landmarks, place)
        return track

    def _born(self, landmarks: Landmarks, place: Place) -> _Track:
        smoother = LandmarkFilter(self.settings.smoothing)
        shown = Landmarks(smoother.update(landmarks.points, 0.0), landmarks.presence)
        self._next_id += 1
        yaw = yaw_of_mesh(landmarks.points)
        return _Track(self._next_id - 1, smoother, landmarks.points, landmarks.points, place, shown, yaw)

    def _forget(self) -> None:
        for track in self._lost:
            track.lost_frames += 1
        self._lost = [track for track in self._lost if track.lost_frames <= _GRACE_FRAMES]


def _same(a: Place, b: Place) -> bool:
    smaller, larger = sorted((a, b), key=lambda place: place.size)
    return smaller.distance(larger) < _SAME


def _taken(place: Place, tracks: Iterable[_Track]) -> bool:
    return any(_same(place, track.place) for track in tracks)


def _among(found: Detection, others: Iterable[Detection]) -> bool:
    return any(_same(Place.of_detection(found), Place.of_detection(other)) for other in others)


def _believable(landmarks: Landmarks, place: Place, track: _Track, image: Image) -> bool:
    """Whether a face can get there and look so within one frame, and is in the picture."""
    inside = 0 <= place.x < image.shape[1] and 0 <= place.y < image.shape[0]
    if not inside or not np.isfinite(landmarks.points).all() or track.place.growth(place) > _MOST_GROWTH:
        return False
    flat, before = landmarks.points[:, :2], track.points[:, :2]
    transform = geometry.similarity(before, flat)
    if abs(math.degrees(math.atan2(transform[1, 0], transform[0, 0]))) > _MOST_ROLL:
        return False
    moved = geometry.apply(transform, before)
    return float(np.abs(moved - flat).mean()) < _MOST_BEND * place.size


def _is_face(detection: Detection, first: Landmarks, landmarks: Landmarks, known: bool) -> bool:
    """Whether both models agree that a face is there; `known` = one was there a moment ago."""
    if not np.isfinite(landmarks.points).all() or not landmarks.presence >= _BORN:
        return False
    sure = first.presence >= _SURE and landmarks.presence >= _SURE
    if not (sure or known or detection.score >= _CLEAR_SCORE):
        return False
    return disagreement(detection, landmarks.points, Place.of_points(landmarks.points)) <= _DISAGREE


def disagreement(detection: Detection, points: Floats, place: Place) -> float:
    """How far the detector's points lie from the mesh, in face sizes."""
    return float(np.linalg.norm(detection.points - _five(points), axis=1).mean()) / place.size


def _five(points: Floats) -> Floats:
    """The five points of a detection, (5, 2), on landmarks (478, 3)."""
    five: Floats = points[np.array(landmark_sets.DETECTED_PAIRS), :2].mean(1)
    return five
