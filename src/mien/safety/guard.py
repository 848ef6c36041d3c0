"""Decides what of a live frame may not be seen, because the wearer's own face may be there.

The picture is closed until proven open: at the start, after a cut and after an error everything is covered until a face
is worn or nobody has been there for a while. A face that gets lost leaves a growing region that stays covered until a
face is found in it, or until it is quiet and still: the detector sees nothing in it, not even something unlikely, nothing
moves, and there is light enough to tell. What the detector doubts elsewhere (often a hand) is covered while it does and
a little longer. Time comes with the frames.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from mien.imaging import geometry
from mien.swap.tracking.box import FaceBox
from mien.types import Array, Detection, Image, TrackedFace

Box = tuple[float, float, float, float]

DOUBT = 0.35
"""Detector scores from here on may be a face."""
_DOUBT_BESIDE = 0.5
"""The same while the wearer is seen with the new face on: most doubts are the wearer's hands then."""
_AROUND = 1.7
"""A covered region measures so many face boxes at first."""
_AROUND_MOST = 3.2
_GROWTH_PER_S = 1.5
_AROUND_DOUBT = 1.4
_DOUBT_S = 0.3
_LIKELY_S = 1.0
"""For so long what was a doubt stays covered, and what was likely a face."""
_LIKELY = 0.6
_QUIET_S = 1.5
"""For so long the whole picture must be quiet at the start before it opens without a face."""
_STILL_S = 3.0
"""For so long a region must be quiet and still after its face got lost."""
_QUIET_MOST_S = 30.0
"""A region where only something else moves opens after this."""
_LEAST_LIGHT = 24.0
"""Mean grey level under which nobody can tell whether a face is there."""
_MOTION = 3.0
"""Mean change of grey levels of a thumbnail, over `_STILL_STEP_S`, that sensor noise does not reach."""
_STILL_STEP_S = 0.3
_THUMB_WH = 12, 12
_VEIL_SHARE = 0.55
"""When so much of the picture is covered, all of it is."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What must be covered: everything (`veil`), or `boxes`, xyxy in frame pixels, inside the frame."""

    veil: bool
    boxes: tuple[Box, ...]

    @property
    def clear(self) -> bool:
        return not self.veil and not self.boxes


@dataclass(slots=True)
class _Region:
    """Where a face got lost, or may be (then it lasts `life_s`); `sign_s` is the time of the last sign of it."""

    box: Box
    since_s: float
    sign_s: float
    life_s: float | None = None
    others: frozenset[int] = frozenset()
    """Faces that were seen elsewhere when this one got lost: they cannot be it."""
    thumb: Array | None = None
    thumb_s: float = 0.0
    moved_s: float = 0.0

    def grown(self, time_s: float, width: int, height: int) -> Box:
        factor = _AROUND_DOUBT
        if self.life_s is None:
            factor = min(_AROUND + _GROWTH_PER_S * max(0.0, time_s - self.since_s), _AROUND_MOST)
        return _clipped(_scaled(self.box, factor), width, height)


@dataclass(slots=True)
class Guard:
    """Give it every frame, in order."""

    _closed: bool = True
    _closed_s: float | None = None
    """Since when the whole closed picture is quiet; None before the first frame."""
    _scene: int = 0
    _regions: list[_Region] = field(default_factory=list)
    _followed: dict[int, Box] = field(default_factory=dict)

    def reset(self) -> None:
        """Close the picture: what was known of it no longer holds."""
        self._closed, self._closed_s = True, None
        self._regions, self._followed = [], {}

    def judge(
        self, image: Image, time_s: float, faces: tuple[TrackedFace, ...], doubts: Sequence[Detection], scene: int
    ) -> Verdict:
        """`faces` are those about to be swapped, `doubts` all that the detector reports; a new `scene` closes the picture."""
        if scene != self._scene:
            self.reset()
            self._scene = scene
        boxes = {face.track_id: geometry.box_of(face.landmarks.points) for face in faces}
        self._note_lost(boxes, time_s)
        self._note_doubts(doubts, faces, time_s)
        self._regions = [region for region in self._regions if not self._is_over(region, boxes, image, time_s)]
        self._followed = boxes
        if self._closed:
            self._open_if_sure(image, time_s, bool(faces), bool(doubts) or bool(self._regions))
        return self._verdict(image, time_s)

    def distrust(self, boxes: tuple[Box, ...], time_s: float) -> None:
        """These faces could not be swapped: they count as lost."""
        for box in boxes:
            self._mark(box, time_s)

    def _note_lost(self, boxes: dict[int, Box], time_s: float) -> None:
        for track_id, box in self._followed.items():
            if track_id not in boxes:
                self._mark(box, time_s, others=frozenset(boxes))

    def _note_doubts(self, doubts: Sequence[Detection], faces: tuple[TrackedFace, ...], time_s: float) -> None:
        places = [FaceBox.of_points(face.landmarks.points) for face in faces]
        seen = bool(faces) and all(region.life_s is not None for region in self._regions)
        least = _DOUBT_BESIDE if seen else DOUBT
        for doubt in doubts:
            if doubt.score < least:
                continue
            place = FaceBox.of_detection(doubt)
            if not any(known.distance(place) < 0.6 and known.growth(place) < 2 for known in places):
                self._mark(doubt.box_xyxy, time_s, _LIKELY_S if doubt.score >= _LIKELY else _DOUBT_S)

    def _mark(self, box: Box, time_s: float, life_s: float | None = None, others: frozenset[int] = frozenset()) -> None:
        """A sign of a face: renews the region it lies in, or makes one. A lost face is not taken back by a doubt."""
        for region in self._regions:
            if _centre_inside(box, _scaled(region.box, _AROUND)):
                region.box, region.since_s, region.sign_s, region.moved_s = box, time_s, time_s, time_s
                region.others |= others
                if region.life_s is not None:
                    region.life_s = None if life_s is None else max(region.life_s, life_s)
                return
        self._regions.append(_Region(box, time_s, time_s, life_s, others, moved_s=time_s))

    def _is_over(self, region: _Region, boxes: dict[int, Box], image: Image, time_s: float) -> bool:
        height, width = image.shape[:2]
        area = region.grown(time_s, width, height)
        if any(_centre_inside(box, area) for track_id, box in boxes.items() if track_id not in region.others):
            return True
        if region.life_s is not None:
            return time_s - region.sign_s > region.life_s
        self._watch(region, area, image, time_s)
        quiet = time_s - region.sign_s
        return quiet > _QUIET_MOST_S or min(quiet, time_s - region.moved_s) > _STILL_S

    def _watch(self, region: _Region, area: Box, image: Image, time_s: float) -> None:
        """Note motion in the region; darkness counts as a sign, because it hides everything."""
        if region.thumb is not None and 0 <= time_s - region.thumb_s < _STILL_STEP_S:
            return
        thumb = _thumbnail(image, area)
        if float(thumb.mean()) < _LEAST_LIGHT:
            region.sign_s = region.moved_s = time_s
        if region.thumb is not None and float(np.abs(thumb - region.thumb).mean()) > _MOTION:
            region.moved_s = time_s
        region.thumb, region.thumb_s = thumb, time_s

    def _open_if_sure(self, image: Image, time_s: float, worn: bool, doubted: bool) -> None:
        if worn:
            self._closed = False
            return
        dark = float(_thumbnail(image, (0, 0, image.shape[1], image.shape[0])).mean()) < _LEAST_LIGHT
        if self._closed_s is None or doubted or dark or time_s < self._closed_s:
            self._closed_s = time_s
        elif time_s - self._closed_s > _QUIET_S:
            self._closed = False

    def _verdict(self, image: Image, time_s: float) -> Verdict:
        height, width = image.shape[:2]
        boxes = tuple(region.grown(time_s, width, height) for region in self._regions)
        covered = sum((x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in boxes)
        return Verdict(self._closed or covered > _VEIL_SHARE * width * height, boxes)


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


def _thumbnail(image: Image, area: Box) -> Array:
    """Grey, float32 (12, 12); of a box outside the picture, all dark."""
    x1, y1, x2, y2 = (round(value) for value in area)
    part = image[y1:y2:2, x1:x2:2, 1]
    if part.size == 0:
        return np.zeros(_THUMB_WH[::-1], np.float32)
    return np.asarray(cv2.resize(np.ascontiguousarray(part), _THUMB_WH, interpolation=cv2.INTER_AREA), np.float32)
