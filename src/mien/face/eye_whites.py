"""Whites of the eyes of a face, measured against the skin round them."""

from dataclasses import dataclass

import numpy as np

from mien.face import landmark_sets
from mien.imaging.arrays import locked
from mien.imaging.colour import LUMA
from mien.types import Floats, Image


@dataclass(frozen=True, slots=True)
class WhitesTuning:
    """Parts of an eye, and of the skin round it, that are measured."""

    bright: tuple[float, float] = (0.83, 0.97)
    """Shares of an eye that are darker than its white begins and ends: brighter still are reflections."""
    skin: tuple[float, float] = (0.25, 0.75)
    """The same of the skin: darker are brows, brighter is shine."""
    near: float = 0.75
    """Width of an eye, as a share of the other's, from which it is judged: round a far one lies background."""


TUNING = WhitesTuning()
_SKIN_AT, _EYE_AT = 1.5, (0.2, 0.4, 0.6, 0.8)  # places of samples: times the way from the middle to the lids; ways to the iris


def whites_of(picture: Image, points: Floats) -> float:
    """Return the bright part of the darker eye as a share of the skin round it, of landmarks (478, 3) in a picture BGR uint8.

    The far eye of a turned head does not count.
    """
    flat = np.ascontiguousarray(points[:, :2])
    lids, outlines, irises = flat[_LIDS], flat[_LOOPS], flat[_MIDDLES][:, None]
    middles = lids.mean(axis=1, keepdims=True)
    skin = _mean(_lumas(picture, middles + _SKIN_AT * (lids - middles)), TUNING.skin)
    inside = np.concatenate([outlines + way * (irises - outlines) for way in _EYE_AT], axis=1)
    bright = _mean(_lumas(picture, inside), TUNING.bright)
    widths = np.abs(flat[_CORNERS[:, 0]] - flat[_CORNERS[:, 1]]).max(axis=1)
    return float((bright / np.maximum(skin, 1))[widths >= TUNING.near * widths.max()].min())


def _mean(values: Floats, part: tuple[float, float]) -> Floats:
    """Return the mean of each row of values (2, n) between two shares of it, from dark to bright, float32 (2,)."""
    first, last = (round(share * values.shape[1]) for share in part)
    return np.asarray(np.sort(values, axis=1)[:, first:last].mean(axis=1), np.float32)


def _lumas(picture: Image, places: Floats) -> Floats:
    """Return the luma of the pixels nearest to places (..., 2), float32 (...)."""
    nearest = np.rint(places).astype(np.intp)
    height, width = picture.shape[:2]
    columns, rows = np.clip(nearest[..., 0], 0, width - 1), np.clip(nearest[..., 1], 0, height - 1)
    return np.asarray(picture[rows, columns] @ LUMA, np.float32)


_LIDS = locked(np.array((landmark_sets.RIGHT_LIDS, landmark_sets.LEFT_LIDS)))
_LOOPS = locked(np.array((landmark_sets.RIGHT_EYE, landmark_sets.LEFT_EYE)))
_MIDDLES = locked(np.array((landmark_sets.RIGHT_IRIS, landmark_sets.LEFT_IRIS)))
_CORNERS = locked(np.array((landmark_sets.RIGHT_EYE_CORNERS, landmark_sets.LEFT_EYE_CORNERS)))
