"""Guard of the live picture: decides which regions are veiled, because the wearer's own face may be there.

The picture is closed until proven open: at the start, after a scene cut and after an error all of it is veiled until a
face is worn or the room has been empty for a while. A lost face leaves a growing region that stays veiled until a face is
found in it, or until it is quiet and still: no detection in it, not even one of low confidence, no motion, and enough
light to tell. A low-confidence detection elsewhere (often a hand) is veiled while it lasts and a little longer. Time
comes with the frames.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from mien.imaging import geometry
from mien.swap.tracking.box import FaceBox
from mien.types import Array, Detection, Image, TrackedFace

Box = tuple[float, float, float, float]

LOW_CONFIDENCE_SCORE = 0.35
"""Detections with this score and more may be faces; detectors are opened so that they report them."""


@dataclass(frozen=True, slots=True)
class GuardTuning:
    """Numbers of the guard; those without a reason beside them were chosen by eye on live runs."""

    min_score: float = LOW_CONFIDENCE_SCORE
    min_score_beside_worn: float = 0.5  # while the wearer is worn, most low-confidence detections are the wearer's hands
    likely_score: float = 0.6  # a detection from here on is likely a face
    low_confidence_hold_s: float = 0.3  # a veil over a low-confidence detection lasts this long after it
    likely_hold_s: float = 1.0  # and this long over a likely face
    same_place_distance: float = 0.6  # of a detection from a worn face, in face sizes: it is that face
    same_place_growth: float = 2.0  # and the ratio of their sizes
    lost_box_scale: float = 1.7  # a veil over a lost face, in boxes of that face, at first
    lost_box_max_scale: float = 3.2  # and at most
    lost_box_growth_per_s: float = 1.5  # boxes a second; the wearer moves on unseen
    detection_box_scale: float = 1.4  # a veil over a detection, in its boxes
    open_quiet_s: float = 1.5  # at the start, the whole picture must be quiet this long to open without a face
    still_s: float = 3.0  # a region must be quiet and still this long after its face was lost
    restless_max_s: float = 30.0  # a region where only something else moves opens after this
    min_grey_level: float = 24.0  # mean; in a darker region a face cannot be told from none
    motion_levels: float = 3.0  # mean change of a thumbnail over `motion_step_s`; sensor noise stays below
    motion_step_s: float = 0.3
    thumbnail_side: int = 12  # pixels
    veil_all_share: float = 0.55  # when this share of the picture is veiled, all of it is


DEFAULT_TUNING = GuardTuning()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Regions to veil: all of the picture (`whole`), or `boxes`, xyxy in frame pixels, inside the frame."""

    whole: bool
    boxes: tuple[Box, ...]

    @property
    def clear(self) -> bool:
        """Return True when nothing is veiled."""
        return not self.whole and not self.boxes


@dataclass(slots=True)
class _Region:
    """A region where a face was lost, or may be (then it lasts `life_s`); `sign_s` is the time of the last sign of it."""

    box: Box
    since_s: float
    sign_s: float
    life_s: float | None = None
    others: frozenset[int] = frozenset()
    """Tracks that were seen elsewhere when this face was lost: they cannot be it."""
    thumb: Array | None = None
    thumb_s: float = 0.0
    moved_s: float = 0.0

    def grown(self, time_s: float, width: int, height: int, tuning: GuardTuning) -> Box:
        factor = tuning.detection_box_scale
        if self.life_s is None:
            grown = tuning.lost_box_scale + tuning.lost_box_growth_per_s * max(0.0, time_s - self.since_s)
            factor = min(grown, tuning.lost_box_max_scale)
        return _clipped(_scaled(self.box, factor), width, height)


@dataclass(slots=True)
class Guard:
    """Judges every frame, in order."""

    tuning: GuardTuning = DEFAULT_TUNING
    _closed: bool = True
    _closed_s: float | None = None
    """Time since which the closed picture is quiet; None before the first frame."""
    _scene: int = 0
    _regions: list[_Region] = field(default_factory=list)
    _tracked: dict[int, Box] = field(default_factory=dict)

    def reset(self) -> None:
        """Close the picture and forget all regions."""
        self._closed, self._closed_s = True, None
        self._regions, self._tracked = [], {}

    def judge(
        self,
        image: Image,
        time_s: float,
        faces: tuple[TrackedFace, ...],
        detections: Sequence[Detection],
        scene: int,
        spared: tuple[TrackedFace, ...] = (),
    ) -> Verdict:
        """Return the regions to veil; `faces` are worn or covered, `detections` are all, a new `scene` closes the picture.

        `spared` are faces that are seen on purpose: they and detections in their places are no signs of a wearer.
        """
        if scene != self._scene:
            self.reset()
            self._scene = scene
        boxes = {face.track_id: geometry.box_of(face.landmarks.points) for face in faces}
        seen = {**boxes, **{face.track_id: geometry.box_of(face.landmarks.points) for face in spared}}
        self._note_lost(seen, time_s)
        detections = elsewhere(detections, spared, self.tuning)
        self._note_detections(detections, faces, time_s)
        self._regions = [region for region in self._regions if not self._is_over(region, seen, image, time_s)]
        self._tracked = boxes
        if self._closed:
            self._open_if_sure(image, time_s, bool(faces), bool(detections) or bool(self._regions))
        return self._verdict(image, time_s)

    def distrust(self, boxes: tuple[Box, ...], time_s: float) -> None:
        """Count these faces as lost: they could not be swapped."""
        for box in boxes:
            self._mark(box, time_s)

    def _note_lost(self, boxes: dict[int, Box], time_s: float) -> None:
        for track_id, box in self._tracked.items():
            if track_id not in boxes:
                self._mark(box, time_s, others=frozenset(boxes))

    def _note_detections(self, detections: Sequence[Detection], faces: tuple[TrackedFace, ...], time_s: float) -> None:
        places = [FaceBox.of_points(face.landmarks.points) for face in faces]
        seen = bool(faces) and all(region.life_s is not None for region in self._regions)
        tuning = self.tuning
        min_score = tuning.min_score_beside_worn if seen else tuning.min_score
        for detection in detections:
            if detection.score < min_score:
                continue
            place = FaceBox.of_detection(detection)
            if not _is_at(place, places, tuning):
                is_likely = detection.score >= tuning.likely_score
                self._mark(detection.box_xyxy, time_s, tuning.likely_hold_s if is_likely else tuning.low_confidence_hold_s)

    def _mark(self, box: Box, time_s: float, life_s: float | None = None, others: frozenset[int] = frozenset()) -> None:
        """Renew the region in which this sign of a face lies, or make one.

        A low-confidence detection does not end a region of a lost face.
        """
        for region in self._regions:
            if _centre_inside(box, _scaled(region.box, self.tuning.lost_box_scale)):
                region.box, region.since_s, region.sign_s, region.moved_s = box, time_s, time_s, time_s
                region.others |= others
                if region.life_s is not None:
                    region.life_s = None if life_s is None else max(region.life_s, life_s)
                return
        self._regions.append(_Region(box, time_s, time_s, life_s, others, moved_s=time_s))

    def _is_over(self, region: _Region, boxes: dict[int, Box], image: Image, time_s: float) -> bool:
        height, width = image.shape[:2]
        area = region.grown(time_s, width, height, self.tuning)
        if any(_centre_inside(box, area) for track_id, box in boxes.items() if track_id not in region.others):
            return True
        if region.life_s is not None:
            return time_s - region.sign_s > region.life_s
        self._watch(region, area, image, time_s)
        quiet = time_s - region.sign_s
        return quiet > self.tuning.restless_max_s or min(quiet, time_s - region.moved_s) > self.tuning.still_s

    def _watch(self, region: _Region, area: Box, image: Image, time_s: float) -> None:
        """Note motion in the region; darkness counts as a sign, because it hides everything."""
        if region.thumb is not None and 0 <= time_s - region.thumb_s < self.tuning.motion_step_s:
            return
        thumb = self._thumbnail(image, area)
        if float(thumb.mean()) < self.tuning.min_grey_level:
            region.sign_s = region.moved_s = time_s
        if region.thumb is not None and float(np.abs(thumb - region.thumb).mean()) > self.tuning.motion_levels:
            region.moved_s = time_s
        region.thumb, region.thumb_s = thumb, time_s

    def _open_if_sure(self, image: Image, time_s: float, worn: bool, detected: bool) -> None:
        if worn:
            self._closed = False
            return
        thumb = self._thumbnail(image, (0, 0, image.shape[1], image.shape[0]))
        dark = float(thumb.mean()) < self.tuning.min_grey_level
        if self._closed_s is None or detected or dark or time_s < self._closed_s:
            self._closed_s = time_s
        elif time_s - self._closed_s > self.tuning.open_quiet_s:
            self._closed = False

    def _verdict(self, image: Image, time_s: float) -> Verdict:
        height, width = image.shape[:2]
        boxes = tuple(region.grown(time_s, width, height, self.tuning) for region in self._regions)
        veiled = sum((x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in boxes)
        return Verdict(self._closed or veiled > self.tuning.veil_all_share * width * height, boxes)

    def _thumbnail(self, image: Image, area: Box) -> Array:
        """Return the box as a small grey picture, float32 (12, 12); all dark for a box outside the picture."""
        side = self.tuning.thumbnail_side
        x1, y1, x2, y2 = (round(value) for value in area)
        part = image[y1:y2:2, x1:x2:2, 1]
        if part.size == 0:
            return np.zeros((side, side), np.float32)
        return np.asarray(cv2.resize(np.ascontiguousarray(part), (side, side), interpolation=cv2.INTER_AREA), np.float32)


def elsewhere(
    detections: Sequence[Detection], faces: Sequence[TrackedFace], tuning: GuardTuning = DEFAULT_TUNING
) -> list[Detection]:
    """Return the detections that are not of one of these faces."""
    places = [FaceBox.of_points(face.landmarks.points) for face in faces]
    return [each for each in detections if not _is_at(FaceBox.of_detection(each), places, tuning)]


def _is_at(place: FaceBox, known: Sequence[FaceBox], tuning: GuardTuning) -> bool:
    return any(
        each.distance(place) < tuning.same_place_distance and each.growth(place) < tuning.same_place_growth for each in known
    )


def _scaled(box: Box, factor: float) -> Box:
    x1, y1, x2, y2 = box
    x, y, half_w, half_h = (x1 + x2) / 2, (y1 + y2) / 2, factor * (x2 - x1) / 2, factor * (y2 - y1) / 2
    return x - half_w, y - half_h, x + half_w, y + half_h


def _clipped(box: Box, width: int, height: int) -> Box:
    x1, y1, x2, y2 = box
    left, top = min(max(x1, 0.0), width), min(max(y1, 0.0), height)
    return left, top, max(left, min(x2, width)), max(top, min(y2, height))


def _centre_inside(box: Box, area: Box) -> bool:
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return area[0] <= x <= area[2] and area[1] <= y <= area[3]
