"""The lines of a pair of glasses on a face: outlines of both lenses, arms, bridge, as the parser and the picture show them."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.face.lens_shapes import COLUMN, best_outlines
from mien.face.lens_shapes import TUNING as SHAPES
from mien.imaging import geometry
from mien.imaging.line_path import best_way, line_strength, sampled
from mien.models.format.parsing import FaceClass
from mien.swap.stages.glasses_places import GlassesLines, Line, face_to_picture, outline_of, places_of
from mien.types import Affine, Array, Floats, Image, ParsedFace


@dataclass(frozen=True, slots=True)
class LinesTuning:
    """Lengths are in distances of the outer corners of the eyes. Chosen by eye on seven open everyday pictures and a clip."""

    worn: float = 0.016
    """Mean share of rims in the parser's crop from which it sees glasses. Bare faces of the working set reach 0.012, rims and
    rimless lenses of it have 0.022 and more."""
    blind: float = 0.6
    """Weight of the lines of the picture where it sees none."""
    edge: float = 0.02
    edge_weight: float = 0.7
    """Distance over which a lens ends in the parser's crop, and weight of that end against a seen rim."""
    gain: float = 1.6
    """Factor on the share of rims, as in `ParsingTuning.thin_gain`."""
    faint: float = 0.15
    """Share of rims that counts like a sure one where there is nothing surer beside it."""
    near: tuple[float, float] = (0.03, 0.08)
    """Distances from what the parser sees within which a line of the picture counts half, and wholly."""
    seen_weight: float = 0.15
    """Weight of what the parser sees against a line of the picture."""
    widths: tuple[int, ...] = (2, 4, 7)
    width_weights: tuple[float, ...] = (1.0, 0.675, 0.35)
    """Columns on both sides with which a line is compared, and their weights: brows and shadows are wider than most rims."""
    thick: int = 12
    thick_share: tuple[float, float] = (0.5, 0.65)
    """The same for thick rims, and share of the light of both sides that one takes where it begins to count, and does."""
    usual: tuple[float, float] = (2.0, 4.0)
    """Times the usual strength of lines that count half, and least levels that do."""
    usual_rows: int = 33
    joint_levels: float = 22.0
    """The same levels for bridge and arms."""
    coloured: float = 0.03
    coloured_share: float = 0.7
    coloured_levels: tuple[float, float] = (30.0, 60.0)
    """Colour by which a line is redder than its sides that makes it one of the skin, how much that takes of its strength, and
    strength between which it takes less and less: black is never redder."""
    features: float = 0.75
    """Share of its strength that a line loses in a brow and between the lids."""
    lids: float = 0.85
    """Size of the part of the lids that counts so."""
    outer: tuple[float, float] = (0.8, 1.1)
    """Weight of the first and last column: folds under the eye lie inside of the rim."""
    corridor: float = 0.05
    pull: float = 0.2
    most_pull: float = 4.0
    """Distance from the best shape, or the line before, that costs a line `pull` of its gain, and the most times of it."""
    least_area: float = 8.0
    """Pixels of the parser's crop under lenses from which their middle is known, and `own` share of the other lens."""
    own: float = 0.4
    arm: float = 0.45
    """Length of an arm."""
    beside: float = 0.2
    """Reach of the search for bridge and arms, up and down."""
    width_columns: int = 18
    width_levels: float = 30.0
    width_sigma: float = 3.0
    """Columns on both sides within which a rim ends, contrast from which that is seen, and rows over which it is moved."""
    width_percentile: float = 35.0
    plain_share: float = 0.5
    faint_columns: float = 3.0
    """Percentile of the widths that is the rim's, as brows join it; share of rows that must show it, and width of one that
    does not."""
    plain: tuple[float, float] = (2.0, 3.0)
    """Times the third quartile of what is around it, and levels, by which an outline stands out."""
    brow_reach: float = 0.03
    brow_gain: float = 2.0
    """Distance beside a line within which a brow is behind it, and factor on its share, which a rim lowers."""
    follow_columns: int = 20
    """Columns on both sides within which a line is sought where it was."""
    new_share: float = 0.5
    """Weight of a new look in the mean of a line."""


TUNING = LinesTuning()
_JOINT_ROWS, _JOINT_COLUMNS = 24, 49  # of a strip across the bridge or an arm; a column is 0.008 eye distances
_EYES = ((33, 133), (263, 362))  # outer and inner corner of both eyes


def find_lines(parsed: ParsedFace, points: Floats, picture: Image, yaw: float) -> GlassesLines:
    """Return the lines of the glasses of a face in a picture, BGR uint8; `points` (478, 2) are its landmarks there."""
    view = _view(parsed, points, picture)
    lenses = _lens_strips(view)
    gains = [_gain(view, lens, _all_columns(lens)) for lens in lenses]
    outlines = best_outlines((gains[0], gains[1]))
    lenses = [_drawn(lens, gain, _all_columns(lens), near) for lens, gain, near in zip(lenses, gains, outlines, strict=True)]
    centred = [_centred(view, _over_brow(view, lens)) for lens in lenses]
    lenses = [lens for lens, _ in centred]
    both = np.mean([lens.certainty for lens in lenses], axis=0, dtype=np.float32)
    lenses = [replace(lens, certainty=np.maximum(lens.certainty, both)) for lens in lenses]
    joints = [
        _drawn(strip, _gain(view, strip, _all_columns(strip)), _all_columns(strip), None) for strip in _joint_strips(lenses)
    ]
    return GlassesLines((*lenses, *joints), float(np.mean([width for _, width in centred])), yaw, _plain(view, lenses))


def follow_lines(before: GlassesLines, parsed: ParsedFace, points: Floats, picture: Image) -> GlassesLines:
    """Return the lines in a picture that follows: each is sought near where it was."""
    view = _view(parsed, points, picture)
    lines = []
    for line in before.lines:
        reach = TUNING.follow_columns
        columns = line.way[:, None] + np.arange(-reach, reach + 1, dtype=np.float32)[None]
        found = _drawn(line, _gain(view, line, columns), columns, line.way)
        if line.closed:
            found, _ = _centred(view, _over_brow(view, found))
        way = line.way + TUNING.new_share * (found.way - line.way)
        certainty = line.certainty + TUNING.new_share * (found.certainty - line.certainty)
        lines.append(replace(line, way=way, certainty=certainty, brow=found.brow))
    return replace(before, lines=tuple(lines), plain=_plain(view, lines[:2]))


@dataclass(frozen=True, slots=True)
class _View:
    """A picture of a face and the parser's result, `shares` uint8 (side, side, 3): rims, lenses and brows.

    `to_crop` leads from the picture to the parser's crop; it is `blind` where it sees no glasses.
    """

    picture: Image
    points: Floats
    to_picture: Affine
    to_crop: Affine
    shares: Image
    lids: Array
    blind: bool


def sees_glasses(parsed: ParsedFace) -> bool:
    """Return True when the parser sees a pair of glasses."""
    return float(parsed.shares[FaceClass.RIM].mean()) >= 255 * TUNING.worn


def _view(parsed: ParsedFace, points: Floats, picture: Image) -> _View:
    rims = cv2.convertScaleAbs(parsed.shares[FaceClass.RIM], alpha=TUNING.gain)
    panes = cv2.add(parsed.shares[FaceClass.LENS], parsed.shares[FaceClass.SHADE])
    to_crop = geometry.similarity(points[:, :2], parsed.points)
    lids = np.zeros(picture.shape[:2], np.uint8)
    for loop in (landmark_sets.RIGHT_LIDS, landmark_sets.LEFT_LIDS):
        ring = points[list(loop), :2]
        cv2.fillPoly(lids, [(ring.mean(0) + TUNING.lids * (ring - ring.mean(0))).round().astype(np.int32)], 255)
    shares = np.asarray(cv2.merge([rims, panes, parsed.shares[FaceClass.BROW]]), np.uint8)
    return _View(picture, points[:, :2], face_to_picture(points), to_crop, shares, lids, not sees_glasses(parsed))


def _lens_strips(view: _View) -> list[Line]:
    """Return strips around the middles of both lenses: where the parser sees them, or the other one tells that they are."""
    to_face = geometry.invert(view.to_picture)
    eyes = [geometry.apply(to_face, view.points[list(pair)]) for pair in _EYES]
    widths = np.array([np.ptp(pair[:, 0]) for pair in eyes])
    widths = np.clip(widths / widths.mean(), 0.6, 1.4)
    to_crop = geometry.then(view.to_picture, view.to_crop)
    side = len(view.shares)
    rows, columns = np.mgrid[:side, :side]
    places = geometry.apply(geometry.invert(to_crop), np.stack([columns, rows], axis=2).reshape(-1, 2)).reshape(side, side, 2)
    found, areas = [], []
    for sign in (-1, 1):
        weight = view.shares[:, :, 1] * (places[:, :, 0] * sign > 0) / 255.0
        areas.append(float(weight.sum()))
        found.append((places * weight[:, :, None]).sum((0, 1)) / max(areas[-1], 1e-6))
    for own, other in ((0, 1), (1, 0)):
        if areas[own] < TUNING.own * areas[other]:
            offset = found[other] - eyes[other].mean(0)
            found[own] = eyes[own].mean(0) + offset * (-1, 1)
    if max(areas) < TUNING.least_area:
        found = [pair.mean(0) + np.array([0, 0.05]) for pair in eyes]
    nothing = np.zeros(SHAPES.angles, np.float32)
    return [
        Line(
            np.asarray(start, np.float32), np.array([[sign * wide, 0], [0, SHAPES.flat]], np.float32), True, SHAPES.nearest,
            COLUMN, nothing, nothing, nothing,
        )
        for start, sign, wide in zip(found, (-1, 1), widths, strict=True)
    ]  # fmt: skip


def _joint_strips(lenses: list[Line]) -> list[Line]:
    """Return strips across both arms and the bridge."""
    strips, inner = [], []
    for sign, lens in zip((-1, 1), lenses, strict=True):
        outline = outline_of(lens)
        aside = np.where(outline[:, 1] < outline[:, 1].mean(), sign * outline[:, 0], np.nan)
        outer = outline[np.nanargmax(aside)]
        inner.append(outline[np.nanargmin(aside)])
        strips.append(_joint(outer - np.array([0.03 * sign, 0]), outer + np.array([TUNING.arm * sign, 0])))
    strips.append(_joint(inner[0], inner[1]))
    return strips


def _joint(start: Floats, end: Floats) -> Line:
    axes = np.array([end - start, (0, 1)], np.float32)
    nothing = np.zeros(_JOINT_ROWS, np.float32)
    step = 2 * TUNING.beside / (_JOINT_COLUMNS - 1)
    return Line(np.asarray(start, np.float32), axes, False, -TUNING.beside, step, nothing, nothing, nothing)


def _all_columns(line: Line) -> Floats:
    """Return the columns of all rows of a strip, float32 (rows, n)."""
    count = SHAPES.columns if line.closed else _JOINT_COLUMNS
    return np.broadcast_to(np.arange(count, dtype=np.float32), (len(line.way), count))


def _seen(view: _View, places: Floats) -> Floats:
    """Return the shares of rims, lenses and brows at places in the picture, float32 (rows, n, 3), 0..1."""
    linear = view.to_crop[:, :2].astype(np.float32)
    crop = np.asarray(places @ linear.T + view.to_crop[:, 2].astype(np.float32), np.float32)
    return np.asarray(sampled(view.shares, crop) * np.float32(1 / 255), np.float32)


def _gain(view: _View, line: Line, columns: Floats) -> Floats:
    """Return how much each of the columns (rows, n) of a line looks like one of glasses, to the parser and in the picture."""
    places = places_of(line, columns, view.to_picture)
    return _lens_gain(view, places, columns) if line.closed else _joint_gain(view, places)


def _lens_gain(view: _View, places: Floats, columns: Floats) -> Floats:
    shares = _seen(view, places)
    seen = _seen_lens(shares)
    strength = _strength(np.asarray(cv2.blur(sampled(view.picture, places), (1, 3)), np.uint8))
    near, wide = (2 * round(reach / COLUMN) + 1 for reach in TUNING.near)
    around = np.zeros_like(seen)
    for reach in (near, wide):
        around += 0.5 * cv2.blur(cv2.dilate(seen, np.ones((5, reach), np.uint8)), (5, 5))
    if view.blind:
        around = np.maximum(around, TUNING.blind)
    total = np.stack([(strength * around).sum(axis=1), around.sum(axis=1)], axis=1).astype(np.float32)
    pad = TUNING.usual_rows // 2
    around_all = np.concatenate([total[-pad:], total, total[:pad]])
    total = np.asarray(cv2.blur(around_all, (1, TUNING.usual_rows)), np.float32)[pad:-pad]
    usual = np.maximum(TUNING.usual[0] * total[:, :1] / np.maximum(total[:, 1:], 1e-3), TUNING.usual[1])
    shown = strength / (strength + usual)
    feature = np.maximum(shares[:, :, 2], sampled(view.lids, places) * np.float32(1 / 255))
    least, most = TUNING.outer
    outer = least + (most - least) / (SHAPES.columns - 1) * columns
    shown = shown * (0.1 + 0.9 * around) * (1 - TUNING.features * feature) * outer
    return np.asarray(TUNING.seen_weight * seen + shown, np.float32)


def _seen_lens(shares: Floats) -> Floats:
    """Return how surely the parser sees a rim, or the end of a lens, at places on rays; 0..1, the faint ones raised."""
    rims, panes = shares[:, :, 0], shares[:, :, 1]
    reach = max(1, round(TUNING.edge / COLUMN))
    ends = np.zeros_like(panes)
    ends[:, reach:-reach] = np.clip(panes[:, : -2 * reach] - panes[:, 2 * reach :], 0, 1)
    seen = np.minimum(rims + TUNING.edge_weight * ends, 1).astype(np.float32)
    most = cv2.blur(seen.max(axis=1, keepdims=True), (1, 5))
    return np.asarray(np.minimum(seen / (0.5 * most + TUNING.faint), 1), np.float32)


def _strength(strip: Image) -> Floats:
    """Return how strongly each pixel of a strip is a line, in levels; what is redder than its sides is one of the skin."""
    strength = line_strength(strip, TUNING.widths, TUNING.width_weights)
    high = strip.max(axis=2).astype(np.float32)
    reach, (low, full) = TUNING.thick, TUNING.thick_share
    sides = 0.5 * (high[:, : -2 * reach] + high[:, 2 * reach :]) + 1
    dark = np.clip((1 - high[:, reach:-reach] / sides - low) / (full - low), 0, 1)
    wide = line_strength(strip, (reach,), (1.0,))[:, reach:-reach] * dark
    strength[:, reach:-reach] = np.maximum(strength[:, reach:-reach], wide)
    colour = (high - strip.min(axis=2)) / (high + 16)
    more = np.zeros_like(colour)
    more[:, 5:-5] = colour[:, 5:-5] - 0.5 * (colour[:, :-10] + colour[:, 10:])
    low, full = TUNING.coloured_levels
    skin = np.clip(more / TUNING.coloured, 0, 1) * np.clip((full - strength) / (full - low), 0, 1)
    return np.asarray(strength * (1 - TUNING.coloured_share * skin), np.float32)


def _joint_gain(view: _View, places: Floats) -> Floats:
    """Return how much each place looks like a bridge or an arm."""
    seen = np.ascontiguousarray(_seen(view, places)[:, :, 0])
    strength = line_strength(sampled(view.picture, places), TUNING.widths, TUNING.width_weights)
    around = np.maximum(cv2.dilate(seen, np.ones((1, 9), np.uint8)), TUNING.blind if view.blind else 0)
    shown = strength / (strength + np.float32(TUNING.joint_levels))
    return np.asarray(0.6 * seen + shown * (0.05 + 0.95 * around), np.float32)


def _drawn(line: Line, gain: Floats, columns: Floats, near: Floats | None) -> Line:
    """Return the line where it gains most of its `columns` (rows, n), pulled to those that are `near`."""
    bounded = gain
    if near is not None:
        apart = (columns - near[:, None]) * np.float32(line.step / TUNING.corridor)
        bounded = gain - np.float32(TUNING.pull) * np.minimum(apart**2, np.float32(TUNING.most_pull))
    way = best_way(np.asarray(bounded, np.float32), closed=line.closed)
    rows = np.arange(len(way))
    certainty = _along(gain[rows, way], 2.0, line.closed)
    return replace(line, way=_along(columns[rows, way], 1.0, line.closed), certainty=certainty)


def _over_brow(view: _View, line: Line) -> Line:
    """Return the line with how far each of its rows lies over a brow, as the parser sees it just beside the line."""
    reach = np.array([-TUNING.brow_reach, 0, TUNING.brow_reach], np.float32) / np.float32(line.step)
    brow = _seen(view, places_of(line, line.way[:, None] + reach[None], view.to_picture))[:, :, 2].max(axis=1)
    return replace(line, brow=_along(np.minimum(TUNING.brow_gain * brow, 1), 2.0, line.closed))


def _plain(view: _View, lenses: list[Line]) -> float:
    """Return the share of the rows of the fainter lens in which its outline is much stronger than what is around it."""
    shares, (times, levels) = [], TUNING.plain
    for lens in lenses:
        reach = TUNING.follow_columns
        columns = lens.way[:, None] + np.arange(-reach, reach + 1, dtype=np.float32)[None]
        strip = sampled(view.picture, places_of(lens, columns, view.to_picture))
        strength = _strength(np.asarray(cv2.blur(strip, (1, 3)), np.uint8))
        usual = np.percentile(strength, 75, axis=1)
        shares.append(float(np.mean(strength[:, reach - 2 : reach + 3].max(axis=1) > times * usual + levels)))
    return min(shares)


def _along(values: Floats, sigma: float, closed: bool) -> Floats:
    """Return values (n,) blurred along a line."""
    pad = 8
    row = np.pad(values.astype(np.float32), pad, mode="wrap" if closed else "edge")[None]
    return np.ascontiguousarray(cv2.GaussianBlur(row, (0, 0), sigma)[0, pad:-pad], np.float32)


def _centred(view: _View, lens: Line) -> tuple[Line, float]:
    """Return the outline of a lens moved to the middle of its rim, and half the width of that, in distances of the eyes."""
    reach = TUNING.width_columns
    columns = lens.way[:, None] + np.arange(-reach, reach + 1, dtype=np.float32)[None]
    profile = sampled(view.picture, places_of(lens, columns, view.to_picture)).astype(np.float32)
    share = np.linspace(0, 1, 2 * reach + 1, dtype=np.float32)[None, :, None]
    apart = np.abs(profile - profile[:, :1] * (1 - share) - profile[:, -1:] * share).max(axis=2)
    most = apart[:, reach - 2 : reach + 3].max(axis=1, keepdims=True)
    low = apart < 0.5 * most
    # The run of columns around the way.
    low[:, 0] = low[:, -1] = True
    after, before = np.argmax(low[:, reach:], axis=1), np.argmax(low[:, reach::-1], axis=1)
    wide = np.maximum(after + before - 1, 1).astype(np.float32)
    plain = most[:, 0] >= TUNING.width_levels
    usual = (
        float(np.percentile(wide[plain], TUNING.width_percentile))
        if plain.mean() >= TUNING.plain_share
        else TUNING.faint_columns
    )
    aside = np.where(plain & (wide < 2 * usual), 0.5 * (after - before), 0).astype(np.float32)
    return replace(lens, way=lens.way + _along(aside, TUNING.width_sigma, closed=True)), 0.5 * COLUMN * usual
