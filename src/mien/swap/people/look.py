"""One look at a tracked face: its descriptor, and how much it says about who it is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mien.contracts import Recogniser
from mien.imaging import geometry
from mien.types import Floats, Image, TrackedFace


@dataclass(frozen=True, slots=True)
class LookTuning:
    """Faces that a descriptor tells apart, and the looks that make a template."""

    least_size: float = 40.0
    """Pixels of face height. Of second photos of a person at 40 pixels, 0 to 4 % are missed at the limits of `face_id_128`; at
    32 pixels up to 23 %, at 24 pixels 44 to 72 % (144 portraits)."""
    largest_yaw: float = 40.0
    """Degrees. From 40 to 60 degrees, 60 to 83 % of views are missed, up to 20 degrees none (456 rendered views)."""
    least_inside: float = 0.9
    """Share of the landmarks inside the picture; not measured."""
    best: int = 3
    """Looks of a template. The limit for clusters belongs to this number: means of more looks are nearer to each other."""
    apart_s: float = 0.5
    """Seconds between the looks of a template, where the track has such: neighbouring frames say the same. Not measured."""


TUNING = LookTuning()


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a face, good enough to say who it is.

    `descriptor` is float32 (n,), of the recogniser. `size` is the height of the mesh's box in pixels, `yaw` in degrees,
    `time_s` the frame's time, `place_xyxy` the mesh's box in frame pixels, `film` the number of its film, from 0.
    """

    descriptor: Floats
    size: float
    yaw: float
    time_s: float
    place_xyxy: tuple[float, float, float, float]
    film: int = 0

    @property
    def weight(self) -> float:
        """Worth of the view: the height of the face in pixels times cos²(yaw)."""
        return weight_of(self.size, self.yaw)


def weight_of(size: float, yaw: float) -> float:
    """Return the weight of a view of a face `size` pixels high, turned by `yaw` degrees; 0 = it says nothing."""
    if size < TUNING.least_size or abs(yaw) > TUNING.largest_yaw:
        return 0.0
    return size * math.cos(math.radians(yaw)) ** 2


def weight_of_face(face: TrackedFace, size_wh: tuple[int, int]) -> float:
    """Return the weight that a look at this face would have in a picture of this size; 0 = not usable, so that none is due."""
    x, y = face.landmarks.points[:, 0], face.landmarks.points[:, 1]
    inside = float(np.mean((x >= 0) & (y >= 0) & (x < size_wh[0]) & (y < size_wh[1])))
    return weight_of(float(np.ptp(y)), face.yaw) if inside >= TUNING.least_inside else 0.0


def look_at(recogniser: Recogniser, image: Image, face: TrackedFace, time_s: float, film: int = 0) -> Look | None:
    """Return a look at a face of a BGR picture, None where it is too small, too turned or cut; takes some 25 ms on one core."""
    if not weight_of_face(face, (image.shape[1], image.shape[0])):
        return None
    points = face.landmarks.points
    descriptor = recogniser.describe(image, face.landmarks)
    return Look(descriptor, float(np.ptp(points[:, 1])), face.yaw, time_s, geometry.box_of(points), film)


def best_of(looks: Sequence[Look], count: int = TUNING.best) -> tuple[Look, ...]:
    """Return the `count` looks of the largest weight, spread in time where there are enough; best first, all of fewer."""
    ranked = sorted(looks, key=lambda look: (-look.weight, look.time_s))
    chosen: list[Look] = []
    for look in ranked:
        if len(chosen) < count and all(_are_apart(look, other) for other in chosen):
            chosen.append(look)
    rest = [look for look in ranked if not any(look is other for other in chosen)]
    chosen += rest[: count - len(chosen)]
    return tuple(sorted(chosen, key=lambda look: (-look.weight, look.time_s)))


def _are_apart(look: Look, other: Look) -> bool:
    return look.film != other.film or abs(look.time_s - other.time_s) >= TUNING.apart_s
