"""Triangle rasteriser, compiled by numba; the kernels release the GIL and allocate nothing."""

from typing import Any

import cv2
import numpy as np

from mien.imaging.kernels import kernel, kernel_part
from mien.types import Array

_SLACK = 1e-3  # pixels that a row reaches beyond a triangle: rounding must leave no gap between two


@kernel_part
def _span(points: Array, i: int, j: int, k: int, width: int, height: int, turned: bool) -> tuple[Any, ...]:
    """Return the place of a triangle on the screen.

    First corner (x, y), growth of the weights of the second and third corner from pixel to pixel along x and y, then the first
    and last pixel: left, right, top, bottom; none if the triangle has no area or, unless `turned`, is seen from behind.
    """
    x0, y0 = points[i, 0], points[i, 1]
    x1, y1 = points[j, 0], points[j, 1]
    x2, y2 = points[k, 0], points[k, 1]
    area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
    seen = abs(area) >= 1e-6 if turned else area >= 1e-6
    inverse = np.float32(1.0) / area if seen else np.float32(0.0)
    left = max(0, int(np.ceil(min(x0, x1, x2))))
    right = min(width - 1, int(np.floor(max(x0, x1, x2))))
    top = max(0, int(np.ceil(min(y0, y1, y2))))
    bottom = min(height - 1, int(np.floor(max(y0, y1, y2)))) if seen else top - 1
    return (
        x0, y0, (y2 - y0) * inverse, -(x2 - x0) * inverse, -(y1 - y0) * inverse, (x1 - x0) * inverse, left, right, top, bottom
    )  # fmt: skip


@kernel_part
def _pixels(w1: float, w2: float, a1: float, a2: float, x0: float, left: int, right: int) -> tuple[int, int]:
    """Return the first and the last pixel of a row that lie in a triangle; none when the last comes first.

    w1 and w2 are the weights of its second and third corner in the row at the column `x0` of the first.
    """
    low, high = np.float32(left), np.float32(right)
    for weight, growth in ((np.float32(1) - w1 - w2, -a1 - a2), (w1, a1), (w2, a2)):
        edge = x0 - weight / growth if growth != 0 else np.float32(0)
        if growth > 0:
            low = max(low, edge - np.float32(_SLACK))
        elif growth < 0:
            high = min(high, edge + np.float32(_SLACK))
        elif weight < 0:
            high = low - 1
    return int(np.ceil(low)), int(np.floor(high))


def draw_mesh(
    triangles: Array,
    points: Array,
    texture_points: Array,
    texture: Array,
    opacity: Array,
    crop: Array,
    mask: Array,
    depth: Array,
) -> None:
    """Draw a textured mesh into `crop` and its opacity into `mask`.

    triangles int32 (t, 3); points float32 (n, 3), x and y in crop pixels, z smaller = nearer; texture_points float32
    (n, 2) in pixels of `texture`, BGRA uint8, less than 32,767 pixels a side; opacity float32 (n,), 0..1, multiplied with
    the texture's alpha; crop uint8 (h, w, 3); mask uint8 (h, w), at least 1 wherever the mesh is drawn; depth float32 (h, w),
    filled here. Triangles that run counter-clockwise on the screen (seen from behind) are skipped; all numbers are finite.
    """
    if not depth.size:
        return
    u, v, cover = np.zeros((3, *depth.shape), np.float32)
    corners = np.column_stack([points[:, 2], texture_points, opacity]).astype(np.float32)
    _rasterise(triangles, points, corners, depth, u, v, cover)
    drawn = cv2.remap(texture, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    _take(drawn, depth, cover, crop, mask)


@kernel
def _rasterise(triangles: Array, points: Array, corners: Array, depth: Array, u: Array, v: Array, cover: Array) -> None:
    """Write depth, texel and opacity of the nearest triangle at each pixel, float32 (h, w), which `corners` (n, 4) has."""
    height, width = depth.shape
    depth[:, :] = np.float32(3e38)
    for t in range(triangles.shape[0]):
        i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, y0, a1, b1, a2, b2, left, right, top, bottom = _span(points, i, j, k, width, height, False)
        z0, u0, v0, o0 = corners[i, 0], corners[i, 1], corners[i, 2], corners[i, 3]
        z1, u1, v1, o1 = corners[j, 0] - z0, corners[j, 1] - u0, corners[j, 2] - v0, corners[j, 3] - o0
        z2, u2, v2, o2 = corners[k, 0] - z0, corners[k, 1] - u0, corners[k, 2] - v0, corners[k, 3] - o0
        zx, ux, vx, ox = a1 * z1 + a2 * z2, a1 * u1 + a2 * u2, a1 * v1 + a2 * v2, a1 * o1 + a2 * o2
        for y in range(top, bottom + 1):
            dy = np.float32(y) - y0
            w1, w2 = b1 * dy, b2 * dy
            first, last = _pixels(w1, w2, a1, a2, x0, left, right)
            zy, uy, vy, oy = z0 + w1 * z1 + w2 * z2, u0 + w1 * u1 + w2 * u2, v0 + w1 * v1 + w2 * v2, o0 + w1 * o1 + w2 * o2
            for x in range(first, last + 1):
                dx = np.float32(x) - x0
                z = zy + zx * dx
                if z < depth[y, x]:
                    depth[y, x] = z
                    u[y, x], v[y, x], cover[y, x] = uy + ux * dx, vy + vx * dx, oy + ox * dx


@kernel
def _take(drawn: Array, depth: Array, cover: Array, crop: Array, mask: Array) -> None:
    """Take what was drawn, uint8 (h, w, 4), into crop and mask."""
    for y in range(mask.shape[0]):
        for x in range(mask.shape[1]):
            if depth[y, x] > np.float32(1e38):
                continue
            for c in range(3):
                crop[y, x, c] = drawn[y, x, c]
            opacity = min(max(cover[y, x] * np.float32(drawn[y, x, 3]), np.float32(1)), np.float32(255))
            mask[y, x] = np.uint8(np.int32(opacity + np.float32(0.5)))


@kernel
def mark_steps(depth: Array, step: float, edges: Array) -> None:
    """Write 255 to `edges`, uint8 (h, w), beside each step in depth of more than `step`, 0 elsewhere.

    depth float32 (h, w) as `draw_mesh` fills it; where nothing was drawn there is no step.
    """
    height, width = depth.shape
    edges[:, :] = 0
    for y in range(height - 1):
        for x in range(width - 1):
            here = depth[y, x]
            if here > 1e38:
                continue
            for other_y, other_x in ((y, x + 1), (y + 1, x)):
                there = depth[other_y, other_x]
                if there < 1e38 and abs(here - there) > step:
                    edges[y, x], edges[other_y, other_x] = 255, 255


@kernel
def draw_mask(triangles: Array, points: Array, texture_points: Array, texture: Array, values: Array) -> None:
    """Draw a one-channel texture, uint8 (th, tw), through a mesh into `values`, uint8 (h, w); the larger value stays.

    triangles int32 (t, 3); points float32 (n, 2) in pixels of `values`; texture_points float32 (n, 2) in pixels of
    `texture`. Triangles that run counter-clockwise on the screen (seen from behind) are skipped.
    """
    height, width = values.shape
    texture_h, texture_w = texture.shape
    for t in range(triangles.shape[0]):
        i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, y0, a1, b1, a2, b2, left, right, top, bottom = _span(points, i, j, k, width, height, False)
        for y in range(top, bottom + 1):
            dy = np.float32(y) - y0
            first, last = _pixels(b1 * dy, b2 * dy, a1, a2, x0, left, right)
            for x in range(first, last + 1):
                dx = np.float32(x) - x0
                w1 = a1 * dx + b1 * dy
                w2 = a2 * dx + b2 * dy
                w0 = np.float32(1.0) - w1 - w2
                u = w0 * texture_points[i, 0] + w1 * texture_points[j, 0] + w2 * texture_points[k, 0]
                v = w0 * texture_points[i, 1] + w1 * texture_points[j, 1] + w2 * texture_points[k, 1]
                u = min(max(u, np.float32(0.0)), np.float32(texture_w - 1.001))
                v = min(max(v, np.float32(0.0)), np.float32(texture_h - 1.001))
                ui, vi = int(u), int(v)
                fu, fv = u - np.float32(ui), v - np.float32(vi)
                above = texture[vi, ui] + (np.float32(texture[vi, ui + 1]) - texture[vi, ui]) * fu
                below = texture[vi + 1, ui] + (np.float32(texture[vi + 1, ui + 1]) - texture[vi + 1, ui]) * fu
                value = int(above + (below - above) * fv + np.float32(0.5))
                values[y, x] = max(values[y, x], value)


@kernel
def draw_values(triangles: Array, points: Array, texture_points: Array, texture: Array, values: Array, depth: Array) -> None:
    """Draw the values of a texture into `values` where the mesh covers it, the nearest triangle in front.

    triangles int32 (t, 3); points float32 (n, 3) in pixels of `values`; texture_points float32 (n, 2) in texels; texture
    float32 (side, side, 3); values float32 (h, w, 3), left as it is beside the mesh; depth float32 (h, w), filled here:
    above 1e38 where nothing was drawn.
    """
    height, width = depth.shape
    last_x, last_y = np.float32(texture.shape[1] - 1.001), np.float32(texture.shape[0] - 1.001)
    depth[:, :] = np.float32(3e38)
    for t in range(triangles.shape[0]):
        i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, y0, a1, b1, a2, b2, left, right, top, bottom = _span(points, i, j, k, width, height, False)
        for y in range(top, bottom + 1):
            dy = np.float32(y) - y0
            first, last = _pixels(b1 * dy, b2 * dy, a1, a2, x0, left, right)
            for x in range(first, last + 1):
                dx = np.float32(x) - x0
                w1 = a1 * dx + b1 * dy
                w2 = a2 * dx + b2 * dy
                w0 = np.float32(1.0) - w1 - w2
                z = w0 * points[i, 2] + w1 * points[j, 2] + w2 * points[k, 2]
                if z >= depth[y, x]:
                    continue
                depth[y, x] = z
                u = w0 * texture_points[i, 0] + w1 * texture_points[j, 0] + w2 * texture_points[k, 0]
                v = w0 * texture_points[i, 1] + w1 * texture_points[j, 1] + w2 * texture_points[k, 1]
                u, v = min(max(u, np.float32(0)), last_x), min(max(v, np.float32(0)), last_y)
                ui, vi = int(u), int(v)
                fu, fv = u - np.float32(ui), v - np.float32(vi)
                for c in range(3):
                    above = texture[vi, ui, c] + (texture[vi, ui + 1, c] - texture[vi, ui, c]) * fu
                    below = texture[vi + 1, ui, c] + (texture[vi + 1, ui + 1, c] - texture[vi + 1, ui, c]) * fu
                    values[y, x, c] = above + (below - above) * fv


@kernel
def carry_values(triangles: Array, points: Array, values: Array, out: Array) -> None:
    """Interpolate the values at the corners of a flat mesh into `out` float32 (h, w, k), in place.

    triangles int32 (t, 3), points float32 (n, 2) in pixels of `out`, values float32 (n, k). Pixels outside stay as they
    are; triangles of either winding are drawn, the last one wins.
    """
    height, width, count = out.shape
    for t in range(triangles.shape[0]):
        i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, y0, a1, b1, a2, b2, left, right, top, bottom = _span(points, i, j, k, width, height, True)
        for y in range(top, bottom + 1):
            dy = np.float32(y) - y0
            first, last = _pixels(b1 * dy, b2 * dy, a1, a2, x0, left, right)
            for x in range(first, last + 1):
                dx = np.float32(x) - x0
                w1 = a1 * dx + b1 * dy
                w2 = a2 * dx + b2 * dy
                w0 = np.float32(1.0) - w1 - w2
                for c in range(count):
                    out[y, x, c] = w0 * values[i, c] + w1 * values[j, c] + w2 * values[k, c]
