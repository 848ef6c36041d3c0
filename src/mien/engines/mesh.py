"""The embedded engine: the photo's skin, warped through the 478-point mesh and lit like the picture. No weights needed.

The patch is computed in the frame's own pixels, so that nothing is resampled twice; only a face larger than
`Settings.resolution` is computed smaller and scaled up by the composer.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from mien import geometry, topology
from mien.colour import light_map, skin_confidence, soften
from mien.profile import far_side_opacity
from mien.raster import draw_mesh, relight, shade
from mien.settings import Settings
from mien.shading import gains
from mien.types import Affine, Array, FacePatch, Floats, Frame, Image, Mask, SourceFace, TrackedFace

_FEATHER = 0.1
"""Width of the soft border of the face, in eye distances."""
_HALF_STEPS = 9
"""Textures of a source, each smaller by the square root of two."""


@dataclass(frozen=True, slots=True)
class Texture:
    """The source at one size: BGRA uint8 (h, w, 4), alpha = how surely this is face; `points` float32 (478, 2)."""

    image: Image
    points: Floats


@dataclass(frozen=True, slots=True)
class PreparedMesh:
    """What depends on the source alone. `textures` go from large to small; `opacity` is float32 (478,)."""

    textures: tuple[Texture, ...]
    opacity: Floats
    triangles: Array


class MeshEngine:
    """A `contracts.Engine`."""

    name = "mesh"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        parts = [topology.skin_triangles()]
        if settings.eyes != "target":
            parts += [
                topology.fan(topology.RIGHT_EYE, topology.RIGHT_IRIS),
                topology.fan(topology.LEFT_EYE, topology.LEFT_IRIS),
            ]
        if settings.mouth == "source":
            parts.append(topology.strip(topology.INNER_LIPS))
        self._triangles = np.ascontiguousarray(np.concatenate(parts))

    def prepare(self, source: SourceFace) -> PreparedMesh:
        points = source.landmarks.points
        alpha = _face_alpha(source.image, points)
        full = np.dstack([source.image, alpha])
        textures = []
        for step in range(_HALF_STEPS):
            scale = 2.0 ** (-step / 2)
            size_wh = round(full.shape[1] * scale), round(full.shape[0] * scale)
            if min(size_wh) < 32:
                break
            small = full if step == 0 else cv2.resize(full, size_wh, interpolation=cv2.INTER_AREA)
            ratio = np.array([size_wh[0] / full.shape[1], size_wh[1] / full.shape[0]], np.float32)
            # Scaling keeps the picture's corners in place, not the centres of its corner pixels.
            moved = np.ascontiguousarray((points[:, :2] + 0.5) * ratio - 0.5, np.float32)
            textures.append(Texture(np.ascontiguousarray(small, np.uint8), moved))
        opacity = _border_opacity(points) * _facing(points, self._triangles)
        if self._settings.eyes == "blend":
            opacity[[topology.RIGHT_IRIS, topology.LEFT_IRIS]] = 0
        if self._settings.mouth == "target":
            # The line between closed lips is the target's; a smile's inner edges do not meet on a closed mouth.
            opacity[list(topology.INNER_LIPS)] = 0
        return PreparedMesh(tuple(textures), opacity.astype(np.float32), self._triangles)

    def swap(self, frame: Frame, face: TrackedFace, prepared: PreparedMesh) -> FacePatch | None:
        points = face.landmarks.points
        box = _clipped_box(points, frame.image.shape)
        if box is None:
            return None
        left, top, right, bottom = box
        target = frame.image[top:bottom, left:right]
        scale = min(1.0, self._settings.resolution / max(right - left, bottom - top))
        if scale < 1:
            size_wh = max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale))
            target = np.asarray(cv2.resize(target, size_wh, interpolation=cv2.INTER_AREA), np.uint8)
        height, width = target.shape[:2]
        crop_to_frame = _crop_to_frame(box, width, height)
        local = np.empty_like(points)
        local[:, :2] = geometry.apply(geometry.invert(crop_to_frame), points[:, :2])
        local[:, 2] = points[:, 2] * scale
        texture = _texture_for(prepared.textures, local)
        crop, mask = np.empty((height, width, 3), np.uint8), np.zeros((height, width), np.uint8)
        depth = np.empty((height, width), np.float32)
        opacity = prepared.opacity * far_side_opacity(face.yaw)
        draw_mesh(prepared.triangles, local, texture.points, texture.image, opacity, crop, mask, depth)
        crop[mask == 0] = 0
        if self._settings.light > 0 and mask.any():
            relight(crop, mask, light_map(crop, mask, target, self._settings.light))
            if face.known is not None and face.known.light is not None:
                shade(crop, mask, gains(face.known.light, local, mask, self._settings.light))
            crop = soften(crop, mask, target)
        if self._settings.sharpness > 0:
            crop = _sharpened(crop, self._settings.sharpness)
        return FacePatch(crop, mask, crop_to_frame)


def _sharpened(crop: Image, strength: float) -> Image:
    soft = cv2.GaussianBlur(crop, (0, 0), max(0.8, 0.006 * max(crop.shape[:2])))
    return np.asarray(cv2.addWeighted(crop, 1 + strength, soft, -strength, 0), np.uint8)


def _clipped_box(points: Floats, shape: tuple[int, ...]) -> tuple[int, int, int, int] | None:
    """The whole pixels round the points that lie in the frame, or None if there are fewer than 4 x 4."""
    x1, y1, x2, y2 = geometry.box_of(points)
    left, top = max(0, int(np.floor(x1)) - 1), max(0, int(np.floor(y1)) - 1)
    right, bottom = min(shape[1], int(np.ceil(x2)) + 2), min(shape[0], int(np.ceil(y2)) + 2)
    return (left, top, right, bottom) if right - left >= 4 and bottom - top >= 4 else None


def _crop_to_frame(box: tuple[int, int, int, int], width: int, height: int) -> Affine:
    left, top, right, bottom = box
    x, y = (right - left) / width, (bottom - top) / height
    return np.array([[x, 0, left + (x - 1) / 2], [0, y, top + (y - 1) / 2]], np.float64)


def _texture_for(textures: tuple[Texture, ...], points: Floats) -> Texture:
    """The smallest texture that is at least as large as the face on the screen."""
    rigid = list(topology.RIGID_POINTS)
    wanted = float(np.linalg.norm(points[rigid, :2] - points[rigid, :2].mean(0)))
    first = textures[0].points[rigid]
    scale = wanted / max(float(np.linalg.norm(first - first.mean(0))), 1e-6)
    step = int(np.floor(-2 * np.log2(max(scale, 1e-6))))
    return textures[min(max(step, 0), len(textures) - 1)]


def _smoothstep(value: Array) -> Array:
    x = np.clip(value, 0, 1)
    smooth: Array = x * x * (3 - 2 * x)
    return smooth


def _border_opacity(points: Floats) -> Array:
    """0 on the face oval, 1 a feather's width inside; distances are taken in space, so that a turned head feathers alike."""
    oval = points[list(topology.FACE_OVAL)]
    start, along = oval[:, None, :], (np.roll(oval, -1, axis=0) - oval)[:, None, :]
    share = np.clip(((points[None] - start) * along).sum(2) / (along**2).sum(2), 0, 1)
    distance = np.linalg.norm(points[None] - start - share[:, :, None] * along, axis=2).min(0)
    return _smoothstep(distance / (_FEATHER * _eye_distance(points)))


def _facing(points: Floats, triangles: Array) -> Array:
    """How far each point of the source faces the camera, 0 = seen from the side; what the photo does not show stays out."""
    a, b, c = (points[triangles[:, i]] for i in range(3))
    normal = np.cross(b - a, c - a)
    total = np.zeros((len(points), 3))
    for corner in range(3):
        np.add.at(total, triangles[:, corner], normal)
    towards = total[:, 2] / np.maximum(np.linalg.norm(total, axis=1), 1e-9)
    return _smoothstep((towards - 0.02) / 0.2)


def _eye_distance(points: Floats) -> float:
    first, second = topology.EYE_CORNERS
    return max(float(np.linalg.norm(points[first] - points[second])), 1e-6)


def _face_alpha(image: Image, points: Floats) -> Mask:
    """Where the photo shows the face itself: a fringe, hair over the temples and background are left out.

    Only the forehead and the sides are judged; brows, eyes and the middle below the nose (a beard belongs to the face) stay.
    """
    flat = points[:, :2]
    eye_distance = _eye_distance(points)
    sample = np.zeros(image.shape[:2], np.uint8)
    for cheek in (_RIGHT_CHEEK, _LEFT_CHEEK, _NOSE_BRIDGE):
        cv2.fillConvexPoly(sample, cv2.convexHull(flat[list(cheek)].round().astype(np.int32)), 255)
    skin = skin_confidence(image, sample, 0.03 * eye_distance)
    keep = np.zeros(image.shape[:2], np.uint8)
    for part in _KEPT:
        cv2.fillConvexPoly(keep, cv2.convexHull(flat[list(part)].round().astype(np.int32)), 255)
    soft = cv2.GaussianBlur(keep, (0, 0), max(0.5, 0.04 * eye_distance))
    return np.asarray(np.maximum(skin, soft), np.uint8)


_RIGHT_CHEEK = (118, 101, 205, 187, 123, 117)
_LEFT_CHEEK = (347, 330, 425, 411, 352, 346)
_NOSE_BRIDGE = (6, 197, 195, 5, 51, 281)
_RIGHT_BROW_AND_EYE = (70, 63, 105, 66, 107, 55, 193, 245, 128, 232, 230, 228, 31, 226, 46, 53)
_LEFT_BROW_AND_EYE = (300, 293, 334, 296, 336, 285, 417, 465, 357, 452, 450, 448, 261, 446, 276, 283)
# Without the outermost ring: along the jaw a turned head shows collar or background.
_LOWER_FACE = (
    6,
    50,
    280,
    123,
    352,
    147,
    376,
    213,
    433,
    192,
    416,
    135,
    364,
    169,
    394,
    170,
    395,
    140,
    369,
    171,
    396,
    175,
)
_KEPT = (_RIGHT_BROW_AND_EYE, _LEFT_BROW_AND_EYE, _LOWER_FACE)
