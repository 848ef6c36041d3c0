"""Colours of HEIC and AVIF, given by code points (ITU-T H.273, "nclx") in place of a profile.

Wide gamuts and HDR become sRGB, because no written format has code points.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mien.imaging import hdr
from mien.types import Array, Note

_LINEAR = 8
"""Transfer characteristics of linear light in H.273."""
_WHITE_NITS = hdr.HdrTuning().white_nits
_WIDE = frozenset({9, 12})
"""Primaries of H.273 that are wider than those of sRGB: BT.2020 and Display P3."""
_STRIPE_ROWS = 256  # converted at once, so that large pictures need no large intermediates
_CONTAINERS = {b"meta": 12, b"iprp": 8, b"ipco": 8}
"""Boxes that hold the properties, and the length of their heads."""


@dataclass(frozen=True, slots=True)
class CodePoints:
    """Primaries and transfer characteristics; 2 means unspecified."""

    primaries: int
    transfer: int

    @property
    def is_hdr(self) -> bool:
        """True for PQ and HLG."""
        return self.transfer in {hdr.PQ, hdr.HLG}

    @property
    def is_srgb(self) -> bool:
        """Return whether the values are sRGB; unknown code points count as sRGB, as in viewers."""
        return self.transfer not in {_LINEAR, hdr.PQ, hdr.HLG} and self.primaries not in _WIDE

    @property
    def note(self) -> Note:
        """Note for the user on the conversion by `to_srgb`."""
        if self.is_hdr:
            return Note.of("picture-hdr", "the picture is HDR; it was converted to ordinary range (SDR, sRGB)")
        return Note.of("picture-wide", "the picture has wide colours without a profile; they were converted to sRGB")


@dataclass(frozen=True, slots=True)
class AvifFacts:
    """Facts of an AVIF header; `points` is None without code points."""

    depth: int
    points: CodePoints | None


def of_heif(info: Mapping[Any, Any]) -> CodePoints | None:
    """Return the code points in Pillow's `info` of a HEIC picture; None without any, or if a profile replaces them."""
    found = info.get("nclx_profile")
    if info.get("icc_profile") or not isinstance(found, dict):
        return None
    return CodePoints(int(found.get("color_primaries", 2)), int(found.get("transfer_characteristics", 2)))


def of_avif(content: bytes) -> AvifFacts:
    """Return bits a channel and code points of the first picture in an AVIF file."""
    depth, points = 8, None
    for kind, body in _boxes(content, 0, len(content)):
        if kind == b"av1C" and len(body) >= 3 and depth == 8:
            depth = (12 if body[2] & 0x20 else 10) if body[2] & 0x40 else 8
        elif kind == b"colr" and body[:4] == b"nclx" and len(body) >= 8 and points is None:
            points = CodePoints(int.from_bytes(body[4:6], "big"), int.from_bytes(body[6:8], "big"))
    return AvifFacts(depth, points)


def _boxes(content: bytes, start: int, stop: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield the kind and the first 16 bytes of each box of the properties."""
    while start + 8 <= stop:
        size, kind = int.from_bytes(content[start : start + 4], "big"), content[start + 4 : start + 8]
        if size < 8:
            # A box that reaches to the end, or has a 64-bit size: it holds pixels.
            return
        end = min(start + size, stop)
        if kind in _CONTAINERS:
            yield from _boxes(content, start + _CONTAINERS[kind], end)
        else:
            yield kind, content[start + 8 : min(start + 24, end)]
        start = end


def to_srgb(pixels: Array, points: CodePoints) -> Array:
    """Convert BGR uint16 (h, w, 3), full range, to the same in sRGB; light above white is clipped."""
    matrix = hdr.to_bt709(points.primaries) if points.primaries in _WIDE else np.eye(3)
    converted = np.empty_like(pixels)
    for top in range(0, len(pixels), _STRIPE_ROWS):
        rows = slice(top, top + _STRIPE_ROWS)
        signal = pixels[rows, :, ::-1] / np.float32(65535)
        converted[rows, :, ::-1] = hdr.srgb_code(_light(signal, points) @ matrix.T) * 65535 + 0.5
    return converted


def _light(signal: Array, points: CodePoints) -> Array:
    """Return linear light, RGB, 1 = white."""
    match points.transfer:
        case hdr.PQ:
            return hdr.pq_nits(signal) / _WHITE_NITS
        case hdr.HLG:
            scene = hdr.hlg_light(signal)
            luminance = scene @ hdr.rgb_to_xyz(points.primaries)[1]
            return np.asarray(scene * hdr.hlg_ootf(luminance)[..., None] / _WHITE_NITS)
        case _ if points.transfer == _LINEAR:
            return signal
    return hdr.srgb_light(signal)
