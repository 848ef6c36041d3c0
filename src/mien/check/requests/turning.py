"""Degrees of a turned head: the mesh and the five points of the detector both turn less than the head does."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TurningTuning:
    """Calibration on renderings of 12 portraits, turned by up to 80 degrees; on 11 others, by tens of degrees from 0, the share
    of the pictures within 8 degrees was 100, 100, 100, 100, 98, 80, 94 and 84 %. No head at hand turns farther than 35 degrees.
    """

    mesh: tuple[float, ...] = (0.0, 13.2, 21.6, 29.3, 37.2, 44.4, 50.5)
    head: tuple[float, ...] = (0.0, 15.0, 25.0, 35.0, 45.0, 55.0, 65.0)
    """Degrees of the mesh, and of the head that it is of."""
    holds: float = 42.0
    """Degrees of the mesh beyond which it hardly turns farther, so that the detector's points count, too."""
    ahead: float = 8.0
    """Degrees by which the points may be ahead of `holds` before the mesh is not believed."""
    base: float = 26.9
    mesh_share: float = 0.40
    points_share: float = 0.44
    """Degrees of the head beyond that: a sum of both."""
    lost_mesh: float = 54.0
    """Degrees that stand for a mesh that was lost in the turn."""


_TUNING = TurningTuning()


def head_yaw(mesh: float | None, points: float | None, tuning: TurningTuning = _TUNING) -> float | None:
    """Return the yaw of a head in degrees, of the yaw of its mesh and of the detector's points, or of one of them."""
    sure = points if points is not None else mesh
    if sure is None:
        return None
    seen = tuning.lost_mesh if mesh is None else abs(mesh)
    told = abs(points) if points is not None else seen
    if points is not None and (mesh is None or seen > tuning.holds or told > tuning.holds + tuning.ahead):
        # A face without a mesh may also be too small or covered, and look ahead.
        if mesh is None and told < tuning.holds / 2:
            return points
        return math.copysign(tuning.base + tuning.mesh_share * seen + tuning.points_share * told, sure)
    return math.copysign(_along(tuning.mesh, tuning.head, seen), mesh if mesh is not None else sure)


def _along(xs: tuple[float, ...], ys: tuple[float, ...], x: float) -> float:
    """Return the value of a line through points, the last piece of which goes on."""
    last = next((number for number in range(1, len(xs)) if x <= xs[number]), len(xs) - 1)
    step = (ys[last] - ys[last - 1]) / (xs[last] - xs[last - 1])
    return ys[last - 1] + step * (x - xs[last - 1])
