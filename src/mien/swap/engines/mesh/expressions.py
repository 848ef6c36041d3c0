"""Textures by expression: what a clip shows of smiles, open mouths, closed lids and brows, mixed as the target moves.

The face is divided into regions. In each, the target's motion is explained by those that the clip shows: shares of at least 0
and together of at most 1, by least squares. They depend on the landmarks alone and smoothly, so that nothing pops.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.face.expression import expression_of
from mien.face.mean_face import texture_per_eye_distance, texture_points
from mien.imaging.blend import mix_in
from mien.imaging.kernels import kernel
from mien.imaging.smoothstep import smoothstep
from mien.swap.engines.mesh.inner_mouth import InnerMouths, inner_mouth, spot_of
from mien.swap.source.light import lit, tone_towards
from mien.swap.source.regions import GRID, regions
from mien.swap.source.view import View, view_of
from mien.types import Array, Floats, Image, SourceFace


@dataclass(frozen=True, slots=True)
class ExpressionTuning:
    """Regions and shares of expressions; lengths in eye distances."""

    soft: float = 0.07
    """Sigma of the soft border of a region."""
    apart: tuple[float, float, float] = (0.02, 0.02, 0.01)
    """Mean motion of the landmarks of mouth, lids and brows from which two expressions are worth a texture each."""
    most: int = 4
    """Expressions of a region."""
    open_mouth: float = 0.05
    """Opening of the lips from which a frame shows an inner mouth."""
    closing: float = 0.03
    """Motion of the lids towards each other from which a frame shows closed eyes."""
    ridge: float = 0.03
    """Added to the diagonal of the least squares, as a share of its mean: alike expressions share evenly."""
    rest: float = 0.12
    full: float = 0.85
    """Shares below the first are none, so that a face at rest is still; those above the second are all."""


TUNING = ExpressionTuning()
STEPS = 60  # of the least squares, which rests after some dozens; not measured
_LOWER = (117, 346, 123, 352, 147, 376, 213, 433, 192, 416, 135, 364, 169, 394, 170, 395, 140, 369, 171, 396, 175, 50, 280)
"""Landmarks round cheeks and mouth, from below the eyes to the chin, without the outermost ring."""
_EYES = landmark_sets.RIGHT_EYE, landmark_sets.LEFT_EYE
_LIDS = landmark_sets.RIGHT_LIDS, landmark_sets.LEFT_LIDS
_BROWS = landmark_sets.RIGHT_BROW, landmark_sets.LEFT_BROW
_MOVED = (
    (*landmark_sets.OUTER_LIPS, *landmark_sets.INNER_LIPS),
    (*_EYES[0], *_EYES[1]),
    # With the lids: a blink also draws the brows a little.
    (*_BROWS[0], *_BROWS[1], *_EYES[0], *_EYES[1]),
)
"""Landmarks by which mouth, lids and brows are judged."""


@dataclass(frozen=True, slots=True)
class Part:
    """One expression in one region of a texture: `image` BGRA uint8 (h, w, 4), alpha = where it shows; its top left texel."""

    image: Image
    left: int
    top: int


@dataclass(frozen=True, slots=True)
class Region:
    """The expressions of one region.

    `points` are its landmarks, `rest` float32 (n,) their motion in the first texture, `motions` float32 (k, n) those of the
    expressions from there. `parts` by size of the texture: k each.
    """

    points: tuple[int, ...]
    rest: Floats
    motions: Floats
    parts: tuple[tuple[Part, ...], ...]

    def shares(self, motion: Floats) -> Floats:
        """Return the share of each expression, float32 (k,), for the motion of the landmarks, (478, 3), as `expression_of`."""
        wanted = motion[list(self.points), :2].ravel() - self.rest
        gram = self.motions @ self.motions.T
        gram += np.eye(len(gram), dtype=np.float32) * np.float32(TUNING.ridge * np.trace(gram) / len(gram))
        found = np.zeros(len(gram), np.float32)
        step = 1 / float(np.abs(gram).sum(axis=1).max())
        _descend(gram, self.motions @ wanted, step, found)
        return smoothstep((found - TUNING.rest) / (TUNING.full - TUNING.rest))


@kernel
def _descend(gram: Array, slope: Array, step: float, shares: Array) -> None:
    """Minimise the least squares over shares of at least 0 that are together at most 1, float32 (k,), in place.

    Projected gradients: a bound on their sum is met by taking the same from all, as long as they are above 0.
    """
    count = len(shares)
    moved = np.empty(count, np.float32)
    for _ in range(STEPS):
        for i in range(count):
            change = slope[i]
            for j in range(count):
                change -= gram[i, j] * shares[j]
            moved[i] = shares[i] + step * change
        over = np.float32(0.0)
        for _pass in range(count + 1):
            total, above = np.float32(0.0), 0
            for i in range(count):
                if moved[i] > over:
                    total += moved[i] - over
                    above += 1
            if total <= 1 or above == 0:
                break
            over += (total - 1) / above
        for i in range(count):
            shares[i] = max(moved[i] - over, np.float32(0.0))


class ExpressionTextures:
    """The expressions of a source by region; `mixed` lays them over its texture."""

    def __init__(self, parts: Sequence[Region], mouths: InnerMouths | None = None) -> None:
        self.regions, self._mouths = tuple(parts), mouths

    def mixed(self, texture: Image, size_index: int, points: Floats) -> Image:
        """Return `texture`, BGRA uint8, the size of this index, as the expression of the landmarks (478, 3) has it.

        The texture itself, when it does not differ.
        """
        motion, own = expression_of(points), texture
        for region in self.regions:
            for share, part in zip(region.shares(motion), region.parts[size_index], strict=True):
                amount = round(256 * float(share))
                if amount > 0:
                    own = texture.copy() if own is texture else own
                    mix_in(own, texture, part.image, part.left, part.top, amount)
        return own if self._mouths is None else self._mouths.laid(own, size_index, motion)


@dataclass(frozen=True, slots=True)
class Frames:
    """The expressions of a clip, the calmest first, as textures of one size.

    `views` are the textures as they are, `toned` BGR uint8 those in the tone of the first texture; `motions` (478, 3) are what
    the expressions move, `rest` is that of the photo. `free` (grid, grid) is 0 under worn
    glasses, which stay the photo's.
    """

    views: tuple[View, ...]
    toned: tuple[Image, ...]
    motions: tuple[Floats, ...]
    rest: Floats
    free: Floats


def frames_of(source: SourceFace, base: View, full: Image) -> Frames | None:
    """Return the expressions of a source; None when there are none.

    `base` is what its photos show together, `full` BGRA uint8 the largest texture made of it.
    """
    if not source.expressions:
        return None
    views = [view_of(face.image, face.landmarks, len(full), face.classes, folds=True) for face in source.expressions]
    motions = tuple(expression_of(face.landmarks.points) for face in source.expressions)
    rest = expression_of(source.landmarks.points)
    differing = [_distance(number, motions[0], rest) > 1 for number in range(len(_MOVED))]
    toned = tuple(_toned(views, full, base, _changed(differing)))
    worn = np.zeros((GRID, GRID), np.float32) if base.glasses is None else base.glasses
    free = np.asarray(1 - cv2.dilate(worn, np.ones((3, 3), np.uint8)), np.float32)
    return Frames(tuple(views), toned, motions, rest, free)


def expression_textures(frames: Frames, sizes: Sequence[int], *, teeth: bool) -> ExpressionTextures:
    """Return the textures of the expressions for textures of these sides, with inner mouths where `teeth` are the source's."""
    made = []
    for number, points in enumerate(_MOVED):
        chosen = _chosen(number, frames.motions, frames.rest)
        if chosen:
            index = list(points)
            vectors = np.stack([(frames.motions[i] - frames.rest)[index, :2].ravel() for i in chosen]).astype(np.float32)
            parts = [_parts(frames.toned[i], frames.views[i], _area(number, frames, i), sizes) for i in chosen]
            rest = frames.rest[index, :2].ravel().copy()
            made.append(Region(points, rest, np.ascontiguousarray(vectors), tuple(zip(*parts, strict=True))))
    opened = [i for i, motion in enumerate(frames.motions) if spot_of(motion)[1] > TUNING.open_mouth]
    if not teeth or not opened:
        return ExpressionTextures(made)
    spots = np.stack([spot_of(frames.motions[i]) for i in opened])
    return ExpressionTextures(
        made, InnerMouths(spots, tuple(inner_mouth([frames.toned[i] for i in opened], size) for size in sizes))
    )


def _area(number: int, frames: Frames, chosen: int) -> Floats:
    """Return the soft area of a region; the eyes themselves belong to it where the expression closes them."""
    lids = (frames.motions[chosen] - frames.rest)[[159, 386, 145, 374], 1]
    area = _areas()[number] * frames.free
    if _MOVED[number] is _MOVED[1] and float(lids[2:].sum() - lids[:2].sum()) / 2 > -TUNING.closing:
        area = area * (1 - _eyes())
    return np.asarray(area, np.float32)


def _distance(number: int, first: Floats, second: Floats) -> float:
    """Return the mean motion between two expressions in a region, in multiples of what is worth a texture."""
    change = (first - second)[list(_MOVED[number]), :2]
    return float(np.linalg.norm(change, axis=1).mean()) / TUNING.apart[number]


def _chosen(number: int, motions: Sequence[Floats], rest: Floats) -> list[int]:
    """Return the expressions of a region that differ from the first texture's and from each other, the farthest first."""
    chosen: list[int] = []
    while len(chosen) < TUNING.most:
        apart = [min(_distance(number, motion, other) for other in (rest, *(motions[i] for i in chosen))) for motion in motions]
        best = int(np.argmax(apart))
        if apart[best] <= 1:
            break
        chosen.append(best)
    return chosen


def _changed(differing: Sequence[bool]) -> Floats:
    """Return where the calmest frame differs from the photo in expression, so that its tone is not judged there."""
    shown = [area * np.float32(differs) for area, differs in zip(_areas(), differing, strict=True)]
    return np.asarray(np.max(shown, axis=0), np.float32)


def _toned(views: Sequence[View], full: Image, base: View, changed: Floats) -> list[Image]:
    """Return the textures of the frames, BGR uint8, in the tone of the first texture.

    The light is that of the calmest frame in all of them: evened one by one, they would lose the shading of their folds.
    """
    calm = views[0]
    small = np.asarray(cv2.resize(full[:, :, :3], (GRID, GRID), interpolation=cv2.INTER_AREA), np.uint8)
    own = [np.asarray(cv2.resize(view.own, (GRID, GRID), interpolation=cv2.INTER_AREA), np.uint8) for view in views]
    both = base.well * calm.well * base.skin * calm.skin * (1 - base.guessed) * (1 - calm.guessed) * (1 - changed)
    gain = calm.gain * tone_towards(small, lit(own[0], calm.gain), both)
    toned = []
    for view, picture in zip(views, own, strict=True):
        sample = (regions().sample > 0) & (view.well > 0.5) & (calm.well > 0.5)
        ratio = np.ones(3)
        if sample.any():
            # Cameras change exposure and white balance while they film.
            ratio = (np.median(own[0][sample], axis=0) + 1) / (np.median(picture[sample], axis=0) + 1)
        large = cv2.resize((gain * ratio).astype(np.float32), view.own.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        toned.append(np.clip(view.own * large + 0.5, 0, 255).astype(np.uint8))
    return toned


def _parts(toned: Image, view: View, area: Floats, sizes: Sequence[int]) -> list[Part]:
    """Return an expression in a region, one for each size of the texture."""
    shown = np.asarray(area * smoothstep(view.well / 0.5) * (1 - view.guessed), np.float32)
    rows, columns = (np.nonzero(shown.max(axis=axis) > 1 / 255)[0] for axis in (1, 0))
    if not len(rows):
        return [Part(np.zeros((1, 1, 4), np.uint8), 0, 0) for _ in sizes]
    parts = []
    for size in sizes:
        scale = size / GRID
        top, bottom = int(rows[0] * scale), min(size, int((rows[-1] + 2) * scale))
        left, right = int(columns[0] * scale), min(size, int((columns[-1] + 2) * scale))
        image = toned if size == len(toned) else cv2.resize(toned, (size, size), interpolation=cv2.INTER_AREA)
        alpha = np.round(255 * cv2.resize(shown, (size, size), interpolation=cv2.INTER_LINEAR)).astype(np.uint8)
        both = np.dstack([image, alpha])[top:bottom, left:right]
        parts.append(Part(np.ascontiguousarray(both), left, top))
    return parts


@cache
def _areas() -> tuple[Floats, Floats, Floats]:
    """Return the soft areas of mouth with cheeks, lids, and brows with the forehead, float32 (grid, grid), 1 in all at most."""
    sigma = TUNING.soft * GRID * texture_per_eye_distance()
    lids = np.maximum(_eyes(), np.maximum(*(_soft(_hull(loop), 0.5 * sigma) for loop in _LIDS)))
    brows = _soft(_hull((*landmark_sets.FOREHEAD, *_BROWS[0], *_BROWS[1])), sigma)
    lower = _soft(_hull(_LOWER), sigma) * (1 - regions().mouth)
    brows = brows * (1 - lids)
    lower = lower * (1 - lids) * (1 - brows)
    return np.asarray(lower, np.float32), np.asarray(lids, np.float32), np.asarray(brows, np.float32)


@cache
def _eyes() -> Floats:
    """Return the openings of both eyes, float32 (grid, grid)."""
    return np.maximum(*(_hull(loop) for loop in _EYES))


def _hull(loop: Sequence[int]) -> Floats:
    area = np.zeros((GRID, GRID), np.uint8)
    cv2.fillConvexPoly(area, cv2.convexHull(texture_points(GRID)[list(loop)].round().astype(np.int32)), 1)
    return np.asarray(area, np.float32)


def _soft(area: Floats, sigma: float) -> Floats:
    return np.asarray(cv2.GaussianBlur(area, (0, 0), max(sigma, 0.5)), np.float32)
