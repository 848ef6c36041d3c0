"""Whether a photo shows glasses: their bridge is a dark line straight across the root of the nose."""

import cv2
import numpy as np

from mien.face.mean_face import texture_points
from mien.swap.source.view import unwrapped
from mien.types import Image, Landmarks

_SIDE = 256
_LEAST_EDGE = 0.06
"""Step of the logarithm of brightness from row to row, mean over the bridge's width: 142 faces without glasses have at most
0.047, the two with glasses 0.10 and 0.37; of drawn dark rims 98 % have more, of pale metal ones 13 %."""
_HALF_WIDTH = 0.022
"""Half the width of the strip that is looked at, as a share of the texture's side."""
_BLACK = 12.0
"""Added to brightnesses before their logarithm is taken, so that noise in the dark does not explode."""


def shows_glasses(photo: Image, landmarks: Landmarks) -> bool:
    """Whether the person in the photo, BGR uint8, wears glasses with dark rims; pale and rimless ones are mostly missed."""
    grey = cv2.cvtColor(unwrapped(photo, landmarks.points, _SIDE), cv2.COLOR_BGR2GRAY)
    tone = cv2.GaussianBlur(np.log(grey.astype(np.float32) + _BLACK), (0, 0), 1.0)
    places = texture_points(_SIDE)
    top, bottom, middle = int(places[8, 1]) + 4, int(places[195, 1]), int(places[168, 0])
    half = round(_HALF_WIDTH * _SIDE)
    edges = cv2.Sobel(tone, cv2.CV_32F, 0, 1, ksize=3)[top:bottom, middle - half : middle + half + 1] / 8
    # A line of glasses is an edge over the whole strip; wrinkles and pores are not.
    return float(np.abs(edges.mean(axis=1)).max()) > _LEAST_EDGE
