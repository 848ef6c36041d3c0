"""Detection of glasses in a photo: their bridge is a dark line straight across the root of the nose."""

from dataclasses import dataclass

import cv2
import numpy as np

from mien.face.mean_face import texture_points
from mien.swap.source.view import unwrapped
from mien.types import Image, Landmarks


@dataclass(frozen=True, slots=True)
class GlassesTuning:
    """The edge of a bridge in the texture of a photo."""

    side: int = 256
    """Texels on a side of the texture."""
    min_edge: float = 0.06
    """Step of the logarithm of brightness from row to row, mean over the bridge's width: 142 faces without glasses have at most
    0.047, the two with glasses 0.10 and 0.37; of drawn dark rims 98 % have more, of pale metal ones 13 %."""
    half_width: float = 0.022
    """Half the width of the strip that is judged, as a share of the texture's side."""
    black: float = 12.0
    """Levels added before the logarithm, so that noise in the dark does not explode."""


TUNING = GlassesTuning()


def shows_glasses(photo: Image, landmarks: Landmarks, tuning: GlassesTuning = TUNING) -> bool:
    """Return True for glasses with dark rims in the photo, BGR uint8; pale and rimless ones are mostly missed."""
    grey = cv2.cvtColor(unwrapped(photo, landmarks.points, tuning.side), cv2.COLOR_BGR2GRAY)
    tone = cv2.GaussianBlur(np.log(grey.astype(np.float32) + tuning.black), (0, 0), 1.0)
    places = texture_points(tuning.side)
    top, bottom, middle = int(places[8, 1]) + 4, int(places[195, 1]), int(places[168, 0])
    half = round(tuning.half_width * tuning.side)
    edges = cv2.Sobel(tone, cv2.CV_32F, 0, 1, ksize=3)[top:bottom, middle - half : middle + half + 1] / 8
    # A line of glasses is an edge over the whole strip; wrinkles and pores are not.
    return float(np.abs(edges.mean(axis=1)).max()) > tuning.min_edge
