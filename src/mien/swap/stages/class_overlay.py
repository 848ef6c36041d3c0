"""The parser's classes drawn over a picture, for people who ask why a part of a face is not swapped."""

import cv2
import numpy as np

from mien.imaging import geometry
from mien.models.format.parsing import FaceClass
from mien.types import Array, Image, ParsedFace, TrackedFace

_COLOURS = {
    FaceClass.HAIR: (40, 110, 200),
    FaceClass.BEARD: (60, 160, 60),
    FaceClass.RIM: (230, 60, 60),
    FaceClass.LENS: (230, 200, 60),
    FaceClass.SHADE: (160, 40, 160),
    FaceClass.HAND: (0, 200, 255),
    FaceClass.THING: (220, 0, 220),
}
"""BGR of the classes that are drawn; skin, brows, eyes and lips are left as they are."""
_OPACITY = 0.55  # of the colours, by eye


def draw_classes(image: Image, faces: tuple[TrackedFace, ...]) -> None:
    """Draw what the parser last saw of each face into a picture, BGR uint8, in place."""
    for face in faces:
        if face.known is not None and face.known.parsed is not None:
            _draw(image, face, face.known.parsed)


def _draw(image: Image, face: TrackedFace, parsed: ParsedFace) -> None:
    side = parsed.shares.shape[1]
    to_frame = geometry.similarity(parsed.points, face.landmarks.points[:, :2])
    corners = geometry.apply(to_frame, np.array([[0, 0], [side, 0], [side, side], [0, side]]))
    left, top, right, bottom = geometry.clipped_box(geometry.box_of(corners), image.shape[1], image.shape[0])
    if right <= left or bottom <= top:
        return
    to_part = to_frame - np.array([[0, 0, left], [0, 0, top]])
    best = parsed.shares.argmax(axis=0).astype(np.uint8)
    shape_wh = right - left, bottom - top
    classes: Array = cv2.warpAffine(best, to_part, shape_wh, flags=cv2.INTER_NEAREST, borderValue=(int(FaceClass.SKIN),))
    part = image[top:bottom, left:right]
    colours = part.copy()
    for kind, colour in _COLOURS.items():
        colours[classes == kind] = colour
    part[:] = cv2.addWeighted(part, 1 - _OPACITY, colours, _OPACITY, 0)
