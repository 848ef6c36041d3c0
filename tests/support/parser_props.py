"""Material for examples of the parser: the bundled portraits on a plain backdrop, a drawn hand and its pose."""

from functools import cache

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.face.hand_silhouette import silhouette
from mien.lab.training.parser.portraits import Portrait, portrait
from mien.lab.training.parser.scenes import Props
from mien.types import Array, Floats, Hand, Image
from tests.support import portraits

BACKDROP = (200, 190, 180)
_CUT_SIDE = 160  # pixels of a cut of a real hand


@cache
def sitters() -> tuple[Portrait, ...]:
    """Return both bundled portraits as the parser learns from them; treat the arrays as read-only."""
    found = []
    for path in (portraits.COLLINS, portraits.HOPPER):
        seen = portraits.portrait(path)
        found.append(portrait(path.name, path.stem, before_plain(seen.image, seen.landmarks.points), seen.landmarks.points))
    return tuple(found)


@cache
def props() -> Props:
    """Return all material; treat it as read-only."""
    return Props(sitters(), [each.image for each in sitters()], [drawn_hand()], [pose()])


def before_plain(image: Image, points: Floats) -> Image:
    """Return a picture whose backdrop is plain: all but the face and a rim around it."""
    area = np.zeros(image.shape[:2], np.uint8)
    cv2.fillPoly(area, [points[list(landmark_sets.FACE_OVAL), :2].round().astype(np.int32)], 255)
    rim = round(0.1 * float(np.ptp(points[:, 1])))
    kept = cv2.dilate(area, np.ones((rim, rim), np.uint8)) > 0
    return np.where(kept[:, :, None], image, np.array(BACKDROP, np.uint8))


def pose(wrist_xy: tuple[float, float] = (80.0, 140.0), palm: float = 50.0) -> Floats:
    """Return the joints of an open hand that points up, float32 (21, 3); `palm` is its length in pixels."""
    joints = np.zeros((21, 3))
    for number in range(4):
        aside = 0.22 * (number - 1.5)
        for segment in range(4):
            joints[5 + 4 * number + segment] = aside * (1 + 0.15 * segment), -1 - 0.28 * segment, 0
    for segment in range(4):
        joints[1 + segment] = -0.25 - 0.15 * segment, -0.25 - 0.2 * segment, 0
    return (joints * palm + (*wrist_xy, 0)).astype(np.float32)


def drawn_hand() -> Array:
    """Return the picture of a hand with its opacity, BGRA uint8 (160, 160, 4)."""
    shape = silhouette(Hand(pose(), 1.0), np.array([[1.0, 0, 0], [0, 1, 0]]), (_CUT_SIDE, _CUT_SIDE))
    return np.dstack([np.full((_CUT_SIDE, _CUT_SIDE, 3), (110, 140, 200), np.uint8), shape])
