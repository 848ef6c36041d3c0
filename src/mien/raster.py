"""Triangle rasteriser and pixel kernels, compiled by numba; all release the GIL and none allocates."""

import numpy as np

from mien.kernel import kernel
from mien.types import Array


@kernel
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
    (n, 2) in pixels of `texture`, BGRA uint8; opacity float32 (n,), 0..1, multiplied with the texture's alpha; crop uint8
    (h, w, 3); mask uint8 (h, w), at least 1 wherever the mesh is drawn; depth float32 (h, w), filled here.
    Triangles that turn counter-clockwise on the screen (seen from behind) are left out.
    """
    height, width = mask.shape
    texture_h, texture_w = texture.shape[0], texture.shape[1]
    depth[:, :] = np.float32(3e38)
    for t in range(triangles.shape[0]):
        i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, y0 = points[i, 0], points[i, 1]
        x1, y1 = points[j, 0], points[j, 1]
        x2, y2 = points[k, 0], points[k, 1]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if area < 1e-6:
            continue
        left = max(0, int(np.ceil(min(x0, x1, x2))))
        right = min(width - 1, int(np.floor(max(x0, x1, x2))))
        top = max(0, int(np.ceil(min(y0, y1, y2))))
        bottom = min(height - 1, int(np.floor(max(y0, y1, y2))))
        if left > right or top > bottom:
            continue
        inverse = np.float32(1.0) / area
        # Weights of the corners grow by a constant from pixel to pixel.
        a1, b1 = (y2 - y0) * inverse, -(x2 - x0) * inverse
        a2, b2 = -(y1 - y0) * inverse, (x1 - x0) * inverse
        for y in range(top, bottom + 1):
            dy = np.float32(y) - y0
            for x in range(left, right + 1):
                dx = np.float32(x) - x0
                w1 = a1 * dx + b1 * dy
                w2 = a2 * dx + b2 * dy
                w0 = np.float32(1.0) - w1 - w2
                if w0 < -1e-5 or w1 < -1e-5 or w2 < -1e-5:
                    continue
                z = w0 * points[i, 2] + w1 * points[j, 2] + w2 * points[k, 2]
                if z >= depth[y, x]:
                    continue
                depth[y, x] = z
                u = w0 * texture_points[i, 0] + w1 * texture_points[j, 0] + w2 * texture_points[k, 0]
                v = w0 * texture_points[i, 1] + w1 * texture_points[j, 1] + w2 * texture_points[k, 1]
                u = min(max(u, np.float32(0.0)), np.float32(texture_w - 1.001))
                v = min(max(v, np.float32(0.0)), np.float32(texture_h - 1.001))
                ui, vi = int(u), int(v)
                fu, fv = int((u - ui) * 256 + np.float32(0.5)), int((v - vi) * 256 + np.float32(0.5))
                w_tl, w_tr = (256 - fu) * (256 - fv), fu * (256 - fv)
                w_bl, w_br = (256 - fu) * fv, fu * fv
                for c in range(3):
                    value = (
                        texture[vi, ui, c] * w_tl
                        + texture[vi, ui + 1, c] * w_tr
                        + texture[vi + 1, ui, c] * w_bl
                        + texture[vi + 1, ui + 1, c] * w_br
                    )
                    crop[y, x, c] = (value + 32768) >> 16
                alpha = (
                    texture[vi, ui, 3] * w_tl
                    + texture[vi, ui + 1, 3] * w_tr
                    + texture[vi + 1, ui, 3] * w_bl
                    + texture[vi + 1, ui + 1, 3] * w_br
                ) * np.float32(1 / 65536)
                cover = (w0 * opacity[i] + w1 * opacity[j] + w2 * opacity[k]) * alpha
                mask[y, x] = int(min(max(cover, np.float32(1.0)), np.float32(255.0)) + np.float32(0.5))


@kernel
def relight(crop: Array, mask: Array, light: Array) -> None:
    """Give `crop` uint8 (h, w, 3) another light, in place where mask > 0.

    light is float32 (gh, gw, 12), a coarse map that spans the crop and is read bilinearly: the crop's own mean (3), the
    mean it shall have (3), and how much of the difference to the mean is kept where the crop is darker (3) or brighter (3).
    """
    height, width = mask.shape
    rows, columns = light.shape[0], light.shape[1]
    scale_y, scale_x = np.float32(rows / height), np.float32(columns / width)
    line = np.empty((columns, 12), np.float32)
    for y in range(height):
        gy = min(max((y + np.float32(0.5)) * scale_y - np.float32(0.5), np.float32(0.0)), np.float32(rows - 1))
        i = min(int(gy), rows - 2)
        fy = gy - np.float32(i)
        for k in range(columns):
            for c in range(12):
                line[k, c] = light[i, k, c] + (light[i + 1, k, c] - light[i, k, c]) * fy
        for x in range(width):
            if mask[y, x] == 0:
                continue
            gx = min(max((x + np.float32(0.5)) * scale_x - np.float32(0.5), np.float32(0.0)), np.float32(columns - 1))
            j = min(int(gx), columns - 2)
            fx = gx - np.float32(j)
            db = crop[y, x, 0] - (line[j, 0] + (line[j + 1, 0] - line[j, 0]) * fx)
            dg = crop[y, x, 1] - (line[j, 1] + (line[j + 1, 1] - line[j, 1]) * fx)
            dr = crop[y, x, 2] - (line[j, 2] + (line[j + 1, 2] - line[j, 2]) * fx)
            side = 6 if db + 4 * dg + 2 * dr < 0 else 9
            keep_b = line[j, side] + (line[j + 1, side] - line[j, side]) * fx
            keep_g = line[j, side + 1] + (line[j + 1, side + 1] - line[j, side + 1]) * fx
            keep_r = line[j, side + 2] + (line[j + 1, side + 2] - line[j, side + 2]) * fx
            b = line[j, 3] + (line[j + 1, 3] - line[j, 3]) * fx + db * keep_b + np.float32(0.5)
            g = line[j, 4] + (line[j + 1, 4] - line[j, 4]) * fx + dg * keep_g + np.float32(0.5)
            r = line[j, 5] + (line[j + 1, 5] - line[j, 5]) * fx + dr * keep_r + np.float32(0.5)
            crop[y, x, 0] = int(min(max(b, np.float32(0.0)), np.float32(255.0)))
            crop[y, x, 1] = int(min(max(g, np.float32(0.0)), np.float32(255.0)))
            crop[y, x, 2] = int(min(max(r, np.float32(0.0)), np.float32(255.0)))


@kernel
def recolour(crop: Array, mask: Array, colours: Array, crop_to_grid: Array) -> None:
    """Multiply and shift the colours of `crop` uint8 (h, w, 3), in place where mask > 0.

    colours is float32 (gh, gw, 6), read bilinearly: the gain of each channel (3), then what is added in levels (3);
    crop_to_grid float32 (2, 3) leads from crop pixels to grid cells, without rotation.
    """
    height, width = mask.shape
    rows, columns = colours.shape[0], colours.shape[1]
    line = np.empty((columns, 6), np.float32)
    for y in range(height):
        gy = min(max(crop_to_grid[1, 1] * y + crop_to_grid[1, 2], np.float32(0.0)), np.float32(rows - 1))
        i = min(int(gy), rows - 2)
        fy = gy - np.float32(i)
        for k in range(columns):
            for c in range(6):
                line[k, c] = colours[i, k, c] + (colours[i + 1, k, c] - colours[i, k, c]) * fy
        for x in range(width):
            if mask[y, x] == 0:
                continue
            gx = min(max(crop_to_grid[0, 0] * x + crop_to_grid[0, 2], np.float32(0.0)), np.float32(columns - 1))
            j = min(int(gx), columns - 2)
            fx = gx - np.float32(j)
            for c in range(3):
                gain = line[j, c] + (line[j + 1, c] - line[j, c]) * fx
                added = line[j, c + 3] + (line[j + 1, c + 3] - line[j, c + 3]) * fx
                value = crop[y, x, c] * gain + added + np.float32(0.5)
                crop[y, x, c] = int(min(max(value, np.float32(0.0)), np.float32(255.0)))


@kernel
def blend(image: Array, crop: Array, mask: Array, left: int, top: int, opacity: int) -> None:
    """Lay `crop` over `image` in place, its top left pixel at (left, top), clipped to the image.

    `mask` uint8 and `opacity` 0..256 multiply; the arithmetic is exact at both ends: mask 0 leaves the pixel as it is.
    """
    height, width = image.shape[0], image.shape[1]
    for y in range(max(0, -top), min(mask.shape[0], height - top)):
        for x in range(max(0, -left), min(mask.shape[1], width - left)):
            m = (mask[y, x] * opacity + 128) >> 8
            if m == 0:
                continue
            m += m >> 7
            for c in range(3):
                old = image[top + y, left + x, c]
                image[top + y, left + x, c] = (old * (256 - m) + crop[y, x, c] * m + 128) >> 8
