"""Classes of a photo's face in its texture."""

from collections.abc import Sequence

import numpy as np

from mien.face.texels import texel_map
from mien.models.format.parsing import FaceClass
from mien.swap.source.classes import classes_of
from mien.swap.source.regions import GRID
from mien.types import Array, Image
from tests.support.portraits import COLLINS, models, portrait


class _BlueIsAThing:
    """A parser that takes blue pixels for a thing and all others for skin."""

    template, side = "parser", 96

    def parse(self, crops: Sequence[Image]) -> list[Array]:
        found = []
        for crop in crops:
            shares = np.zeros((len(FaceClass), self.side, self.side), np.uint8)
            blue = (crop == (255, 0, 0)).all(axis=2)
            shares[FaceClass.THING], shares[FaceClass.SKIN] = 255 * blue, 255 * ~blue
            found.append(shares)
        return found


def test_each_texel_has_the_class_of_its_pixel_in_all_looks() -> None:
    face = portrait(COLLINS)
    photo = face.image.copy()
    nose = float(face.landmarks.points[4, 0])
    photo[:, : int(nose)] = (255, 0, 0)
    classes = classes_of(photo, face.landmarks, _BlueIsAThing())
    inside = texel_map(GRID).inside
    columns = np.arange(GRID)[None, :]
    assert classes.dtype == np.uint8
    assert (classes[FaceClass.THING][inside & (columns < GRID * 0.35)] > 250).all(), "mirrored looks are turned back"
    assert (classes[FaceClass.SKIN][inside & (columns > GRID * 0.65)] > 250).all()
    assert int(classes[:, inside].sum(axis=0, dtype=np.int64).min()) > 250, "shares of a texel add up"


def test_the_bundled_parser_sees_skin_brows_and_eyes() -> None:
    face = portrait(COLLINS)
    classes = classes_of(face.image, face.landmarks, models().parser)
    shares = classes.reshape(len(FaceClass), -1).mean(axis=1) / 255
    assert shares[FaceClass.SKIN] > 0.3
    assert shares[FaceClass.BROW] > 0.005
    assert shares[FaceClass.EYE] > 0.005
    assert shares[FaceClass.RIM] < 0.002
