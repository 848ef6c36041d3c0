"""Degrees of a head out of those of the mesh and of the detector's points."""

from itertools import pairwise

import pytest

from mien.check.requests.turning import head_yaw


@pytest.mark.parametrize(("mesh", "points", "head"), [
    (0.0, 1.0, 0.0), (21.6, 20.0, 25.0), (-21.6, -20.0, -25.0), (37.2, 36.0, 45.0), (37.2, None, 45.0), (None, None, None),
    (48.0, 50.0, 68.1), (-48.0, -50.0, -68.1), (None, 65.0, 77.1), (None, 5.0, 5.0),
])  # fmt: skip
def test_the_degrees_of_a_head(mesh: float | None, points: float | None, head: float | None) -> None:
    assert head_yaw(mesh, points) == (None if head is None else pytest.approx(head, abs=0.1))


def test_a_turn_never_goes_back() -> None:
    turned = [head_yaw(min(degrees, 50.0), 0.95 * degrees) for degrees in range(80)]
    steps = [b - a for a, b in pairwise(turned) if a is not None and b is not None]
    assert min(steps) >= 0
    assert max(steps) < 12
