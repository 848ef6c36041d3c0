"""Classes of a photo's face, as the parser sees them, in the texture of the face."""

from dataclasses import dataclass

import numpy as np

from mien.contracts import Parser
from mien.face.aligned_crop import crop_to, cut_by
from mien.face.texels import unwrap_mask
from mien.imaging import geometry
from mien.swap.source.checks import moved
from mien.swap.source.regions import GRID
from mien.types import Array, Image, Landmarks


@dataclass(frozen=True, slots=True)
class ClassTuning:
    """Looks at one photo, whose mean is taken: time does not matter here, a false strand does."""

    probes: tuple[tuple[float, float, float], ...] = (
        (0.0, 1.0, 0.0), (8.0, 1.0, 0.0), (-8.0, 1.0, 0.0), (0.0, 1.1, 0.03), (0.0, 0.92, -0.03)
    )  # fmt: skip
    """Rotation in degrees, scale and shift of the crops, as in `checks.moved`; each is seen mirrored, too."""


TUNING = ClassTuning()


def classes_of(photo: Image, landmarks: Landmarks, parser: Parser, tuning: ClassTuning = TUNING) -> Array:
    """Return the share of each class of `FaceClass` at each texel of a face, uint8 (classes, grid, grid).

    `photo` is BGR uint8. Errors of the parser pass through.
    """
    crops, places = [], []
    for probe in tuning.probes:
        crop = cut_by(photo, crop_to(parser.template, parser.side, moved(landmarks.points, *probe)), parser.side)
        crops += [crop.image, np.ascontiguousarray(crop.image[:, ::-1])]
        places.append(geometry.apply(crop.frame_to_crop, landmarks.points[:, :2]).astype(np.float32))
    looks = parser.parse(crops)
    total = np.zeros((len(looks[0]), GRID, GRID), np.float32)
    for number, place in enumerate(places):
        for seen in (looks[2 * number], looks[2 * number + 1][:, :, ::-1]):
            total += np.stack([unwrap_mask(np.ascontiguousarray(plane), place, GRID) for plane in seen])
    # A crop may end before the chin: there, the others decide.
    shares = 255 * total / np.maximum(total.sum(axis=0), 1)
    return np.asarray(shares + 0.5, np.uint8)
