"""Tells what stands before a tracked face, texel by texel, from what the face mostly looks like.

The colour now is compared with the usual one, after a smooth change of light is taken out, and only as far as it lies
outside the colours that the neighbouring texels usually have: a lip or a brow that moves a little is no object.
"""

from dataclasses import dataclass, field
from functools import cache

import cv2
import numpy as np

from mien import topology
from mien.facemodel import face_model
from mien.kernel import kernel
from mien.types import Array, Floats, Image, Mask
from mien.unwrap import SIDE, texel_map

_COARSE = 32
"""Cells of a side of the grid on which the change of light is fitted."""
_OFFSET = 12.0
"""Added to colours before the logarithm, so that noise in the dark does not explode."""
_SPREAD = np.array([0.16, 0.05, 0.06], np.float32)
"""How far, in natural logarithms, brightness, red : green, blue : green differ without meaning anything."""
_FINE = 0.04
_CLIP = 0.12
_TRIM = 3.0
_DETAIL = 13
"""Texels across which brightness is fine: what is coarser may be light."""
_WIDE = 9
"""Texels across which weak evidence adds up."""
_WIDE_GAIN = 1.5
_WIDE_CAP = 4.0
_USUAL = 1.0
_FITS = 3
_SEED, _GROW, _STAY = 1.5, 1.15, 0.9
_MASS, _MOST_MASS = 50.0, 4.0
"""Evidence in spreads that makes an object, and that belongs to one which is there."""
_ALONE = 2.5
"""So many times the evidence is needed of what does not reach in from the face's border."""
_LEAST_AREA = 12
"""Texels of strong evidence that an object has at least."""
_LEAST_WEIGHT = 6.0
"""Frames that a texel must have been seen before it tells anything."""
_RISE, _FALL = 0.7, 0.5
"""Share of the way to the newest evidence in one frame."""
_LEARN = 0.05


@dataclass(slots=True)
class Occlusion:
    """What one track has shown so far; give it every frame, in order."""

    _level: Floats = field(default_factory=lambda: np.zeros((SIDE, SIDE), np.float32))
    _usual: Floats = field(default_factory=lambda: np.zeros((SIDE, SIDE), np.float32))
    """Evidence that the texels show without an object."""
    _light: Floats = field(default_factory=lambda: np.zeros((6, 3), np.float32))

    def update(self, now: Image, mean: Floats, weight: Floats, visible: Floats) -> Mask:
        """uint8 (side, side), 255 = something stands before the face there.

        `now` is the texture of this frame, BGR uint8, `mean` the usual one, float32, `weight` how many frames have made
        it, `visible` 0..1 how well each texel is seen now.
        """
        evidence = self.evidence(now, mean, weight, visible)
        found = objects(evidence, self._level)
        rising = found > self._level
        self._level += np.where(rising, _RISE, _FALL).astype(np.float32) * (found - self._level)
        self._usual += _LEARN * (np.minimum(evidence, 1.0) * (found < 0.5) - self._usual)
        return np.asarray(np.clip(self._level * 383 - 64, 0, 255), np.uint8)

    def evidence(self, now: Image, mean: Floats, weight: Floats, visible: Floats) -> Floats:
        """How unusual each texel is, in spreads; float32 (side, side)."""
        sure = np.where((weight >= _LEAST_WEIGHT) & texel_map().inside, visible, 0).astype(np.float32)
        seen, usual = _tones(now), _tones(np.clip(mean + 0.5, 0, 255).astype(np.uint8))
        self._light = fitted_light(seen - usual, sure * (1 - self._level), self._light)
        low, high = cv2.erode(usual, _NEAR), cv2.dilate(usual, _NEAR)
        evidence = np.empty((SIDE, SIDE), np.float32)
        off = np.empty((SIDE, SIDE), np.float32)
        calm = prior() * (1 + _USUAL * self._usual)
        _compare(seen, low, high, _light_map(self._light), sure, calm, _SPREAD, evidence, off)
        off -= cv2.boxFilter(off, -1, (_DETAIL, _DETAIL))
        _add_square(evidence, off, sure, calm, _FINE)
        near = cv2.boxFilter(evidence, -1, (3, 3))
        wide = cv2.boxFilter(np.minimum(evidence, _WIDE_CAP), -1, (_WIDE, _WIDE)) * np.float32(_WIDE_GAIN**2)
        wide = np.minimum(wide, near * np.float32(_TRIM))
        return np.asarray(np.sqrt(np.maximum(np.maximum(near, wide), 0)), np.float32)


_NEAR = np.ones((5, 5), np.uint8)
_LOGS = np.log(np.arange(256) + _OFFSET).astype(np.float32)


def _tones(texture: Image) -> Floats:
    """Brightness, red : green and blue : green as logarithms, float32 (side, side, 3)."""
    return np.asarray(cv2.transform(cv2.LUT(texture, _LOGS), _TO_TONES), np.float32)


_TO_TONES = np.array([[1 / 3, 1 / 3, 1 / 3], [0, -1, 1], [1, -1, 0]], np.float32)


@cache
def _basis(side: int) -> Floats:
    """1, u, v and their products at the middle of each cell, float32 (side * side, 6)."""
    v, u = np.mgrid[0:side, 0:side].astype(np.float32) * np.float32(2 / side) + np.float32(1 / side - 1)
    made = np.stack([np.ones_like(u), u, v, u * u, u * v, v * v], -1).reshape(-1, 6).astype(np.float32)
    made.flags.writeable = False
    return made


def fitted_light(difference: Floats, sure: Floats, light: Floats) -> Floats:
    """The smooth change of light, float32 (6, 3) over `_basis`, that most texels agree on (Cauchy weights)."""
    cells = cv2.resize(np.dstack([difference * sure[:, :, None], sure]), (_COARSE, _COARSE), interpolation=cv2.INTER_AREA)
    cells = cells.reshape(-1, 4)
    weight = cells[:, 3]
    chosen = weight > 0.3
    if int(chosen.sum()) < 60:
        return light
    basis, weight = _basis(_COARSE)[chosen], weight[chosen]
    wanted = cells[chosen, :3] / weight[:, None]
    for _ in range(_FITS):
        off = (wanted - basis @ light) / _SPREAD
        trust = weight / (1 + np.square(off).sum(1))
        heavy = basis * trust[:, None]
        light = np.linalg.solve(heavy.T @ basis + _STIFF, heavy.T @ wanted).astype(np.float32)
    return light


_STIFF = np.diag([1e-3, 4, 4, 12, 12, 12]).astype(np.float32)


def _light_map(light: Floats) -> Floats:
    return (_basis(SIDE) @ light).reshape(SIDE, SIDE, 3)


@cache
def prior() -> Floats:
    """How many times less a texel's change means than that of a cheek: lids, lips and brows move; float32 (side, side)."""
    uv = face_model().uv * SIDE - 0.5
    factor = np.ones((SIDE, SIDE), np.float32)
    for loop, times, grow in ((topology.RIGHT_EYE, 2.0, 4), (topology.LEFT_EYE, 2.0, 4), (topology.INNER_LIPS, 2.2, 3)):
        part = np.zeros((SIDE, SIDE), np.uint8)
        cv2.fillConvexPoly(part, cv2.convexHull(uv[list(loop)].round().astype(np.int32)), 1)
        part = cv2.dilate(part, np.ones((2 * grow + 1, 2 * grow + 1), np.uint8))
        factor = np.maximum(factor, 1 + (times - 1) * part)
    made = np.asarray(cv2.GaussianBlur(factor, (0, 0), 1.5), np.float32)
    made.flags.writeable = False
    return made


def objects(evidence: Floats, before: Floats) -> Floats:
    """The evidence grown to whole things, 0 or 1, float32 (side, side); `before` 0..1 is what was seen a frame ago."""
    if float(evidence.max()) < _SEED:
        return np.zeros_like(evidence)
    beyond = evidence - np.where(before > 0.5, _STAY, _GROW)
    grown = cv2.morphologyEx((beyond > 0).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    count, parts = cv2.connectedComponents(grown, connectivity=8)
    mass = np.bincount(parts.ravel(), np.minimum(beyond, _MOST_MASS).clip(0).ravel(), count)
    bordering = np.bincount(parts[_border()], minlength=count) > 0
    known = np.bincount(parts[before > 0.5], minlength=count) > 0
    wanted = np.where(bordering, _MASS, _MASS * _ALONE) * np.where(known, 0.5, 1.0)
    kept = (mass >= wanted) & (np.arange(count) > 0)
    return np.asarray(kept[parts], np.float32)


@cache
def _border() -> Array:
    """bool (side, side): texels of the face within three of its border."""
    inside = texel_map().inside.astype(np.uint8)
    ring: Array = (inside > 0) & (cv2.erode(inside, np.ones((7, 7), np.uint8), borderValue=0) == 0)
    return ring


@kernel
def _compare(
    seen: Array, low: Array, high: Array, light: Array, sure: Array, calm: Array, spread: Array, evidence: Array, off: Array
) -> None:  # fmt: skip
    """The squared evidence of each texel, in spreads, into `evidence`; how far its brightness is off, bounded, into `off`."""
    for v in range(evidence.shape[0]):
        for u in range(evidence.shape[1]):
            total = np.float32(0.0)
            off[v, u] = np.float32(0.0)
            if sure[v, u] > 0:
                for c in range(3):
                    tone = seen[v, u, c] - light[v, u, c]
                    above = max(tone - high[v, u, c], np.float32(0.0)) - max(low[v, u, c] - tone, np.float32(0.0))
                    if c == 0:
                        off[v, u] = min(max(above, -_CLIP), _CLIP)
                    above /= spread[c]
                    total += above * above
                total *= sure[v, u] / (calm[v, u] * calm[v, u])
            evidence[v, u] = total


@kernel
def _add_square(evidence: Array, off: Array, sure: Array, calm: Array, spread: float) -> None:
    for v in range(evidence.shape[0]):
        for u in range(evidence.shape[1]):
            share = off[v, u] / (np.float32(spread) * calm[v, u])
            evidence[v, u] += share * share * sure[v, u]
