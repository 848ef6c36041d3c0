"""Occluders of one tracked face, texel by texel: from the face's usual appearance and from the colours of skin.

What changes is compared with the usual appearance (`change`). An occluder that was there from the first frame is found by its
colour alone (`skin`), and only where it clearly is not skin. Both are overruled where the usual appearance turns out to have
been the occluder, or where only the light has changed (`appearance`).
"""

from dataclasses import dataclass, field

import cv2
import numpy as np

from mien.face.texels import SIDE, texel_map
from mien.imaging.kernels import kernel
from mien.swap.memory.occlusion.appearance import explain
from mien.swap.memory.occlusion.change import CHANGE, evidence_of_change, limb_kernel, objects, without_limb
from mien.swap.memory.occlusion.light_fit import fitted_light, tones
from mien.swap.memory.occlusion.regions import SMALL, forehead
from mien.swap.memory.occlusion.skin import non_skin
from mien.types import Array, Floats, Image, Mask


@dataclass(frozen=True, slots=True)
class OcclusionTuning:
    """Occlusion over time."""

    max_share: float = 0.6
    """Share of the face beyond which a change is not understood rather than an occluder: nothing is given back."""
    rise: float = 0.7
    fall: float = 0.7
    """Share of the way to the newest evidence in one frame."""
    learning: float = 0.05
    """Share of the newest evidence in what texels show without an occluder."""
    patience_frames: int = 600
    """Frames after which an occluder counts as the new appearance: painting over an object is safer than showing a person."""
    skin_every: int = 3
    """Frames between two searches for non-skin while there is none: it was there before, or comes as a change."""


TUNING = OcclusionTuning()


@dataclass(slots=True)
class TrackOcclusion:
    """Occluders of one track; give it every frame, in order."""

    tuning: OcclusionTuning = TUNING
    stale: Array = field(default_factory=lambda: np.zeros((SIDE, SIDE), np.bool_))
    """bool (SIDE, SIDE): where the last frame has shown that the usual appearance was an occluder, and now is the face."""
    _level: Floats = field(default_factory=lambda: np.zeros((SIDE, SIDE), np.float32))
    """Opacity of the occluders, 0..1, smoothed over time."""
    _usual: Floats = field(default_factory=lambda: np.zeros((SIDE, SIDE), np.float32))
    """Evidence that the texels show without an occluder."""
    _held: Floats = field(default_factory=lambda: np.zeros((SIDE, SIDE), np.float32))
    """Frames for which an occluder has been at each texel."""
    _light: Floats = field(default_factory=lambda: np.zeros((6, 3), np.float32))
    _frames: int = 0
    _non_skin: Array = field(default_factory=lambda: np.zeros((SMALL, SMALL), np.uint8))
    """Result of the last search for non-skin."""

    def update(self, now: Image, usual: Image, weight: Floats, visible: Floats) -> Mask:
        """Return the occlusion mask of this frame, uint8 (SIDE, SIDE), 255 = an occluder.

        `now` is the texture of this frame, `usual` the usual one, both BGR uint8; `weight` counts the frames that made it,
        `visible` 0..1 is how well each texel is seen now.
        """
        visible = without_limb(visible)
        evidence = self.evidence(now, usual, weight, visible)
        found = self._explained(objects(evidence, self._level), now, usual, weight, visible)
        steps = float(self.tuning.patience_frames), self.tuning.rise, self.tuning.fall, self.tuning.learning
        _advance(found, evidence, steps, self._held, self._level, self._usual)
        self._frames += 1
        return self._mask(visible)

    def _explained(self, found: Floats, now: Image, usual: Image, weight: Floats, visible: Floats) -> Floats:
        """Return the objects that are occluders, and update the search for non-skin; `stale` is set."""
        # Hair over a forehead stays; other non-skin moves.
        if self._frames % self.tuning.skin_every == 0 or (self._non_skin > forehead()).any():
            self._non_skin = non_skin(now, visible, self._non_skin)
        if not found.any() and not self._non_skin.any():
            self.stale = np.zeros(found.shape, np.bool_)
            return found
        known = cv2.resize(weight, (SMALL, SMALL), interpolation=cv2.INTER_NEAREST) >= CHANGE.least_weight
        self.stale, lit = explain(found, self._non_skin * known, now, usual, visible)
        self._non_skin = self._non_skin * ~(lit & known)
        wide = cv2.resize(lit.astype(np.uint8), found.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
        found[self.stale | wide] = 0
        self._level[self.stale] = 0
        return found

    def _mask(self, visible: Floats) -> Mask:
        """Return the occlusion mask of the present levels and of what is not skin."""
        strange = cv2.resize(self._non_skin * np.uint8(255), (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
        mask, counts = np.empty((SIDE, SIDE), np.uint8), np.empty(2, np.int64)
        _cover(self._level, np.asarray(strange, np.uint8), visible, mask, counts)
        seen, hidden = counts.tolist()
        if hidden > self.tuning.max_share * seen:
            mask[:] = 0
        if mask.any():
            # Texels that are turned away show nothing; an occluder that reaches there goes on.
            mask = np.where(visible > 0, mask, cv2.dilate(mask, limb_kernel()))
        return np.asarray(mask, np.uint8)

    def evidence(self, now: Image, usual: Image, weight: Floats, visible: Floats) -> Floats:
        """Return how unusual each texel is, in spreads, and follow the light; float32 (SIDE, SIDE)."""
        sure, free = np.empty((SIDE, SIDE), np.float32), np.empty((SIDE, SIDE), np.float32)
        known = weight, texel_map().inside, visible, CHANGE.least_weight
        _judge(*known, self._level, self._non_skin, sure, free)
        seen, usually = tones(now), tones(usual)
        self._light = fitted_light(seen - usually, free, self._light)
        return evidence_of_change(seen, usually, self._light, weight, self._usual, sure)


@kernel
def _advance(
    found: Array, evidence: Array, steps: tuple[float, float, float, float], held: Array, level: Array, usual: Array
) -> None:  # fmt: skip
    """Move `held`, `level` and `usual` of a track on by a frame with the objects `found`, 0 or 1; all float32 (n, n).

    `steps` are patience_frames, rise, fall and learning of `OcclusionTuning`.
    """
    patience, rise, fall, learning = np.float32(steps[0]), np.float32(steps[1]), np.float32(steps[2]), np.float32(steps[3])
    for v in range(found.shape[0]):
        for u in range(found.shape[1]):
            there = found[v, u] > 0
            frames = min(held[v, u] + np.float32(1), patience + np.float32(1)) if there else np.float32(0)
            held[v, u] = frames
            now = np.float32(0) if frames > patience else found[v, u]
            before = level[v, u]
            level[v, u] = before + (rise if now > before else fall) * (now - before)
            shown = min(evidence[v, u], np.float32(1)) if now < np.float32(0.5) else np.float32(0)
            usual[v, u] += learning * (shown - usual[v, u])


@kernel
def _cover(level: Array, strange: Array, visible: Array, mask: Array, counts: Array) -> None:
    """Write the occlusion mask uint8 (n, n), and to int64 (2,) how many texels are seen, and how many of them it hides."""
    seen, hidden = 0, 0
    for v in range(mask.shape[0]):
        for u in range(mask.shape[1]):
            steep = min(max(level[v, u] * np.float32(383) - np.float32(64), np.float32(0)), np.float32(255))
            mask[v, u] = max(np.uint8(steep), strange[v, u])
            if visible[v, u] > np.float32(0.5):
                seen += 1
                hidden += mask[v, u] > 127
    counts[0], counts[1] = seen, hidden


@kernel
def _judge(
    weight: Array, inside: Array, visible: Array, least: float, level: Array, strange: Array, sure: Array, free: Array
) -> None:  # fmt: skip
    """Write to `sure` how well each texel can be judged, and to `free` the same without occluders and what is not skin."""
    step = sure.shape[0] // strange.shape[0]
    for v in range(sure.shape[0]):
        for u in range(sure.shape[1]):
            seen = visible[v, u] if inside[v, u] and weight[v, u] >= np.float32(least) else np.float32(0)
            sure[v, u] = seen
            free[v, u] = seen * (np.float32(1) - level[v, u]) if strange[v // step, u // step] == 0 else np.float32(0)
