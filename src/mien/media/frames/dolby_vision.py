"""Dolby Vision detection, for videos whose base layer cannot be shown by itself."""

import struct
import sys

from av import VideoFrame
from av.sidedata.sidedata import Type

from mien.errors import UnsupportedMedia
from mien.media.frames.pyav import side_data

_RPU_PREFIX = 0x19  # first byte of a Dolby Vision RPU
_PROFILE_BIT = 8 + 6 + 11
"""Bits of an RPU before `vdr_rpu_profile`: prefix, type and format."""
_HEADER_PROFILE = 4
"""Offset of `vdr_rpu_profile` in FFmpeg's AVDOVIRpuDataHeader."""


def dynamic_metadata(frame: VideoFrame) -> int | None:
    """Return the `vdr_rpu_profile` of a frame with Dolby Vision, None for one without.

    0 stands for profile 5 (and 10.0), whose base layer is in IPT and looks green and purple as YCbCr; 1 for profiles 4, 7 and
    8, whose base layer is HDR10, HLG or SDR.
    """
    unit = side_data(frame, Type.DOVI_RPU_BUFFER) or b""
    if len(unit) >= 4 and unit[0] == _RPU_PREFIX:
        return int.from_bytes(unit[:4], "big") >> (32 - _PROFILE_BIT - 4) & 15
    parsed = side_data(frame, Type.DOVI_METADATA) or b""
    header = int.from_bytes(parsed[: struct.calcsize("N")], sys.byteorder)
    return parsed[header + _HEADER_PROFILE] if 0 < header < len(parsed) - _HEADER_PROFILE else None


def check_base_layer(frame: VideoFrame, what: str) -> bool:
    """Return True for Dolby Vision with a usable base layer, False for none; raise `UnsupportedMedia` for profile 5."""
    if frame.format.components[0].bits <= 8:
        # No profile without a base layer has 8 bits. Reading side data ties a frame into a reference cycle, and the pixels of a
        # camera's frame lie in the driver's memory: freed after the device is closed, they end the process.
        return False
    profile = dynamic_metadata(frame)
    if profile == 0:
        raise UnsupportedMedia(
            f"{what} is Dolby Vision profile 5, which has no HDR10, HLG or SDR base layer",
            "convert it to HDR10 or to Dolby Vision profile 8 first",
        )
    return profile is not None
