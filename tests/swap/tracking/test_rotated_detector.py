"""Heads that lie or hang upside down in a picture are found the right way up, and upright ones stay so."""

import numpy as np
import pytest

from mien.swap.tracking.rotated_detector import RotatedDetector
from mien.types import Detection, Floats, Image
from tests.support.portraits import COLLINS, models, portrait


def _roll(points: Floats) -> float:
    """Degrees from the right eye to the left, clockwise in the picture."""
    x, y = (points[1] - points[0]).tolist()
    return float(np.degrees(np.arctan2(y, x)))


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_a_turned_head_is_found_where_it_is(quarters: int) -> None:
    image = portrait(COLLINS).image
    (upright,) = models().photo_detector.detect(image)
    turned = np.ascontiguousarray(np.rot90(image, quarters))
    (found,) = RotatedDetector(models().photo_detector).detect(turned)
    assert abs((_roll(found.points) + 90 * quarters + 180) % 360 - 180) < 15
    # A quarter counter-clockwise takes (x, y) to (y, width - 1 - x).
    points, width, height = upright.points, image.shape[1], image.shape[0]
    for _ in range(quarters):
        points = np.column_stack([points[:, 1], width - 1 - points[:, 0]])
        width, height = height, width
    assert np.abs(found.points - points).max() < 0.1 * np.ptp(points)
    x1, y1, x2, y2 = found.box_xyxy
    assert x1 < points[:, 0].min() < points[:, 0].max() < x2
    assert y1 < points[:, 1].min() < points[:, 1].max() < y2


class _Counting:
    """A detector that sees one upright face of a given score, however the picture is turned."""

    def __init__(self, score: float) -> None:
        self.score, self.runs = score, 0

    def detect(self, image: Image) -> list[Detection]:
        self.runs += 1
        points = np.array([[40, 40], [60, 40], [50, 50], [42, 60], [58, 60]], np.float32)
        return [Detection((30.0, 30.0, 70.0, 70.0), points, self.score)]


@pytest.mark.parametrize(("score", "runs"), [(0.95, 1), (0.7, 4)])
def test_only_unsure_faces_rotate_the_picture_and_among_equals_upright_wins(score: float, runs: int) -> None:
    detector = _Counting(score)
    (found,) = RotatedDetector(detector).detect(np.zeros((101, 101, 3), np.uint8))
    assert detector.runs == runs
    assert _roll(found.points) == 0
