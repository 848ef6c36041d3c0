"""Tells what stands before a tracked face, texel by texel: by what the face mostly looks like, and by what skin looks like.

The colour now is compared with the usual one, after a smooth change of light is taken out, and only as far as it lies
outside the colours that the neighbouring texels usually have: a lip or a brow that moves a little is no object. Weak evidence
counts when it covers much, a skin-coloured hand is found by its edges and by the features it hides. What was there from the
beginning is told from skin by its colour alone, and only where it is clearly none.
"""

from dataclasses import dataclass, field
from functools import cache

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.face.lighting import skin_prior
from mien.face.mean_face import face_model
from mien.face.texels import SIDE, texel_map
from mien.imaging.kernels import kernel
from mien.types import Array, Floats, Image, Mask

_COARSE = 16
"""Cells of a side of the grid on which light is fitted."""
_OFFSET = 12.0
"""Added to colours before the logarithm, so that noise in the dark does not explode."""
_SPREAD = np.array([0.16, 0.05, 0.09], np.float32)
"""How far, in natural logarithms, brightness, red : green and blue : green differ without meaning anything."""
_FINE, _FINE_SIDE, _FINE_MOST = 0.04, 13, 0.12
"""The same of fine brightness, the texels across which it is fine, and the most that counts of it."""
_SHINE = 0.1
"""Brighter by this much, a change counts half, by twice as much a third."""
_FITS = 3
_LEAST_WEIGHT, _UNSURE = 1.5, 1.0
"""Frames that a texel must have been seen before it tells anything, and before half of what it tells is believed."""
_QUIET_PART, _QUIET = 0.35, 0.38
"""This part of a face shows less evidence than this when its light is understood; more makes all evidence count less."""
_TOO_MUCH = 0.6
"""Share of the face from which on it is no thing but a change that is not understood: nothing is given back."""
_STRONG = 9.0
"""Squared evidence that needs no neighbours."""
_RIM = 3
"""Texels across which strong evidence colours its neighbourhood."""
_WIDE, _MIDDLE = 15, 5
"""Texels across which weak evidence adds up."""
_WEAK_MOST, _WIDE_GAIN, _MIDDLE_GAIN = 3.0, 2.25, 3.0
_GROW, _STAY, _SPREADING = 1.15, 0.9, 0.8
"""Evidence from which a texel belongs to an object: at first, where one was a frame ago, and next to a weak one."""
_FIRM = 2.5
"""Evidence of things that need no spreading: their edges are clear."""
_SPAN, _GAP = 15, 5
"""Texels that an object of weak evidence may spread, and across which its gaps are filled."""
_MASS, _TEXEL_MOST, _ALONE = 120.0, 4.0, 4.0
"""Evidence that makes an object, the most that one texel adds, and how much more it takes inside of the face's border.

In clips without objects the most is 250, for single frames; a hand has 800 and more.
"""
_RISE, _FALL = 0.7, 0.7
"""Share of the way to the newest evidence in one frame."""
_LEARN = 0.05
_AWAY, _TURNED, _LIMB = 0.3, 2600, 5
"""Texels seen less than this are turned away; so many of them make a limb, which is so many texels wide."""
_PATIENCE = 600
"""Frames after which what stands before a face counts as its new look: better to paint over a thing than to show a person."""


@dataclass(slots=True)
class Occlusion:
    """What one track has shown so far; give it every frame, in order."""

    stale: Array = field(default_factory=lambda: np.zeros((SIDE, SIDE), np.bool_))
    """bool (side, side): where the last frame has shown that the usual look was a thing, and now is the face."""
    _level: Floats = field(default_factory=lambda: np.zeros((SIDE, SIDE), np.float32))
    _usual: Floats = field(default_factory=lambda: np.zeros((SIDE, SIDE), np.float32))
    """Evidence that the texels show without an object."""
    _held: Floats = field(default_factory=lambda: np.zeros((SIDE, SIDE), np.float32))
    """For how many frames something has stood there."""
    _light: Floats = field(default_factory=lambda: np.zeros((6, 3), np.float32))
    _frames: int = 0
    _alien: Array = field(default_factory=lambda: np.zeros((_SMALL, _SMALL), np.uint8))
    """What was no skin at the last look."""

    def update(self, now: Image, mean: Floats, weight: Floats, visible: Floats) -> Mask:
        """uint8 (side, side), 255 = something stands before the face there.

        `now` is the texture of this frame, BGR uint8, `mean` the usual one, float32, `weight` how many frames have made
        it, `visible` 0..1 how well each texel is seen now.
        """
        visible = within(visible)
        evidence = self.evidence(now, mean, weight, visible)
        found = objects(evidence, self._level)
        # Hair over a forehead stays; what else is no skin moves.
        if self._frames % _ALIEN_EVERY == 0 or (self._alien > _forehead()).any():
            self._alien = alien(now, visible, self._alien)
        known = cv2.resize(weight, (_SMALL, _SMALL), interpolation=cv2.INTER_NEAREST) >= _LEAST_WEIGHT
        self.stale, lit = judged(found, self._alien * known, now, mean, visible)
        self._alien = self._alien * ~(lit & known)
        wide = cv2.resize(lit.astype(np.uint8), found.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
        found[self.stale | wide] = 0
        self._level[self.stale] = 0
        self._held = np.where(found > 0, np.minimum(self._held + 1, np.float32(_PATIENCE + 1)), 0).astype(np.float32)
        found = np.where(self._held > _PATIENCE, np.float32(0), found)
        self._level += np.where(found > self._level, np.float32(_RISE), np.float32(_FALL)) * (found - self._level)
        self._usual += np.float32(_LEARN) * (np.minimum(evidence, 1) * (found < 0.5) - self._usual)
        self._frames += 1
        whole = np.clip(self._level * 383 - 64, 0, 255).astype(np.uint8)
        if self._alien.any():
            whole = np.maximum(whole, cv2.resize(self._alien * np.uint8(255), (SIDE, SIDE), interpolation=cv2.INTER_LINEAR))
        if float((whole[visible > 0.5] > 127).sum()) > _TOO_MUCH * np.count_nonzero(visible > 0.5):
            whole[:] = 0
        if whole.any():
            # What is turned away shows nothing; an object that reaches there goes on.
            whole = np.where(visible > 0, whole, cv2.dilate(whole, np.ones((2 * _LIMB + 1, 2 * _LIMB + 1), np.uint8)))
        return np.asarray(whole, np.uint8)

    def evidence(self, now: Image, mean: Floats, weight: Floats, visible: Floats) -> Floats:
        """How unusual each texel is, in spreads; float32 (side, side)."""
        sure = np.where((weight >= _LEAST_WEIGHT) & texel_map().inside, visible, 0).astype(np.float32)
        seen, usual = _tones(now), _tones(np.clip(mean + 0.5, 0, 255).astype(np.uint8))
        self._light = fitted_light(
            seen - usual,
            sure * (1 - self._level) * (1 - cv2.resize(self._alien, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST)),
            self._light,
        )
        low, high = cv2.erode(usual, _NEAR), cv2.dilate(usual, _NEAR)
        evidence, off = np.empty((SIDE, SIDE), np.float32), np.empty((SIDE, SIDE), np.float32)
        calm = calmness() * (1 + self._usual) * (1 + np.float32(_UNSURE) / np.maximum(weight, np.float32(1)))
        _compare(seen, low, high, _light_map(self._light), sure, calm, _SPREAD, evidence, off)
        strong = cv2.dilate((evidence > _STRONG).astype(np.uint8), np.ones((_RIM, _RIM), np.uint8))
        plain = np.where((strong == 0) & (sure > 0), np.float32(1), np.float32(0))
        _add_fine(off * plain, plain, sure, np.asarray(calm, np.float32), evidence)
        near = cv2.boxFilter(evidence, -1, (3, 3))
        near = np.where(strong, near, np.minimum(near, evidence * np.float32(4)))
        weak = np.minimum(evidence, np.float32(_WEAK_MOST)) * plain
        wide = cv2.boxFilter(weak, -1, (_WIDE, _WIDE)) / np.maximum(cv2.boxFilter(plain, -1, (_WIDE, _WIDE)), 0.1)
        middle = cv2.boxFilter(weak, -1, (_MIDDLE, _MIDDLE))
        wide = np.minimum(wide * np.float32(_WIDE_GAIN), middle * np.float32(_MIDDLE_GAIN))
        whole = np.sqrt(np.maximum(np.maximum(near, wide), 0))
        if not sure.any():
            return np.asarray(whole, np.float32)
        # Where nearly half of the face is unusual, it is the light: things leave more of a face as it was.
        usual_here = float(np.quantile(whole[::2, ::2][sure[::2, ::2] > 0.5], _QUIET_PART)) if (sure > 0.5).any() else 0.0
        return np.asarray(whole / max(1.0, usual_here / _QUIET), np.float32)


def within(visible: Floats) -> Floats:
    """`visible` without the limb of a turned head, where landmarks that are a little off show what lies behind it."""
    away = cv2.morphologyEx(
        ((visible <= _AWAY) & texel_map().inside).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)
    )
    if np.count_nonzero(away) < _TURNED:
        return visible
    limb = cv2.dilate(away, np.ones((2 * _LIMB + 1, 2 * _LIMB + 1), np.uint8))
    return np.asarray(np.where(limb > 0, np.float32(0), visible), np.float32)


def objects(evidence: Floats, before: Floats) -> Floats:
    """The evidence grown to whole things, 0 or 1, float32 (side, side); `before` 0..1 is what was seen a frame ago."""
    beyond = evidence - np.where(before > 0.5, np.float32(_STAY), np.float32(_GROW))
    if float(np.maximum(beyond, 0).sum()) < _MASS / 2:
        return np.zeros_like(evidence)
    grown = cv2.morphologyEx((beyond > 0).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    count, parts = cv2.connectedComponents(grown, connectivity=8)
    mass = np.bincount(parts.ravel(), np.clip(beyond, 0, _TEXEL_MOST).ravel(), count)
    bordering = np.bincount(parts[_border()], minlength=count) > 0
    known = np.bincount(parts[before > 0.5], minlength=count) > 0
    wanted = np.where(bordering, _MASS, _MASS * _ALONE) * np.where(known, 0.5, 1.0)
    kept = (mass >= wanted) & (np.arange(count) > 0)
    found = kept[parts].astype(np.uint8)
    if not found.any():
        return np.zeros_like(evidence)
    around = cv2.dilate(found * (evidence < _FIRM).astype(np.uint8), np.ones((_SPAN, _SPAN), np.uint8))
    found |= around & (evidence > _SPREADING).astype(np.uint8)
    return np.asarray(cv2.morphologyEx(found, cv2.MORPH_CLOSE, np.ones((_GAP, _GAP), np.uint8)), np.float32)


def judged(found: Floats, strange: Array, now: Image, mean: Floats, visible: Floats) -> tuple[Array, Array]:
    """Of what is unusual, `found` float32 (side, side), and of what is no skin, `strange` (64, 64), what is no thing.

    First bool (side, side): where it is the usual look that was no face. Both looks are held against that of people in the
    mean, each in its own light. Then bool (64, 64): where the face's own features show as ever, in another light.
    """
    if not found.any() and not strange.any():
        return np.zeros(found.shape, np.bool_), np.zeros((_SMALL, _SMALL), np.bool_)
    size_wh = _SMALL, _SMALL
    unusual = np.asarray(cv2.resize(found, size_wh, interpolation=cv2.INTER_AREA) * _inside_small(), np.float32)
    seen = np.asarray(cv2.resize(visible, size_wh, interpolation=cv2.INTER_AREA) * _inside_small(), np.float32)
    free = seen * (unusual < 0.1)
    looks = [
        _tones(np.asarray(cv2.resize(look, size_wh, interpolation=cv2.INTER_AREA), np.uint8))
        for look in (now, np.clip(mean + 0.5, 0, 255).astype(np.uint8))
    ]
    misfits = [_sum(_misfit(look, free) * unusual, _NEARBY) for look in looks]
    least = _MISFIT_LEAST * _sum(unusual, _NEARBY)
    better = misfits[0] + least < _BETTER * (misfits[1] + least)
    anew = cv2.resize((better & (unusual > 0)).astype(np.uint8), found.shape[::-1], interpolation=cv2.INTER_NEAREST)
    either = np.asarray(np.maximum(unusual, strange), np.float32)
    alike = _likeness(_fine(looks[0], seen), _fine(looks[1], seen), either) > _ALIKE
    broad = _sum(either, _NEIGHBOURHOOD) > _BROAD * _sum(seen, _NEIGHBOURHOOD)
    return (anew > 0) & (found > 0), alike & broad


def _sum(values: Floats, side: int) -> Floats:
    return np.asarray(cv2.boxFilter(values, -1, (side, side), normalize=False), np.float32)


def _fine(look: Floats, seen: Floats) -> Floats:
    """The features of a look: its brightness against that of the surroundings; float32 (64, 64)."""
    known = (seen > 0.6).astype(np.float32)
    around = _sum(look[:, :, 0] * known, _FEATURE) / np.maximum(_sum(known, _FEATURE), 1)
    return np.asarray(np.clip(look[:, :, 0] - around, -0.5, 0.5) * known, np.float32)


def _likeness(one: Floats, other: Floats, where: Floats) -> Floats:
    """The correlation of two looks' features near each texel, about 0 where there are none; float32 (64, 64)."""
    noise = np.square(np.float32(_FEATURELESS)) * _sum(where, _NEIGHBOURHOOD) + np.float32(1e-9)
    product, first, second = (_sum(a * b * where, _NEIGHBOURHOOD) for a, b in ((one, other), (one, one), (other, other)))
    return np.asarray(product / np.sqrt((first + noise) * (second + noise)), np.float32)


def _misfit(tones: Floats, free: Floats) -> Floats:
    """The square of how far each texel is from the mean face's, in spreads, bounded; float32 (64, 64)."""
    off = tones - _prior_tones()
    light = fitted_light(off, free, np.zeros((6, 3), np.float32))
    rest = (off - (_basis(_SMALL) @ light).reshape(_SMALL, _SMALL, 3)) / _PEOPLE
    own = np.square(rest).sum(2)
    # A face may be unlike others on both sides: a beard, a shining chin.
    other = np.where(free[:, ::-1] > 0.5, np.square(rest - rest[:, ::-1]).sum(2), own)
    return np.asarray(np.minimum(np.minimum(own, other), _MISFIT_MOST), np.float32)


_FEATURE, _NEIGHBOURHOOD = 7, 15
"""Texels across which a feature is seen, and features are compared."""
_BROAD = 0.5
"""The least part of a neighbourhood that is unusual when light has changed."""
_FEATURELESS, _ALIKE = 0.02, 0.6
"""Brightness that is noise, and the correlation from which on features are the face's; before things it is 0.45 at most."""
_SMALL = 64
"""Texels of a side of the texture in which things are told from skin."""
_PEOPLE = np.array([0.22, 0.08, 0.12], np.float32)
"""How far brightness and colours differ from one person to the next."""
_MISFIT_LEAST, _MISFIT_MOST = 0.15, 9.0
_NEARBY = 11
"""Texels across which two looks are compared."""
_BETTER = 0.7
"""The misfit of a look that is rather a face, as a share of the other's; things that come in have 1.1 and more."""
_SKIN_DARKER = 0.35
_SKIN_LESS_RED, _SKIN_REDDER, _SKIN_BLUER, _SKIN_LESS_BLUE = 0.10, 0.25, 0.16, 0.30
"""How far, in natural logarithms, skin differs from a smoothly lit cheek: in its shadows it is redder, never paler."""
_SHADE = 0.15
"""Darker than a cheek by this much still is skin."""
_PALE_FROM, _PALE = 0.15, 0.12
_GLOSS, _GLOSS_GAIN = 0.05, 3.0
"""Brighter than a cheek by this much, in logarithms, skin begins to shine; its colour says less then."""
_ALIEN_EVERY = 3
"""Frames from one look to the next for what is no skin, while there is none: it was there before, or comes as a change."""
_ALIEN, _ALIEN_GROW = 2.0, 1.3
_ALIEN_MASS = 35.0
"""Evidence against skin that makes an object; of 92 faces four have more, all of hair before the face or hard side light."""
_SEED, _STRANGE = 60, 1.5
"""Texels of a thing below the brows from which the rest of it is sought, and how unlike skin is enough next to it."""
_SHADES = np.array([0.2, 0.06, 0.09], np.float32)
"""Steps of brightness and colour in which things are told from the face they are before."""
_STEPS = 17
_GROWTHS, _AWAY_FROM, _LEAST_FACE = 6, 13, 200
"""Steps of two texels that a thing grows, the width round it that is no sure face, the texels that make a face's colours."""
_LIKELY, _RARE = 0.75, 2e-3
_GAIN_LEAST = 3
"""Texels; a thing that grows by no more is whole."""
_HAIR, _HAIR_SURE, _HAIR_DARK, _HAIR_AREA = 2.2, 3.2, -0.3, 15


def alien(now: Image, visible: Floats, before: Array) -> Array:
    """What the picture alone tells from skin: 0 or 1, uint8 (64, 64). `before` is the answer of the frame before.

    Things of a colour that skin never has, and dark hair or a hat over the forehead.
    """
    small = np.asarray(cv2.resize(now, (_SMALL, _SMALL), interpolation=cv2.INTER_AREA), np.uint8)
    seen = (cv2.resize(visible, (_SMALL, _SMALL), interpolation=cv2.INTER_AREA) > 0.9) & (_inside_small() > 0)
    tones = _tones(small)
    off = _off_skin(tones, seen)
    if off is None:
        return np.zeros((_SMALL, _SMALL), np.uint8)
    colour = _unlike(off)
    shade = np.square(np.minimum(off[:, :, 0] + _SHADE, 0) / _SKIN_DARKER)
    # Brightness alone is light, and gloss takes the colour out of skin.
    gloss = 1 + np.clip((off[:, :, 0] - _GLOSS) * _GLOSS_GAIN, 0, 1) * _shining()
    share = np.sqrt((colour + np.minimum(shade, 2 * colour)) / np.square(gloss) + _pale(off)) * seen / _tolerance()
    found = _kept(share, _ALIEN, _ALIEN_GROW, _ALIEN_MASS, before)
    if np.count_nonzero(found & (_forehead() == 0)) >= _SEED:
        # Lips are redder than cheeks, so that what is paler there is no lip.
        paler = _unlike(np.dstack([off[:, :, 0], np.minimum(off[:, :, 1], 0), off[:, :, 2]]))
        strange = np.sqrt(paler / np.square(gloss) + _pale(off)) > _STRANGE * _eyes_and_brows()
        found = _whole(found, before, tones, strange, seen)
    hair = np.sqrt(colour + shade) * _forehead() * seen
    dark = hair * (off[:, :, 0] < _HAIR_DARK)
    if np.count_nonzero(dark > _HAIR_SURE) >= _HAIR_AREA // 2:
        count, parts = cv2.connectedComponents((dark > _HAIR).astype(np.uint8), connectivity=8)
        large = np.bincount(parts.ravel(), minlength=count) >= _HAIR_AREA
        sure = np.bincount(parts[dark > _HAIR_SURE], minlength=count) >= _HAIR_AREA // 2
        bordering = np.bincount(parts[_border_small()], minlength=count) > 0
        found |= (large & sure & bordering & (np.arange(count) > 0))[parts].astype(np.uint8)
    return found


def _whole(seed: Array, before: Array, tones: Floats, strange: Array, seen: Array) -> Array:
    """The `seed` 0 or 1, uint8 (64, 64), grown over texels that are `strange`, or of a colour that it has and the face has not.

    Where it was a frame ago, `before`, it is looked for at once.
    """
    middle = np.median(tones[seen], axis=0)
    steps = np.clip(np.round((tones - middle) / _SHADES) + _STEPS // 2, 0, _STEPS - 1).astype(np.int32)
    shade = (steps[:, :, 0] * _STEPS + steps[:, :, 1]) * _STEPS + steps[:, :, 2]
    found, reach = seed, before > 0
    for _ in range(_GROWTHS):
        away = seen & (cv2.dilate(found, np.ones((_AWAY_FROM, _AWAY_FROM), np.uint8)) == 0)
        if np.count_nonzero(away) < _LEAST_FACE:
            break
        own, other = _shades(shade[seen & (found > 0)]), _shades(shade[away])
        likely = cv2.blur((own / (own + other + _RARE))[shade], (3, 3)) > _LIKELY
        reach |= cv2.dilate(found, np.ones((5, 5), np.uint8)) > 0
        grown = found | (reach & (likely | strange) & seen).astype(np.uint8)
        gained = np.count_nonzero(grown) - np.count_nonzero(found)
        found = grown
        if gained <= _GAIN_LEAST:
            break
    return np.asarray(cv2.morphologyEx(found, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)), np.uint8)


def _shades(chosen: Array) -> Floats:
    """How much of the texels has each shade or one next to it, float32 (n,)."""
    counted = np.bincount(chosen, minlength=_STEPS**3).reshape(_STEPS, _STEPS, _STEPS).astype(np.float32)
    for axis in range(3):
        lower, upper = ([slice(None)] * 3 for _ in range(2))
        lower[axis], upper[axis] = slice(None, -1), slice(1, None)
        plain = counted.copy()
        counted[tuple(upper)] += plain[tuple(lower)] / 2
        counted[tuple(lower)] += plain[tuple(upper)] / 2
    return np.asarray(counted.ravel() / max(1, len(chosen)), np.float32)


def _unlike(off: Floats) -> Floats:
    """The square of how far a colour is from skin, float32 (64, 64)."""
    red, blue = off[:, :, 1], off[:, :, 2]
    across = np.where(red < 0, red / _SKIN_LESS_RED, red / _SKIN_REDDER)
    along = np.where(blue < 0, blue / _SKIN_LESS_BLUE, blue / _SKIN_BLUER)
    return np.asarray(np.square(across) + np.square(along), np.float32)


def _pale(off: Floats) -> Floats:
    """The square of how much brighter than a cheek a chin is; it never is by much."""
    return np.asarray(np.square(np.maximum(off[:, :, 0] - _PALE_FROM, 0) / _PALE) * (1 - _shining()), np.float32)


def _kept(share: Floats, least: float, grow: float, mass: float, before: Array) -> Array:
    """Connected texels beyond `grow` whose sum beyond `least` is large enough; uint8 (64, 64)."""
    beyond = np.clip(share - least, 0, 2)
    if float(beyond.sum()) < mass / 2:
        return np.zeros((_SMALL, _SMALL), np.uint8)
    count, parts = cv2.connectedComponents((share > grow).astype(np.uint8), connectivity=4)
    sums = np.bincount(parts.ravel(), beyond.ravel(), count)
    known = np.bincount(parts[before > 0], minlength=count) > 0
    kept = (sums >= np.where(known, mass / 2, mass)) & (np.arange(count) > 0)
    found = kept[parts].astype(np.uint8)
    return np.asarray(cv2.morphologyEx(found, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)), np.uint8)


def _off_skin(tones: Floats, seen: Array) -> Floats | None:
    """How far each texel is from the colour of the cheeks, lit as they are; None when they are not seen."""
    chosen = (_cheeks() & seen).ravel()
    if int(chosen.sum()) < 120:
        return None
    basis, wanted = _basis(_SMALL)[chosen, :3], tones.reshape(-1, 3)[chosen]
    light = np.zeros((3, 3), np.float32)
    light[0] = np.median(wanted, axis=0)
    for _ in range(_FITS):
        rest = wanted - basis @ light
        heavy = basis * (1 / (1 + np.square(rest / _SPREAD).sum(1)))[:, None]
        light = (light + np.linalg.solve(heavy.T @ basis + _LINEAR_STIFF, heavy.T @ rest)).astype(np.float32)
    off = tones - (_basis(_SMALL)[:, :3] @ light).reshape(_SMALL, _SMALL, 3)
    return np.asarray(cv2.blur(off, (2, 2)), np.float32)


_LINEAR_STIFF = np.diag([4, 120, 120]).astype(np.float32)
_NEAR = np.ones((5, 5), np.uint8)
_LOGS = np.log(np.arange(256) + _OFFSET).astype(np.float32)
_TO_TONES = np.array([[1 / 3, 1 / 3, 1 / 3], [0, -1, 1], [1, -1, 0]], np.float32)


def _tones(texture: Image) -> Floats:
    """Brightness, red : green and blue : green as logarithms, float32 (h, w, 3)."""
    return np.asarray(cv2.transform(cv2.LUT(texture, _LOGS), _TO_TONES), np.float32)


@cache
def _basis(side: int) -> Floats:
    """1, u, v and their products at the middle of each cell, float32 (side * side, 6)."""
    v, u = np.mgrid[0:side, 0:side].astype(np.float32) * np.float32(2 / side) + np.float32(1 / side - 1)
    return _locked(np.stack([np.ones_like(u), u, v, u * u, u * v, v * v], -1).reshape(-1, 6).astype(np.float32))


def fitted_light(difference: Floats, sure: Floats, light: Floats) -> Floats:
    """The smooth change of light, float32 (6, 3) over 1, u, v and their products, that most texels agree on.

    `difference` float32 (side, side, 3) in logarithms, `sure` how much each texel counts; `light` is the start. Least
    squares with Cauchy's weights.
    """
    weighed = np.dstack([difference * sure[:, :, None], sure])
    cells = cv2.resize(weighed, (_COARSE, _COARSE), interpolation=cv2.INTER_AREA).reshape(-1, 4)
    chosen = cells[:, 3] > 0.3
    if int(chosen.sum()) < 30:
        return light
    basis, weight = _basis(_COARSE)[chosen], cells[chosen, 3]
    wanted = cells[chosen, :3] / weight[:, None]
    for _ in range(_FITS):
        trust = weight / (1 + np.square((wanted - basis @ light) / _SPREAD).sum(1))
        heavy = basis * trust[:, None]
        product, right = heavy.T @ basis, heavy.T @ wanted
        brightness = np.linalg.solve(product + _STIFF, right[:, :1])
        colour = np.linalg.solve(product + _STIFF_COLOUR, right[:, 1:])
        light = np.hstack([brightness, colour]).astype(np.float32)
    return light


_STIFF = np.diag([1e-3, 1, 1, 3, 3, 3]).astype(np.float32)
_STIFF_COLOUR = np.diag([1e-3, 4, 4, 12, 12, 12]).astype(np.float32)
"""Against light that bends, and more so against colour that does."""


def _light_map(light: Floats) -> Floats:
    return (_basis(SIDE) @ light).reshape(SIDE, SIDE, 3)


_LIPS = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
_BROWS = ((70, 63, 105, 66, 107, 55, 65, 52, 53, 46), (300, 293, 334, 296, 336, 285, 295, 282, 283, 276))
_NOSTRILS = (98, 97, 2, 326, 327, 94)
_BEARD = (61, 291, 58, 288, 172, 397, 136, 365, 150, 379, 149, 378, 176, 400, 148, 377, 152, 2, 98, 327, 57, 287)
_SKIN = ((118, 101, 205, 187, 123, 117), (347, 330, 425, 411, 352, 346), (6, 197, 195, 5, 51, 281), (108, 337, 9))
_FOREHEAD = (127, 162, 21, 54, 103, 67, 109, 10, 338, 297, 332, 284, 251, 389, 356,
             300, 293, 334, 296, 336, 9, 107, 66, 105, 63, 70)  # fmt: skip


@cache
def calmness() -> Floats:
    """How many times less a texel's change means than that of a cheek: lids and lips move; float32 (side, side)."""
    parts = ((landmark_sets.RIGHT_EYE, 4, 2.0), (landmark_sets.LEFT_EYE, 4, 2.0), (landmark_sets.INNER_LIPS, 3, 2.2))
    return _raised(SIDE, parts, 1.5)


@cache
def _tolerance() -> Floats:
    """How many times less a colour unlike the cheeks' means, for what faces have there: brows, eyes, lips, beard."""
    lower = _raised(_SMALL, ((_LIPS, 1, 3.0), (_BEARD, 2, 1.3)), 0.8)
    return _locked(np.maximum(_eyes_and_brows(), lower))


@cache
def _eyes_and_brows() -> Floats:
    """The part of `_tolerance` that is not for lips and beard."""
    eyes = ((landmark_sets.RIGHT_EYE, 2, 2.2), (landmark_sets.LEFT_EYE, 2, 2.2))
    brows = tuple((brow, 2, 2.0) for brow in _BROWS)
    return _raised(_SMALL, (*eyes, *brows, (_NOSTRILS, 1, 2.0)), 0.8)


def _raised(side: int, parts: tuple[tuple[tuple[int, ...], int, float], ...], sigma: float) -> Floats:
    """1, and more inside the hulls of landmarks, which are grown by so many texels."""
    factor = np.ones((side, side), np.float32)
    for loop, grow, times in parts:
        area = cv2.dilate(_hull(side, loop), np.ones((2 * grow + 1, 2 * grow + 1), np.uint8))
        factor = np.maximum(factor, 1 + np.float32(times - 1) * area)
    return _locked(np.asarray(cv2.GaussianBlur(factor, (0, 0), sigma), np.float32))


def _hull(side: int, loop: tuple[int, ...]) -> Mask:
    area = np.zeros((side, side), np.uint8)
    corners = (face_model().uv[list(loop)] * side - 0.5).round().astype(np.int32)
    cv2.fillConvexPoly(area, cv2.convexHull(corners), 1)
    return area


@cache
def _prior_tones() -> Floats:
    """Those of people in the mean, float32 (64, 64, 3)."""
    return _locked(_tones(np.asarray(np.clip(skin_prior() * 128, 0, 255), np.uint8)))


@cache
def _cheeks() -> Array:
    """bool (64, 64): skin that hair and beards seldom cover."""
    areas = np.array([_hull(_SMALL, loop) for loop in _SKIN])
    return _locked(areas.max(0) > 0)


@cache
def _shining() -> Array:
    """float32 (64, 1): 1 above the lips; a chin seldom shines."""
    rows = np.arange(_SMALL) < face_model().uv[0, 1] * _SMALL - 1
    return _locked(rows.astype(np.float32)[:, None])


@cache
def _forehead() -> Array:
    """uint8 (64, 64): 1 on forehead and temples, without the brows."""
    area = np.zeros((_SMALL, _SMALL), np.uint8)
    cv2.fillPoly(area, [(face_model().uv[list(_FOREHEAD)] * _SMALL - 0.5).round().astype(np.int32)], 1)
    for brow in _BROWS:
        area[cv2.dilate(_hull(_SMALL, brow), np.ones((3, 3), np.uint8)) > 0] = 0
    return _locked(area)


@cache
def _border() -> Array:
    """bool (side, side): texels of the face within three of its border."""
    inside = texel_map().inside.astype(np.uint8)
    return _locked((inside > 0) & (cv2.erode(inside, np.ones((7, 7), np.uint8), borderValue=0) == 0))


@cache
def _inside_small() -> Array:
    """uint8 (64, 64): 1 where all of the texel is face."""
    inside = texel_map().inside.astype(np.float32)
    return _locked((cv2.resize(inside, (_SMALL, _SMALL), interpolation=cv2.INTER_AREA) > 0.99).astype(np.uint8))


@cache
def _border_small() -> Array:
    inside = _inside_small()
    return _locked((inside > 0) & (cv2.erode(inside, np.ones((5, 5), np.uint8), borderValue=0) == 0))


def _locked(array: Array) -> Array:
    array.flags.writeable = False
    return array


@kernel
def _compare(
    seen: Array, low: Array, high: Array, light: Array, sure: Array, calm: Array, spread: Array, evidence: Array, off: Array
) -> None:  # fmt: skip
    """The squared evidence of each texel, in spreads, into `evidence`; how far its brightness is off, bounded, into `off`."""
    for v in range(evidence.shape[0]):
        for u in range(evidence.shape[1]):
            total = np.float32(0.0)
            off[v, u] = np.float32(0.0)
            shine = np.float32(1.0)
            if sure[v, u] > 0:
                for c in range(3):
                    tone = seen[v, u, c] - light[v, u, c]
                    above = max(tone - high[v, u, c], np.float32(0.0)) - max(low[v, u, c] - tone, np.float32(0.0))
                    if c == 0:
                        off[v, u] = min(max(above, np.float32(-_FINE_MOST)), np.float32(_FINE_MOST))
                        # Skin that shines is brighter and paler.
                        shine = np.float32(1.0) + min(max(above / np.float32(_SHINE), np.float32(0.0)), np.float32(2.0))
                    above /= spread[c] * shine
                    total += above * above
                total *= sure[v, u] / (calm[v, u] * calm[v, u])
            evidence[v, u] = total


def _add_fine(off: Floats, plain: Floats, sure: Floats, calm: Floats, evidence: Floats) -> None:
    """Add the squared evidence of fine brightness, in place; `plain` is 1 where it counts."""
    window = _FINE_SIDE, _FINE_SIDE
    off -= cv2.boxFilter(off, -1, window) / np.maximum(cv2.boxFilter(plain, -1, window), 0.1)
    evidence += np.square(off / (np.float32(_FINE) * calm)) * (sure * plain)
