"""Portraits as training material: squares around the face, with landmarks, surface normals and textures."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mien.assembly import factory
from mien.errors import UsageError
from mien.imaging import geometry
from mien.imaging.draw import draw_mesh
from mien.lab.meshes import settled, whole_triangles
from mien.lab.training.lamps import lit, random_light, shading
from mien.models.library.store import Store
from mien.settings import Settings
from mien.swap.engines.mesh.texture import Texture, textures_of
from mien.types import Floats, Image, Landmarks, SourceFace

SIDE = 192  # pixels of a sitter's square in training; measurements take larger ones
_SQUARE_FACE_HEIGHTS = 2.1  # side of the square
_LIGHT_STRENGTHS = (0.5, 0.7, 1.0, 1.0)
"""Strengths of the random lights on the portraits that are worn."""
_PICTURES = {".jpg", ".jpeg", ".png"}


@dataclass(frozen=True, slots=True)
class Sitter:
    """One portrait; two sitters with the same `person` show the same person.

    `image` BGR uint8 (side, side, 3), `points` float32 (478, 3) in its pixels, `normals` float32 (side, side, 3), unit
    length, x right, y down, z towards the camera. `textures` are the mesh engine's: the first from the unchanged portrait,
    the others from the portrait under random light.
    """

    name: str
    person: str
    image: Image
    points: Floats
    normals: Floats
    textures: tuple[Texture, ...]


def read_sitters(folder: Path, progress: Callable[[int, int], None], side: int = SIDE) -> tuple[Sitter, ...]:
    """Return every portrait below `folder`; NAME_expression.jpg shows NAME. Raises `UsageError` below two people."""
    models = factory.open_models(Settings(), Store())
    paths = [path for path in sorted(folder.glob("**/*")) if path.suffix.lower() in _PICTURES]
    found = []
    for number, path in enumerate(paths, 1):
        content = cv2.imread(str(path))
        faces = models.photo_detector.detect(np.asarray(content, np.uint8)) if content is not None else []
        if faces:
            image = np.asarray(content, np.uint8)
            landmarks = settled(image, faces[0].points, models)
            person = f"{path.parent.name}/{path.stem.split('_')[0]}"
            found.append(sitter(f"{path.parent.name}/{path.name}", person, image, landmarks, side))
        progress(number, len(paths))
    if len({each.person for each in found}) < 2:
        raise UsageError(f"{folder} holds portraits of fewer than two people", "name a folder with .jpg or .png portraits")
    return tuple(found)


def sitter(name: str, person: str, image: Image, landmarks: Landmarks, side: int = SIDE) -> Sitter:
    """Return a sitter from a portrait, BGR uint8, cropped and scaled around its face."""
    x1, y1, x2, y2 = geometry.box_of(landmarks.points)
    scale = side / (_SQUARE_FACE_HEIGHTS * (y2 - y1))
    shrink = min(1.0, 2 * scale)
    if shrink < 1:
        # Linear interpolation alone would alias a picture that becomes much smaller.
        image = np.asarray(cv2.resize(image, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA), np.uint8)
    middle = np.array([(x1 + x2) / 2, (y1 + y2) / 2])
    to_square = np.hstack([np.eye(2) * scale, (side / 2 - scale * middle)[:, None]])
    from_image = to_square @ np.diag([1 / shrink, 1 / shrink, 1.0])
    square = cv2.warpAffine(image, from_image, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    points = np.empty_like(landmarks.points)
    points[:, :2] = geometry.apply(to_square, landmarks.points[:, :2])
    points[:, 2] = landmarks.points[:, 2] * scale
    cut = np.asarray(square, np.uint8)
    normals = normals_of(points, side)
    draw = np.random.default_rng(list(name.encode()))
    photos = [cut]
    for strength in _LIGHT_STRENGTHS:
        light = random_light(draw, strength)
        photos.append(lit(cut, shading(light, normals, float(np.exp(draw.normal(0, 0.2)))), light))
    found = Landmarks(points, landmarks.presence)
    textures = tuple(textures_of(SourceFace(photo, found, name))[0] for photo in photos)
    return Sitter(name, person, cut, points, normals, textures)


def normals_of(points: Floats, side: int) -> Floats:
    """Return unit normals float32 (side, side, 3) of the face at `points`; beyond its border they continue the border's."""
    triangles = whole_triangles()
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    normal = np.cross(c - a, b - a)
    total = np.zeros((len(points), 3), np.float32)
    for corner in range(3):
        np.add.at(total, triangles[:, corner], normal)
    total /= np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-9)
    if total[:, 2].mean() > 0:
        total = -total
    total[:, 2] *= -1
    drawn = np.empty((side, side, 3), np.float32)
    blank = np.full((4, 4, 4), 255, np.uint8)
    anywhere = np.ones((len(points), 2), np.float32)
    inside = np.zeros((side, side), np.float32)
    for axis in range(3):
        mask, crop = np.zeros((side, side), np.uint8), np.empty((side, side, 3), np.uint8)
        opacity = (total[:, axis] * 0.49 + 0.5).astype(np.float32)
        draw_mesh(triangles, points, anywhere, blank, opacity, crop, mask, np.empty((side, side), np.float32))
        drawn[:, :, axis] = (mask / 255.0 - 0.5) / 0.49
        inside = (mask > 0).astype(np.float32)
    drawn *= inside[:, :, None]
    filled, weight = drawn.copy(), inside.copy()
    for sigma in (0.02 * side, 0.06 * side, 0.16 * side, 0.35 * side):
        # Wider means fill what narrower ones do not reach.
        spread = cv2.GaussianBlur(inside, (0, 0), sigma)
        mean = cv2.GaussianBlur(drawn, (0, 0), sigma) / np.maximum(spread, 1e-4)[:, :, None]
        share = np.clip(spread * 12, 0, 1) * (1 - weight)
        filled += mean * share[:, :, None]
        weight += share
    smooth = cv2.GaussianBlur(filled, (0, 0), 0.012 * side)
    length = np.maximum(np.linalg.norm(smooth, axis=2, keepdims=True), 1e-6)
    return np.asarray(smooth / length, np.float32)
