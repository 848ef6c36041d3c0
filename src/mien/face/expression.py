"""Expression of a face: what moves its landmarks away from its own face at rest."""

from dataclasses import dataclass

import numpy as np

from mien.face.mean_face import expressions, face_model, head_pose
from mien.types import Floats


def expression_of(points: Floats) -> Floats:
    """Return the motion of the landmarks by the expression, float32 (478, 3) in the head frame, from landmarks (478, 3).

    Eye distances. It holds no proportions, so that the expressions of two people can be compared.
    """
    known = expressions()
    shape = head_pose(points).unplace(points)
    amounts = known.reader @ (shape - face_model().shape).ravel()
    return np.asarray((amounts @ known.modes).reshape(shape.shape), np.float32)


@dataclass(frozen=True, slots=True)
class Grimace:
    """An expression in single numbers, eye distances, 0 at rest: mouth wider and opened, lids opened, brows raised."""

    width: float
    opening: float
    lids: float
    brows: float

    @property
    def amount(self) -> float:
        """Return how far the face is from rest; a motion of the brows is seen as well as one of the mouth twice as far."""
        return abs(self.width) + max(self.opening, 0.0) + abs(self.lids) + 2 * abs(self.brows)


def grimace_of(points: Floats) -> Grimace:
    """Return the expression of landmarks (478, 3) in single numbers."""
    motion = expression_of(points)
    down, across = motion[:, 1], motion[:, 0]
    return Grimace(
        width=float(across[291] - across[61]),
        opening=float(down[14] - down[13]),
        lids=float(down[145] - down[159] + down[374] - down[386]) / 2,
        brows=-float(down[105] + down[334]) / 2,
    )
