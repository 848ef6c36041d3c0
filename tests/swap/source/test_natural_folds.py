"""Folds of a smile keep their order and their place, and none is deeper than smiles are in even light."""

import numpy as np

from mien.swap.source.natural_folds import TUNING, natural

_EVEN, _HARD = 0.7, 1.6


def _depths(hardness: float) -> tuple[np.ndarray, np.ndarray]:
    """Differences in luma from black to white, and what is left of them."""
    luma = np.linspace(-1, 1, 201, dtype=np.float32)
    apart = np.dstack([luma, luma, luma])
    return luma, natural(apart, hardness)[0]


def test_shallow_folds_stay_and_deep_ones_are_bounded() -> None:
    luma, left = _depths(_EVEN)
    shallow = np.abs(luma) < TUNING.bright[0]
    assert np.allclose(left[shallow, 0], luma[shallow])
    assert left[0, 0] >= -TUNING.dark[1]
    assert left[-1, 0] <= TUNING.bright[1]
    assert np.abs(left[:, 1:]).max() <= TUNING.colour[1]
    assert (np.diff(left, axis=0) >= 0).all(), "what is darker stays darker"


def test_hard_light_makes_every_fold_shallower() -> None:
    luma, left = _depths(_HARD)
    shallow = np.abs(luma) < TUNING.bright[0]
    assert np.allclose(left[shallow, 0], luma[shallow] * TUNING.hardness / _HARD)
