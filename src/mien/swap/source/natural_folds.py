"""Folds of a smile as light from the front shows them: hard light makes them black, and evening it would leave their edges."""

from dataclasses import dataclass

import numpy as np

from mien.types import Floats


@dataclass(frozen=True, slots=True)
class NaturalFoldTuning:
    """Differences of a smile's skin from a calm face, natural logarithms of luma, blue and red.

    26 London smiles in even light: the darkest hundredth of the strip of folds is 0.15 to 0.39 darker, the brightest 0.07 to
    0.24 brighter, the same in colour 0.02 to 0.10.
    """

    hardness: float = 1.0
    """Mean difference of the skin from even light, as in `hard_light.Unevenness`, beyond which folds are scaled down by it. Of
    13 smiles whose relief was made 1.6 and 2.4 times as deep, folds came out by 4 and 1 % nearer to those of the true photo
    than evened like hard light; with 0.8 by 8 and 5 %, but those of real photos look faint."""
    dark: tuple[float, float] = (0.20, 0.38)
    """Darkness up to which a fold stays as it is, and which no fold exceeds."""
    bright: tuple[float, float] = (0.12, 0.22)
    """The same of the cheek beside it."""
    colour: tuple[float, float] = (0.025, 0.055)
    """The same of blue and red: 90 % of what is 0.15 darker there has -0.06 to 0.04 and -0.03 to 0.06."""


TUNING = NaturalFoldTuning()


def natural(apart: Floats, hardness: float, tuning: NaturalFoldTuning = TUNING) -> Floats:
    """Return a difference from even light, float32 (n, n, 3) as in `hard_light.EvenFace`, with folds of natural depth.

    `hardness` is the mean of it over the face. Deep and shallow folds keep their order: nothing ends in an edge.
    """
    apart = apart * np.float32(min(1.0, tuning.hardness / max(hardness, 1e-6)))
    luma = apart[:, :, 0]
    bounded = np.where(luma < 0, -_bounded(-luma, tuning.dark), _bounded(luma, tuning.bright))
    colours = np.sign(apart[:, :, 1:]) * _bounded(np.abs(apart[:, :, 1:]), tuning.colour)
    return np.asarray(np.dstack([bounded, colours]), np.float32)


def _bounded(size: Floats, between: tuple[float, float]) -> Floats:
    """Return what is above the first bound pressed below the second."""
    kept, most = between
    return np.asarray(np.where(size > kept, kept + (most - kept) * np.tanh((size - kept) / (most - kept)), size), np.float32)
