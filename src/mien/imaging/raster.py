"""Triangle rasteriser and pixel kernels, compiled by numba; all release the GIL and none allocates."""

from typing import Any

import numpy as np

from mien.imaging.kernels import kernel, kernel_part
from mien.types import Array


@kernel_part
def _span(points: Array, i: int, j: int, k: int, width: int, height: int, turned: bool) -> tuple[Any, ...]:
    """Where a triangle lies on the screen: its first corner (x, y), by how much the weights of its second and third corner grow
    from pixel to pixel along x and y, and the first and last pixel, left, right, top, bottom; none where it has no area or,
    unless `turned`, is seen from behind.
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
        x0, y0, a1, b1, a2, b2, left, right, top, bottom = _span(points, i, j, k, width, height, False)
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

    light is float32 (gh, gw, 13), a coarse map that spans the crop and is read bilinearly: the crop's own mean (3), the
    mean it shall have (3), what a unit of luma below (3) or above (3) the mean adds, and how much of the difference to the
    mean is kept before that (1).
    """
    height, width = mask.shape
    rows, columns = light.shape[0], light.shape[1]
    scale_y, scale_x = np.float32(rows / height), np.float32(columns / width)
    line = np.empty((columns, 13), np.float32)
    for y in range(height):
        gy = min(max((y + np.float32(0.5)) * scale_y - np.float32(0.5), np.float32(0.0)), np.float32(rows - 1))
        i = min(int(gy), rows - 2)
        fy = gy - np.float32(i)
        for k in range(columns):
            for c in range(13):
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
            luma = np.float32(0.114) * db + np.float32(0.587) * dg + np.float32(0.299) * dr
            side = 6 if luma < 0 else 9
            keep = line[j, 12] + (line[j + 1, 12] - line[j, 12]) * fx
            add_b = line[j, side] + (line[j + 1, side] - line[j, side]) * fx
            add_g = line[j, side + 1] + (line[j + 1, side + 1] - line[j, side + 1]) * fx
            add_r = line[j, side + 2] + (line[j + 1, side + 2] - line[j, side + 2]) * fx
            b = line[j, 3] + (line[j + 1, 3] - line[j, 3]) * fx + db * keep + luma * add_b + np.float32(0.5)
            g = line[j, 4] + (line[j + 1, 4] - line[j, 4]) * fx + dg * keep + luma * add_g + np.float32(0.5)
            r = line[j, 5] + (line[j + 1, 5] - line[j, 5]) * fx + dr * keep + luma * add_r + np.float32(0.5)
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


@kernel
def spread(places: Array, moves: Array, step_xy: tuple[float, float], near: float, margin: float, nodes: Array) -> None:
    """Spread moves of single places over a grid: means weighted by 1 / (distance^2 + near^2)^2 (Shepard 1968), negated.

    places and moves are float32 (n, 2); nodes float32 (rows, columns, 2), `step_xy` apart from (0, 0), is filled with what
    takes a node back to where its content comes from. Within `margin` of the grid's border the moves fall smoothly to 0.
    """
    rows, columns = nodes.shape[0], nodes.shape[1]
    width, height = (columns - 1) * step_xy[0], (rows - 1) * step_xy[1]
    least = np.float32(near * near)
    for i in range(rows):
        y = np.float32(i * step_xy[1])
        v = min(max(min(y, height - y) / margin, 0.0), 1.0)
        for j in range(columns):
            x = np.float32(j * step_xy[0])
            u = min(max(min(x, width - x) / margin, 0.0), 1.0)
            fade = u * u * (3.0 - 2.0 * u) * v * v * (3.0 - 2.0 * v)
            total, move_x, move_y = np.float32(0.0), np.float32(0.0), np.float32(0.0)
            for k in range(places.shape[0]):
                dx, dy = x - places[k, 0], y - places[k, 1]
                near_by = np.float32(1.0) / (dx * dx + dy * dy + least)
                weight = near_by * near_by
                total += weight
                move_x += weight * moves[k, 0]
                move_y += weight * moves[k, 1]
            nodes[i, j, 0] = -fade * move_x / total
            nodes[i, j, 1] = -fade * move_y / total


@kernel
def follow(points: Array, nodes: Array, step_xy: tuple[float, float]) -> None:
    """Move points float32 (n, 2), in place, to where a picture bent by `nodes` shows what was at them.

    nodes is the grid of `spread`, read bilinearly; points count from its first node. The backward field is inverted by
    fixed point iteration.
    """
    rows, columns = nodes.shape[0], nodes.shape[1]
    for k in range(points.shape[0]):
        start_x, start_y = points[k, 0], points[k, 1]
        for _ in range(4):
            x, y = points[k, 0] / step_xy[0], points[k, 1] / step_xy[1]
            if x < 0 or y < 0 or x > columns - 1 or y > rows - 1:
                break
            j, i = min(int(x), columns - 2), min(int(y), rows - 2)
            fx, fy = x - j, y - i
            for c in range(2):
                upper = nodes[i, j, c] + (nodes[i, j + 1, c] - nodes[i, j, c]) * fx
                lower = nodes[i + 1, j, c] + (nodes[i + 1, j + 1, c] - nodes[i + 1, j, c]) * fx
                points[k, c] = (start_x if c == 0 else start_y) - (upper + (lower - upper) * fy)


@kernel
def draw_mask(triangles: Array, points: Array, texture_points: Array, texture: Array, values: Array) -> None:
    """Draw a one-channel texture, uint8 (th, tw), through a mesh into `values`, uint8 (h, w); the larger value stays.

    triangles int32 (t, 3); points float32 (n, 2) in pixels of `values`; texture_points float32 (n, 2) in pixels of
    `texture`. Triangles that turn counter-clockwise on the screen (seen from behind) are left out.
    """
    height, width = values.shape
    texture_h, texture_w = texture.shape
    for t in range(triangles.shape[0]):
        i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, y0, a1, b1, a2, b2, left, right, top, bottom = _span(points, i, j, k, width, height, False)
        for y in range(top, bottom + 1):
            dy = np.float32(y) - y0
            for x in range(left, right + 1):
                dx = np.float32(x) - x0
                w1 = a1 * dx + b1 * dy
                w2 = a2 * dx + b2 * dy
                w0 = np.float32(1.0) - w1 - w2
                if w0 < -1e-5 or w1 < -1e-5 or w2 < -1e-5:
                    continue
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
    """Draw the numbers of a texture into `values` where the mesh covers it, the nearest triangle in front.

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
                u, v = min(max(u, np.float32(0)), last_x), min(max(v, np.float32(0)), last_y)
                ui, vi = int(u), int(v)
                fu, fv = u - np.float32(ui), v - np.float32(vi)
                for c in range(3):
                    above = texture[vi, ui, c] + (texture[vi, ui + 1, c] - texture[vi, ui, c]) * fu
                    below = texture[vi + 1, ui, c] + (texture[vi + 1, ui + 1, c] - texture[vi + 1, ui, c]) * fu
                    values[y, x, c] = above + (below - above) * fv


@kernel
def shade(crop: Array, mask: Array, gain: Array) -> None:
    """Multiply `crop` uint8 (h, w, 3) by `gain` float32 (gh, gw, 3), read bilinearly over the whole crop, where mask > 0."""
    height, width = mask.shape
    rows, columns = gain.shape[0], gain.shape[1]
    scale_y, scale_x = np.float32(rows / height), np.float32(columns / width)
    line = np.empty((columns, 3), np.float32)
    for y in range(height):
        gy = min(max((y + np.float32(0.5)) * scale_y - np.float32(0.5), np.float32(0.0)), np.float32(rows - 1))
        i = min(int(gy), rows - 2)
        fy = gy - np.float32(i)
        for k in range(columns):
            for c in range(3):
                line[k, c] = gain[i, k, c] + (gain[i + 1, k, c] - gain[i, k, c]) * fy
        for x in range(width):
            if mask[y, x] == 0:
                continue
            gx = min(max((x + np.float32(0.5)) * scale_x - np.float32(0.5), np.float32(0.0)), np.float32(columns - 1))
            j = min(int(gx), columns - 2)
            fx = gx - np.float32(j)
            for c in range(3):
                value = crop[y, x, c] * (line[j, c] + (line[j + 1, c] - line[j, c]) * fx) + np.float32(0.5)
                crop[y, x, c] = int(min(max(value, np.float32(0.0)), np.float32(255.0)))


@kernel
def speckle(crop: Array, mask: Array, tile: Array, left: int, top: int, luma: float, chroma: float) -> None:
    """Add noise to `crop` uint8 (h, w, 3), in place where mask > 0.

    tile is int8 (side, side, 3), side a power of two: 32 = one standard deviation of luma, of blue and of red against luma;
    it is laid with its pixel (left, top) on the crop's corner and repeats. luma, chroma: standard deviations in levels.
    """
    height, width = mask.shape
    wrap = tile.shape[0] - 1
    strong, weak = np.float32(luma / 32), np.float32(chroma / 32)
    for y in range(height):
        row = (y + top) & wrap
        for x in range(width):
            if mask[y, x] == 0:
                continue
            column = (x + left) & wrap
            grey = tile[row, column, 0] * strong + np.float32(0.5)
            blue, red = tile[row, column, 1] * weak, tile[row, column, 2] * weak
            green = np.float32(-0.194) * blue - np.float32(0.509) * red
            crop[y, x, 0] = int(min(max(crop[y, x, 0] + grey + blue, np.float32(0.0)), np.float32(255.0)))
            crop[y, x, 1] = int(min(max(crop[y, x, 1] + grey + green, np.float32(0.0)), np.float32(255.0)))
            crop[y, x, 2] = int(min(max(crop[y, x, 2] + grey + red, np.float32(0.0)), np.float32(255.0)))


@kernel
def smear(crop: Array, mask: Array, x_by: float, y_by: float, result: Array, cover: Array) -> None:
    """The mean of `crop` uint8 (h, w, c) and `mask` uint8 (h, w) along a line of (x_by, y_by) pixels, its middle at each pixel.

    `result` and `cover` are of the same shapes. Pixels whose mask is 0 hold no colour and do not count in that of others.
    """
    height, width = mask.shape
    taps = int(max(abs(x_by), abs(y_by)) + 1.5)
    for y in range(height):
        for x in range(width):
            for c in range(crop.shape[2]):
                count, total, opacity = 0, 0, 0
                for t in range(taps):
                    share = (t + 0.5) / taps - 0.5
                    i, j = int(np.floor(y + share * y_by + 0.5)), int(np.floor(x + share * x_by + 0.5))
                    if 0 <= i < height and 0 <= j < width and mask[i, j] > 0:
                        total += crop[i, j, c]
                        opacity += mask[i, j]
                        count += 1
                cover[y, x] = opacity // taps
                result[y, x, c] = (total + count // 2) // max(count, 1)


@kernel
def carry_values(triangles: Array, points: Array, values: Array, out: Array) -> None:
    """Write what the corners of a flat mesh carry, interpolated, into `out` float32 (h, w, k), in place.

    triangles int32 (t, 3), points float32 (n, 2) in pixels of `out`, values float32 (n, k). Pixels outside stay as they
    are; triangles of either winding are drawn, the last one wins.
    """
    height, width, count = out.shape
    for t in range(triangles.shape[0]):
        i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, y0, a1, b1, a2, b2, left, right, top, bottom = _span(points, i, j, k, width, height, True)
        for y in range(top, bottom + 1):
            dy = np.float32(y) - y0
            for x in range(left, right + 1):
                dx = np.float32(x) - x0
                w1 = a1 * dx + b1 * dy
                w2 = a2 * dx + b2 * dy
                w0 = np.float32(1.0) - w1 - w2
                if w0 < -1e-5 or w1 < -1e-5 or w2 < -1e-5:
                    continue
                for c in range(count):
                    out[y, x, c] = w0 * values[i, c] + w1 * values[j, c] + w2 * values[k, c]


@kernel
def mix_textures(own: Array, own_gain: Array, other_gain: Array, shares: Array, rest: Array, out: Array) -> None:
    """Blend a texture with its own mirror picture and a smooth rest into `out` BGRA uint8 (h, w, 4), in place.

    own uint8 (h, w, 3); the coarse maps are float32 (gh, gw, ...), span the texture and are read bilinearly: own_gain and
    other_gain (3) multiply the texture and its mirror picture, shares (3) are how much of texture, mirror picture and rest
    is taken and how opaque the texel is, rest (3) is BGR. The rest takes what the first two shares leave.
    """
    height, width = out.shape[0], out.shape[1]
    rows, columns = rest.shape[0], rest.shape[1]
    scale_y, scale_x = np.float32(rows / height), np.float32(columns / width)
    line = np.empty((columns, 12), np.float32)
    for y in range(height):
        gy = min(max((y + np.float32(0.5)) * scale_y - np.float32(0.5), np.float32(0.0)), np.float32(rows - 1))
        i = min(int(gy), rows - 2)
        fy = gy - np.float32(i)
        for k in range(columns):
            for c in range(3):
                line[k, c] = own_gain[i, k, c] + (own_gain[i + 1, k, c] - own_gain[i, k, c]) * fy
                line[k, 3 + c] = other_gain[i, k, c] + (other_gain[i + 1, k, c] - other_gain[i, k, c]) * fy
                line[k, 6 + c] = shares[i, k, c] + (shares[i + 1, k, c] - shares[i, k, c]) * fy
                line[k, 9 + c] = rest[i, k, c] + (rest[i + 1, k, c] - rest[i, k, c]) * fy
        for x in range(width):
            gx = min(max((x + np.float32(0.5)) * scale_x - np.float32(0.5), np.float32(0.0)), np.float32(columns - 1))
            j = min(int(gx), columns - 2)
            fx = gx - np.float32(j)
            first = line[j, 6] + (line[j + 1, 6] - line[j, 6]) * fx
            second = line[j, 7] + (line[j + 1, 7] - line[j, 7]) * fx
            cover = line[j, 8] + (line[j + 1, 8] - line[j, 8]) * fx
            for c in range(3):
                value = first * own[y, x, c] * (line[j, c] + (line[j + 1, c] - line[j, c]) * fx)
                value += second * own[y, width - 1 - x, c] * (line[j, 3 + c] + (line[j + 1, 3 + c] - line[j, 3 + c]) * fx)
                value += (1 - first - second) * (line[j, 9 + c] + (line[j + 1, 9 + c] - line[j, 9 + c]) * fx)
                out[y, x, c] = int(min(max(value + np.float32(0.5), np.float32(0.0)), np.float32(255.0)))
            out[y, x, 3] = int(min(max(cover * 255 + np.float32(0.5), np.float32(0.0)), np.float32(255.0)))
