"""Gauge: one picture of a call measured by the stages that the swap has: tracker, head pose, parser, hands, lids."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from mien.check.requests.sighting import Face, Sighting
from mien.check.requests.turning import head_yaw
from mien.contracts import HandFinder, Parser
from mien.face import landmark_sets
from mien.face.head_pose import yaw_of_mesh, yaw_of_points
from mien.face.mean_face import head_pose, texture_points
from mien.face.texels import SIDE, facing, unwrap, unwrap_mask
from mien.imaging import geometry
from mien.models.format.parsing import FaceClass
from mien.swap.memory.hands import Hands
from mien.swap.memory.hidden_landmarks import HiddenLandmarks
from mien.swap.memory.parsing import Parsing
from mien.swap.tracking.box import FaceBox
from mien.swap.tracking.parts import TrackingParts
from mien.swap.tracking.track import is_same
from mien.types import Array, Detection, Floats, Frame, Image, Landmarks, TrackedFace

_LIDS = (((33, 133), ((160, 144), (158, 153))), ((362, 263), ((385, 380), (387, 373))))
"""Of each eye the corners, and two pairs of upper and lower lid, as the eye aspect ratio has them (Soukupova, Cech 2016)."""

_NOSE_AND_MOUTH = (9, 133, 362, 61, 291, 17)
"""Landmarks around the middle of the face: a swap that paints over a hand shows it at the border, not here."""


@dataclass(frozen=True, slots=True)
class GaugeTuning:
    """Bounds of the measurements."""

    alike: float = 0.6
    """Size, as a share of the largest face's, from which another face counts: whose answer it is cannot be told then."""
    facing: float = 0.25
    """Facing from which skin counts: the parser sees the border of a turned face badly."""
    recent_s: float = 1.5
    """Time for which the place of a lost face is remembered: a hand passes it in less."""
    hiding_joints: int = 8
    """Joints of a hand, of 21, in the box of a lost face from which it is hidden by the hand; by eye."""
    search_side: float = 3.2
    """Side of the square in which such a hand is sought, in heights of the face, as around faces that are seen."""
    least_profile: float = 0.5
    """Score of a detection without a mesh from which its yaw counts; YuNet gives profiles 0.5 to 0.8."""


_TUNING = GaugeTuning()


@dataclass(frozen=True, slots=True)
class GaugeParts:
    """The networks of a gauge."""

    tracking: TrackingParts
    parser: Parser
    hands: HandFinder


class Gauge:
    """Takes the pictures of one call in order and measures each. Nothing is kept but the landmarks of the last one."""

    def __init__(self, parts: GaugeParts, tuning: GaugeTuning = _TUNING) -> None:
        self._parts = parts
        self._tuning = tuning
        self._last: tuple[float, Landmarks] | None = None
        self._now: Landmarks | None = None
        self._begin((0, 0))

    @property
    def landmarks(self) -> Landmarks | None:
        """Landmarks of the largest face in the last picture; None without one."""
        return self._now

    def measure(self, frame: Frame, at_s: float) -> Sighting:
        """Return the measurements of a picture."""
        size_wh = frame.image.shape[1], frame.image.shape[0]
        if size_wh != self._size_wh:
            # A call changes its size with the network: places of before mean nothing.
            self._begin(size_wh)
        tracker, detector = self._parts.tracking.tracker, self._parts.tracking.detector
        faces = tracker.update(frame)
        detector.note_tracked(faces, frame.image)
        found = detector.low_confidence(frame.image)
        detector.release_picture()
        seen = self._hidden.held(faces, self._parsing.seen)
        hands = self._hands.update(frame, seen, self._parsing.seen, self._parts.hands)
        self._parsing.update(frame, seen, self._parts.parser, hands)
        largest = max(seen, key=lambda face: _size(face.landmarks), default=None)
        self._now = None if largest is None else largest.landmarks
        if largest is None:
            return self._without_mesh(frame.image, found, at_s)
        self._last = at_s, largest.landmarks
        count = sum(_size(face.landmarks) >= self._tuning.alike * _size(largest.landmarks) for face in seen)
        yaw = head_yaw(yaw_of_mesh(largest.landmarks.points), _yaw_near(found, largest.landmarks))
        return Sighting(at_s, count, yaw, self._face(frame.image, largest, hands.get(largest.track_id)))

    def _begin(self, size_wh: tuple[int, int]) -> None:
        self._size_wh = size_wh
        self._parts.tracking.tracker.reset()
        self._hidden, self._hands, self._parsing = HiddenLandmarks(), Hands(), Parsing()
        self._last = self._now = None

    def _without_mesh(self, image: Image, found: list[Detection], at_s: float) -> Sighting:
        """Return what can be told without a mesh: the yaw of a profile, or a hand where the face was."""
        sure = [each for each in found if each.score >= self._tuning.least_profile]
        profile = max(sure, key=lambda each: FaceBox.of_detection(each).size, default=None)
        yaw = None if profile is None else head_yaw(None, yaw_of_points(profile.points))
        return Sighting(at_s, int(profile is not None), yaw, None, self._is_hidden(image, at_s))

    def _is_hidden(self, image: Image, at_s: float) -> bool:
        if self._last is None or at_s - self._last[0] > self._tuning.recent_s:
            return False
        x1, y1, x2, y2 = geometry.box_of(self._last[1].points)
        middle = (x1 + x2) / 2, (y1 + y2) / 2
        for hand in self._parts.hands.search(image, middle, self._tuning.search_side * (y2 - y1)):
            x, y = hand.points[:, 0], hand.points[:, 1]
            if np.count_nonzero((x > x1) & (x < x2) & (y > y1) & (y < y2)) >= self._tuning.hiding_joints:
                return True
        return False

    def _face(self, image: Image, face: TrackedFace, hands: Array | None) -> Face:
        points = face.landmarks.points
        judged: Array = facing(points) >= self._tuning.facing
        cover = np.zeros((SIDE, SIDE), np.uint8) if hands is None else hands
        parsed = self._parsing.seen.get(face.track_id)
        if parsed is not None:
            shares = cv2.add(parsed.shares[FaceClass.HAND], parsed.shares[FaceClass.THING])
            cover = np.maximum(cover, unwrap_mask(np.asarray(shares, np.uint8), parsed.points))
        covered = judged & (cover > 127)
        columns = np.nonzero(covered)[1]
        middle, left, right = (_share(covered, judged & part) for part in _parts())
        bare = unwrap(image, points)[judged & ~covered & (_parts()[1] | _parts()[2])]
        blue, green, red = (float(value) for value in (bare.mean(0) if len(bare) else np.zeros(3)))
        x1, y1, x2, y2 = geometry.box_of(points)
        return Face(
            middle_xy=((x1 + x2) / 2, (y1 + y2) / 2),
            eyes_px=float(np.linalg.norm(np.subtract(*points[list(landmark_sets.EYE_CORNERS), :2]))),
            up=-geometry.angles_of(head_pose(points).rotation)[0],
            opening=_opening(points),
            covered=_share(covered, judged),
            cover_x=float(columns.mean()) / SIDE - 0.5 if len(columns) else 0.0,
            middle=middle,
            cheeks=(left, right),
            skin_bgr=(blue, green, red),
        )


def _size(landmarks: Landmarks) -> float:
    return FaceBox.of_points(landmarks.points).size


def _yaw_near(found: list[Detection], landmarks: Landmarks) -> float | None:
    """Return the yaw of the surest detection of a face, in degrees; None without one."""
    box = FaceBox.of_points(landmarks.points)
    near = [each for each in found if is_same(FaceBox.of_detection(each), box)]
    surest = max(near, key=lambda each: each.score, default=None)
    return None if surest is None else yaw_of_points(surest.points)


def _share(part: Array, whole: Array) -> float:
    return float(np.count_nonzero(part & whole)) / max(int(np.count_nonzero(whole)), 1)


def _opening(points: Floats) -> float:
    """Return the mean height of both eyes against their width."""
    found = []
    for (outer, inner), lids in _LIDS:
        wide = float(np.linalg.norm(points[outer] - points[inner]))
        high = [float(np.linalg.norm(points[above] - points[below])) for above, below in lids]
        found.append(sum(high) / len(high) / max(wide, 1e-6))
    return sum(found) / len(found)


@cache
def _parts() -> tuple[Array, Array, Array]:
    """Return the texels of nose and mouth, and of the cheeks on the left and on the right of the picture, bool (side, side)."""
    spots = texture_points(SIDE)
    found = []
    for loop in (_NOSE_AND_MOUTH, *landmark_sets.BARE_SKIN[:2]):
        mask = np.zeros((SIDE, SIDE), np.uint8)
        cv2.fillConvexPoly(mask, cv2.convexHull(np.round(spots[list(loop)]).astype(np.int32)), 1)
        found.append(mask > 0)
    return found[0], found[1], found[2]
