"""Contact sheet of a parser: pictures, their classes, and the predictions."""

import cv2
import numpy as np

from mien.contracts import Parser
from mien.lab.training.parser.canvas import before
from mien.lab.training.parser.figures import examples_of, predicted
from mien.lab.training.parser.scenes import KINDS, Props
from mien.types import Array, Image

_COLOURS = np.array(
    [
        (60, 60, 60), (180, 200, 240), (0, 90, 160), (80, 80, 220), (255, 255, 255), (30, 60, 90), (20, 140, 40), (255, 0, 0),
        (255, 200, 0), (128, 0, 128), (0, 200, 255), (255, 0, 255),
    ],
    np.uint8,
)  # fmt: skip
"""Colours of the classes, BGR, in the order of `FaceClass`."""
_OCCLUDER = np.array([0, 0, 150], np.uint8)  # colour of what the parser takes for an occluder


def contact_sheet(props: Props, parser: Parser, count: int) -> Image:
    """Return a row for each kind of occluder, BGR uint8, with `count` examples side by side.

    Each is four pictures: the example, its classes, the predicted classes, and the example with the predicted occluders in red.
    """
    rows = []
    for kind in KINDS:
        made = examples_of(props, kind, count)
        found = predicted(parser, made)
        tiles = (np.hstack(_tile(each.image, each.truth, shares)) for each, shares in zip(made, found, strict=True))
        rows.append(np.hstack(list(tiles)))
    return np.vstack(rows)


def encoded(sheet: Image) -> bytes:
    """Return a picture as the content of a PNG file."""
    return cv2.imencode(".png", sheet)[1].tobytes()


def _tile(image: Image, truth: Array, found: Array) -> list[Image]:
    marked = cv2.addWeighted(image, 0.4, np.broadcast_to(_OCCLUDER, image.shape).copy(), 1.0, 0)
    occluded = (before(found) > 127)[:, :, None]
    return [image, _COLOURS[truth.argmax(axis=2)], _COLOURS[found.argmax(axis=2)], np.where(occluded, marked, image)]
