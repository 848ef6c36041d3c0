"""CIE Lab against OpenCV's."""

import cv2
import numpy as np
import pytest

from mien.imaging.cie_lab import bgr_to_lab


@pytest.mark.parametrize("blue", [*range(0, 256, 15), 138])
def test_every_green_and_red_is_as_opencv_has_it(blue: int) -> None:
    green, red = np.mgrid[:256, :256].astype(np.uint8)
    picture = np.stack([np.full_like(green, blue), green, red], 2)
    assert np.array_equal(bgr_to_lab(picture), cv2.cvtColor(picture, cv2.COLOR_BGR2LAB))
