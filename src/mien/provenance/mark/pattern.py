"""Pattern of the mark: faint, keyed, over the whole picture; it says "made with mien" and carries 24 bits.

A spread-spectrum mark of one tile, repeated (the family is that of T. Kalker et al., "A video watermarking system for
broadcast monitoring", 1999; the code is ours). Five keyed patterns lie over each other, one that never moves and four whose
cyclic shifts are the bytes of the id and of its check. docs/mark.md describes it for those who write readers.

It is a label, not a lock: the key is public, so that anybody can look for the mark, and anybody can destroy it.
"""

import hashlib
import secrets
from dataclasses import dataclass
from math import ceil, sqrt

import cv2
import numpy as np

from mien.errors import MarkImpossible
from mien.imaging.blend import add_levels
from mien.types import Array, Floats, Image

KEY = b"mien mark 1"
CODES = 5  # patterns; the first is the anchor, the others carry a byte each
GRID = 64  # samples a side of a tile as readers see it, after which it repeats
SHIFT = 4  # samples a step: a byte's high and low half shift its pattern down and to the right
LOWEST = 2.56  # band of the pattern, cycles a tile: below, pictures are too strong
HIGHEST = 12.8  # above, codecs save their bits
TILES = 10  # along the longer side of a picture
MARK_MIN_SIDE_PIXELS = 112  # 146 photographs are read back at this size after JPEG 90 and H.264; docs/mark.md
RMS = 1.0  # strength in grey levels: 48 dB below full scale
_NOMINAL = 128  # samples a side of a tile as it is laid, at a longer side of 1280
_ID_BYTES = 3  # 24 bits
ID_BITS = 8 * _ID_BYTES  # of a mark


@dataclass(frozen=True, slots=True)
class MarkTuning:
    """Numbers of laying the mark; docs/mark.md describes them for those who write readers."""

    small_tile_pixels: int = 64
    """Side of a tile in small pictures, which have fewer of them."""
    min_tile_pixels: int = 48
    """Side of a tile in pictures that would have fewer than four of the small ones."""
    small_picture_pixels: int = 80_000
    """Smaller pictures are marked more strongly, so that the whole energy stays, up to `max_gain` times."""
    usual_aspect: float = 2.0
    """Longer by shorter side up to which the usual strength is enough. At 8 (12000 x 1500, JPEG at 90) strength 1 gave z 8.3 on
    portraits side by side and nothing on smooth noise, strength 2 gives 15.9 and 8.0."""
    max_gain: float = 2.6
    """Keeps the mark at least 39 dB below full scale."""
    headroom_levels: float = 2.0
    """Grey levels between the ends of the scale and black or white, at strength 1; the mark stays within in 95 % of pixels."""
    sampling: int = 16
    """Step, in pixels, of the samples that are searched for the ends of the scale."""
    min_ends_share: float = 0.05
    """Share of samples at the ends of the scale from which headroom is made; ordinary pictures cost nothing."""
    max_kept_pixels: int = 9_000_000
    """Up to this size (4K) the drawn pattern is kept for the next frame; it takes three bytes a pixel."""
    strip_rows: int = 512
    """Larger pictures are marked in strips of this height; bounds memory."""


_TUNING = MarkTuning()


def new_mark_id() -> int:
    """Return 24 random bits."""
    return secrets.randbelow(1 << (8 * _ID_BYTES))


def payload(mark_id: int) -> tuple[int, int, int, int]:
    """Return the four bytes that the patterns carry: the id, high byte first, and its CRC-8."""
    if not 0 <= mark_id < 1 << (8 * _ID_BYTES):
        raise ValueError(f"an id has {8 * _ID_BYTES} bits, got {mark_id}")
    high, middle, low = mark_id.to_bytes(_ID_BYTES, "big")
    return high, middle, low, crc8(bytes((high, middle, low)))


def crc8(data: bytes) -> int:
    """Return the CRC-8 with the polynomial x⁸ + x² + x + 1 (0x07), starting at 0xFF, nothing reflected."""
    remainder = 0xFF
    for byte in data:
        remainder ^= byte
        for _ in range(8):
            remainder = (remainder << 1) ^ (0x07 if remainder & 0x80 else 0)
            remainder &= 0xFF
    return remainder


def tile_pixels(width: int, height: int, tuning: MarkTuning = _TUNING) -> float:
    """Return the side of a tile in a picture of this size."""
    longer = max(width, height)
    return max(longer / TILES, min(longer / 4, tuning.small_tile_pixels), tuning.min_tile_pixels)


def gain(width: int, height: int, tuning: MarkTuning = _TUNING) -> float:
    """Return the strength for a picture of this size against `RMS`: small and elongated ones have few tiles."""
    aspect = max(width, height) / min(width, height)
    by_size, by_aspect = sqrt(tuning.small_picture_pixels / (width * height)), sqrt(aspect / tuning.usual_aspect)
    return min(max(by_size, by_aspect, 1.0), tuning.max_gain)


def code_spectra(key: bytes = KEY) -> Array:
    """Return complex128 (5, 64, 64): the spectra of the patterns. Magnitudes in the band are 1, phases come from SHA-256."""
    frequency = np.fft.fftfreq(GRID, 1 / GRID).astype(int)
    rows, columns = np.meshgrid(frequency, frequency, indexing="ij")
    radius = np.hypot(rows, columns)
    half = (radius >= LOWEST) & (radius <= HIGHEST) & ((rows > 0) | ((rows == 0) & (columns > 0)))
    spectra = np.zeros((CODES, GRID, GRID), np.complex128)
    for number in range(CODES):
        draws = np.frombuffer(_stream(key + bytes([number]), 2 * int(half.sum())), ">u2")
        spectra[number][half] = np.exp(2j * np.pi * draws / 65536)
        # The other half follows from the pattern being real.
        spectra[number] += np.conj(np.roll(spectra[number][::-1, ::-1], (1, 1), (0, 1)))
    return spectra


def tile_spectrum(mark_id: int, spectra: Array) -> Array:
    """Return complex128 (64, 64): the spectrum of the tile of one id."""
    tile: Array = spectra[0].copy()
    turns = np.exp(-2j * np.pi * SHIFT * np.fft.fftfreq(GRID))
    for spectrum, byte in zip(spectra[1:], payload(mark_id), strict=True):
        tile += spectrum * np.outer(turns ** (byte >> 4), turns ** (byte & 15))
    return tile


def nominal_tile(mark_id: int) -> Floats:
    """Return float32 (128, 128): the tile as it lies in a picture whose longer side is 1280, in grey levels, rms 1."""
    spectrum = np.fft.fftshift(tile_spectrum(mark_id, code_spectra()))
    margin = (_NOMINAL - GRID) // 2
    tile = np.fft.ifft2(np.fft.ifftshift(np.pad(spectrum, margin))).real
    return np.asarray(tile * (RMS / tile.std()), np.float32)


def pattern(tile: Floats, period: float, width: int, rows: slice) -> Floats:
    """Return float32 (n, width): some rows of the tile, repeated every `period` pixels from the corner of a picture."""
    scale = _NOMINAL / period
    laid = np.pad(tile, ((0, _rest(rows.stop * scale)), (0, _rest(width * scale))), mode="wrap")
    # The picture's corner is the tile's corner, not the middle of their first pixels.
    offset = (scale - 1) / 2
    to_tile = np.array([[scale, 0, offset], [0, scale, offset + scale * rows.start]])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    size_wh = width, rows.stop - rows.start
    return np.asarray(cv2.warpAffine(laid, to_tile, size_wh, flags=flags, borderMode=cv2.BORDER_WRAP), np.float32)


def _rest(length: float) -> int:
    """Return the samples to append to one tile for a row of this length, in whole tiles."""
    return _NOMINAL * int(length // _NOMINAL)


class Marker:
    """Lays the mark of one id over pictures; keeps the drawn pattern for the next picture of the same size.

    `strength` 1 is the usual one; less tops up a mark that is there already. `headroom` moves black and white pixels away from
    the ends of the scale, so that the mark is not clipped there: video encoders wipe out the half that is left.
    """

    def __init__(self, mark_id: int, *, strength: float = 1.0, headroom: bool = False, tuning: MarkTuning = _TUNING) -> None:
        if not 0 <= strength <= 4:
            raise ValueError(f"strength must be 0..4, got {strength}")
        self.mark_id = mark_id
        self._tile = nominal_tile(mark_id) * np.float32(strength)
        self._tuning = tuning
        self._headroom = tuning.headroom_levels * strength if headroom else 0.0
        self._drawn: Array | None = None
        self._drawn_wh = 0, 0

    def mark(self, image: Image) -> None:
        """Mark a picture in place, BGR uint8 (h, w, 3). Raises `MarkImpossible` for one that is too small."""
        if not image.flags.writeable:
            raise ValueError("the picture is read-only; mark a copy")
        height, width = image.shape[:2]
        if min(width, height) < MARK_MIN_SIDE_PIXELS:
            raise MarkImpossible(
                f"{width} x {height} pixels are too few for the invisible mark",
                f"use a picture of at least {MARK_MIN_SIDE_PIXELS} pixels a side",
            )
        if self._headroom:
            _make_room(image, ceil(self._headroom * gain(width, height, self._tuning)), self._tuning)
        if width * height <= self._tuning.max_kept_pixels:
            if self._drawn is None or self._drawn_wh != (width, height):
                self._drawn, self._drawn_wh = self._draw(width, height, slice(0, height)), (width, height)
            _lay(image, self._drawn)
            return
        for top in range(0, height, self._tuning.strip_rows):
            rows = slice(top, min(top + self._tuning.strip_rows, height))
            _lay(image[rows], self._draw(width, height, rows))

    def _draw(self, width: int, height: int, rows: slice) -> Array:
        """Return the levels to add to some rows of a picture, int8 (n, 3 * width)."""
        tile = self._tile * np.float32(gain(width, height, self._tuning))
        levels = np.rint(pattern(tile, tile_pixels(width, height, self._tuning), width, rows)).astype(np.int8)
        return np.repeat(levels, 3, axis=1)


def _make_room(image: Image, levels: int, tuning: MarkTuning) -> None:
    """Move the ends of the scale inwards by grey levels in a picture of which a noticeable share lies there."""
    sample = image[:: tuning.sampling, :: tuning.sampling].copy()
    if np.count_nonzero((sample < levels) | (sample > 255 - levels)) > tuning.min_ends_share * sample.size:
        np.clip(image, levels, 255 - levels, out=image)


def _lay(image: Image, levels: Array) -> None:
    laid = np.ascontiguousarray(image)
    add_levels(laid.reshape(levels.shape), levels)
    if laid is not image:
        image[:] = laid


def _stream(key: bytes, count: int) -> bytes:
    """Return SHA-256 of the key and a counter (four bytes, high byte first), one block after the other."""
    blocks = (hashlib.sha256(key + number.to_bytes(4, "big")).digest() for number in range(-(-count // 32)))
    return b"".join(blocks)[:count]
