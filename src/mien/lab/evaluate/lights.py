"""Moving lamps over a portrait with known shading: Lambert's law on the depth of the face's mesh."""

from collections.abc import Callable

import cv2
import numpy as np

from mien.imaging import geometry
from mien.imaging.draw import draw_mesh
from mien.lab.evaluate.portraits import Portrait, placed
from mien.lab.evaluate.scenes import SIZE_WH, Scene, Shot, noisy, to_frame_of
from mien.lab.meshes import whole_triangles
from mien.types import Floats

_AMBIENT, _DIRECT = 0.38, 0.68  # strengths; a surface that faces the lamp gets 1.06 of the portrait's light, chosen by eye
_ELEVATION = np.radians(20)
_FACE_HEIGHT_PIXELS = 300.0  # most of a scene's 480, for a fine pattern of light
_NOISE_LEVELS = 1.5  # standard deviation; chosen by eye

Lamp = Callable[[int], tuple[Floats, Floats, Floats]]
"""Light of a frame: direction towards the lamp (3,), its BGR strength (3,), the BGR ambient light (3,)."""


def circling(length: int) -> Lamp:
    """Return a white lamp that circles the head once."""
    white = np.ones(3, np.float32)
    return lambda index: (_direction(2 * np.pi * index / length), _DIRECT * white, _AMBIENT * white)


def coloured(length: int) -> Lamp:
    """Return a warm lamp that circles the head in a room of blue light."""
    warm, blue = np.array([0.55, 0.85, 1.15], np.float32), np.array([1.3, 1.0, 0.75], np.float32)
    return lambda index: (_direction(2 * np.pi * index / length), _DIRECT * warm, _AMBIENT * blue)


def flashing(length: int) -> Lamp:
    """Return a dim room in which a lamp at the side flashes for two frames of every twelve."""
    white = np.ones(3, np.float32)

    def lamp(index: int) -> tuple[Floats, Floats, Floats]:
        side = np.radians(50 if index // 12 % 2 else -50)
        return _direction(side), (1.1 if index % 12 in (6, 7) else 0.15) * white, _AMBIENT * white

    return lamp


def relit(portrait: Portrait, length: int, lamp: Lamp, name: str) -> Scene:
    """Return the scene of a portrait at rest under a moving lamp."""
    image, points = placed(portrait, to_frame_of(portrait, (SIZE_WH[0] / 2, SIZE_WH[1] / 2), _FACE_HEIGHT_PIXELS), SIZE_WH)
    normal = normals(points, (SIZE_WH[1], SIZE_WH[0]))

    def draw(index: int) -> Shot:
        towards, direct, ambient = lamp(index)
        facing = np.maximum(normal @ towards, 0)[:, :, None]
        lit = np.clip(image * (ambient + direct * facing), 0, 255).astype(np.uint8)
        return Shot(noisy(lit, _NOISE_LEVELS, index), points)

    return Scene(name, length, draw)


def normals(points: Floats, shape_hw: tuple[int, int]) -> Floats:
    """Return unit normals of the face's surface, towards the camera; float32 (h, w, 3).

    Beside the face they continue and turn smoothly to the front.
    """
    height, width = shape_hw
    crop, mask = np.zeros((height, width, 3), np.uint8), np.zeros(shape_hw, np.uint8)
    depth = np.empty(shape_hw, np.float32)
    draw_mesh(
        whole_triangles(), np.ascontiguousarray(points, np.float32),
        np.zeros((len(points), 2), np.float32), np.zeros((4, 4, 4), np.uint8), np.zeros(len(points), np.float32),
        crop, mask, depth,
    )  # fmt: skip
    inside = (mask > 0).astype(np.float32)
    x1, _, x2, _ = geometry.box_of(points)
    sigma = 0.04 * (x2 - x1)
    weight = np.maximum(cv2.GaussianBlur(inside, (0, 0), sigma), 1e-4)
    surface = cv2.GaussianBlur(np.where(mask > 0, depth, 0).astype(np.float32), (0, 0), sigma) / weight
    slope_x, slope_y = (cv2.Sobel(surface, cv2.CV_32F, *axis, ksize=3, scale=1 / 8) for axis in ((1, 0), (0, 1)))
    inner = cv2.erode(inside, np.ones((3, 3), np.uint8), iterations=max(1, round(sigma)))
    normal = np.dstack([slope_x, slope_y, -np.ones(shape_hw, np.float32)]).astype(np.float32) * inner[:, :, None]
    wide = 0.1 * (x2 - x1)
    front = np.array([0, 0, -0.03], np.float32)
    spread = (cv2.GaussianBlur(normal, (0, 0), wide) + front) / (cv2.GaussianBlur(inner, (0, 0), wide) + 0.03)[:, :, None]
    soft = cv2.GaussianBlur(inner, (0, 0), sigma)[:, :, None]
    spread = soft * np.where(inner[:, :, None] > 0, normal, spread) + (1 - soft) * spread
    spread[:, :, 2] = np.minimum(spread[:, :, 2], -0.3)
    return np.asarray(spread / np.linalg.norm(spread, axis=2, keepdims=True), np.float32)


def _direction(angle: float) -> Floats:
    """Return the direction towards a lamp `angle` to the side of the camera and 20 degrees above it."""
    level = np.cos(_ELEVATION)
    return np.array([level * np.sin(angle), -np.sin(_ELEVATION), -level * np.cos(angle)], np.float32)
