"""Occluders as change: texels that differ from the face's usual appearance, and the objects that they form.

The colour now is compared with the usual one, after a smooth change of light is taken out, and counts only as far as it lies
outside the colours that the neighbouring texels usually have: a lip or a brow that moves a little is not an occluder. Weak
evidence counts when it covers a large area; a skin-coloured hand is found by its edges and by the features it hides.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from mien.face.texels import SIDE, texel_map
from mien.imaging.kernels import kernel
from mien.imaging.percentiles import percentile_of
from mien.swap.memory.occlusion.light_fit import TONE_SPREADS
from mien.swap.memory.occlusion.regions import border, calmness
from mien.types import Array, Floats

SHINE = 0.1  # logarithm of brightness; a change brighter by this much counts half, by twice as much a third
FINE_CLIP = 0.12  # logarithm; the most that counts of fine brightness
_NEAR = np.ones((5, 5), np.uint8)


@dataclass(frozen=True, slots=True)
class ChangeTuning:
    """Evidence of change, in spreads of harmless differences. Chosen on clips with and without occluders."""

    least_weight: float = 1.5
    """Frames in which a texel must have been seen before it gives evidence."""
    half_weight: float = 1.0
    """Frames added to a texel's weight before half of its evidence counts."""
    fine_spread: float = 0.04
    """Harmless differences of fine brightness, in natural logarithms."""
    fine_texels: int = 13
    """Side of the window against which brightness is fine."""
    strong: float = 9.0
    """Squared evidence that needs no neighbours."""
    rim_texels: int = 3
    """Width across which strong evidence colours its neighbourhood."""
    weak_max: float = 3.0
    """The most squared evidence that a weak texel adds to its surroundings."""
    wide_texels: int = 15
    middle_texels: int = 5
    """Sides of the two windows in which weak evidence adds up."""
    wide_gain: float = 2.25
    middle_gain: float = 3.0
    quiet_share: float = 0.35
    quiet_evidence: float = 0.38
    """This share of a face shows less evidence than this when its light is understood; more scales all evidence down."""


@dataclass(frozen=True, slots=True)
class ObjectTuning:
    """Growth of evidence into objects. In clips without occluders the mass is at most 250, in single frames; a hand has 800."""

    enter: float = 1.15
    """Evidence from which a texel belongs to an object."""
    stay: float = 0.9
    """The same where an object was a frame ago."""
    spread: float = 0.8
    """The same next to a weak object."""
    firm: float = 2.5
    """Evidence of objects with clear edges, which need no spreading."""
    span_texels: int = 15
    """Width over which an object of weak evidence may spread."""
    gap_texels: int = 5
    """Width of the gaps that are filled."""
    mass: float = 120.0
    """Evidence that makes an object."""
    texel_mass_max: float = 4.0
    """The most that one texel adds to the mass."""
    enclosed_factor: float = 4.0
    """Factor on the mass for objects that do not touch the border of the face."""


@dataclass(frozen=True, slots=True)
class LimbTuning:
    """The far edge of a turned head. Chosen on clips of turning heads."""

    edge_on: float = 0.3
    """Visibility below which a texel is turned away."""
    turned_texels: int = 2600
    """Texels turned away that make a head a turned one."""
    limb_texels: int = 5
    """Width of the limb."""


CHANGE, OBJECTS, LIMB = ChangeTuning(), ObjectTuning(), LimbTuning()


def evidence_of_change(
    seen: Floats,
    usual: Floats,
    light: Floats,
    weight: Floats,
    usual_evidence: Floats,
    sure: Floats,
    tuning: ChangeTuning = CHANGE,
) -> Floats:
    """Return the evidence that each texel is not the face, in spreads; float32 (SIDE, SIDE).

    `seen` and `usual` are the tones now and usually, float32 (SIDE, SIDE, 3); `light` is the fitted change of light (6, 3);
    `weight` counts the frames of the usual tones, `usual_evidence` is what texels show without an occluder, and `sure` 0..1
    is how well each texel can be judged.
    """
    low, high = cv2.erode(usual, _NEAR), cv2.dilate(usual, _NEAR)
    evidence, off, calm, plain, weak, whole = (np.empty((SIDE, SIDE), np.float32) for _ in range(6))
    clear = np.empty((SIDE, SIDE), np.uint8)
    _calm(calmness(), weight, usual_evidence, tuning.half_weight, calm)
    _compare(seen, low, high, light, sure, calm, TONE_SPREADS, tuning.strong, evidence, off, clear)
    strong = cv2.dilate(clear, np.ones((tuning.rim_texels, tuning.rim_texels), np.uint8))
    _keep_plain(strong, sure, off, plain)
    window = tuning.fine_texels, tuning.fine_texels
    around = cv2.boxFilter(off, -1, window), cv2.boxFilter(plain, -1, window)
    _add_fine(off, around[0], plain, around[1], sure, calm, (tuning.fine_spread, tuning.weak_max), evidence, weak)
    wide_wh, middle_wh = (tuning.wide_texels, tuning.wide_texels), (tuning.middle_texels, tuning.middle_texels)
    sums = cv2.boxFilter(weak, -1, wide_wh), cv2.boxFilter(plain, -1, wide_wh), cv2.boxFilter(weak, -1, middle_wh)
    _join(strong, cv2.boxFilter(evidence, -1, (3, 3)), evidence, *sums, (tuning.wide_gain, tuning.middle_gain), whole)
    judged, count = np.empty(SIDE * SIDE // 4, np.float32), np.empty(1, np.int64)
    _gather_judged(whole, sure, judged, count)
    if not count[0]:
        return whole
    # Where nearly half of the face is unusual, it is the light: occluders leave more of a face as it was.
    usual_here = percentile_of(judged[: int(count[0])], 100 * tuning.quiet_share)
    return np.asarray(whole / max(1.0, usual_here / tuning.quiet_evidence), np.float32)


def without_limb(visible: Floats, tuning: LimbTuning = LIMB) -> Floats:
    """Return `visible` with the limb of a turned head set to 0: landmarks that are a little off show the background there."""
    away = cv2.morphologyEx(
        ((visible <= tuning.edge_on) & texel_map().inside).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)
    )
    if np.count_nonzero(away) < tuning.turned_texels:
        return visible
    return np.asarray(np.where(cv2.dilate(away, limb_kernel(tuning)) > 0, np.float32(0), visible), np.float32)


def limb_kernel(tuning: LimbTuning = LIMB) -> Array:
    """Return the structuring element that grows a mask by the width of the limb."""
    return np.ones((2 * tuning.limb_texels + 1, 2 * tuning.limb_texels + 1), np.uint8)


def objects(evidence: Floats, before: Floats, tuning: ObjectTuning = OBJECTS) -> Floats:
    """Grow evidence to whole objects, 0 or 1, float32 (SIDE, SIDE); `before` 0..1 holds the objects of a frame ago."""
    beyond = evidence - np.where(before > 0.5, np.float32(tuning.stay), np.float32(tuning.enter))
    if float(np.maximum(beyond, 0).sum()) < tuning.mass / 2:
        return np.zeros_like(evidence)
    grown = cv2.morphologyEx((beyond > 0).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    count, parts = cv2.connectedComponents(grown, connectivity=8)
    mass = np.bincount(parts.ravel(), np.clip(beyond, 0, tuning.texel_mass_max).ravel(), count)
    bordering = np.bincount(parts[border()], minlength=count) > 0
    known = np.bincount(parts[before > 0.5], minlength=count) > 0
    wanted = np.where(bordering, tuning.mass, tuning.mass * tuning.enclosed_factor) * np.where(known, 0.5, 1.0)
    kept = (mass >= wanted) & (np.arange(count) > 0)
    found = kept[parts].astype(np.uint8)
    if not found.any():
        return np.zeros_like(evidence)
    span, gap = (np.ones((texels, texels), np.uint8) for texels in (tuning.span_texels, tuning.gap_texels))
    around = cv2.dilate(found * (evidence < tuning.firm).astype(np.uint8), span)
    found |= around & (evidence > tuning.spread).astype(np.uint8)
    return np.asarray(cv2.morphologyEx(found, cv2.MORPH_CLOSE, gap), np.float32)


@kernel
def _calm(calmness_of: Array, weight: Array, usual_evidence: Array, half_weight: float, calm: Array) -> None:
    """Write by how much each texel's change is divided: more where it changes by itself, or was hardly seen before."""
    for v in range(calm.shape[0]):
        for u in range(calm.shape[1]):
            seldom = np.float32(1) + np.float32(half_weight) / max(weight[v, u], np.float32(1))
            calm[v, u] = calmness_of[v, u] * (np.float32(1) + usual_evidence[v, u]) * seldom


@kernel
def _compare(
    seen: Array, low: Array, high: Array, light: Array, sure: Array, calm: Array, spread: Array, strong: float,
    evidence: Array, off: Array, clear: Array,
) -> None:  # fmt: skip
    """Write each texel's squared evidence, in spreads, to `evidence` and its bounded difference in brightness to `off`.

    `light` float32 (6, 3) is over the `basis` of `light_fit`. `clear`, uint8, is 1 where the evidence is `strong`, else 0.
    """
    side = evidence.shape[0]
    for v in range(side):
        y = np.float32(2 * v + 1) / np.float32(side) - np.float32(1)
        for u in range(evidence.shape[1]):
            total = np.float32(0.0)
            off[v, u] = np.float32(0.0)
            shine = np.float32(1.0)
            if sure[v, u] > 0:
                x = np.float32(2 * u + 1) / np.float32(side) - np.float32(1)
                for c in range(3):
                    lamp = light[0, c] + light[1, c] * x + light[2, c] * y
                    lamp += light[3, c] * x * x + light[4, c] * x * y + light[5, c] * y * y
                    tone = seen[v, u, c] - lamp
                    above = max(tone - high[v, u, c], np.float32(0.0)) - max(low[v, u, c] - tone, np.float32(0.0))
                    if c == 0:
                        off[v, u] = min(max(above, np.float32(-FINE_CLIP)), np.float32(FINE_CLIP))
                        # Skin that shines is brighter and paler.
                        shine = np.float32(1.0) + min(max(above / np.float32(SHINE), np.float32(0.0)), np.float32(2.0))
                    above /= spread[c] * shine
                    total += above * above
                total *= sure[v, u] / (calm[v, u] * calm[v, u])
            evidence[v, u] = total
            clear[v, u] = total > np.float32(strong)


@kernel
def _keep_plain(strong: Array, sure: Array, off: Array, plain: Array) -> None:
    """Write 1 to `plain` where a texel can be judged and no strong evidence is near, else 0 to it and to `off`."""
    for v in range(plain.shape[0]):
        for u in range(plain.shape[1]):
            kept = strong[v, u] == 0 and sure[v, u] > 0
            plain[v, u] = np.float32(1) if kept else np.float32(0)
            off[v, u] = off[v, u] if kept else np.float32(0)


@kernel
def _add_fine(
    off: Array, around: Array, plain: Array, plain_around: Array, sure: Array, calm: Array, bounds: tuple[float, float],
    evidence: Array, weak: Array,
) -> None:  # fmt: skip
    """Add the squared evidence of fine brightness, in place, and write the `weak` evidence; `plain` is 1 where they count.

    `bounds` are the spread of fine brightness and the most that is weak.
    """
    for v in range(off.shape[0]):
        for u in range(off.shape[1]):
            if plain[v, u] > 0:
                fine = off[v, u] - around[v, u] / max(plain_around[v, u], np.float32(0.1))
                fine /= np.float32(bounds[0]) * calm[v, u]
                evidence[v, u] += fine * fine * sure[v, u]
            weak[v, u] = min(evidence[v, u], np.float32(bounds[1])) * plain[v, u]


@kernel
def _gather_judged(whole: Array, sure: Array, judged: Array, count: Array) -> None:
    """Write the evidence of every second texel in both directions that is judged, and to int64 (1,) how many there are."""
    n = 0
    for v in range(0, whole.shape[0], 2):
        for u in range(0, whole.shape[1], 2):
            if sure[v, u] > np.float32(0.5):
                judged[n] = whole[v, u]
                n += 1
    count[0] = n


@kernel
def _join(
    strong: Array, near: Array, evidence: Array, wide: Array, wide_plain: Array, middle: Array, gains: tuple[float, float],
    whole: Array,
) -> None:  # fmt: skip
    """Write the evidence of each texel, or of its surroundings where it is more, out of means of squares."""
    for v in range(whole.shape[0]):
        for u in range(whole.shape[1]):
            own = near[v, u] if strong[v, u] > 0 else min(near[v, u], evidence[v, u] * np.float32(4))
            broad = wide[v, u] / max(wide_plain[v, u], np.float32(0.1)) * np.float32(gains[0])
            weak = min(broad, middle[v, u] * np.float32(gains[1]))
            whole[v, u] = np.sqrt(max(max(own, weak), np.float32(0)))
