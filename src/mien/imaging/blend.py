"""Pixel kernels that blend, relight and grain a crop, compiled by numba; they release the GIL."""

import numpy as np

from mien.imaging.kernels import kernel, kernel_part
from mien.types import Array


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
def add_levels(image: Array, levels: Array) -> None:
    """Add `levels` int8 (h, n) to `image` uint8 (h, n), in place; the sums stop at 0 and 255."""
    low, high = np.int16(0), np.int16(255)  # numba would compute in 64 bits, four times as slowly
    for y in range(image.shape[0]):
        row, added = image[y], levels[y]
        for i in range(row.shape[0]):
            row[i] = min(max(np.int16(np.int16(row[i]) + np.int16(added[i])), low), high)


@kernel
def relight(crop: Array, mask: Array, light: Array) -> None:
    """Relight `crop` uint8 (h, w, 3), in place where mask > 0.

    light is float32 (gh, gw, 13), a coarse map that spans the crop and is read bilinearly: the crop's own mean (3), the
    wanted mean (3), the addition for each unit of luma below (3) and above (3) the mean, and the share of the difference to
    the mean that is kept before that (1).
    """
    height, width = mask.shape
    rows = light.shape[0]
    scale_y = np.float32(rows / height)
    half, low, high = np.float32(0.5), np.float32(0.0), np.float32(255.0)
    wide, new = np.empty((rows, 13, width), np.float32), np.empty((3, width), np.float32)
    _widen(light, wide)
    for y in range(height):
        gy = min(max((np.float32(y) + half) * scale_y - half, low), np.float32(rows - 1))
        i = min(int(gy), rows - 2)
        fy = gy - np.float32(i)
        above, below = wide[i], wide[i + 1]
        for x in range(width):
            for c in range(3):
                new[c, x] = np.float32(crop[y, x, c])
        # Loops over float32 alone are vectorised, when their channels are written out: pixels not drawn are computed, too.
        for x in range(width):
            db = new[0, x] - (above[0, x] + (below[0, x] - above[0, x]) * fy)
            dg = new[1, x] - (above[1, x] + (below[1, x] - above[1, x]) * fy)
            dr = new[2, x] - (above[2, x] + (below[2, x] - above[2, x]) * fy)
            luma = np.float32(0.114) * db + np.float32(0.587) * dg + np.float32(0.299) * dr
            dark, bright = min(luma, low), max(luma, low)
            keep = above[12, x] + (below[12, x] - above[12, x]) * fy
            new[0, x] = (
                above[3, x] + (below[3, x] - above[3, x]) * fy + db * keep + half
                + dark * (above[6, x] + (below[6, x] - above[6, x]) * fy)
                + bright * (above[9, x] + (below[9, x] - above[9, x]) * fy)
            )  # fmt: skip
            new[1, x] = (
                above[4, x] + (below[4, x] - above[4, x]) * fy + dg * keep + half
                + dark * (above[7, x] + (below[7, x] - above[7, x]) * fy)
                + bright * (above[10, x] + (below[10, x] - above[10, x]) * fy)
            )  # fmt: skip
            new[2, x] = (
                above[5, x] + (below[5, x] - above[5, x]) * fy + dr * keep + half
                + dark * (above[8, x] + (below[8, x] - above[8, x]) * fy)
                + bright * (above[11, x] + (below[11, x] - above[11, x]) * fy)
            )  # fmt: skip
        for x in range(width):
            if mask[y, x] == 0:
                continue
            for c in range(3):
                crop[y, x, c] = np.uint8(np.int32(min(max(new[c, x], low), high)))


@kernel_part
def _widen(cells: Array, wide: Array) -> None:
    """Read coarse `cells` float32 (gh, gw, n) linearly at each column of `wide`, float32 (gh, n, w), which they span."""
    rows, columns, count = cells.shape
    width = wide.shape[2]
    half, scale = np.float32(0.5), np.float32(columns / width)
    for x in range(width):
        gx = min(max((np.float32(x) + half) * scale - half, np.float32(0.0)), np.float32(columns - 1))
        j = min(int(gx), columns - 2)
        fx = gx - np.float32(j)
        for i in range(rows):
            for c in range(count):
                wide[i, c, x] = cells[i, j, c] + (cells[i, j + 1, c] - cells[i, j, c]) * fx


@kernel
def recolour(crop: Array, mask: Array, colours: Array, crop_to_grid: Array) -> None:
    """Scale and shift the colours of `crop` uint8 (h, w, 3), in place where mask > 0.

    colours is float32 (gh, gw, 6), read bilinearly: the gain of each channel (3), then its offset in levels (3);
    crop_to_grid float32 (2, 3) maps crop pixels to grid cells, without rotation.
    """
    height, width = mask.shape
    rows, columns = colours.shape[0], colours.shape[1]
    line = np.empty((columns, 6), np.float32)
    for y in range(height):
        gy = min(max(crop_to_grid[1, 1] * np.float32(y) + crop_to_grid[1, 2], np.float32(0.0)), np.float32(rows - 1))
        i = min(int(gy), rows - 2)
        fy = gy - np.float32(i)
        for k in range(columns):
            for c in range(6):
                line[k, c] = colours[i, k, c] + (colours[i + 1, k, c] - colours[i, k, c]) * fy
        for x in range(width):
            if mask[y, x] == 0:
                continue
            gx = min(max(crop_to_grid[0, 0] * np.float32(x) + crop_to_grid[0, 2], np.float32(0.0)), np.float32(columns - 1))
            j = min(int(gx), columns - 2)
            fx = gx - np.float32(j)
            for c in range(3):
                gain = line[j, c] + (line[j + 1, c] - line[j, c]) * fx
                added = line[j, c + 3] + (line[j + 1, c + 3] - line[j, c + 3]) * fx
                value = crop[y, x, c] * gain + added + np.float32(0.5)
                crop[y, x, c] = np.uint8(np.int32(min(max(value, np.float32(0.0)), np.float32(255.0))))


@kernel
def lay_below(crop: Array, mask: Array, below: Array, opacity: Array, left: int, top: int, tone: Array) -> None:
    """Lay a picture below a half-transparent one, in place; both have straight colours.

    crop uint8 (h, w, 3) has the opacity mask uint8 (h, w), which becomes that of both. below uint8 (bh, bw, 3), its colours
    multiplied by `tone` float32 (3,), has the opacity uint8 (bh, bw) and its top left pixel at (left, top), inside the crop;
    an opacity of 1 counts as none.
    """
    for y in range(opacity.shape[0]):
        for x in range(opacity.shape[1]):
            m = int(mask[top + y, left + x])
            under = (int(opacity[y, x]) * (255 - m) + 127) // 255 if opacity[y, x] > 1 else 0
            if under == 0:
                continue
            total = m + under
            for c in range(3):
                value = crop[top + y, left + x, c] * m + min(below[y, x, c] * tone[c], np.float32(255)) * under
                crop[top + y, left + x, c] = int(value / total + np.float32(0.5))
            mask[top + y, left + x] = total


@kernel
def resurface(image: Array, box_xyxy: tuple[int, int, int, int], maps: Array, limit: float) -> None:
    """Give a part of `image` uint8 (h, w, 3) another surface, in place; pixels whose share is 0 keep their value exactly.

    maps is float32 (gh, gw, 6), spans the whole pixels `box_xyxy` of the image and is read bilinearly: the wanted colour (3),
    the luma that the image has without its fine detail (1), the share 0..1 of the new surface (1), and how far that is laid
    on darker pixels only, 0..1 (1). Fine detail goes over in luma alone, and never reaches `limit` levels.
    """
    left, top, height, width = box_xyxy[0], box_xyxy[1], box_xyxy[3] - box_xyxy[1], box_xyxy[2] - box_xyxy[0]
    rows, columns = maps.shape[0], maps.shape[1]
    scale_y, scale_x = np.float32(rows / height), np.float32(columns / width)
    line = np.empty((columns, 6), np.float32)
    most = np.float32(limit)
    for y in range(height):
        gy = min(max((np.float32(y) + np.float32(0.5)) * scale_y - np.float32(0.5), np.float32(0.0)), np.float32(rows - 1))
        i = min(int(gy), rows - 2)
        fy = gy - np.float32(i)
        first, last = columns, -1
        for k in range(columns):
            for c in range(6):
                line[k, c] = maps[i, k, c] + (maps[i + 1, k, c] - maps[i, k, c]) * fy
            if line[k, 4] > 0:
                first, last = min(first, k), k
        if last < 0:
            continue
        v = top + y
        for x in range(max(0, int((first - 1) / scale_x)), min(width, int((last + 2) / scale_x) + 1)):
            gx = min(
                max((np.float32(x) + np.float32(0.5)) * scale_x - np.float32(0.5), np.float32(0.0)), np.float32(columns - 1)
            )
            j = min(int(gx), columns - 2)
            fx = gx - np.float32(j)
            share = line[j, 4] + (line[j + 1, 4] - line[j, 4]) * fx
            if share <= np.float32(0.004):
                continue
            u = left + x
            b, g, r = np.float32(image[v, u, 0]), np.float32(image[v, u, 1]), np.float32(image[v, u, 2])
            to_b = line[j, 0] + (line[j + 1, 0] - line[j, 0]) * fx
            to_g = line[j, 1] + (line[j + 1, 1] - line[j, 1]) * fx
            to_r = line[j, 2] + (line[j + 1, 2] - line[j, 2]) * fx
            luma = np.float32(0.114) * b + np.float32(0.587) * g + np.float32(0.299) * r
            wanted = np.float32(0.114) * to_b + np.float32(0.587) * to_g + np.float32(0.299) * to_r
            darker = min(max((wanted - luma) / (np.float32(0.12) * wanted + np.float32(1)), np.float32(0.0)), np.float32(1.0))
            share *= 1 - (line[j, 5] + (line[j + 1, 5] - line[j, 5]) * fx) * (1 - darker)
            fine = luma - (line[j, 3] + (line[j + 1, 3] - line[j, 3]) * fx)
            fine = fine * most / (most + abs(fine))
            b += (to_b + fine - b) * share + np.float32(0.5)
            g += (to_g + fine - g) * share + np.float32(0.5)
            r += (to_r + fine - r) * share + np.float32(0.5)
            image[v, u, 0] = np.uint8(np.int32(min(max(b, np.float32(0.0)), np.float32(255.0))))
            image[v, u, 1] = np.uint8(np.int32(min(max(g, np.float32(0.0)), np.float32(255.0))))
            image[v, u, 2] = np.uint8(np.int32(min(max(r, np.float32(0.0)), np.float32(255.0))))


@kernel
def shade(crop: Array, mask: Array, gain: Array) -> None:
    """Multiply `crop` uint8 (h, w, 3) by `gain` float32 (gh, gw, 3), read bilinearly over the whole crop, where mask > 0."""
    height, width = mask.shape
    rows = gain.shape[0]
    scale_y = np.float32(rows / height)
    half, low, high = np.float32(0.5), np.float32(0.0), np.float32(255.0)
    wide, factor = np.empty((rows, 3, width), np.float32), np.empty((3, width), np.float32)
    _widen(gain, wide)
    for y in range(height):
        gy = min(max((np.float32(y) + half) * scale_y - half, low), np.float32(rows - 1))
        i = min(int(gy), rows - 2)
        fy = gy - np.float32(i)
        for c in range(3):
            for x in range(width):
                factor[c, x] = wide[i, c, x] + (wide[i + 1, c, x] - wide[i, c, x]) * fy
        for x in range(width):
            if mask[y, x] == 0:
                continue
            for c in range(3):
                value = np.float32(crop[y, x, c]) * factor[c, x] + half
                crop[y, x, c] = np.uint8(np.int32(min(max(value, low), high)))


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
            crop[y, x, 0] = np.uint8(np.int32(min(max(crop[y, x, 0] + grey + blue, np.float32(0.0)), np.float32(255.0))))
            crop[y, x, 1] = np.uint8(np.int32(min(max(crop[y, x, 1] + grey + green, np.float32(0.0)), np.float32(255.0))))
            crop[y, x, 2] = np.uint8(np.int32(min(max(crop[y, x, 2] + grey + red, np.float32(0.0)), np.float32(255.0))))


@kernel
def smear(crop: Array, mask: Array, x_by: float, y_by: float, result: Array, cover: Array) -> None:
    """Blur `crop` uint8 (h, w, c) and `mask` uint8 (h, w) along a line of (x_by, y_by) pixels centred on each pixel.

    `result` and `cover` take the means and have the same shapes. Pixels whose mask is 0 hold no colour and do not count in
    that of others.
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
def mix_textures(own: Array, own_gain: Array, other_gain: Array, shares: Array, rest: Array, out: Array) -> None:
    """Blend a texture with its own mirror picture and a smooth rest into `out` BGRA uint8 (h, w, 4), in place.

    own uint8 (h, w, 3); the coarse maps are float32 (gh, gw, ...), span the texture and are read bilinearly: own_gain and
    other_gain (3) multiply the texture and its mirror picture, shares (3) are the share of the texture, that of the
    mirror picture and the opacity of the texel, rest (3) is BGR. The rest takes what the first two shares leave.
    """
    height, width = out.shape[0], out.shape[1]
    rows, columns = rest.shape[0], rest.shape[1]
    scale_y, scale_x = np.float32(rows / height), np.float32(columns / width)
    line = np.empty((columns, 12), np.float32)
    for y in range(height):
        gy = min(max((np.float32(y) + np.float32(0.5)) * scale_y - np.float32(0.5), np.float32(0.0)), np.float32(rows - 1))
        i = min(int(gy), rows - 2)
        fy = gy - np.float32(i)
        for k in range(columns):
            for c in range(3):
                line[k, c] = own_gain[i, k, c] + (own_gain[i + 1, k, c] - own_gain[i, k, c]) * fy
                line[k, 3 + c] = other_gain[i, k, c] + (other_gain[i + 1, k, c] - other_gain[i, k, c]) * fy
                line[k, 6 + c] = shares[i, k, c] + (shares[i + 1, k, c] - shares[i, k, c]) * fy
                line[k, 9 + c] = rest[i, k, c] + (rest[i + 1, k, c] - rest[i, k, c]) * fy
        for x in range(width):
            gx = min(
                max((np.float32(x) + np.float32(0.5)) * scale_x - np.float32(0.5), np.float32(0.0)), np.float32(columns - 1)
            )
            j = min(int(gx), columns - 2)
            fx = gx - np.float32(j)
            first = line[j, 6] + (line[j + 1, 6] - line[j, 6]) * fx
            second = line[j, 7] + (line[j + 1, 7] - line[j, 7]) * fx
            cover = line[j, 8] + (line[j + 1, 8] - line[j, 8]) * fx
            for c in range(3):
                value = first * own[y, x, c] * (line[j, c] + (line[j + 1, c] - line[j, c]) * fx)
                value += second * own[y, width - 1 - x, c] * (line[j, 3 + c] + (line[j + 1, 3 + c] - line[j, 3 + c]) * fx)
                value += (1 - first - second) * (line[j, 9 + c] + (line[j + 1, 9 + c] - line[j, 9 + c]) * fx)
                out[y, x, c] = np.uint8(np.int32(min(max(value + np.float32(0.5), np.float32(0.0)), np.float32(255.0))))
            out[y, x, 3] = np.uint8(np.int32(min(max(cover * 255 + np.float32(0.5), np.float32(0.0)), np.float32(255.0))))


@kernel
def mix_in(texture: Array, base: Array, part: Array, left: int, top: int, share: int) -> None:
    """Add `share` 0..256 of the difference between `part` and `base` to `texture`, in place, where the part's alpha is above 0.

    texture and base BGRA uint8 (n, n, 4); part BGRA uint8 (h, w, 4) lies inside, its top left at (left, top). Alpha stays.
    """
    scale = np.float32(share / (255 * 256))
    for y in range(part.shape[0]):
        for x in range(part.shape[1]):
            m = np.float32(part[y, x, 3]) * scale
            for c in range(3):
                change = (np.float32(part[y, x, c]) - np.float32(base[top + y, left + x, c])) * m
                value = np.float32(texture[top + y, left + x, c]) + change + np.float32(0.5)
                texture[top + y, left + x, c] = np.uint8(min(max(value, np.float32(0)), np.float32(255)))
