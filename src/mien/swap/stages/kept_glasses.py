"""The wearer's clear glasses stay whole in front of the new face: each rim as wide and as soft as the picture shows it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mien.face import landmark_sets
from mien.imaging import geometry
from mien.imaging.area import area_means
from mien.imaging.line_matte import TUNING as MATTE
from mien.imaging.line_matte import Strip, lay_line
from mien.imaging.line_rows import LineRows, closed_rows
from mien.swap.stages.glasses_lines import find_lines, follow_lines, sees_glasses
from mien.swap.stages.glasses_places import GlassesLines, Line, face_to_picture, outline_of, rows_in_face
from mien.swap.stages.under_patch import under_patch
from mien.types import Affine, Array, FacePatch, Floats, Frame, Image, Mask, ParsedFace, TrackedFace


@dataclass(frozen=True, slots=True)
class KeepTuning:
    """Lengths are in distances of the outer corners of the eyes."""

    plain: float = 0.7
    lost: float = 0.5
    """Share of the outline of the fainter lens that stands out, from which a pair is worn that the parser misses, and under
    which it is no more. 131 bare faces of the working set reach 0.44; glasses have 0.42 (without rims) to 0.97, drawn ones 0.71
    and more."""
    search_frames: int = 120
    """Frames between two searches for a pair that the parser misses."""
    eyes: float = 170.0
    """Pixels of that distance at which lines are sought; larger pictures are made smaller for it. At 110, pale rims of one
    pixel were lost."""
    margin: float = 0.016
    margin_pixels: float = 1.5
    """Width on both sides of a rim in which the picture decides, and the least in pixels. With 0.025, folds came along."""
    outer: float = 0.08
    """Width outside of the outline of a lens in which black that the mask sees in part belongs to the rim."""
    half_seen: float = 0.85
    """Share of the mask from which it sees nothing of a rim."""
    thick_share: float = 0.3
    """Share of that width which a black rim fills at least: thin rims and single hairs of a brow do not."""
    gap: float = 0.2
    """Share of an outline that a black rim which the mask sees on both sides may be unseen, over a brow mostly."""
    least_pixels: float = 0.7
    """Least half width of a rim, in pixels."""
    there: tuple[float, float] = (0.2, 0.4)
    """Certainty of a line between which the picture begins to decide."""
    sure: tuple[float, float] = (0.5, 0.75)
    """Certainty between which it stays over a brow whatever the picture says, as it may look like one. On skin it would leave
    flecks where it errs."""
    every_frames: int = 10
    """Frames between two looks at a pair of glasses, which moves with the head; a look takes as long as four of the others."""
    turned_degrees: float = 6.0
    """Change of yaw from which the lines are found afresh."""
    kept_frames: int = 30
    """Frames for which glasses that the parser loses are not forgotten."""


TUNING = KeepTuning()
_BAND, _BLACK = 2, 3  # rows of the shares of a line: how far the picture may decide, and where black is a rim
_OUTSIDE = 8  # places in a row of an outline, outside of it, at which a rim is looked for


@dataclass(frozen=True, slots=True)
class KeptLine:
    """A line, and what is the same in every frame until it is looked at again.

    `rows` and `from_face` are its places in the face, and where a place of the face is in its strip. `middle` float32 (n,) are
    the distances of the line in its rows, `upper` bool (n,) those of the upper half. `shares` float32 (4, n) are as in
    `lay_line`, without black rims.
    """

    line: Line
    rows: LineRows
    from_face: Affine
    middle: Floats
    upper: Array
    shares: Floats


def kept_line(line: Line) -> KeptLine:
    """Return a line ready to be laid."""
    sure, band = line.brow * _ramp(line.certainty, TUNING.sure), _ramp(line.certainty, TUNING.there)
    heights = outline_of(line)[:, 1]
    return KeptLine(
        line,
        rows_in_face(line),
        geometry.invert(np.hstack([line.axes.T, line.start[:, None]]).astype(np.float64)),
        np.asarray(line.first + line.step * line.way, np.float32),
        heights < heights.mean(),
        np.stack([line.way, sure, band, np.zeros_like(band)]).astype(np.float32),
    )


@dataclass(slots=True)
class KnownGlasses:
    """Lines of one pair, frames since they were last looked at, and since the parser last saw them."""

    lines: GlassesLines
    kept: tuple[KeptLine, ...]
    looked: int = 0
    unseen: int = 0


class KeptGlasses:
    """Memory of the glasses of the faces of one stream of frames."""

    def __init__(self) -> None:
        self._known: dict[int, KnownGlasses] = {}
        self._waited: dict[int, int] = {}

    def reset(self) -> None:
        """Forget everything: another stream begins."""
        self._known, self._waited = {}, {}

    def keep(
        self, frame: Frame, patches: Sequence[tuple[TrackedFace, FacePatch]], off: frozenset[int] = frozenset()
    ) -> list[tuple[TrackedFace, FacePatch]]:
        """Return the patches with clear glasses cut out, but for those of the tracks in `off`, which were taken off.

        `frame` is the picture before the patches are laid. Dark glasses are left to the occlusion mask.
        """
        present = {face.track_id for face, _ in patches} - off
        self._known = {number: each for number, each in self._known.items() if number in present}
        self._waited = {number: each for number, each in self._waited.items() if number in present}
        return [(face, self._kept(frame.image, face, patch) if face.track_id in present else patch) for face, patch in patches]

    def _kept(self, image: Image, face: TrackedFace, patch: FacePatch) -> FacePatch:
        parsed = None if face.known is None else face.known.parsed
        if parsed is None or parsed.dark or not self._is_due(face.track_id, parsed):
            self._known.pop(face.track_id, None)
            return patch
        points = np.asarray(geometry.apply(geometry.invert(patch.crop_to_frame), face.landmarks.points[:, :2]), np.float32)
        target, seen = under_patch(image, patch), sees_glasses(parsed)
        known = self._known.get(face.track_id)
        if known is None or abs(face.yaw - known.lines.yaw) > TUNING.turned_degrees:
            lines = find_lines(parsed, *_small(points, target), face.yaw)
            if not seen and lines.plain < TUNING.plain:
                self._known.pop(face.track_id, None)
                return patch
            known = self._known[face.track_id] = KnownGlasses(lines, _kept_lines(lines))
        elif known.looked >= TUNING.every_frames:
            known.lines, known.looked = follow_lines(known.lines, parsed, *_small(points, target)), 0
            known.kept = _kept_lines(known.lines)
        known.looked += 1
        known.unseen = 0 if seen or known.lines.plain >= TUNING.lost else known.unseen + 1
        crop, mask = patch.crop.copy(), patch.mask.copy()
        _lay(known, face_to_picture(points), target, crop, mask)
        return replace(patch, crop=crop, mask=mask)

    def _is_due(self, number: int, parsed: ParsedFace) -> bool:
        """Return True for a face that wears glasses, or that is searched for some in this frame."""
        known = self._known.get(number)
        if sees_glasses(parsed) or (known is not None and known.unseen < TUNING.kept_frames):
            return True
        waited = self._waited.get(number, TUNING.search_frames)
        self._waited[number] = 1 if waited >= TUNING.search_frames else waited + 1
        return waited >= TUNING.search_frames


def _small(points: Floats, picture: Image) -> tuple[Floats, Image]:
    """Return the landmarks and the picture small enough for the search of lines."""
    first, second = landmark_sets.EYE_CORNERS
    scale = TUNING.eyes / max(float(np.linalg.norm(points[first] - points[second])), 1.0)
    if scale >= 1:
        return points, picture
    size_wh = max(4, round(picture.shape[1] * scale)), max(4, round(picture.shape[0] * scale))
    ratio = np.array([size_wh[0] / picture.shape[1], size_wh[1] / picture.shape[0]], np.float32)
    small = area_means(picture, (0, 0, picture.shape[1], picture.shape[0]), size_wh)
    return np.asarray((points + 0.5) * ratio - 0.5, np.float32), small


def _kept_lines(lines: GlassesLines) -> tuple[KeptLine, ...]:
    """Return those of the lines that are surely enough there for the picture to decide anywhere."""
    kept = (kept_line(line) for line in lines.lines)
    return tuple(each for each in kept if each.shares[_BAND].any())


def _lay(glasses: KnownGlasses, to_picture: Affine, target: Image, crop: Image, mask: Mask) -> None:
    """Cut the lines out of a patch, in place."""
    eyes, from_picture = geometry.scale_of(to_picture), geometry.invert(to_picture)
    half = max(glasses.lines.half_width, TUNING.least_pixels / eyes)
    margin = max(TUNING.margin, TUNING.margin_pixels / eyes)
    for each in glasses.kept:
        line, rows = each.line, each.rows.moved(to_picture)
        count = math.ceil((half + margin) / line.step) + 2
        reach = count * line.step
        bounds = rows.bounds(each.middle, reach)
        if line.closed:
            out = TUNING.outer * eyes
            bounds = bounds[0] - out, bounds[1] - out, bounds[2] + out, bounds[3] + out
        left, top, right, bottom = geometry.clipped_box(bounds, mask.shape[1], mask.shape[0], after=1)
        if right <= left or bottom <= top:
            continue
        box = np.s_[top:bottom, left:right]
        shares = _with_black_rims(each, rows, target, crop, mask) if line.closed else each.shares
        widths = half / line.step, margin / line.step, TUNING.outer / line.step
        profile = rows.sample(target, each.middle - np.float32(reach), line.step, 2 * count + 1)
        strip = _strip(each, from_picture, left, top)
        lay_line(target[box], crop[box], mask[box], strip, shares, widths, profile)


def _with_black_rims(each: KeptLine, rows: LineRows, target: Image, crop: Image, mask: Mask) -> Floats:
    """Return the shares with 1 for the rows of an outline outside of which black is its rim.

    That is in its upper half, where the mask sees a thick one or a gap between; in the lower half folds are as dark.
    """
    limits = MATTE.black[0], TUNING.half_seen * 255
    step = TUNING.outer / (_OUTSIDE - 1)
    found = rows.black_share(target, crop, mask, each.middle, step, _OUTSIDE, limits)
    if found.max() <= TUNING.thick_share:
        return each.shares
    shares = each.shares.copy()
    shares[_BLACK] = closed_rows(found, TUNING.thick_share, 2 * round(TUNING.gap * len(found) / 2)) * each.upper
    return shares


def _ramp(values: Floats, between: tuple[float, float]) -> Floats:
    return np.asarray(np.clip((values - between[0]) / (between[1] - between[0]), 0, 1), np.float32)


def _strip(each: KeptLine, from_picture: Affine, left: int, top: int) -> Strip:
    """Return the strip of a line in the part of the picture that begins at (left, top)."""
    to_local = geometry.then(from_picture, each.from_face)
    to_local[:, 2] += to_local[:, 0] * left + to_local[:, 1] * top
    return Strip(to_local, each.line.closed, each.line.first, each.line.step)
