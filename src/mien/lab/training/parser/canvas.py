"""Canvas on which one example is made: a portrait, the layers over it, and the truth."""

from dataclasses import dataclass, field

import cv2
import numpy as np

from mien.face import landmark_sets
from mien.face.mean_face import face_model
from mien.imaging import geometry
from mien.lab.training.parser.portraits import BARE, CANVAS, MARGIN, SIDE, UNKNOWN, Portrait, filled
from mien.models.format import parsing
from mien.models.format.parsing import BEFORE_THE_FACE, FaceClass
from mien.types import Affine, Array, Floats, Image

CLASSES = len(FaceClass)
_OUTSIDE_WEIGHT = 0.15
"""Weight of pixels outside the face's oval: nothing is worn there, but hands and hair come in from there."""


@dataclass(frozen=True, slots=True)
class Example:
    """One picture for the parser, and its truth.

    `image` BGR uint8 (96, 96, 3); `truth` uint8 (96, 96, classes), 255 = wholly of the class; `known` uint8 (96, 96), the
    pixels' weight in the error of the classes; `judged` uint8 (96, 96), their weight in the error of occluder against face.
    `kind` names what was added to the portrait.
    """

    image: Image
    truth: Array
    known: Array
    judged: Array
    kind: str


@dataclass(slots=True)
class Canvas:
    """A picture in the making; its layers change it in place.

    `image` float32 (128, 128, 3), BGR, 0..255; `truth` float32 (96, 96, classes), `known` and `judged` float32 (96, 96) as in
    `Example`, 0..1; `oval` float32 (96, 96), the area of the face; `points` float32 (478, 3) and `normals` float32
    (128, 128, 3) of the face; `backdrop` float32 (128, 128), 1 = behind the person. `kinds` names the layers.
    """

    image: Floats
    truth: Floats
    known: Floats
    judged: Floats
    oval: Floats
    points: Floats
    normals: Floats
    backdrop: Floats
    kinds: list[str] = field(default_factory=list)

    @property
    def eyes(self) -> float:
        """The distance in space between the outer corners of the eyes, in pixels."""
        return float(np.linalg.norm(self.points[33] - self.points[263]))

    @property
    def middle(self) -> Floats:
        """The point between the eyes, (2,)."""
        middle: Floats = self.points[[33, 263], :2].mean(0)
        return middle

    def skin(self) -> Floats:
        """Return the colour of the cheeks, BGR float32 (3,)."""
        spots = np.clip(self.points[[50, 280, 205, 425], :2].astype(np.int32), 0, CANVAS - 1)
        colour: Floats = np.median(self.image[spots[:, 1], spots[:, 0]], axis=0).astype(np.float32)
        return colour

    def paint(self, alpha: Floats, colour: Array) -> None:
        """Blend `colour` over the picture by `alpha`, float32 (128, 128); the truth stays as it is."""
        cover = alpha[:, :, None]
        self.image += (np.clip(colour, 0, 255).astype(np.float32) - self.image) * cover

    def lay(self, kind: FaceClass, alpha: Floats, colour: Array, drawn: Floats | None = None) -> None:
        """Lay a layer of one class over the picture; `drawn` is its opacity where that differs from its extent `alpha`."""
        self.paint(alpha if drawn is None else drawn, colour)
        self.mark(kind, alpha)

    def mark(self, kind: FaceClass, alpha: Floats) -> None:
        """Set the class by `alpha`, float32 (128, 128), and take it as known there."""
        share = np.clip(small(alpha), 0, 1)
        self.truth *= (1 - share)[:, :, None]
        self.truth[:, :, kind] += share
        seen = share > 0.02
        self.known[seen] += (1 - self.known[seen]) * share[seen]
        self.judged[seen] += (1 - self.judged[seen]) * share[seen]

    def example(self) -> Example:
        """Return the finished picture with its truth."""
        place = _OUTSIDE_WEIGHT + (1 - _OUTSIDE_WEIGHT) * cv2.GaussianBlur(self.oval, (0, 0), 1)
        levels = np.clip(self.image, 0, 255).astype(np.uint8)
        image = cv2.resize(levels, (parsing.SIDE, parsing.SIDE), interpolation=cv2.INTER_AREA)
        return Example(
            np.asarray(image, np.uint8),
            _bytes(self.truth),
            _bytes(self.known * place),
            _bytes(self.judged * place),
            "+".join(self.kinds) or "bare",
        )


def canvas_of(portrait: Portrait, draw: np.random.Generator) -> Canvas:
    """Return a canvas with a portrait, a little turned, moved, wider or narrower, often mirrored."""
    to_canvas = _placed(draw)
    mirrored = draw.random() < 0.5
    points = portrait.points.copy()
    points[:, :2] = geometry.apply(to_canvas, portrait.points[:, :2])
    points[:, 2] *= geometry.scale_of(to_canvas)
    image: Floats = _moved(portrait.image, to_canvas, cv2.INTER_LINEAR).astype(np.float32)
    normals = _moved(portrait.normals.astype(np.float32), to_canvas, cv2.INTER_LINEAR)
    classes = _moved(portrait.classes, to_canvas, cv2.INTER_NEAREST)
    backdrop: Floats = _moved(portrait.backdrop, to_canvas, cv2.INTER_LINEAR).astype(np.float32) / np.float32(255)
    if mirrored:
        # Landmarks are looked up by their numbers: right and left change places.
        points = points[face_model().mirror].copy()
        points[:, 0] = CANVAS - 1 - points[:, 0]
        planes = image, classes, normals, backdrop
        image, classes, normals, backdrop = (np.ascontiguousarray(each[:, ::-1]) for each in planes)
        normals[:, :, 0] *= -1
    truth = np.stack([small((classes == kind).astype(np.float32)) for kind in FaceClass], axis=2)
    bare = small((classes == BARE).astype(np.float32))
    truth[:, :, FaceClass.SKIN] += bare
    unknown = small((classes == UNKNOWN).astype(np.float32))
    oval = small(filled(landmark_sets.FACE_OVAL, points, CANVAS).astype(np.float32) / 255)
    known, judged = 1 - np.clip(unknown + bare, 0, 1), 1 - unknown
    # Outside the oval, pixels count only where hair (an occluder) or backdrop (none) is known.
    judged[(oval < 0.5) & (truth[:, :, FaceClass.HAIR] + truth[:, :, FaceClass.BACKGROUND] < 0.5)] = 0
    return Canvas(image, truth, known, judged, oval, points, normals, backdrop)


def small(values: Array) -> Floats:
    """Return a plane of the canvas at the parser's size."""
    return np.asarray(cv2.resize(values, (parsing.SIDE, parsing.SIDE), interpolation=cv2.INTER_AREA), np.float32)


def before(truth: Array) -> Array:
    """Return the share of occluders at each pixel of truths or predictions (..., classes)."""
    share: Array = truth[..., list(BEFORE_THE_FACE)].sum(axis=-1)
    return share


def _bytes(values: Array) -> Array:
    """Return values 0..1 as uint8, rounded."""
    return np.asarray(np.clip(values * 255 + 0.5, 0, 255), np.uint8)


def _placed(draw: np.random.Generator) -> Affine:
    """Return the transform from a portrait's square to the canvas, with the errors of landmarks in place, size and turn."""
    turn = np.radians(draw.normal(0, 5))
    scale = float(np.exp(draw.normal(0, 0.09)))
    stretch = float(np.exp(draw.normal(0, 0.06)))
    linear = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ np.diag([stretch, 1 / stretch])
    middle = (SIDE - 1) / 2
    goal = middle - MARGIN + draw.normal(0, 3.5, 2)
    return np.hstack([linear, (goal - linear @ [middle, middle])[:, None]])


def _moved(values: Array, to_canvas: Affine, interpolation: int) -> Array:
    moved = cv2.warpAffine(values, to_canvas, (CANVAS, CANVAS), flags=interpolation, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved)
