"""The asset `even_face.npz`: mean and deviation of the skin of calm faces in even light."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from mien.assembly import factory
from mien.errors import MienError
from mien.swap.source.hard_light import EvenFace, tones
from mien.swap.source.light import even_light, lit
from mien.swap.source.regions import GRID, regions
from mien.swap.source.view import bounded, skin_of, unwrapped, weights_of
from mien.types import Floats, Image

_SIDE = 384  # texels of the textures that are measured
_BLUR = 0.6  # sigma in texels of the grid: two textures never fit better than that
_LEAST_DEVIATION = 0.03  # natural logarithm: noise and compression alone


def even_face(portraits: Sequence[Image], models: factory.Models) -> EvenFace:
    """Return mean and deviation of portraits, BGR uint8, one calm face each, from the front in even light.

    Both are made symmetric; no single person is recognisable in them. Portraits that are refused as a source do not count.
    """
    found = [each for portrait in portraits if (each := _tones(portrait, models)) is not None]
    both = [*found, *((values[:, ::-1], well[:, ::-1]) for values, well in found)]
    values, weights = np.stack([each[0] for each in both]), np.stack([each[1] for each in both])[:, :, :, None]
    total = weights.sum(axis=0) + 1e-3
    mean = (values * weights).sum(axis=0) / total
    variance = (weights * np.square(values - mean)).sum(axis=0) / total
    return EvenFace(np.asarray(mean, np.float32), np.asarray(np.sqrt(variance + _LEAST_DEVIATION**2), np.float32))


def write(face: EvenFace, path: Path) -> None:
    """Write the asset; half precision holds a thousandth."""
    np.savez_compressed(path, mean=face.mean.astype(np.float16), deviation=face.deviation.astype(np.float16))


def _tones(portrait: Image, models: factory.Models) -> tuple[Floats, Floats] | None:
    """Return the tones of one face against its cheeks and nose, and how well each texel is seen; None when it is refused."""
    try:
        face = factory.open_source(portrait, models)
    except MienError:
        return None
    points = face.landmarks.points
    own = unwrapped(*bounded(face.image, points, _SIDE), _SIDE)
    small = np.asarray(cv2.resize(own, (GRID, GRID), interpolation=cv2.INTER_AREA), np.uint8)
    well = weights_of(points, face.image.shape)[1]
    even = lit(small, even_light(small, well * skin_of(small, well))[0])
    values = tones(even.astype(np.float32), _BLUR)
    return np.asarray(values - np.median(values[regions().sample > 0], axis=0), np.float32), well
