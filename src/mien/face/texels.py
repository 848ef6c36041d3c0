"""Texels: a face unwrapped from a picture to a square texture, and textures wrapped onto a face."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.face import landmark_sets
from mien.face.mean_face import face_model
from mien.imaging import geometry
from mien.imaging.area import area_means
from mien.imaging.arrays import locked
from mien.imaging.draw import draw_mask
from mien.imaging.kernels import kernel, kernel_part
from mien.types import Array, Floats, Image, Mask

SIDE = 128  # texels on a side of the textures of a tracked face


@dataclass(frozen=True, slots=True)
class TexelMap:
    """Positions of the texels of a square texture on the mesh.

    `corners` int32 (side, side, 3): the landmarks of the triangle that holds the texel; `weights` float32 (side, side, 3):
    their weights, all 0 beside the face. `triangle` int32 (side, side): its number, -1 for none.
    `triangles` int32 (t, 3): skin, eyes and inner mouth.
    """

    corners: npt.NDArray[np.int32]
    weights: Floats
    triangle: npt.NDArray[np.int32]
    triangles: npt.NDArray[np.int32]

    @property
    def inside(self) -> npt.NDArray[np.bool_]:
        """bool (side, side): texels that belong to the face."""
        return self.triangle >= 0


@cache
def texel_map(side: int = SIDE) -> TexelMap:
    """The map for textures of `side` texels; its arrays are shared and read-only."""
    triangles = np.concatenate(
        [
            landmark_sets.skin_triangles(),
            landmark_sets.fan(landmark_sets.RIGHT_EYE, landmark_sets.RIGHT_IRIS),
            landmark_sets.fan(landmark_sets.LEFT_EYE, landmark_sets.LEFT_IRIS),
            landmark_sets.strip(landmark_sets.INNER_LIPS),
        ]
    )
    corners = np.zeros((side, side, 3), np.int32)
    weights = np.zeros((side, side, 3), np.float32)
    number = np.full((side, side), -1, np.int32)
    points = np.ascontiguousarray(face_model().uv * np.float32(side) - np.float32(0.5), np.float32)
    _fill(triangles, points, corners, weights, number)
    made = TexelMap(corners, weights, number, triangles)
    for array in (corners, weights, number, triangles):
        locked(array)
    return made


def unwrap(image: Image, points: Floats, side: int = SIDE) -> Image:
    """Return the texture of the face with landmarks `points` (478, 3), BGR uint8 (side, side, 3), black beside the face.

    Texels outside the picture take the colour of its border. The picture is scaled down first when the face is much
    larger than the texture, so that no pixel is skipped.
    """
    texels = texel_map(side)
    height, width = image.shape[:2]
    x1, y1, x2, y2 = geometry.box_of(points)
    left, top = max(0, min(int(x1) - 2, width - 2)), max(0, min(int(y1) - 2, height - 2))
    right, bottom = max(left + 2, min(int(x2) + 3, width)), max(top + 2, min(int(y2) + 3, height))
    scale = min(1.0, 1.2 * side / max(x2 - x1, y2 - y1, 1.0))
    size_wh = max(2, round((right - left) * scale)), max(2, round((bottom - top) * scale))
    crop = area_means(image, (left, top, right, bottom), size_wh)
    ratio = np.array([size_wh[0] / (right - left), size_wh[1] / (bottom - top)], np.float32)
    local = np.ascontiguousarray((points[:, :2] - np.array([left, top], np.float32) + 0.5) * ratio - 0.5, np.float32)
    texture = np.zeros((side, side, 3), np.uint8)
    _sample(crop, local, texels.corners, texels.weights, texels.triangle, texture)
    return texture


def unwrap_mask(mask: Mask, points: Floats, side: int = SIDE) -> Mask:
    """Return the texture, uint8 (side, side), of a picture of one channel, uint8 (h, w).

    `points` (478, 2 or 3) are the landmarks in its pixels. 0 beside the face and where the picture shows nothing of it.
    """
    texels = texel_map(side)
    texture = np.zeros((side, side), np.uint8)
    places = np.ascontiguousarray(points[:, :2], np.float32)
    _sample_mask(np.ascontiguousarray(mask), places, texels.corners, texels.weights, texels.triangle, texture)
    return texture


def wrap(values: Mask, points: Floats, size_wh: tuple[int, int]) -> Mask:
    """Lay a texture of one channel, uint8 (side, side), on the face with landmarks `points` (478, 2 or 3).

    Return uint8 (h, w) for a picture of that size, 0 beside the face; of two layers of skin the larger value counts.
    """
    side = values.shape[0]
    texels = texel_map(side)
    drawn = np.zeros((size_wh[1], size_wh[0]), np.uint8)
    used = np.zeros(len(texels.triangles), np.bool_)
    _find_used(values, texels.triangle, used)
    uv = np.ascontiguousarray(face_model().uv * np.float32(side) - np.float32(0.5), np.float32)
    draw_mask(texels.triangles[used], np.ascontiguousarray(points[:, :2], np.float32), uv, values, drawn)
    return drawn


def facing(points: Floats, side: int = SIDE) -> Floats:
    """Return the facing of each texel's skin: 1 = towards the camera, 0 = from the side or away; float32 (side, side)."""
    texels = texel_map(side)
    found, towards = np.empty((side, side), np.float32), np.empty(len(texels.triangles), np.float32)
    _face(np.ascontiguousarray(points, np.float32), texels.triangles, texels.triangle, towards, found)
    return found


@kernel
def _find_used(values: Array, triangle: Array, used: Array) -> None:
    """Mark the triangles in which a texture, uint8 (side, side), has any value; `triangle` is a texel's number, -1 for none."""
    for y in range(values.shape[0]):
        for x in range(values.shape[1]):
            if values[y, x] > 0 and triangle[y, x] >= 0:
                used[triangle[y, x]] = True


@kernel
def _face(points: Array, triangles: Array, number: Array, towards: Array, found: Array) -> None:
    """Write the facing of each triangle to `towards`, and that of each texel's triangle to `found`; 0 beside the face."""
    for t in range(triangles.shape[0]):
        i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        first_x, first_y, first_z = points[j, 0] - points[i, 0], points[j, 1] - points[i, 1], points[j, 2] - points[i, 2]
        second_x, second_y, second_z = points[k, 0] - points[i, 0], points[k, 1] - points[i, 1], points[k, 2] - points[i, 2]
        across = first_y * second_z - first_z * second_y
        down = first_z * second_x - first_x * second_z
        depth = first_x * second_y - first_y * second_x
        length = np.sqrt(across * across + down * down + depth * depth)
        towards[t] = max(depth, np.float32(0)) / max(length, np.float32(1e-9))
    for v in range(number.shape[0]):
        for u in range(number.shape[1]):
            found[v, u] = towards[number[v, u]] if number[v, u] >= 0 else np.float32(0)


@kernel
def _fill(triangles: Array, points: Array, corners: Array, weights: Array, number: Array) -> None:
    side = number.shape[0]
    for t in range(triangles.shape[0]):
        i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, y0 = points[i, 0], points[i, 1]
        x1, y1 = points[j, 0], points[j, 1]
        x2, y2 = points[k, 0], points[k, 1]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if area < 1e-9:
            continue
        for y in range(max(0, int(np.ceil(min(y0, y1, y2)))), min(side - 1, int(np.floor(max(y0, y1, y2)))) + 1):
            for x in range(max(0, int(np.ceil(min(x0, x1, x2)))), min(side - 1, int(np.floor(max(x0, x1, x2)))) + 1):
                w1 = ((y2 - y0) * (x - x0) - (x2 - x0) * (y - y0)) / area
                w2 = (-(y1 - y0) * (x - x0) + (x1 - x0) * (y - y0)) / area
                w0 = 1.0 - w1 - w2
                if w0 < -1e-5 or w1 < -1e-5 or w2 < -1e-5:
                    continue
                number[y, x] = t
                corners[y, x, 0], corners[y, x, 1], corners[y, x, 2] = i, j, k
                weights[y, x, 0], weights[y, x, 1], weights[y, x, 2] = w0, w1, w2


@kernel_part
def _place(points: Array, corners: Array, weights: Array, v: int, u: int) -> tuple[Any, Any]:
    """Return the position of a texel among the points of its triangle."""
    x = np.float32(0.0)
    y = np.float32(0.0)
    for k in range(3):
        x += weights[v, u, k] * points[corners[v, u, k], 0]
        y += weights[v, u, k] * points[corners[v, u, k], 1]
    return x, y


@kernel
def _sample(crop: Array, points: Array, corners: Array, weights: Array, number: Array, texture: Array) -> None:
    height, width = crop.shape[0], crop.shape[1]
    for v in range(number.shape[0]):
        for u in range(number.shape[1]):
            if number[v, u] < 0:
                continue
            x, y = _place(points, corners, weights, v, u)
            x = min(max(x, np.float32(0.0)), np.float32(width - 1.001))
            y = min(max(y, np.float32(0.0)), np.float32(height - 1.001))
            i, j = int(y), int(x)
            fx, fy = x - np.float32(j), y - np.float32(i)
            for c in range(3):
                above_left, above_right = np.float32(crop[i, j, c]), np.float32(crop[i, j + 1, c])
                below_left, below_right = np.float32(crop[i + 1, j, c]), np.float32(crop[i + 1, j + 1, c])
                above = above_left + (above_right - above_left) * fx
                below = below_left + (below_right - below_left) * fx
                texture[v, u, c] = np.uint8(above + (below - above) * fy + np.float32(0.5))


@kernel
def _sample_mask(mask: Array, points: Array, corners: Array, weights: Array, number: Array, texture: Array) -> None:
    height, width = mask.shape
    for v in range(number.shape[0]):
        for u in range(number.shape[1]):
            if number[v, u] < 0:
                continue
            x, y = _place(points, corners, weights, v, u)
            if not (x >= 0 and y >= 0 and x <= width - 1 and y <= height - 1):
                continue
            i, j = min(int(y), height - 2), min(int(x), width - 2)
            fx, fy = x - np.float32(j), y - np.float32(i)
            above = mask[i, j] + (np.float32(mask[i, j + 1]) - mask[i, j]) * fx
            below = mask[i + 1, j] + (np.float32(mask[i + 1, j + 1]) - mask[i + 1, j]) * fx
            texture[v, u] = np.uint8(above + (below - above) * fy + np.float32(0.5))
