"""Dolby Vision as far as it decides whether the base layer of a video is a picture by itself."""

import struct
import sys
from collections.abc import Iterable
from typing import cast

from av import VideoFrame
from av.sidedata.sidedata import SideData, Type

from mien.errors import UnsupportedMedia

_RPU_PREFIX = 0x19
_PROFILE_BIT = 8 + 6 + 11
"""Bits of an RPU before `vdr_rpu_profile`: prefix, type and format."""
_HEADER_PROFILE = 4
"""Offset of `vdr_rpu_profile` in FFmpeg's AVDOVIRpuDataHeader."""


def dynamic_metadata(frame: VideoFrame) -> int | None:
    """The `vdr_rpu_profile` of a frame with Dolby Vision, None for one without.

    0 stands for profile 5 (and 10.0), whose base layer is in IPT colours that no other decoder shows rightly; 1 for profiles 4,
    7 and 8, whose base layer is HDR10, HLG or SDR.
    """
    # Declared as a mapping of names, but what comes up in a loop is the data itself.
    for data in cast("Iterable[SideData]", frame.side_data):
        if data.type == Type.DOVI_RPU_BUFFER:
            content = bytes(data)[:4]
            if len(content) == 4 and content[0] == _RPU_PREFIX:
                return int.from_bytes(content, "big") >> (32 - _PROFILE_BIT - 4) & 15
        elif data.type == Type.DOVI_METADATA:
            content = bytes(data)
            header = int.from_bytes(content[: struct.calcsize("N")], sys.byteorder)
            if header + _HEADER_PROFILE < len(content):
                return content[header + _HEADER_PROFILE]
    return None


def check_base_layer(frame: VideoFrame, what: str) -> bool:
    """Whether the frame has Dolby Vision over a base layer that can be read; raises `UnsupportedMedia` where it has none."""
    profile = dynamic_metadata(frame)
    if profile == 0:
        raise UnsupportedMedia(
            f"{what} is Dolby Vision profile 5, which has no HDR10, HLG or SDR base layer",
            "convert it to HDR10 or to Dolby Vision profile 8 first",
        )
    return profile is not None
