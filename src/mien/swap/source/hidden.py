"""Parts of a photo's face that hair, glasses, hands and things hide, and what each of them becomes."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.face.mean_face import texture_per_eye_distance, texture_points
from mien.imaging.arrays import locked
from mien.imaging.guided_filter import refined
from mien.imaging.smoothstep import smoothstep
from mien.models.format.parsing import FaceClass
from mien.swap.source.fill import HOLE_SIDE
from mien.swap.source.light import DARK
from mien.swap.source.regions import GRID, area_of, regions, wide
from mien.types import Array, Floats, Image


@dataclass(frozen=True, slots=True)
class HiddenTuning:
    """Lengths in eye distances; chosen by eye on everyday photos."""

    thin_gain: float = 2.5
    """Factor on the share of hair: strands thinner than a pixel of the parser never fill one, and filled skin does no harm."""
    edge: float = 0.04
    """Radius in which the edge of hair is sought."""
    hair_margin: float = 0.03
    beside_margin: float = 0.07
    """The same below the brows and beside the eyes, where the edge of hair throws a shadow on the cheek."""
    rim_share: float = 0.3
    """Share of rims from which a texel is filled."""
    glasses_share: float = 0.01
    """Share of the texture under rims from which the face wears glasses."""
    rim_margin: float = 0.025
    """Width around rims that is filled, too: their shadow and their blurred edge."""
    lens_edge: float = 0.03
    """Half the width of the edge of a lens that is filled like a rim."""
    sure_rim: float = 0.55
    """Share of rims from which a texel is surely one."""
    seen_rims: float = 0.3
    """Share of the edges of panes on which the parser is sure of rims, below which thin lines are sought: 0.4 to 0.6 with thick
    rims, 0.02 to 0.2 with thin or pale ones."""
    line_reach: float = 0.12
    """Distance from panes and rims within which such a line is a rim."""
    line_width: float = 0.03
    line_contrast: float = 0.1
    """Difference in brightness of a line from its surroundings, natural logarithm."""
    glint: float = 0.2
    """Brightness of a spot against its surroundings, natural logarithm, from which it is what pads and rims reflect."""
    line_length: float = 0.14
    """Width that a line spans, at least: shorter ones are wrinkles and pores."""
    eye_margin: float = 0.03
    """Width around an opened eye that is not filled unless a rim is surely there."""
    shade_share: float = 0.3
    """Share of the panes that hide the eyes from which glasses are dark."""
    least_panes: float = 80.0
    """Texels of the panes of a pair, at least."""
    tinted_share: float = 0.62
    """Brightness of the skin behind panes, as a share of the cheeks', under which glasses are dark."""
    dark_margin: float = 0.06
    """Width around dark glasses that goes with them."""
    fill_depth: float = 0.09
    """Distance from free skin up to which a texel under hair is filled from around; deeper ones are unknown."""
    brow_shown: float = 0.7
    """Share of a brow that must be seen, well and bare: a half brow looks like a fault."""
    lid_margin: float = 0.03
    """Width around the folds of the lids within which only what is surely hair hides an eye."""
    over_eye: tuple[float, float] = (0.08, 0.3)
    """Share of hair and things between which one lies over an eye; chosen on 16 London portraits with drawn strands."""
    brow_margin: float = 0.05
    """Width around a brow that goes with it."""
    brow_edge: float = 0.02
    """The same above lids that are worn: with more the wearer's lashes show, with less flecks of the brow; by eye."""
    closed_lids: float = 0.13
    """Opening of the lids, as a share of the eye's width, under which the photo shows no eye to wear."""
    turned_nose_degrees: float = 9.0
    """Yaw from which the far wing of the nose is the mirror image of the near one: its edge lies across the far cheek, with
    from 12 on, as a second outline of the nose. With glasses, whose far rim lies across the eye, it is half of the face."""
    turned_degrees: float = 26.0
    """The same of any face. From 12 on, the distance to the source would grow by 0.04 to 0.09: no face is symmetric."""
    sure_moustache: tuple[float, float] = (0.5, 0.7)
    """Share of a beard between which a moustache is sure: the edge of a shadow reaches 0.5."""
    nose_margin: float = 0.06
    """Width around the wing of the nose that goes with it."""
    ridge: float = 0.04
    """Width of the passage between both halves, along the ridge of the nose."""
    ridge_from_degrees: float = 22.0
    ridge_to_degrees: float = 30.0
    """Yaw between which the ridge of the nose is filled: the mesh takes what lies beyond it for a part of it."""
    ridge_reach: float = 0.08
    """Distance from the ridge within which it is filled."""
    terminator_reach: float = 0.08
    """Distance from the middle of nose and upper lip within which the edge of a shadow of half the face is filled."""
    soft: float = 0.03
    """Sigma of the blur at the border of what is unknown."""


TUNING = HiddenTuning()
_BROWS = landmark_sets.RIGHT_BROW, landmark_sets.LEFT_BROW
_THICK = FaceClass.HAND, FaceClass.THING
_NOSE, _UPPER_LIP = (9, 4), (2, 0)  # upper and lower landmark of their middle
_GLASSES = FaceClass.RIM, FaceClass.LENS, FaceClass.SHADE


@dataclass(frozen=True, slots=True)
class Hidden:
    """Parts of a texture that the photo does not show bare; float32, 0..1.

    `holes` (256, 256) can be filled from around; `rims` (256, 256) are those of them that glasses make. `unknown`
    (grid, grid): nothing is known of the face. `mirrored` (grid, grid) is taken from the other half of the face. `brows` is
    the number of brows that are worn and that neither hair nor a thing covers; `closed`: the eyes are closed; `dark`: they are
    behind dark glasses. `glasses` (grid, grid) are worn whatever their colour. `ridge` (256, 256) is the ridge of a turned
    nose, to be filled from the half that is not mirrored.
    """

    holes: Floats
    rims: Floats
    unknown: Floats
    mirrored: Floats
    brows: int
    closed: bool
    dark: bool
    glasses: Floats
    ridge: Floats


def hidden_parts(
    own: Image,
    classes: Array,
    points: Floats,
    yaw: float,
    well: Floats,
    tuning: HiddenTuning = TUNING,
    *,
    glasses: bool = False,
) -> Hidden:
    """Return what is hidden in the texture `own`, BGR uint8 (n, n, 3), by its `classes`, uint8 (classes, grid, grid).

    `points` (478, 3) are the landmarks in the photo, `yaw` in degrees is that of `head_pose.yaw_of_mesh`; `well`
    (grid, grid) is how well the photo shows each texel. `glasses`: those of the photo are worn, not taken off.
    """
    worn = _glasses(classes) if glasses else np.zeros((GRID, GRID), np.float32)
    if glasses:
        classes = classes.copy()
        classes[list(_GLASSES)] = 0
    guide = np.asarray(cv2.resize(own, (HOLE_SIDE, HOLE_SIDE), interpolation=cv2.INTER_AREA), np.uint8)
    eye = HOLE_SIDE * texture_per_eye_distance()
    lids = _bare_lids(classes, tuning)
    cover, unknown = _covered(classes, guide, lids, tuning)
    # Hair hangs: above a strand on the forehead there is more of it, however much it may look like skin.
    above = np.maximum.accumulate((unknown * regions().forehead)[::-1], axis=0)[::-1] * regions().forehead
    np.maximum(unknown, above, out=unknown)
    rims = _rims(classes, guide, eye, tuning)
    mirrored = _far_side(yaw, float(rims.mean()) > tuning.glasses_share, tuning)
    holes = np.maximum(cover, rims)
    bare = [_bare_share(loop, _small(cover)) for loop in _BROWS]
    shown = [share * _mean_in(area_of(loop, 0.0), well) for share, loop in zip(bare, _BROWS, strict=True)]
    _decide_brows(shown, unknown, mirrored, lids, tuning)
    brows = 0 if max(shown) < tuning.brow_shown else sum(share >= tuning.brow_shown for share in bare)
    closed = _lid_opening(points) < tuning.closed_lids
    dark = _dark_glasses(classes, guide, tuning)
    np.maximum(unknown, dark, out=unknown)
    if closed:
        for loop in (landmark_sets.RIGHT_LIDS, landmark_sets.LEFT_LIDS):
            np.maximum(unknown, area_of(loop, tuning.brow_margin), out=unknown)
    ridge = _unseen_ridge(yaw, tuning) if mirrored.any() else np.zeros_like(holes)
    soft = tuning.soft * GRID * texture_per_eye_distance()
    unknown = np.asarray(cv2.GaussianBlur(unknown, (0, 0), soft), np.float32)
    return Hidden(holes, rims, unknown, mirrored, brows, closed, bool(dark.any()), worn, ridge)


def _covered(classes: Array, guide: Image, bare_lids: Floats, tuning: HiddenTuning) -> tuple[Floats, Floats]:
    """Return what hair, hands and things cover, float32 (256, 256), and where nothing is known below it, (grid, grid)."""
    eye = HOLE_SIDE * texture_per_eye_distance()
    hair, thick = classes[FaceClass.HAIR] * np.float32(tuning.thin_gain), classes[list(_THICK)].sum(0, dtype=np.float32)
    edged = refined(_fine(hair + thick), guide, max(2, round(tuning.edge * eye)))
    free = 1 - wide(bare_lids)
    near = np.asarray(cv2.dilate(edged, _disc(tuning.hair_margin * eye)) * free + 0.5, np.uint8)
    strands = np.where(_fine(hair) > _fine(thick), edged, 0).astype(np.uint8)
    far = np.maximum(near, cv2.dilate(strands, _disc(tuning.beside_margin * eye)) * free)
    cover = np.asarray(near + (far - near) * _beside(tuning), np.float32) / np.float32(255)
    depth = cv2.distanceTransform((near > 127).view(np.uint8), cv2.DIST_L2, 3) / eye
    deep = _small(smoothstep((depth - 0.6 * tuning.fill_depth) / (0.4 * tuning.fill_depth)) * cover)
    # Half an eye cannot be filled from around: it comes from the other one.
    return cover, np.maximum(deep, _lids(tuning) - bare_lids)


def _bare_lids(classes: Array, tuning: HiddenTuning) -> Floats:
    """Return the eyes as far as nothing lies over them, float32 (grid, grid), 0..1: lashes are as dark as hair beside them."""
    share = classes[[FaceClass.HAIR, *_THICK]].sum(0, dtype=np.float32) / np.float32(255)
    low, high = tuning.over_eye
    return np.asarray(_lids(tuning) * (1 - smoothstep((share - low) / (high - low))), np.float32)


@cache
def _lids(tuning: HiddenTuning) -> Floats:
    """Return the eyes with their lids, float32 (grid, grid), 0..1; read-only."""
    return locked(
        np.maximum(*(area_of(loop, tuning.lid_margin) for loop in (landmark_sets.RIGHT_LIDS, landmark_sets.LEFT_LIDS)))
    )


@cache
def _beside(tuning: HiddenTuning) -> Floats:
    """Return the cheeks and temples, float32 (256, 256), 0..1: below the brows and beside the eyes; read-only."""
    eyes = np.maximum(*(area_of(loop, tuning.brow_margin) for loop in landmark_sets.BROWS_WITH_EYES))
    return locked(wide((1 - eyes) * (1 - regions().forehead)))


def _glasses(classes: Array) -> Floats:
    """Return rims and dark panes with their edge, float32 (grid, grid), 0..1: behind clear ones lies the face."""
    shares = np.minimum(classes[[FaceClass.RIM, FaceClass.SHADE]].sum(0, dtype=np.float32) / np.float32(255), 1)
    return np.asarray(cv2.GaussianBlur(cv2.dilate(shares, np.ones((3, 3), np.uint8)), (0, 0), 0.7), np.float32)


def _rims(classes: Array, guide: Image, eye: float, tuning: HiddenTuning) -> Floats:
    """Return the rims of glasses with what they cast around them, float32 (256, 256), without eyes and brows."""
    rims = (_fine(classes[FaceClass.RIM].astype(np.float32)) > 255 * tuning.rim_share).astype(np.uint8)
    lenses = (_fine(classes[FaceClass.LENS].astype(np.float32)) > 127).astype(np.uint8)
    # A pale rim, or the bare edge of a lens, is found by the lens that it bounds.
    ring = cv2.morphologyEx(lenses, cv2.MORPH_GRADIENT, _disc(tuning.lens_edge * eye))
    sure = (_fine(classes[FaceClass.RIM].astype(np.float32)) > 255 * tuning.sure_rim).astype(np.uint8)
    seen = cv2.dilate(sure, _disc(tuning.rim_margin * eye))[ring > 0]
    thin = float(rims.mean()) > tuning.glasses_share and seen.size > 0 and float(seen.mean()) < tuning.seen_rims
    if thin:
        ring = np.maximum(ring, _thin_rims(guide, np.maximum(rims, lenses), eye, tuning))
    grown = cv2.dilate(np.maximum(rims, ring), _disc(tuning.rim_margin * eye)).astype(np.float32)
    soft = np.asarray(cv2.GaussianBlur(grown, (0, 0), 0.3 * tuning.rim_margin * eye), np.float32)
    eyes = landmark_sets.RIGHT_EYE, landmark_sets.LEFT_EYE
    opened, beside = (np.maximum(*(area_of(loop, margin) for loop in eyes)) for margin in (0.0, tuning.eye_margin))
    # Thick rims reach to the corners of the eyes.
    beside *= 1 - smoothstep((classes[FaceClass.RIM] / np.float32(255) - tuning.rim_share) / tuning.rim_share)
    brows = smoothstep((classes[FaceClass.BROW] / np.float32(255) - 0.5) / 0.3)
    kept = np.maximum.reduce([opened, beside, brows])
    found = soft * (1 - cv2.resize(kept, soft.shape, interpolation=cv2.INTER_LINEAR))
    if thin:
        bare = 1 - cv2.resize(np.maximum(opened, brows), soft.shape, interpolation=cv2.INTER_LINEAR)
        found = np.maximum(found, bare * _glints(guide, np.maximum(rims, lenses), eye, tuning))
    return np.asarray(found, np.float32)


def _thin_rims(guide: Image, panes: Array, eye: float, tuning: HiddenTuning) -> Array:
    """Return the thin lines, dark or shining, round `panes`, uint8 (256, 256), 0 or 1: the parser misses such rims."""
    around = cv2.dilate(panes, _disc(tuning.line_reach * eye))
    grey = np.log(cv2.cvtColor(guide, cv2.COLOR_BGR2GRAY).astype(np.float32) + DARK)
    width = _disc(tuning.line_width * eye)
    contrast = np.maximum(cv2.morphologyEx(grey, cv2.MORPH_BLACKHAT, width), cv2.morphologyEx(grey, cv2.MORPH_TOPHAT, width))
    loops = *_BROWS, landmark_sets.RIGHT_LIDS, landmark_sets.LEFT_LIDS, landmark_sets.NOSE_WINGS
    folded = np.maximum.reduce([area_of(loop, 0.0) for loop in loops])
    beside = cv2.resize(folded, grey.shape, interpolation=cv2.INTER_LINEAR) < 0.5
    lines = ((contrast > tuning.line_contrast) & (around > 0) & beside).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(lines, connectivity=8)
    long = stats[:, cv2.CC_STAT_WIDTH] >= tuning.line_length * eye
    long[0] = False
    return np.asarray(long[labels], np.uint8)


def _glints(guide: Image, panes: Array, eye: float, tuning: HiddenTuning) -> Floats:
    """Return the bright spots and lines beside `panes`, float32 (256, 256), 0..1: rims, pads and screws reflect."""
    around = cv2.dilate(panes, _disc(tuning.line_reach * eye))
    grey = np.log(cv2.cvtColor(guide, cv2.COLOR_BGR2GRAY).astype(np.float32) + DARK)
    spots = (cv2.morphologyEx(grey, cv2.MORPH_TOPHAT, _disc(tuning.line_width * eye)) > tuning.glint) & (around > 0)
    grown = cv2.dilate(spots.astype(np.float32), np.ones((3, 3), np.uint8))
    return np.asarray(cv2.GaussianBlur(grown, (0, 0), 0.7), np.float32)


def _dark_glasses(classes: Array, guide: Image, tuning: HiddenTuning) -> Floats:
    """Return the area of dark glasses, float32 (grid, grid), 0 everywhere without any: both eyes are hidden, or none."""
    shares = classes[[FaceClass.SHADE, FaceClass.LENS, FaceClass.RIM]].astype(np.float32) / np.float32(255)
    panes = shares[0] + shares[1]
    grey = cv2.cvtColor(cv2.resize(guide, (GRID, GRID), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
    eyes = np.maximum(*(area_of(loop, tuning.brow_margin) for loop in (landmark_sets.RIGHT_EYE, landmark_sets.LEFT_EYE)))
    beside = grey[(panes > 0.5) & (eyes < 0.1)]
    usual = float(np.median(grey[regions().sample > 0]))
    tinted = beside.size >= tuning.least_panes / 2 and float(np.median(beside)) < tuning.tinted_share * usual
    if not tinted and float(shares[0].sum()) < tuning.shade_share * max(float(panes.sum()), tuning.least_panes):
        return np.zeros((GRID, GRID), np.float32)
    eye = GRID * texture_per_eye_distance()
    whole = cv2.dilate(np.minimum(shares.sum(0), 1), _disc(tuning.dark_margin * eye))
    # Between both panes, and where a reflection hides one of them.
    closed = cv2.morphologyEx(whole, cv2.MORPH_CLOSE, np.ones((3, 2 * round(0.3 * eye) + 1), np.uint8))
    if closed.max() <= 0.5:
        return np.zeros((GRID, GRID), np.float32)
    return np.asarray(np.maximum(closed, np.maximum(closed[:, ::-1], eyes)), np.float32)


def _unseen_ridge(yaw: float, tuning: HiddenTuning) -> Floats:
    """Return the ridge of a nose that is turned too far to mirror it, float32 (256, 256)."""
    span = tuning.ridge_to_degrees - tuning.ridge_from_degrees
    turned = smoothstep(np.array((abs(yaw) - tuning.ridge_from_degrees) / span))
    return np.asarray(_strip(_NOSE, tuning.ridge_reach) * turned, np.float32)


def terminator(classes: Array | None, tuning: HiddenTuning = TUNING) -> Floats:
    """Return the middle of nose and upper lip, float32 (256, 256), 0..1: there the shadow of half a face ends.

    A moustache stays, by the `classes` as in `SourceFace`.
    """
    strip = np.maximum(*(_strip(part, tuning.terminator_reach) for part in ((9, 2), _UPPER_LIP)))
    if classes is None:
        return strip
    # A beard grows on both sides, and a parser takes a deep shadow for one.
    reach = 2 * round(tuning.terminator_reach * GRID * texture_per_eye_distance()) + 1
    both = np.minimum(classes[FaceClass.BEARD], classes[FaceClass.BEARD][:, ::-1])
    beard = _fine(cv2.erode(both, np.ones((1, reach), np.uint8)).astype(np.float32)).astype(np.float32) / np.float32(255)
    low, high = tuning.sure_moustache
    return np.asarray(strip * (1 - smoothstep((beard - low) / (high - low))), np.float32)


def _strip(part: tuple[int, int], reach: float) -> Floats:
    """Return a strip along the middle from one landmark down to another, `reach` eye distances to both sides."""
    first, last = texture_points(HOLE_SIDE)[list(part), 1]
    rows, across = np.arange(HOLE_SIDE)[:, None], np.abs(_across(HOLE_SIDE))[None]
    return np.asarray(smoothstep(2 * (1 - across / reach)) * ((rows > first) & (rows < last)), np.float32)


def _across(side: int) -> Floats:
    """Return the distance of each column of a texture from its middle in eye distances, positive to the right."""
    across: Floats = (np.arange(side, dtype=np.float32) - (side - 1) / 2) / np.float32(side * texture_per_eye_distance())
    return across


def _bare_share(loop: tuple[int, ...], cover: Floats) -> float:
    """Return the share of a brow that is bare, by the hair and the things that `cover` it; under rims it is completed."""
    return 1 - _mean_in(area_of(loop, 0.0), cover)


def _mean_in(area: Floats, values: Floats) -> float:
    return float((values * area).sum() / area.sum())


def _decide_brows(shown: list[float], unknown: Floats, mirrored: Floats, lids: Floats, tuning: HiddenTuning) -> None:
    """Take a brow that is hidden whole from the other half; where both are hidden, neither is worn, but for the bare `lids`."""
    brows = [area_of(loop, tuning.brow_margin) for loop in _BROWS]
    best = int(shown[1] > shown[0])
    if shown[best] < tuning.brow_shown:
        below = lids * (1 - np.maximum(*(area_of(loop, tuning.brow_edge) for loop in _BROWS)))
        np.maximum(unknown, area_of(_BROWS[0] + _BROWS[1], tuning.brow_margin) * (1 - below), out=unknown)
    elif shown[1 - best] < tuning.brow_shown:
        mirrored *= 1 - brows[best]
        np.maximum(mirrored, brows[1 - best], out=mirrored)
        unknown *= 1 - brows[1 - best]


def _far_side(yaw: float, glasses: bool, tuning: HiddenTuning) -> Floats:
    """Return the part of the texture that a turned head shows too badly: a wing of the nose, then half of the face."""
    if abs(yaw) < tuning.turned_nose_degrees:
        return np.zeros((GRID, GRID), np.float32)
    # A positive yaw hides what lies to the left of the nose in the picture.
    half = np.broadcast_to(smoothstep(0.5 - _across(GRID) * np.sign(yaw) / tuning.ridge), (GRID, GRID))
    if glasses or abs(yaw) >= tuning.turned_degrees:
        return np.ascontiguousarray(half, np.float32)
    return np.asarray(half * area_of(landmark_sets.NOSE_WINGS, tuning.nose_margin), np.float32)


def _lid_opening(points: Floats) -> float:
    """Return the opening of the wider open eye as a share of its width."""
    eyes = ((159, 145, 33, 133), (386, 374, 263, 362))
    return max(float(np.linalg.norm(points[a] - points[b]) / np.linalg.norm(points[c] - points[d])) for a, b, c, d in eyes)


def _small(share: Array) -> Floats:
    return np.asarray(cv2.resize(share, (GRID, GRID), interpolation=cv2.INTER_AREA), np.float32)


def _fine(share: Array) -> Array:
    levels = np.clip(share, 0, 255).astype(np.uint8)
    return np.asarray(cv2.resize(levels, (HOLE_SIDE, HOLE_SIDE), interpolation=cv2.INTER_LINEAR), np.uint8)


def _disc(radius: float) -> Array:
    side = 2 * max(1, round(radius)) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
