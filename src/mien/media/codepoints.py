"""Pictures whose colours are given by code points (ITU-T H.273, "nclx") in place of a profile: HEIC and AVIF.

Wide gamuts and HDR become sRGB, because no format that is written carries code points.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mien.types import Array, Floats

_LINEAR, _PQ, _HLG = 8, 16, 18
_WHITE_NITS = 203.0
"""Luminance of diffuse white in HDR (ITU-R BT.2408); it becomes the white of the ordinary range."""
_HLG_PEAK_NITS, _HLG_GAMMA = 1000.0, 1.2
_TO_709 = {
    9: ((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187)),
    12: ((1.2249, -0.2247, 0.0), (-0.0420, 1.0419, 0.0), (-0.0197, -0.0786, 1.0979)),
}
"""Linear RGB of BT.2020 and of Display P3 as linear RGB of BT.709 (ITU-R BT.2087, SMPTE EG 432-1)."""
_ROWS = 256
_CONTAINERS = {b"meta": 12, b"iprp": 8, b"ipco": 8}
"""Boxes that hold the properties, and the length of their heads."""


@dataclass(frozen=True, slots=True)
class CodePoints:
    """Primaries and transfer characteristics; 2 means unspecified."""

    primaries: int
    transfer: int

    @property
    def is_hdr(self) -> bool:
        return self.transfer in {_PQ, _HLG}

    @property
    def is_srgb(self) -> bool:
        """Return whether the numbers may be shown as sRGB as they are; what is unknown is taken for it, as viewers do."""
        return self.transfer not in {_LINEAR, _PQ, _HLG} and self.primaries not in _TO_709

    @property
    def note(self) -> str:
        """One sentence for the user on what `to_srgb` has done."""
        if self.is_hdr:
            return "the picture is HDR; it was converted to ordinary range (SDR, sRGB)"
        return "the picture has wide colours without a profile; they were converted to sRGB"


@dataclass(frozen=True, slots=True)
class AvifFacts:
    """Facts of an AVIF header; `points` is None without code points."""

    depth: int
    points: CodePoints | None


def of_heif(info: Mapping[Any, Any]) -> CodePoints | None:
    """The code points in Pillow's `info` of a HEIC picture; None when there are none, or a profile wins over them."""
    found = info.get("nclx_profile")
    if info.get("icc_profile") or not isinstance(found, dict):
        return None
    return CodePoints(int(found.get("color_primaries", 2)), int(found.get("transfer_characteristics", 2)))


def of_avif(content: bytes) -> AvifFacts:
    """Bits a channel and code points of the first picture in an AVIF file."""
    depth, points = 8, None
    for kind, body in _boxes(content, 0, len(content)):
        if kind == b"av1C" and len(body) >= 3 and depth == 8:
            depth = (12 if body[2] & 0x20 else 10) if body[2] & 0x40 else 8
        elif kind == b"colr" and body[:4] == b"nclx" and len(body) >= 8 and points is None:
            points = CodePoints(int.from_bytes(body[4:6], "big"), int.from_bytes(body[6:8], "big"))
    return AvifFacts(depth, points)


def _boxes(content: bytes, start: int, stop: int) -> Iterator[tuple[bytes, bytes]]:
    """The kind and the first 16 bytes of each box of the properties."""
    while start + 8 <= stop:
        size, kind = int.from_bytes(content[start : start + 4], "big"), content[start + 4 : start + 8]
        if size < 8:
            # Of a box that reaches to the end, or has a 64-bit size: such ones hold pixels.
            return
        end = min(start + size, stop)
        if kind in _CONTAINERS:
            yield from _boxes(content, start + _CONTAINERS[kind], end)
        else:
            yield kind, content[start + 8 : min(start + 24, end)]
        start = end


def to_srgb(pixels: Array, points: CodePoints) -> Array:
    """Convert BGR uint16 (h, w, 3), full range, to the same in sRGB; what is brighter than white is clipped."""
    matrix = np.array(_TO_709.get(points.primaries, np.eye(3)), np.float32)
    converted = np.empty_like(pixels)
    for top in range(0, len(pixels), _ROWS):
        rows = slice(top, top + _ROWS)
        linear = _linear(pixels[rows, :, ::-1].astype(np.float32) / np.float32(65535), points.transfer) @ matrix.T
        converted[rows, :, ::-1] = _encoded(np.clip(linear, 0, 1)) * 65535 + 0.5
    return converted


def _linear(rgb: Floats, transfer: int) -> Floats:
    """Linear light, 1 = white."""
    if transfer == _LINEAR:
        return rgb
    if transfer == _PQ:
        # SMPTE ST 2084.
        power = rgb ** (1 / 78.84375)
        return np.asarray(
            (np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)) ** (1 / 0.1593017578125)
            * (10000 / _WHITE_NITS),
            np.float32,
        )
    if transfer == _HLG:
        # ARIB STD-B67, and the system gamma of BT.2100.
        scene = np.where(rgb <= 0.5, rgb * rgb / 3, (np.exp((rgb - 0.55991073) / 0.17883277) + 0.28466892) / 12)
        luminance = scene @ np.array((0.2627, 0.6780, 0.0593), np.float32)
        shown = scene * np.maximum(luminance, 1e-6)[..., None] ** (_HLG_GAMMA - 1)
        return np.asarray(shown * (_HLG_PEAK_NITS / _WHITE_NITS), np.float32)
    return np.asarray(np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4), np.float32)


def _encoded(linear: Floats) -> Floats:
    """The sRGB curve (IEC 61966-2-1)."""
    return np.asarray(np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055), np.float32)
