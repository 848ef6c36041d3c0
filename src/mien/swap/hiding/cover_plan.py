"""Plan of covers: the regions to hide in each frame, from the paths of the faces."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mien.imaging.geometry import between_rolls
from mien.swap.hiding.face_path import FacePath, Sighting
from mien.swap.stages.cover import HeadRegion, region_of_box

Box = tuple[float, float, float, float]
Regions = list[tuple[int, HeadRegion]]
"""Numbers of paths, and regions in frame pixels; those of regions drawn by hand are negative."""


@dataclass(frozen=True, slots=True)
class PlanTuning:
    """Room in time and space around what was seen. Evidence: `mien evaluate --only anonymise`."""

    lead_s: float = 0.5
    """Time that a cover comes before the first and stays after the last sighting, within the scene."""
    small_pixels: float = 14.0
    small_lead_s: float = 1.5
    """The same for a face of less than this: of those of 10 pixels one look in five shows anything."""
    rare_share: float = 0.7
    rare_pixels: float = 64.0
    rare_lead_s: float = 1.0
    """The same for a face of less than this that is seen in fewer of the frames of its path: of 62 in crowds 24 are unseen for
    more than half a second on the way, up to 1.04 s; of 585 others 2. Larger finds so rare are mostly hands and patterns."""
    speed_kept: float = 0.9
    """Share of the speed that is left after each frame of a lead."""
    motion_frames: int = 4
    """Frames over which the speed is measured."""
    lead_growth: float = 0.012
    gap_growth: float = 0.02
    elusive_growth: float = 0.08
    """Face sizes that a region grows on each side with every frame since, or to, the nearest sighting: before and after all
    sightings, between them, and before and after those of a small or rarely seen face, which sways away unseen. Of 32 paths of
    rarely seen faces, cut at a gap, 14 left the face bare in it with the lead and the growth of others, 5 with these."""
    most_growth: float = 0.35
    most_elusive_growth: float = 1.0
    motion_growth: float = 0.5
    """Share of a frame's motion that is added on all sides: motion blur and a late box."""
    near_frames: int = 2
    """The largest box this many frames before and after counts: one that is too small for a frame leaves no chin."""
    doubt_score: float = 0.84
    doubt_growth: float = 0.35
    doubt_frames: int = 8
    """Face sizes by which a region grows on each side as the score falls from the first to 0, and `near_frames` below it: the
    box of a profile with 0.2 was 16 of 48 pixels off, others had 0.6 of the height."""
    sure_roll_score: float = 0.6
    level_degrees: float = 35.0
    """Below this score a roll counts only where the head is nearly level; else there is room on all sides."""


TUNING = PlanTuning()
_BUCKET_FRAMES = 128  # frames that share one list of paths


@dataclass(frozen=True, slots=True)
class FixedRegion:
    """A region that is covered from one frame to another."""

    first: int
    last: int
    region: HeadRegion


class CoverPlan:
    """Regions to hide in each frame of a film whose frames have these times, in seconds.

    `fixed` are regions drawn by hand, `shown` the frames, first to last, in which the face of a path stays visible.
    """

    def __init__(
        self,
        paths: Iterable[FacePath],
        times: Sequence[float],
        fixed: Sequence[FixedRegion] = (),
        shown: Mapping[int, Sequence[tuple[int, int]]] | None = None,
        tuning: PlanTuning = TUNING,
    ) -> None:
        self._shown = shown or {}
        self._times = times
        self._fixed = tuple(fixed)
        self._tuning = tuning
        self._buckets: dict[int, list[tuple[FacePath, int, int]]] = {}
        for path in paths:
            first, last = self.span(path)
            for bucket in range(first // _BUCKET_FRAMES, last // _BUCKET_FRAMES + 1):
                self._buckets.setdefault(bucket, []).append((path, first, last))

    def regions(self, frame: int) -> Regions:
        """Return what is to be covered in a frame."""
        entries = self._buckets.get(frame // _BUCKET_FRAMES, ())
        drawn = [(-1 - number, each.region) for number, each in enumerate(self._fixed) if each.first <= frame <= each.last]
        for path, first, last in entries:
            stays = any(begin <= frame <= end for begin, end in self._shown.get(path.number, ()))
            if first <= frame <= last and not stays:
                drawn.append((path.number, self._region(path, frame)))
        return drawn

    def span(self, path: FacePath) -> tuple[int, int]:
        """Return the first and last frame to cover: the sightings and a lead at both ends, within the scene."""
        times = self._times
        first, last = path.first.frame, path.last.frame
        bound = len(times) - 1 if path.last_bound is None else min(path.last_bound, len(times) - 1)
        begin, end = times[first] - self._lead_s(path, path.first), times[last] + self._lead_s(path, path.last)
        while first > path.first_bound and times[first - 1] >= begin:
            first -= 1
        while last < bound and times[last + 1] <= end:
            last += 1
        # A frame before and after at any rate, of slide shows too.
        return max(min(first, path.first.frame - 1), path.first_bound), max(last, min(path.last.frame + 1, bound))

    def _lead_s(self, path: FacePath, end: Sighting) -> float:
        tuning = self._tuning
        if end.box.size < tuning.small_pixels:
            return tuning.small_lead_s
        return tuning.rare_lead_s if self._is_rare(path, end) else tuning.lead_s

    def _is_rare(self, path: FacePath, end: Sighting) -> bool:
        return end.box.size < self._tuning.rare_pixels and path.seen_share < self._tuning.rare_share

    def _region(self, path: FacePath, frame: int) -> HeadRegion:
        (x, y), grown, roll = self._place(path, frame)
        width, height = self._size(path, frame)
        box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        return region_of_box(box, roll).grown(grown + self._doubt(path, frame) * max(width, height))

    def _doubt(self, path: FacePath, frame: int) -> float:
        """Return the face sizes that a region grows because its sightings are weak."""
        tuning = self._tuning
        score = min(each.score for each in path.around(frame) if each is not None)
        return tuning.doubt_growth * max(0.0, 1 - score / tuning.doubt_score)

    def _place(self, path: FacePath, frame: int) -> tuple[tuple[float, float], float, float | None]:
        """Return the middle of the face, the pixels that its region grows, and its roll, None = unknown."""
        tuning = self._tuning
        before, after = path.around(frame)
        if before is not None and after is not None:
            share = (frame - before.frame) / max(after.frame - before.frame, 1)
            place = tuple(a + share * (b - a) for a, b in zip(_middle(before), _middle(after), strict=True))
            gap = min(frame - before.frame, after.frame - frame)
            step = math.dist(_middle(before), _middle(after)) / max(after.frame - before.frame, 1)
            if before is after:
                step = math.hypot(*path.step_xy(path.index_of(frame), tuning.motion_frames))
            grown = min(tuning.gap_growth * gap, tuning.most_growth) * before.box.size + tuning.motion_growth * step
            return (place[0], place[1]), grown, self._roll(before, after)
        end, index = (path.last, -1) if before is not None else (path.first, 0)
        frames = abs(frame - end.frame)
        step_x, step_y = path.step_xy(index, tuning.motion_frames if before is not None else -tuning.motion_frames)
        steps = (1 - tuning.speed_kept**frames) / (1 - tuning.speed_kept) * (1 if before is not None else -1)
        x, y = _middle(end)
        # Half way between where it was and where it would be, and large enough for both.
        shift = 0.5 * steps * step_x, 0.5 * steps * step_y
        elusive = end.box.size < tuning.small_pixels or self._is_rare(path, end)
        growth, most = (
            (tuning.elusive_growth, tuning.most_elusive_growth) if elusive else (tuning.lead_growth, tuning.most_growth)
        )
        grown = min(growth * frames, most) * end.box.size + math.hypot(*shift)
        grown = min(grown, end.box.size) + tuning.motion_growth * math.hypot(step_x, step_y)
        return (x + shift[0], y + shift[1]), grown, self._roll(end, end)

    def _size(self, path: FacePath, frame: int) -> tuple[float, float]:
        """Return the largest width and height of the boxes near a frame."""
        near = self._tuning.doubt_frames if self._doubt(path, frame) else self._tuning.near_frames
        boxes = [each.box_xyxy for each in path.around(frame) if each is not None]
        for other in range(frame - near, frame + near + 1):
            boxes += [each.box_xyxy for each in path.around(other) if each is not None and abs(each.frame - frame) <= near]
        return max(box[2] - box[0] for box in boxes), max(box[3] - box[1] for box in boxes)

    def _roll(self, before: Sighting, after: Sighting) -> float | None:
        tuning = self._tuning
        surer = max(before, after, key=lambda each: each.score)
        apart = between_rolls(before.roll, after.roll)
        level = between_rolls(surer.roll, 0.0) < tuning.level_degrees
        if apart > tuning.level_degrees or not (level or surer.score >= tuning.sure_roll_score):
            return None
        return surer.roll


def is_drawn(number: int) -> bool:
    """Return True for the number of a region that was drawn by hand."""
    return number < 0


def _middle(sighting: Sighting) -> tuple[float, float]:
    return sighting.box.x, sighting.box.y
