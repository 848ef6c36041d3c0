"""Conversion of HDR, HLG and PQ signals of ITU-R BT.2100, to SDR, 8-bit BT.709, by tables of the formulas and a numba kernel.

A pixel takes these steps: YCbCr, ICtCp or RGB codes -> nonlinear components -> linear light (inverse OETF of HLG, EOTF of
PQ) -> for HLG the OOTF of a 1000 nit display, applied to luminance as BT.2100 specifies -> BT.709 primaries -> tone curve
-> the inverse of BT.1886. SDR white is 203 nits, the HDR reference white of ITU-R BT.2408. The tone curve is the identity up
to `HdrTuning.knee`, then a hyperbola that reaches white at `HdrTuning.peak_nits`. It scales all three components by the same
factor, so that bright colours keep their hue.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from mien.imaging.kernels import kernel
from mien.imaging.yuv import KR_KB
from mien.types import Array, Floats, Image

PQ, HLG = 16, 18
"""Transfer characteristics of ITU-T H.273."""
ICTCP = 14
"""Matrix coefficients of H.273 for ICtCp."""
RGB = 0
"""Matrix coefficients of H.273 for planes that are green, blue and red."""
BT2020 = 9
"""Colour primaries, and the matrix coefficients that belong to them, of H.273."""
_BT709_PRIMARIES = 1
"""Colour primaries of BT.709 in H.273."""

_CHROMATICITIES = {
    1: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}
"""x and y of red, green and blue: BT.709, BT.2020 and Display P3 as H.273 numbers them; all have the white D65."""
_D65 = (0.3127, 0.3290)
"""x and y of the white point D65."""

# BT.2100: R, G and B of BT.2020 to L, M and S, and the nonlinear L, M and S to ICtCp, for each transfer.
_TO_LMS = np.array([[1688, 2146, 262], [683, 2951, 462], [99, 309, 3688]]) / 4096
_TO_ICTCP = {
    PQ: np.array([[2048, 2048, 0], [6610, -13613, 7003], [17933, -17390, -543]]) / 4096,
    HLG: np.array([[2048, 2048, 0], [3625, -7465, 3840], [9500, -9212, -288]]) / 4096,
}


@dataclass(frozen=True, slots=True)
class _HlgCurve:
    """Numbers of HLG in BT.2100, for a display of nominally 1000 nits."""

    a: float = 0.17883277
    b: float = 1 - 4 * a
    c: float = 0.5 - a * np.log(4 * a)
    gamma: float = 1.2  # of the OOTF
    peak_nits: float = 1000.0
    max_signal: float = 1.09  # code 1019 of 10 bits: the headroom above the nominal peak


@dataclass(frozen=True, slots=True)
class _PqCurve:
    """Numbers of PQ in BT.2100."""

    m1: float = 2610 / 16384
    m2: float = 2523 / 4096 * 128
    c1: float = 3424 / 4096
    c2: float = 2413 / 4096 * 32
    c3: float = 2392 / 4096 * 32


_HLG_CURVE, _PQ_CURVE = _HlgCurve(), _PqCurve()

_SIGNAL_TABLE_ENTRIES = 16_384
"""Entries of the table from signal to light; with 4096, dark saturated colours are up to 10 levels off."""
_OCTAVES_BELOW, _OCTAVES = 24, 26
"""Octaves of the tables over linear light, which are indexed by the bits of a float32: from 2^-24 (black) to 4."""
_GAIN_BITS, _CODE_BITS = 6, 8
"""Bits of the mantissa in these tables; the largest errors, at white, are 0.16 and 0.21 of an 8-bit level."""
_BANDS = 4
"""Bands of a picture that are converted in parallel."""
_MIN_BAND_ROWS = 64
"""Rows of the smallest band, so that small pictures take fewer threads."""


@dataclass(frozen=True, slots=True)
class HdrTuning:
    """Numbers of the tone curve; light is relative to white."""

    white_nits: float = 203.0  # BT.2408, table 1
    peak_nits: float = 1000.0  # nominal peak of HLG, and the most common mastering peak of PQ
    knee: float = 0.75  # exact below; reference white becomes 241 of 255, which leaves 14 levels for 2.3 stops


def hlg_light(signal: Array) -> Array:
    """Return the scene light, 0..1, of an HLG signal, 0..1: the inverse OETF of BT.2100."""
    signal = np.maximum(signal, 0)
    upper = (np.exp((np.maximum(signal, 0.5) - _HLG_CURVE.c) / _HLG_CURVE.a) + _HLG_CURVE.b) / 12
    return np.asarray(np.where(signal <= 0.5, signal**2 / 3, upper))


def pq_nits(signal: Array) -> Array:
    """Return the display light, 0 to 10,000 nits, of a PQ signal, 0..1: the EOTF of BT.2100."""
    power = np.clip(signal, 0, 1) ** (1 / _PQ_CURVE.m2)
    return np.asarray(
        10_000 * (np.maximum(power - _PQ_CURVE.c1, 0) / (_PQ_CURVE.c2 - _PQ_CURVE.c3 * power)) ** (1 / _PQ_CURVE.m1)
    )


def hlg_ootf(luminance: Array) -> Array:
    """Return the nits of display light per unit of scene light, at a scene luminance of 0..1: the OOTF of BT.2100."""
    return np.asarray(luminance ** (_HLG_CURVE.gamma - 1) * _HLG_CURVE.peak_nits)


def bt1886_code(light: Array) -> Array:
    """Return the BT.709 video signal, 0..1, for light 0..1: the inverse of the reference EOTF (BT.1886, black at 0)."""
    return np.asarray(np.clip(light, 0, 1) ** (1 / 2.4))


def srgb_code(light: Array) -> Array:
    """Return the sRGB signal, 0..1, for light 0..1 (IEC 61966-2-1)."""
    light = np.clip(light, 0, 1)
    return np.asarray(np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055))


def srgb_light(signal: Array) -> Array:
    """Return the light, 0..1, of an sRGB signal, 0..1 (IEC 61966-2-1)."""
    return np.asarray(np.where(signal <= 0.04045, signal / 12.92, ((signal + 0.055) / 1.055) ** 2.4))


def _bend(tuning: HdrTuning) -> float:
    """Return the bend of the tone curve: the identity up to the knee, then knee + over / (1 + bend * over)."""
    return 1 / (1 - tuning.knee) - 1 / (tuning.peak_nits / tuning.white_nits - tuning.knee)


def rgb_to_xyz(primaries: int) -> Array:
    """Return the matrix of linear light, float64 (3, 3); unknown primaries count as BT.2020, the usual ones of HDR."""
    columns = np.array([_xyz(*each) for each in _CHROMATICITIES.get(primaries, _CHROMATICITIES[BT2020])]).T
    return np.asarray(columns * np.linalg.solve(columns, _xyz(*_D65)))


def _xyz(x: float, y: float) -> Array:
    return np.array([x / y, 1.0, (1 - x - y) / y])


@dataclass(frozen=True, slots=True)
class Signal:
    """Coding of an HDR picture: code points of H.273, and bits per sample."""

    transfer: int
    matrix: int
    primaries: int
    full_range: bool
    bits: int


def component_weights(signal: Signal) -> tuple[Array, Array]:
    """Return the zero codes of the planes (3) and the matrix (3, 3) to nonlinear components: R, G, B, or L, M, S."""
    if signal.matrix == RGB:
        offset, span = _range(signal, chroma=False)
        return np.full(3, offset), np.eye(3)[[2, 0, 1]] / span
    (black, luma), (grey, chroma) = _range(signal, chroma=False), _range(signal, chroma=True)
    if signal.matrix == ICTCP:
        matrix = np.linalg.inv(_TO_ICTCP[signal.transfer])
    else:
        kr, kb = KR_KB.get(signal.matrix, KR_KB[BT2020])
        kg = 1 - kr - kb
        matrix = np.array([[1, 0, 2 * (1 - kr)], [1, -2 * (1 - kb) * kb / kg, -2 * (1 - kr) * kr / kg], [1, 2 * (1 - kb), 0]])
    return np.array([black, grey, grey]), matrix / np.array([luma, chroma, chroma])


def _range(signal: Signal, *, chroma: bool) -> tuple[float, float]:
    """Return the code of zero, and the number of codes that a component of 1 spans."""
    step, most = 1 << (signal.bits - 8), (1 << signal.bits) - 1
    if signal.full_range:
        return (1 << (signal.bits - 1) if chroma else 0), most
    return (128 * step, 224 * step) if chroma else (16 * step, 219 * step)


class HdrToSdr:
    """Converter of planes with one coding to BGR uint8; it computes its tables once. Not thread-safe."""

    def __init__(self, signal: Signal, tuning: HdrTuning | None = None) -> None:
        tuning = tuning or HdrTuning()
        most = _HLG_CURVE.max_signal if signal.transfer == HLG else 1.0
        scale = (_SIGNAL_TABLE_ENTRIES - 1) / most
        offsets, matrix = component_weights(signal)
        self._offsets = offsets.astype(np.float32)
        self._to_components = (matrix * scale).astype(np.float32)
        self._light = _light_table(signal.transfer, most, tuning)
        to_709, luminance = _light_matrices(signal)
        self._to_709 = to_709.astype(np.float32)
        self._luminance = luminance.astype(np.float32)
        self._gains = _gain_table(signal.transfer, tuning)
        self._curve = np.array([tuning.knee, _bend(tuning)], np.float32)
        self._codes = np.rint(255 * bt1886_code(_light_steps(_CODE_BITS))).astype(np.uint8)
        self._codes[0] = 0
        self._threads: ThreadPoolExecutor | None = None

    def convert(self, first: Array, second: Array, third: Array) -> Image:
        """Return BGR uint8 (h, w, 3) for three planes: Y, U and V, or green, blue and red; uint8 or uint16, (h, w).

        The second and third may have half the rows, columns or both, rounded up. Raises `ValueError` for other shapes.
        """
        height, width = first.shape
        shifts = _shift(height, second.shape[0]), _shift(width, second.shape[1])
        whole = -(-height >> shifts[0]), -(-width >> shifts[1])
        if second.shape != whole or third.shape != whole:
            raise ValueError(f"planes of {first.shape}, {second.shape} and {third.shape} do not belong together")
        out = np.empty((height, width, 3), np.uint8)

        def band(rows: tuple[int, int]) -> None:
            top, bottom = rows
            chroma = slice(top >> shifts[0], -(-bottom >> shifts[0]))
            # One layout and type, so that one kernel is compiled for all formats.
            y, u, v = (np.ascontiguousarray(each, np.uint16) for each in (first[top:bottom], second[chroma], third[chroma]))
            to_bgr(y, u, v, *shifts, self._offsets, self._to_components, self._light, self._luminance, self._gains,
                   self._to_709, self._curve, self._codes, out[top:bottom])  # fmt: skip

        bands = _bands(height)
        if len(bands) == 1:
            band(bands[0])
            return out
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_BANDS, thread_name_prefix="mien-hdr")
        list(self._threads.map(band, bands))
        return out


def _shift(whole: int, part: int) -> int:
    return 0 if part == whole else 1


def _bands(height: int) -> list[tuple[int, int]]:
    """Return the first row and the end of each band; bands begin with a new row of chroma."""
    rows = max(-(-height // _BANDS) + 1 & ~1, _MIN_BAND_ROWS)
    return [(top, min(top + rows, height)) for top in range(0, height, rows)]


def to_bt709(primaries: int) -> Array:
    """Return the matrix from linear light of these primaries to that of BT.709, float64 (3, 3)."""
    return np.asarray(np.linalg.solve(rgb_to_xyz(_BT709_PRIMARIES), rgb_to_xyz(primaries)))


def _light_matrices(signal: Signal) -> tuple[Array, Array]:
    """Return the matrix from linear components to BT.709 (3, 3), and their weights in luminance (3)."""
    to_xyz = rgb_to_xyz(signal.primaries)
    if signal.matrix == ICTCP:
        to_xyz = rgb_to_xyz(BT2020) @ np.linalg.inv(_TO_LMS)
    return np.linalg.solve(rgb_to_xyz(_BT709_PRIMARIES), to_xyz), to_xyz[1]


def _light_table(transfer: int, most: float, tuning: HdrTuning) -> Floats:
    """Return the light of every signal step: scene light for HLG, display light relative to white for PQ."""
    signal = np.linspace(0, most, _SIGNAL_TABLE_ENTRIES)
    light = hlg_light(signal) if transfer == HLG else pq_nits(signal) / tuning.white_nits
    return light.astype(np.float32)


def _gain_table(transfer: int, tuning: HdrTuning) -> Floats:
    """Return the gain for every step of luminance: the OOTF of HLG; 1 for PQ, whose light is the display's already."""
    luminance = _light_steps(_GAIN_BITS)
    if transfer != HLG:
        return np.ones(len(luminance), np.float32)
    return np.asarray(hlg_ootf(luminance) / tuning.white_nits, np.float32)


def _light_steps(bits: int) -> Array:
    """Return the light at the centre of every step of a table indexed by exponent and `bits` of mantissa of a float32."""
    octave, step = np.divmod(np.arange(_OCTAVES << bits), 1 << bits)
    return np.asarray((1 + (step + 0.5) / (1 << bits)) * 2.0 ** (octave - _OCTAVES_BELOW))


@kernel
def to_bgr(
    first: Array, second: Array, third: Array, down: int, right: int, offsets: Array, to_components: Array, light: Array,
    luminance: Array, gains: Array, to_709: Array, curve: Array, codes: Array, out: Array,
) -> None:  # fmt: skip
    """Convert planes, uint16, the second and third halved in rows by `down` and columns by `right`; out BGR (h, w, 3).

    Tables are float32, `light` over the signal, `gains` and (uint8) `codes` over light as `_light_steps` has them.
    """
    o0, o1, o2 = offsets[0], offsets[1], offsets[2]
    c00, c01, c02 = to_components[0, 0], to_components[0, 1], to_components[0, 2]
    c10, c11, c12 = to_components[1, 0], to_components[1, 1], to_components[1, 2]
    c20, c21, c22 = to_components[2, 0], to_components[2, 1], to_components[2, 2]
    l0, l1, l2 = luminance[0], luminance[1], luminance[2]
    m00, m01, m02 = to_709[0, 0], to_709[0, 1], to_709[0, 2]
    m10, m11, m12 = to_709[1, 0], to_709[1, 1], to_709[1, 2]
    m20, m21, m22 = to_709[2, 0], to_709[2, 1], to_709[2, 2]
    knee, bend = curve[0], curve[1]
    zero, half, one = np.float32(0), np.float32(0.5), np.float32(1)
    top, none = np.float32(light.shape[0] - 1), np.int32(0)
    last_gain, last_code = np.int32(gains.shape[0] - 1), np.int32(codes.shape[0] - 1)
    # The exponent of a float32 is biased by 127 and lies above 23 bits of mantissa.
    gain_shift, code_shift = np.int32(23 - _GAIN_BITS), np.int32(23 - _CODE_BITS)
    first_gain, first_code = np.int32((127 - _OCTAVES_BELOW) << _GAIN_BITS), np.int32((127 - _OCTAVES_BELOW) << _CODE_BITS)
    for j in range(first.shape[0]):
        row_0, row_1, row_2, row = first[j], second[j >> down], third[j >> down], out[j]
        for i in range(first.shape[1]):
            v0 = np.float32(row_0[i]) - o0
            v1 = np.float32(row_1[i >> right]) - o1
            v2 = np.float32(row_2[i >> right]) - o2
            e0 = light[np.int32(min(max(c00 * v0 + c01 * v1 + c02 * v2 + half, zero), top))]
            e1 = light[np.int32(min(max(c10 * v0 + c11 * v1 + c12 * v2 + half, zero), top))]
            e2 = light[np.int32(min(max(c20 * v0 + c21 * v1 + c22 * v2 + half, zero), top))]
            bits = np.float32(l0 * e0 + l1 * e1 + l2 * e2).view(np.int32)
            gain = gains[min(max((bits >> gain_shift) - first_gain, none), last_gain)]
            red, green, blue = m00 * e0 + m01 * e1 + m02 * e2, m10 * e0 + m11 * e1 + m12 * e2, m20 * e0 + m21 * e1 + m22 * e2
            most = max(red, max(green, blue)) * gain
            if most > knee:
                over = most - knee
                gain *= min(knee + over / (one + bend * over), one) / most
            row[i, 0] = codes[min(max((np.float32(blue * gain).view(np.int32) >> code_shift) - first_code, none), last_code)]
            row[i, 1] = codes[min(max((np.float32(green * gain).view(np.int32) >> code_shift) - first_code, none), last_code)]
            row[i, 2] = codes[min(max((np.float32(red * gain).view(np.int32) >> code_shift) - first_code, none), last_code)]
