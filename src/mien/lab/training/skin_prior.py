"""The asset `skin_prior.png`: the mean colours of many faces in even light."""

from collections.abc import Sequence

import numpy as np

from mien.assembly import factory
from mien.face.texels import texel_map, unwrap
from mien.lab.meshes import settled
from mien.types import Array, Floats, Image

SIDE = 64  # texels a side; light and skin vary slowly
MIDDLE = 128.0  # the value of a person's mean colour


def skin_prior(portraits: Sequence[Image], models: factory.Models) -> Image:
    """Return the prior, uint8 (SIDE, SIDE, 3): the mean of the portraits' textures, each divided by its person's mean colour.

    The portraits are BGR uint8, one face each, from the front in even light. The mean is made symmetric, so that the rest of
    the studio's light has no side; no single person is recognisable in it.
    """
    inside = texel_map(SIDE).inside
    textures = [texture for each in portraits if (texture := _texture(each, models)) is not None]
    mean = np.mean([texture / texture[inside].mean(0) for texture in textures], axis=0)
    mean = (mean + mean[:, ::-1]) / 2
    return np.where(inside[:, :, None], np.clip(mean * MIDDLE, 0, 255), 0).round().astype(np.uint8)


def _texture(portrait: Image, models: factory.Models) -> Floats | None:
    faces = models.photo_detector.detect(portrait)
    if not faces:
        return None
    texture: Array = unwrap(portrait, settled(portrait, faces[0].points, models).points, SIDE).astype(np.float32)
    return texture
