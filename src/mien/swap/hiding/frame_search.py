"""Search of one frame for every face in it, small, turned, tilted and doubtful ones too."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from mien.contracts import Detector, HandFinder, Landmarker
from mien.imaging.geometry import overlap
from mien.swap.hiding.doubt_looks import DoubtLooks
from mien.swap.hiding.path_search import PathSearch
from mien.swap.tracking.box import FaceBox
from mien.swap.tracking.rotated_detector import QUARTER_TURNS, RotatedSearch, detect_rotated
from mien.swap.tracking.track import is_among
from mien.types import Detection, Image


@dataclass(frozen=True, slots=True)
class SearchTuning:
    """Pace and grid of the search; evidence: `mien evaluate --only anonymise`."""

    enlarged_every: int = 5
    """Frames between two searches of the enlarged picture, which costs some ten ordinary ones. Faces of 10 to 16 pixels are
    found in it, and followed from there."""
    enlargements: tuple[tuple[float, bool], ...] = ((3.0, False), (3.0, True))
    """Enlargements, one in turn, and whether the picture is mirrored. Of 334 faces of 10 pixels in twelve pictures the first
    finds 287, the second 292, both 300; 2.0 finds 258, and 293 with 3.0. Stretched contrast finds 14 times the clutter."""
    whole_enlargements: tuple[tuple[float, bool], ...] = ((2.0, False), (3.0, False), (3.0, True))
    """Those of a whole search, which has no second chance: 302 of the 334."""
    tile_score: float = 0.1
    """Least score in an enlarged tile."""
    plain_score: float = 0.3
    confirmed_score: float = 0.5
    """Below the first, a find in a tile needs a close reading with the second: of those faces it leaves 90 and 96, with two
    false finds where there are 37 without a reading."""
    confirmed_most: float = 0.45
    """Score that such a find has at most: below `ChoiceTuning.lone_score`, so that one that is never seen again is left."""
    tile: int = 640
    """Side in pixels of an enlarged tile; the detector is opened for it."""
    tile_overlap: int = 96
    """Pixels of the enlarged picture that neighbours share: a face of 48 pixels is whole in one of them."""
    largest_enlarged: float = 48.0
    """Pixels of the frame; larger faces are seen without enlargement, and enlarged hands and parts of faces look like them."""
    coarse_sides: tuple[int, ...] = (320, 640)
    """Longer sides at which a larger picture is searched too, for close-ups."""
    coarse_below: float = 0.67
    """Largest share of the picture's own size at which they are worth while."""
    turned_side: int = 640
    """Longer side of the rotated picture, in which one turn is searched a frame."""
    turned_score: float = 0.5
    turned_clear_score: float = 0.85
    """Score from which a find in the rotated picture is read closely, and that of the reading: hands reach 0.82."""
    known_score: float = 0.6
    """Score of an upright detection that needs no look from the side: a head on its side has less in the upright picture."""
    turned_shift: float = 0.5
    """Face sizes that the reading may lie beside the find."""
    same_face_overlap: float = 0.6
    """Covered share of the smaller box from which two detections are of one face. Two covers of one face cost nothing."""
    same_face_growth: float = 2.0
    """And the largest ratio of their sides."""
    cut_margin_pixels: float = 4.0
    """Distance from a border inside the picture at which the enlarged tile may cut the face: its neighbour has all of it."""


TUNING = SearchTuning()


@dataclass(frozen=True, slots=True)
class FrameSearch:
    """Search with detectors that report doubtful detections too.

    `native` searches a picture at its own size, `coarse` those of `coarse_sides`, `tile` one of `SearchTuning.tile` pixels a
    side, `turned` one of `turned_side`. `close` reads a crop around a place, `hands` finds hands, `landmarker` fits meshes.
    """

    native: Detector
    coarse: tuple[Detector, ...]
    tile: Detector
    turned: Detector
    close: RotatedSearch
    hands: HandFinder
    landmarker: Landmarker
    tuning: SearchTuning = TUNING

    def open_paths(self) -> PathSearch:
        """Return a search of a stream for paths, with what this search reads closely."""
        return PathSearch(self.close, DoubtLooks(self.close, self.hands, self.landmarker))

    def look(self, image: Image, number: int, *, whole: bool) -> list[Detection]:
        """Return what frame `number` of a stream shows; every few frames enlarged, another turn each.

        `whole` searches in every way there is: for pictures, first frames and frames after a cut.
        """
        found = self.native.detect(image)
        for side, detector in zip(self.tuning.coarse_sides, self.coarse, strict=True):
            if side <= self.tuning.coarse_below * max(image.shape[:2]):
                found += detector.detect(image)
        for enlargement, mirrored in self._enlargements(number, whole=whole):
            found += self._mirrored(image, enlargement) if mirrored else self.enlarged(image, enlargement)
        found = distinct(found, self.tuning)
        turns = QUARTER_TURNS if whole else (QUARTER_TURNS[number % len(QUARTER_TURNS)],)
        return distinct([*found, *self._turned(image, turns, found)], self.tuning)

    def _enlargements(self, number: int, *, whole: bool) -> tuple[tuple[float, bool], ...]:
        tuning = self.tuning
        if whole:
            return tuning.whole_enlargements
        turn, rest = divmod(number, tuning.enlarged_every)
        return () if rest else (tuning.enlargements[turn % len(tuning.enlargements)],)

    def _turned(self, image: Image, turns: Sequence[float], known: Sequence[Detection]) -> list[Detection]:
        """Return the faces of rotated pictures that a close reading confirms and that are not known."""
        confirmed = []
        known = [each for each in known if each.score >= self.tuning.known_score]
        for turn in turns:
            for each in detect_rotated(self.turned, image, turn, self.tuning.turned_side):
                if each.score < self.tuning.turned_score or is_among(each, known):
                    continue
                upright = self.close.right_way_up(image, each)
                if upright is None or upright.score < self.tuning.turned_clear_score:
                    continue
                if FaceBox.of_detection(each).distance(FaceBox.of_detection(upright)) < self.tuning.turned_shift:
                    confirmed.append(upright)
        return confirmed

    def enlarged(self, image: Image, enlargement: float) -> list[Detection]:
        """Return the faces of the enlarged picture, searched in tiles, in the pixels of the picture."""
        tuning = self.tuning
        height, width = image.shape[:2]
        side = round(tuning.tile / enlargement)
        step = max(1, round((tuning.tile - tuning.tile_overlap) / enlargement))
        found: list[Detection] = []
        for top in _starts(height, side, step):
            for left in _starts(width, side, step):
                part = image[top : top + side, left : left + side]
                inner = (left > 0, top > 0, left + side < width, top + side < height)
                found += self._of_tile(part, left, top, enlargement, inner)
        return self._confirmed(image, distinct(found, tuning))

    def _mirrored(self, image: Image, enlargement: float) -> list[Detection]:
        """Return what the enlarged mirror image shows, in the pixels of the picture: the detector does not see both alike."""
        last = image.shape[1] - 1
        found = []
        for each in self.enlarged(np.ascontiguousarray(image[:, ::-1]), enlargement):
            x1, y1, x2, y2 = each.box_xyxy
            points = each.points[list(_MIRRORED_POINTS)].copy()
            points[:, 0] = last - points[:, 0]
            found.append(Detection((last - x2, y1, last - x1, y2), points, each.score))
        return found

    def _of_tile(self, part: Image, left: int, top: int, scale: float, inner: tuple[bool, bool, bool, bool]) -> list[Detection]:
        tuning = self.tuning
        size_wh = round(part.shape[1] * scale), round(part.shape[0] * scale)
        large = cv2.resize(np.ascontiguousarray(part), size_wh, interpolation=cv2.INTER_CUBIC)
        found = []
        for each in self.tile.detect(np.asarray(large, np.uint8)):
            x1, y1, x2, y2 = each.box_xyxy
            if max(x2 - x1, y2 - y1) > tuning.largest_enlarged * scale:
                continue
            margin = tuning.cut_margin_pixels
            beyond = (x1 < margin, y1 < margin, x2 > size_wh[0] - margin, y2 > size_wh[1] - margin)
            if any(is_inner and is_beyond for is_inner, is_beyond in zip(inner, beyond, strict=True)):
                continue
            # The middle of a pixel of the picture is that of a square of enlarged ones.
            back = [(value + 0.5) / scale - 0.5 for value in each.box_xyxy]
            points = ((each.points + 0.5) / scale - 0.5 + np.array([left, top])).astype(np.float32)
            found.append(Detection((back[0] + left, back[1] + top, back[2] + left, back[3] + top), points, each.score))
        return found

    def _confirmed(self, image: Image, found: Sequence[Detection]) -> list[Detection]:
        """Return the finds that are plain, and of the others the close readings that are."""
        tuning, kept = self.tuning, []
        for each in found:
            if each.score >= tuning.plain_score:
                kept.append(each)
                continue
            read = self.close.read(image, FaceBox.of_detection(each), 0.0)
            if read is not None and read.score >= tuning.confirmed_score:
                kept.append(replace(read, score=min(read.score, tuning.confirmed_most)))
        return kept


def distinct(found: Sequence[Detection], tuning: SearchTuning = TUNING) -> list[Detection]:
    """Return the detections of different faces, best first."""
    kept: list[Detection] = []
    for each in sorted(found, key=lambda detection: -detection.score):
        if not any(_is_same(each, other, tuning) for other in kept):
            kept.append(each)
    return kept


def _is_same(a: Detection, b: Detection, tuning: SearchTuning) -> bool:
    if overlap(a.box_xyxy, b.box_xyxy) < tuning.same_face_overlap:
        return False
    sides = [max(each.box_xyxy[2] - each.box_xyxy[0], each.box_xyxy[3] - each.box_xyxy[1]) for each in (a, b)]
    return max(sides) <= tuning.same_face_growth * min(sides)


def _starts(length: int, side: int, step: int) -> list[int]:
    """Return the starts of tiles that cover a length; the last one ends with it."""
    if length <= side:
        return [0]
    starts = list(range(0, length - side, step))
    return [*starts, length - side]


_MIRRORED_POINTS = (1, 0, 2, 4, 3)
"""Eyes, nose and corners of the mouth in a mirror: left and right change places."""
