"""The invisible mark: a faint keyed pattern over the whole picture that says "made with mien" and carries 24 bits.

A spread-spectrum mark of one tile, repeated (the family is that of T. Kalker et al., "A video watermarking system for
broadcast monitoring", 1999; the code is ours). Five keyed patterns lie over each other, one that never moves and four whose
cyclic shifts are the bytes of the id and of its check. docs/mark.md describes it for those who write readers.

It is a label, not a lock: the key is public, so that anybody can look for the mark, and whoever wants to can destroy it.
"""

import hashlib
import secrets
from dataclasses import dataclass
from math import ceil, sqrt

import cv2
import numpy as np

from mien.errors import MarkImpossible
from mien.types import Array, Floats, Image

KEY = b"mien mark 1"
CODES = 5
"""The first pattern is the anchor; the others carry a byte each."""
GRID = 64
"""Samples a side of a tile as readers see it; the tile repeats after so many."""
SHIFT = 4
"""A byte's high and low half shift its pattern down and to the right, in steps of so many samples."""
LOWEST, HIGHEST = 2.56, 12.8
"""Band of the pattern in cycles a tile: below, pictures are too strong; above, codecs save their bits."""
TILES = 10
"""Tiles along the longer side of a picture."""
_SMALL_TILE, _LEAST_TILE = 64, 48
"""Pixels of a tile in small pictures, which have fewer of them, and in those that would have fewer than four."""
MARK_LEAST_SIDE = 112
RMS = 1.0
"""Strength in grey levels: 48 dB below full scale."""
_SMALL_PIXELS = 80_000
"""Smaller pictures are marked more strongly, so that the whole energy stays, up to `_MOST_GAIN` times."""
_USUAL_ASPECT = 2.0
"""Longer by shorter side up to which the usual strength is enough. At 8 (12000 x 1500, jpeg at 90) strength 1 gave z 8.3 on
portraits side by side and nothing on smooth noise, strength 2 gives 15.9 and 8.0."""
_MOST_GAIN = 2.6
_HEADROOM = 2.0
"""Grey levels between the ends of the scale and black or white, a strength; the mark stays within them in 95 of 100 pixels."""
_SAMPLED_EVERY = 16
_ENDS_SHARE = 0.05
"""Share of samples at the ends of the scale from which there is something to gain; ordinary pictures cost nothing."""
_NOMINAL = 128
_ID_BYTES = 3
_CRC_POLYNOMIAL = 0x07
_CRC_START = 0xFF
_KEPT_PIXELS = 9_000_000
"""Up to this size the drawn pattern is kept for the next frame; it takes six bytes a pixel."""
_ROWS = 512


def new_mark_id() -> int:
    """24 random bits."""
    return secrets.randbelow(1 << (8 * _ID_BYTES))


def payload(mark_id: int) -> tuple[int, int, int, int]:
    """The four bytes that the patterns carry: the id, high byte first, and its CRC-8."""
    if not 0 <= mark_id < 1 << (8 * _ID_BYTES):
        raise ValueError(f"an id has {8 * _ID_BYTES} bits, got {mark_id}")
    high, middle, low = mark_id.to_bytes(_ID_BYTES, "big")
    return high, middle, low, crc8(bytes((high, middle, low)))


def crc8(data: bytes) -> int:
    """CRC-8 with the polynomial x⁸ + x² + x + 1, beginning at 0xFF, nothing reflected."""
    remainder = _CRC_START
    for byte in data:
        remainder ^= byte
        for _ in range(8):
            remainder = (remainder << 1) ^ (_CRC_POLYNOMIAL if remainder & 0x80 else 0)
            remainder &= 0xFF
    return remainder


def tile_pixels(width: int, height: int) -> float:
    """Side of a tile in a picture of this size."""
    longer = max(width, height)
    return max(longer / TILES, min(longer / 4, _SMALL_TILE), _LEAST_TILE)


def gain(width: int, height: int) -> float:
    """By how much a picture of this size is marked more strongly than with `RMS`: small and elongated ones have few tiles."""
    aspect = max(width, height) / min(width, height)
    return min(max(sqrt(_SMALL_PIXELS / (width * height)), sqrt(aspect / _USUAL_ASPECT), 1.0), _MOST_GAIN)


def code_spectra(key: bytes = KEY) -> Array:
    """complex128 (5, 64, 64): the spectra of the patterns. All magnitudes in the band are 1, phases come from SHA-256."""
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
    """complex128 (64, 64): the spectrum of the tile of one id."""
    tile: Array = spectra[0].copy()
    turns = np.exp(-2j * np.pi * SHIFT * np.fft.fftfreq(GRID))
    for spectrum, byte in zip(spectra[1:], payload(mark_id), strict=True):
        tile += spectrum * np.outer(turns ** (byte >> 4), turns ** (byte & 15))
    return tile


def nominal_tile(mark_id: int) -> Floats:
    """float32 (128, 128): the tile as it lies in a picture whose longer side is 1280, in grey levels, rms 1."""
    spectrum = np.fft.fftshift(tile_spectrum(mark_id, code_spectra()))
    margin = (_NOMINAL - GRID) // 2
    tile = np.fft.ifft2(np.fft.ifftshift(np.pad(spectrum, margin))).real
    return np.asarray(tile * (RMS / tile.std()), np.float32)


def pattern(tile: Floats, period: float, width: int, rows: slice) -> Floats:
    """float32 (n, width): the tile, repeated every `period` pixels from the corner of a picture on, for some rows of it."""
    scale = _NOMINAL / period
    laid = np.pad(tile, ((0, _rest(rows.stop * scale)), (0, _rest(width * scale))), mode="wrap")
    # The picture's corner is the tile's corner, not the middle of their first pixels.
    offset = (scale - 1) / 2
    to_tile = np.array([[scale, 0, offset], [0, scale, offset + scale * rows.start]])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    size_wh = width, rows.stop - rows.start
    return np.asarray(cv2.warpAffine(laid, to_tile, size_wh, flags=flags, borderMode=cv2.BORDER_WRAP), np.float32)


def _rest(length: float) -> int:
    """What a row of tiles needs beside its first one to be as long, in whole tiles."""
    return _NOMINAL * int(length // _NOMINAL)


@dataclass(frozen=True, slots=True)
class _Drawn:
    """What is added and what is taken away, uint8 (n, width, 3), because pixels can be neither negative nor over 255."""

    size_wh: tuple[int, int]
    added: Image
    taken: Image


class Marker:
    """Lays the mark of one id over pictures; keeps the drawing for the next picture of the same size.

    `strength` 1 is the usual one; less tops up a mark that is there already. `headroom` keeps black and white pixels so far
    from the ends of the scale that nothing of the mark is cut off there: video encoders wipe out the half that is left.
    """

    def __init__(self, mark_id: int, *, strength: float = 1.0, headroom: bool = False) -> None:
        if not 0 <= strength <= 4:
            raise ValueError(f"strength is 0..4, got {strength}")
        self.mark_id = mark_id
        self._tile = nominal_tile(mark_id) * np.float32(strength)
        self._headroom = _HEADROOM * strength if headroom else 0.0
        self._drawn: _Drawn | None = None

    def mark(self, image: Image) -> None:
        """Mark a picture in place, BGR uint8 (h, w, 3). Raises `MarkImpossible` for one that is too small."""
        height, width = image.shape[:2]
        if min(width, height) < MARK_LEAST_SIDE:
            raise MarkImpossible(
                f"{width} x {height} pixels are too few for the invisible mark",
                f"use a picture of at least {MARK_LEAST_SIDE} pixels a side",
            )
        if self._headroom:
            _make_room(image, ceil(self._headroom * gain(width, height)))
        if width * height <= _KEPT_PIXELS:
            if self._drawn is None or self._drawn.size_wh != (width, height):
                self._drawn = self._draw(width, height, slice(0, height))
            _lay(image, self._drawn)
            return
        for top in range(0, height, _ROWS):
            rows = slice(top, min(top + _ROWS, height))
            _lay(image[rows], self._draw(width, height, rows))

    def _draw(self, width: int, height: int, rows: slice) -> _Drawn:
        tile = self._tile * np.float32(gain(width, height))
        levels = np.rint(pattern(tile, tile_pixels(width, height), width, rows)).astype(np.int8)
        added, taken = (np.repeat(np.maximum(side, 0).astype(np.uint8)[:, :, None], 3, axis=2) for side in (levels, -levels))
        return _Drawn((width, height), added, taken)


def _make_room(image: Image, levels: int) -> None:
    """Move the ends of the scale inwards in a picture of which a noticeable share lies there."""
    sample = image[::_SAMPLED_EVERY, ::_SAMPLED_EVERY]
    if np.count_nonzero((sample < levels) | (sample > 255 - levels)) > _ENDS_SHARE * sample.size:
        np.clip(image, levels, 255 - levels, out=image)


def _lay(image: Image, drawn: _Drawn) -> None:
    if image.flags.c_contiguous:
        cv2.add(image, drawn.added, dst=image)
        cv2.subtract(image, drawn.taken, dst=image)
    else:
        image[:] = cv2.subtract(cv2.add(image, drawn.added), drawn.taken)


def _stream(key: bytes, count: int) -> bytes:
    """SHA-256 of the key and a counter (four bytes, high byte first), one block after the other."""
    blocks = (hashlib.sha256(key + number.to_bytes(4, "big")).digest() for number in range(-(-count // 32)))
    return b"".join(blocks)[:count]
