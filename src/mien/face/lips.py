"""Lips that are pressed or stretched: what is left of their thickness at rest, and what that is on other lips."""

from dataclasses import dataclass

import numpy as np

from mien.face import landmark_sets
from mien.types import Array, Floats


@dataclass(frozen=True, slots=True)
class LipTuning:
    """Thickness of lips as a share of the one at rest.

    52 Londoners: each calm photo is given the smile of all others, and its own smiling photo tells how thick its lips then are.
    Error of the upper and the lower lip, in eye distances.
    """

    power: float = 1.5
    """Power of the target's share that is the source's. 38 people: 0.0125 and 0.0125 with 0, 0.0111 and 0.0119 with 1, 0.0108
    and 0.0117 with 1.5, 0.0105 and 0.0115 with 3; 14 held out: 0.0171 and 0.0138, 0.0146 and 0.0123, 0.0141 and 0.0118, 0.0149
    and 0.0118."""
    least: float = 0.4
    """Least share of the target; smiles have 0.7 and more."""
    most: float = 1.0
    """The largest one. Open mouths reach 1.3: with that full lips balloon in them and thin ones vanish. Mean error of both
    lips in smiles with 1.0 and 1.3, of people who are not closing: 0.0093 and 0.0095 (24), held out 0.0140 and 0.0142
    (10)."""


TUNING = LipTuning()
_LIPS = np.array((landmark_sets.UPPER_LIP, landmark_sets.LOWER_LIP))
_WAYS = np.linspace(1, 0, _LIPS.shape[1])
"""Share by which each line of a lip follows its outline."""
_MIDDLE = _LIPS.shape[2] // 2


def in_proportion(change: Floats, shape: Floats, rest: Floats) -> Floats:
    """Return a change from one person's proportions to another's, float32 (478, 3), for lips that are not at rest.

    `shape` is the face as it is and `rest` the same one at rest, (478, 3) in the head frame, y down. Thickness that the change
    adds or takes is multiplied as the lip's own is: full lips that are pressed lose more of it than thin ones.
    """
    own, calm = _thickness(shape), _thickness(rest)
    share = np.divide(own, calm, out=np.ones_like(own), where=calm > 1e-3)
    factor = np.clip(share, TUNING.least, TUNING.most) ** TUNING.power
    added = change[_LIPS[:, :1], 1] - change[_LIPS[:, -1:], 1]
    made = change.copy()
    made[_LIPS, 1] += (factor[:, None, None] - 1) * _WAYS[:, None] * added
    return np.asarray(made, np.float32)


def _thickness(shape: Floats) -> Array:
    """Return the thickness of the upper and of the lower lip in the middle, float64 (2,)."""
    outline, mouth = shape[_LIPS[:, 0, _MIDDLE], 1], shape[_LIPS[:, -1, _MIDDLE], 1]
    return np.abs(np.asarray(mouth - outline, np.float64))
