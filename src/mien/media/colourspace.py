"""How the numbers of a video stand for colours, and the way from decoded frames to BGR and back."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from av import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation, VideoReformatter

from mien import yuv
from mien.types import Array, Image

_SWSCALE = {1: Colorspace.ITU709, 4: Colorspace.FCC, 5: Colorspace.ITU601, 6: Colorspace.ITU601, 7: Colorspace.SMPTE240M,
            9: Colorspace.BT2020, 10: Colorspace.BT2020}  # fmt: skip
_EXACT_FORMATS = {"yuv420p", "yuvj420p", "yuv422p", "yuvj422p"}
_SD_MOST_WIDTH, _SD_MOST_HEIGHT = 1024, 576
_EXACT = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT


@dataclass(frozen=True, slots=True)
class ColourSpace:
    """Numbers of ITU-T H.273; `tagged` is False where the file did not say the matrix and the size decided it."""

    matrix: int
    primaries: int
    transfer: int
    full_range: bool
    tagged: bool

    @property
    def is_hdr(self) -> bool:
        """PQ or HLG: the numbers are not meant for an ordinary screen."""
        return self.transfer in (ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67)

    def for_output(self) -> "ColourSpace":
        """The space the output is written in: the same, but HDR becomes BT.709."""
        if not self.is_hdr:
            return self
        return ColourSpace(1, int(ColorPrimaries.BT709), int(ColorTrc.BT709), full_range=False, tagged=True)


def space_of(frame: VideoFrame) -> ColourSpace:
    """The space of a decoded frame; an untagged one is BT.601 up to 1024x576 and BT.709 above, as players take it."""
    matrix = int(frame.colorspace)
    tagged = matrix in _SWSCALE
    if not tagged:
        small = frame.width <= _SD_MOST_WIDTH and frame.height <= _SD_MOST_HEIGHT
        matrix = 6 if small else 1
    full = int(frame.color_range) == ColorRange.JPEG or frame.format.name.startswith("yuvj")
    return ColourSpace(matrix, int(frame.color_primaries), int(frame.color_trc), full, tagged)


class ToBgr:
    """Turns decoded frames into BGR of one size; keeps one converter, which is costly to set up for HDR."""

    def __init__(self, space: ColourSpace, width: int, height: int) -> None:
        self._space, self._width, self._height = space, width, height
        self._weights = yuv.decoding_weights(space.matrix, space.full_range)
        self._even = width % 2 == 0 and height % 2 == 0
        self._reformatter = VideoReformatter()

    def convert(self, frame: VideoFrame) -> Image:
        """BGR uint8 (h, w, 3), writable, of the size of the first frame."""
        same_size = (frame.width, frame.height) == (self._width, self._height)
        if self._even and same_size and not self._space.is_hdr and frame.format.name in _EXACT_FORMATS:
            out = np.empty((self._height, self._width, 3), np.uint8)
            y, u, v = _planes(frame)
            yuv.to_bgr(y, u, v, self._weights, out)
            return out
        return self._by_swscale(frame)

    def _by_swscale(self, frame: VideoFrame) -> Image:
        space = self._space
        options: dict[str, Any] = {}
        if space.is_hdr:
            options = {"dst_color_trc": ColorTrc.BT709, "dst_color_primaries": ColorPrimaries.BT709}
        is_yuv = not frame.format.is_rgb
        bgr = self._reformatter.reformat(
            frame,
            width=self._width,
            height=self._height,
            format="bgr24",
            src_colorspace=_SWSCALE[space.matrix] if is_yuv else None,
            src_color_range=(ColorRange.JPEG if space.full_range else ColorRange.MPEG) if is_yuv else None,
            dst_color_range=ColorRange.JPEG,
            interpolation=_EXACT,
            threads=1,
            **options,
        )
        return np.array(bgr.to_ndarray(), np.uint8)


class FromBgr:
    """Turns BGR frames into what an encoder takes, `pixel_format`, in the given space."""

    def __init__(self, space: ColourSpace, pixel_format: str) -> None:
        self._space, self._format = space, pixel_format
        self._weights = yuv.encoding_weights(space.matrix, space.full_range)
        self._reformatter = VideoReformatter()

    def convert(self, image: Image) -> VideoFrame:
        """A new frame; `image` is BGR uint8 (h, w, 3) and may change afterwards."""
        height, width = image.shape[:2]
        if self._format != "yuv420p" or width % 2 or height % 2:
            return self._by_swscale(image)
        frame = VideoFrame(width, height, "yuv420p")
        y, u, v = _planes(frame)
        yuv.from_bgr(image, self._weights, y, u, v)
        frame.colorspace = self._space.matrix
        frame.color_range = ColorRange.JPEG if self._space.full_range else ColorRange.MPEG
        return frame

    def _by_swscale(self, image: Image) -> VideoFrame:
        return self._reformatter.reformat(
            VideoFrame.from_ndarray(np.ascontiguousarray(image), format="bgr24"),
            format=self._format,
            src_color_range=ColorRange.JPEG,
            dst_colorspace=_SWSCALE[self._space.matrix],
            dst_color_range=ColorRange.JPEG if self._space.full_range else ColorRange.MPEG,
            interpolation=_EXACT,
            threads=1,
        )


def _planes(frame: VideoFrame) -> tuple[Array, Array, Array]:
    """Views of the three planes, uint8, without the padding at the ends of the lines."""
    first, second, third = (
        np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]
        for plane in frame.planes
    )
    return first, second, third
