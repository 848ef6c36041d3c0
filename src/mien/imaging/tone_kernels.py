"""Kernels of `colour.light_map`, cell by cell. Arrays are float32 over its coarse map: (h, w, n), the crop's channels first.

NumPy would read and write each of some sixty intermediate maps of a few thousand bytes, at a microsecond or more a call.
"""

import numpy as np

from mien.imaging.kernels import kernel, kernel_part
from mien.types import Array


@kernel_part
def _luma(blue: np.float32, green: np.float32, red: np.float32) -> np.float32:
    return np.float32(0.114) * blue + np.float32(0.587) * green + np.float32(0.299) * red


@kernel
def weigh_skin(
    both: Array, blurred: Array, weight: Array, black: float, brighter: float, unlike: float, mean: Array, weighed: Array
) -> None:  # fmt: skip
    """Write the `mean` (6) of crop and target, and both times the likeness of a cell to its mean, with that likeness (8).

    `both` (6) is crop and target; `blurred` (7) is both times the weight, and the weight, smoothed. Skin counts down to
    `unlike` of its mean's brightness below it and up to `brighter` above.
    """
    one, dark = np.float32(1), np.float32(black)
    for y in range(weight.shape[0]):
        for x in range(weight.shape[1]):
            norm = one / (blurred[y, x, 6] + np.float32(1e-6))
            for c in range(6):
                mean[y, x, c] = blurred[y, x, c] * norm
            for k in range(2):
                i = 3 * k
                usual = _luma(mean[y, x, i], mean[y, x, i + 1], mean[y, x, i + 2])
                off = (_luma(both[y, x, i], both[y, x, i + 1], both[y, x, i + 2]) - usual) / (usual + dark)
                off /= np.float32(brighter) if off > 0 else np.float32(unlike)
                near = one + off * off
                sure = weight[y, x] / (near * near)
                for c in range(3):
                    weighed[y, x, i + c] = both[y, x, i + c] * sure
                weighed[y, x, 6 + k] = sure


@kernel
def skin_base(both: Array, mean: Array, blurred: Array, inside: Array, black: float, base: Array, energy: Array) -> None:
    """Write the light on the skin itself (6), and the sums of the squares of crop and target around it `inside`: `energy` (2).

    `blurred` is what `weigh_skin` wrote as `weighed`, smoothed. A crop that is brighter counts as dark as its target.
    """
    one, share = np.float32(1), np.float32(0.05)
    energy[:] = 0
    for y in range(inside.shape[0]):
        for x in range(inside.shape[1]):
            for c in range(6):
                base[y, x, c] = (blurred[y, x, c] + share * mean[y, x, c]) / (blurred[y, x, 6 + c // 3] + share)
            if not inside[y, x]:
                continue
            own = _luma(base[y, x, 0], base[y, x, 1], base[y, x, 2]) + np.float32(black)
            wanted = _luma(base[y, x, 3], base[y, x, 4], base[y, x, 5]) + np.float32(black)
            less = min(wanted / own, one)
            for c in range(3):
                energy[0] += ((both[y, x, c] - base[y, x, c]) * less) ** 2
                energy[1] += (both[y, x, 3 + c] - base[y, x, 3 + c]) ** 2


@kernel
def write_light(
    both: Array, base: Array, weight: Array, powers: Array, brows: Array, gain: float, clear: float, white: float,
    strength: float, tuning: Array, light: Array, lacks: Array,
) -> None:  # fmt: skip
    """Write the `light` (13) for `blend.relight`, and what the relit crop lacks of the target times its trust, and that (4).

    `gain` is that of contrast, `clear` 0..1 the share that haze leaves of it; `white` 0..1 is the share of the lamp in the
    colour of highlights, below 0 that nothing of the crop's colours stays. `powers` (h, w) are those by which shadows grow on a
    brighter target, `brows` (h, w) the shares of brows; `tuning` are black_level, darker_skin and unlike_share of
    `ToneTuning`, float32 (3,).
    """
    one, black, most = np.float32(1), tuning[0], tuning[1]
    contrast, share, lamp = np.float32(gain), np.float32(strength), np.float32(max(white, 0.0))
    for y in range(weight.shape[0]):
        for x in range(weight.shape[1]):
            own_luma = _luma(base[y, x, 0], base[y, x, 1], base[y, x, 2]) + black
            wanted_luma = _luma(base[y, x, 3], base[y, x, 4], base[y, x, 5]) + black
            ratio = wanted_luma / own_luma
            # Shadows are the skin's: they scale with its brightness and have its colour. Highlights are half the lamp's.
            if ratio < 1:
                darker, brighter = contrast * ratio ** np.float32(0.8), contrast * ratio ** np.float32(0.3)
            else:
                exposure = min(ratio, most)
                darker = contrast * exposure ** np.float32(0.85) * (ratio / exposure) ** powers[y, x]
                brighter = contrast * ratio ** np.float32(-0.6)
            tint = np.float32(clear) * min(max(ratio ** np.float32(0.75), np.float32(0.35)), one)
            # Grey hair on red skin is bluer than it; on paler skin that difference would make it blue.
            grey, wanted_grey = one - (base[y, x, 0] + black) / own_luma, one - (base[y, x, 3] + black) / wanted_luma
            tint *= one - brows[y, x] * (one - min(max(wanted_grey / max(grey, np.float32(0.02)), np.float32(0)), one))
            if white < 0:
                tint = np.float32(0)
            for c in range(3):
                own, wanted = base[y, x, c], base[y, x, 3 + c]
                own_tone, wanted_tone = (own + black) / own_luma, (wanted + black) / wanted_luma
                own_shine, wanted_shine = own_tone + lamp * (one - own_tone), wanted_tone + lamp * (one - wanted_tone)
                light[y, x, c] = own
                light[y, x, 3 + c] = own + share * (wanted - own)
                light[y, x, 6 + c] = share * (darker * wanted_tone - tint * own_tone)
                light[y, x, 9 + c] = share * (brighter * wanted_shine - tint * own_shine)
            keep = one + share * (tint - one)
            light[y, x, 12] = keep
            db, dg, dr = both[y, x, 0] - base[y, x, 0], both[y, x, 1] - base[y, x, 1], both[y, x, 2] - base[y, x, 2]
            luma = _luma(db, dg, dr)
            side = 6 if luma < 0 else 9
            b = both[y, x, 3] - (light[y, x, 3] + db * keep + luma * light[y, x, side])
            g = both[y, x, 4] - (light[y, x, 4] + dg * keep + luma * light[y, x, side + 1])
            r = both[y, x, 5] - (light[y, x, 5] + dr * keep + luma * light[y, x, side + 2])
            # Hair, beards and things before the face are no tone of its skin.
            off = _luma(b, g, r) / (_luma(both[y, x, 3], both[y, x, 4], both[y, x, 5]) + black) / tuning[2]
            near = one + off * off
            sure = weight[y, x] / (near * near)
            lacks[y, x, 0], lacks[y, x, 1], lacks[y, x, 2], lacks[y, x, 3] = b * sure, g * sure, r * sure, sure


@kernel
def sum_tones(cells: Array, first: int, inside: Array, sums: Array) -> None:
    """Write to float64 (4,): the cells `inside`, their mean luma, and the variances of blue and red that luma does not explain.

    Blue, green and red are the channels of `cells` from the `first` on.
    """
    count, mean, blue, red = 0, 0.0, 0.0, 0.0
    for y in range(inside.shape[0]):
        for x in range(inside.shape[1]):
            if inside[y, x]:
                count += 1
                mean += float(_luma(cells[y, x, first], cells[y, x, first + 1], cells[y, x, first + 2]))
                blue += cells[y, x, first]
                red += cells[y, x, first + 2]
    sums[0], sums[1], sums[2], sums[3] = count, 0, 0, 0
    if count == 0:
        return
    mean, blue, red = mean / count, blue / count, red / count
    spread, with_blue, with_red, of_blue, of_red = 1e-6, 0.0, 0.0, 0.0, 0.0
    for y in range(inside.shape[0]):
        for x in range(inside.shape[1]):
            if inside[y, x]:
                apart = float(_luma(cells[y, x, first], cells[y, x, first + 1], cells[y, x, first + 2])) - mean
                b, r = cells[y, x, first] - blue, cells[y, x, first + 2] - red
                spread += apart * apart
                with_blue += apart * b
                with_red += apart * r
                of_blue += b * b
                of_red += r * r
    sums[1] = mean
    sums[2] = max((of_blue - with_blue * with_blue / spread) / count, 0.0)
    sums[3] = max((of_red - with_red * with_red / spread) / count, 0.0)


@kernel
def add_rest(rest: Array, inside: Array, rim: float, strength: float, light: Array) -> None:
    """Add to channels 3 to 5 of `light` what lacks near the border: all on it, nothing from `rim` cells inside.

    `rest` float32 (h, w, 4) is what lacks, times its weight, and that weight; `inside` float32 (h + 2, w + 2) the distance from
    the border plus 1, with a frame around.
    """
    for y in range(light.shape[0]):
        for x in range(light.shape[1]):
            far = min(max((inside[y + 1, x + 1] - np.float32(1)) / np.float32(rim), np.float32(0)), np.float32(1))
            share = np.float32(strength) * (np.float32(1) - far * far * (np.float32(3) - np.float32(2) * far))
            weight = rest[y, x, 3] + np.float32(0.02)
            for c in range(3):
                light[y, x, 3 + c] += share * rest[y, x, c] / weight
