"""Faces, patches and painting networks for the tests of the enhancer."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np

from mien.contracts import Enhancer
from mien.imaging import geometry
from mien.settings import Settings
from mien.swap.stages.compose import compose
from mien.swap.stages.enhance.stage import Enhancement
from mien.types import Affine, Array, FacePatch, Floats, Frame, Image, Landmarks, TrackedFace
from tests.support.portraits import COLLINS, portrait

SIDE = 256
WEARING = object()
TEMPLATE = geometry.TEMPLATES["ffhq_512"]
SPOTS = ((90, 150), (166, 150), (128, 118), (128, 205))
"""x, y in the square: cheeks, between the eyes, chin."""

Paint = Callable[[Image], Image]


class Painter:
    """A `contracts.Enhancer` that paints, and keeps what it was given in `seen`, one list a call."""

    template = "ffhq_512"

    def __init__(self, paint: Paint, side: int = SIDE) -> None:
        self.side = side
        self.seen: list[list[Image]] = []
        self._paint = paint

    def enhance(self, crops: Sequence[Image]) -> list[Image]:
        self.seen.append([crop.copy() for crop in crops])
        return [self._paint(crop) for crop in crops]


def brighter(crop: Image) -> Image:
    return np.asarray(np.minimum(crop.astype(int) + 30, 255), np.uint8)


def spotted(crop: Image) -> Image:
    """Soft white spots at `SPOTS`."""
    bump = np.zeros(crop.shape[:2], np.float32)
    y, x = np.mgrid[: crop.shape[0], : crop.shape[1]]
    for left, top in SPOTS:
        bump += np.exp(-((x - left) ** 2 + (y - top) ** 2) / (2 * 3.0**2)).astype(np.float32)
    return np.asarray(np.clip(crop + 90 * bump[:, :, None], 0, 255), np.uint8)


def sharper(crop: Image) -> Image:
    soft = cv2.GaussianBlur(crop, (0, 0), 2.0)
    return np.asarray(cv2.addWeighted(crop, 2.5, soft, -1.5, 0), np.uint8)


def broken(crop: Image) -> Image:
    raise RuntimeError("the network is broken")


def move(angle: float = 0.0, scale: float = 1.0, x: float = 0.0, y: float = 0.0) -> Affine:
    """Turned and scaled about the middle of the picture, then moved."""
    matrix = np.asarray(cv2.getRotationMatrix2D((256, 256), angle, scale), np.float64)
    matrix[:, 2] += x, y
    return matrix


def points_of(motion: Affine | None = None) -> Floats:
    points = portrait(COLLINS).landmarks.points.copy()
    if motion is not None:
        points[:, :2] = geometry.apply(motion, points[:, :2])
        points[:, 2] *= geometry.scale_of(motion)
    return points


START = move(0, 2.0, 60, 260)
"""The face of the portrait, about 190 x 220 pixels, in a picture of 640 x 640."""


def face_of(points: Floats, number: int = 1) -> TrackedFace:
    return TrackedFace(number, Landmarks(points, 1.0), 5)


def frame_of(index: int = 0, size_wh: tuple[int, int] = (640, 640), level: int = 100) -> Frame:
    return Frame(np.full((size_wh[1], size_wh[0], 3), level, np.uint8), index, index, Fraction(1, 30))


def patch_of(points: Floats, level: int = 110, shape: tuple[int, ...] = (640, 640)) -> FacePatch:
    """A flat face: the hull of the landmarks, in frame pixels."""
    x1, y1, x2, y2 = geometry.box_of(points)
    left, top = max(0, int(x1)), max(0, int(y1))
    mask = np.zeros((min(shape[0], int(y2) + 1) - top, min(shape[1], int(x2) + 1) - left), np.uint8)
    hull = cv2.convexHull(points[:, :2] - np.array([left, top], np.float32))
    cv2.fillConvexPoly(mask, np.round(hull).astype(np.int32), 255)
    mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), 2.0), np.uint8)
    return FacePatch(np.full((*mask.shape, 3), level, np.uint8), mask, np.array([[1.0, 0, left], [0, 1.0, top]]))


def coarse_patch(points: Floats, side: int = 64, level: int = 110) -> FacePatch:
    """Return the patch of a low-resolution network: a rotated square."""
    to_crop = geometry.similarity(geometry.five_points(points), geometry.TEMPLATES["arcface_128"] * side)
    mask = np.zeros((side, side), np.uint8)
    cv2.ellipse(mask, (side // 2, side // 2), (side // 3, side * 2 // 5), 0, 0, 360, 255, -1)
    draw = np.random.default_rng(3).integers(level - 20, level + 20, (side, side, 3), np.uint8)
    return FacePatch(draw, np.asarray(cv2.GaussianBlur(mask, (0, 0), 2.0), np.uint8), geometry.invert(to_crop))


def added(before: FacePatch, after: FacePatch, shape: tuple[int, ...] = (640, 640)) -> Array:
    """By how much two patches differ when they are laid over black, in levels, int16 (h, w)."""
    pictures = []
    for patch in (before, after):
        image = np.zeros((*shape[:2], 3), np.uint8)
        compose(image, replace(patch, mask=np.where(patch.mask > 0, 255, 0).astype(np.uint8)))
        pictures.append(image[:, :, 1].astype(np.int16))
    difference: Array = pictures[1] - pictures[0]
    return difference


def once(
    enhancement: Enhancement,
    enhancer: Enhancer,
    points: Floats,
    index: int = 0,
    patch: FacePatch | None = None,
    wearing: object = WEARING,
    **settings: float,
) -> tuple[FacePatch, FacePatch]:
    """One frame with one face: the patch before and after."""
    before = patch_of(points) if patch is None else patch
    chosen = Settings(**{"enhance_blend": 1.0, "enhance_every": 60, **settings})  # type: ignore[arg-type]
    face = face_of(points)
    ((_, after),) = enhancement.enhance(frame_of(index), [(face, before)], enhancer, chosen, {face.track_id: wearing})
    return before, after


def centre(picture: Array, near: Floats, radius: int = 14) -> Array:
    """The centre of gravity of what is bright round a place."""
    x, y = (round(float(value)) for value in near)
    part = np.maximum(picture[y - radius : y + radius + 1, x - radius : x + radius + 1].astype(np.float64), 0)
    rows, columns = np.mgrid[y - radius : y + radius + 1, x - radius : x + radius + 1]
    place: Array = np.array([(part * columns).sum(), (part * rows).sum()]) / part.sum()
    return place


def spots_in_frame(points: Floats, side: int = SIDE) -> Floats:
    to_crop = geometry.similarity(geometry.five_points(points), TEMPLATE * side)
    return geometry.apply(geometry.invert(to_crop), np.array(SPOTS, np.float64))


def until_shown(
    enhancement: Enhancement, enhancer: Enhancer, points: Floats, index: int = 0
) -> tuple[FacePatch, FacePatch, int]:
    """Frames until the thread's answer shows."""
    end_s = time.monotonic() + 5
    while time.monotonic() < end_s:
        index += 1
        before, after = once(enhancement, enhancer, points, index, enhance_every=0)
        if np.abs(added(before, after)).max() > 10:
            return before, after, index + 1
        time.sleep(0.005)
    raise AssertionError("the answer never showed")


def inner(points: Floats) -> tuple[slice, slice]:
    x1, y1, x2, y2 = geometry.box_of(points)
    width, height = x2 - x1, y2 - y1
    return slice(int(y1 + 0.35 * height), int(y1 + 0.65 * height)), slice(int(x1 + 0.35 * width), int(x1 + 0.65 * width))
