"""Colour spaces of video, and conversion of decoded frames to BGR and back."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from av import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation, VideoReformatter

from mien.imaging import hdr, yuv
from mien.media.frames.planes import plane, three_planes
from mien.types import Array, Image, Mask

_SWSCALE = {1: Colorspace.ITU709, 4: Colorspace.FCC, 5: Colorspace.ITU601, 6: Colorspace.ITU601, 7: Colorspace.SMPTE240M,
            9: Colorspace.BT2020, 10: Colorspace.BT2020}  # fmt: skip
_EXACT_FORMATS = {"yuv420p", "yuvj420p", "yuva420p", "yuv422p", "yuvj422p", "yuva422p"}
_SD_MAX_WIDTH, _SD_MAX_HEIGHT = 1024, 576  # pixels; larger untagged video is BT.709 in players
_EXACT = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT

_WIDENED = np.clip(np.rint((np.arange(256) - 16) * 255 / 219), 0, 255).astype(np.uint8)
"""Full range for limited range."""


@dataclass(frozen=True, slots=True)
class ColourSpace:
    """Code points of ITU-T H.273; `tagged` is False if the file does not state the matrix and the size decided it."""

    matrix: int
    primaries: int
    transfer: int
    full_range: bool
    tagged: bool

    @property
    def is_hdr(self) -> bool:
        """True for PQ and HLG, which need conversion for an ordinary screen."""
        return self.transfer in (hdr.PQ, hdr.HLG)

    def for_output(self) -> "ColourSpace":
        """Return the space of the output: the same, but BT.709 for HDR."""
        if not self.is_hdr:
            return self
        return ColourSpace(1, int(ColorPrimaries.BT709), int(ColorTrc.BT709), full_range=False, tagged=True)


def space_of(frame: VideoFrame) -> ColourSpace:
    """Return the space of a decoded frame; an untagged one is BT.601 up to 1024x576 and BT.709 above, as in players."""
    matrix, transfer = int(frame.colorspace), int(frame.color_trc)
    tagged = matrix in _SWSCALE
    if transfer in (hdr.PQ, hdr.HLG):
        # A tagged matrix is used; without one, HDR is BT.2020 at every size.
        tagged, matrix = True, matrix if tagged or matrix == hdr.ICTCP else hdr.BT2020
    elif not tagged:
        small = frame.width <= _SD_MAX_WIDTH and frame.height <= _SD_MAX_HEIGHT
        matrix = 6 if small else 1
    full = int(frame.color_range) == ColorRange.JPEG or frame.format.name.startswith("yuvj")
    return ColourSpace(matrix, int(frame.color_primaries), transfer, full, tagged)


class ToBgr:
    """Converter of decoded frames to BGR of one size; HDR becomes SDR. It keeps its tables, which are costly for HDR.

    `by_fields` is for interlaced frames, whose rows of chroma alternate between the fields.
    """

    def __init__(self, space: ColourSpace, width: int, height: int, *, by_fields: bool = False) -> None:
        self._width, self._height = width, height
        self._by_fields = by_fields and height % 4 == 0
        self._even = width % 2 == 0 and height % 2 == 0
        self._reformatter = VideoReformatter()
        self._hdr: tuple[hdr.Signal, hdr.HdrToSdr] | None = None
        self._take(space)

    def _take(self, space: ColourSpace) -> None:
        self._space = space
        if not space.is_hdr:
            self._weights = yuv.decoding_weights(space.matrix, space.full_range)

    def convert(self, frame: VideoFrame, space: ColourSpace | None = None) -> Image:
        """Return BGR uint8 (h, w, 3), writable, of the size of the first frame; `space` is this frame's, None = as before."""
        if space is not None and space != self._space:
            self._take(space)
        same_size = (frame.width, frame.height) == (self._width, self._height)
        if self._space.is_hdr:
            return self._from_hdr(frame, same_size)
        if self._even and same_size and frame.format.name in _EXACT_FORMATS:
            out = np.empty((self._height, self._width, 3), np.uint8)
            y, u, v = _planes(frame)
            for rows in _fields(self._by_fields):
                yuv.to_bgr(y[rows], u[rows], v[rows], self._weights, out[rows])
            return out
        return self._by_swscale(frame)

    def _by_swscale(self, frame: VideoFrame) -> Image:
        space = self._space
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
        )
        image = np.array(bgr.to_ndarray(), np.uint8)
        if frame.format.name.startswith("gray") and int(frame.color_range) == ColorRange.MPEG:
            # The converter treats every grey as full range.
            return np.asarray(cv2.LUT(image, _WIDENED), np.uint8)
        return image

    def _from_hdr(self, frame: VideoFrame, same_size: bool) -> Image:
        planes = three_planes(frame) if same_size else None
        if planes is None:
            planes = three_planes(self._deep_planes(frame))
            assert planes is not None
        space, is_rgb = self._space, frame.format.is_rgb
        signal = hdr.Signal(
            transfer=space.transfer,
            matrix=hdr.RGB if is_rgb else space.matrix,
            primaries=space.primaries,
            full_range=space.full_range or is_rgb,
            bits=planes[3],
        )
        if self._hdr is None or self._hdr[0] != signal:
            self._hdr = signal, hdr.HdrToSdr(signal)
        return self._hdr[1].convert(*planes[:3])

    def _deep_planes(self, frame: VideoFrame) -> VideoFrame:
        """Return the same colours in planes of 16 bits, in the size of the first frame."""
        is_rgb = frame.format.is_rgb
        same: dict[str, Any] = {}
        if not is_rgb:
            codes = ColorRange.JPEG if self._space.full_range else ColorRange.MPEG
            same = {"src_color_range": codes, "dst_color_range": codes}
            same |= {"src_colorspace": Colorspace.BT2020, "dst_colorspace": Colorspace.BT2020}
        return self._reformatter.reformat(
            frame,
            width=self._width,
            height=self._height,
            format="gbrp16le" if is_rgb else "yuv444p16le",
            interpolation=_EXACT,
            threads=1,
            **same,
        )


class FromBgr:
    """Converter of BGR frames to the `pixel_format` of an encoder, in the given space; `by_fields` as for `ToBgr`."""

    def __init__(self, space: ColourSpace, pixel_format: str, *, by_fields: bool = False) -> None:
        self._space, self._format = space, pixel_format
        self._by_fields = by_fields
        self._weights = yuv.encoding_weights(space.matrix, space.full_range)
        self._reformatter = VideoReformatter()

    def convert(self, image: Image, alpha: Mask | None = None) -> VideoFrame:
        """Return a new frame; `image` is BGR uint8 (h, w, 3) and may change afterwards. `alpha` is for formats with one."""
        height, width = image.shape[:2]
        if self._format not in {"yuv420p", "yuva420p"} or width % 2 or height % 2:
            return self._by_swscale(image, alpha)
        frame = VideoFrame(width, height, self._format)
        y, u, v = _planes(frame)
        for rows in _fields(self._by_fields and height % 4 == 0):
            yuv.from_bgr(image[rows], self._weights, y[rows], u[rows], v[rows])
        if self._format == "yuva420p":
            plane(frame, 3)[:] = 255 if alpha is None else alpha
        frame.colorspace = self._space.matrix
        frame.color_range = ColorRange.JPEG if self._space.full_range else ColorRange.MPEG
        return frame

    def _by_swscale(self, image: Image, alpha: Mask | None) -> VideoFrame:
        pixels = np.ascontiguousarray(image) if alpha is None else np.dstack([image, alpha])
        return self._reformatter.reformat(
            VideoFrame.from_ndarray(pixels, format="bgr24" if alpha is None else "bgra"),
            format=self._format,
            src_color_range=ColorRange.JPEG,
            dst_colorspace=_SWSCALE[self._space.matrix],
            dst_color_range=ColorRange.JPEG if self._space.full_range else ColorRange.MPEG,
            interpolation=_EXACT,
            threads=1,
        )


def _fields(apart: bool) -> tuple[slice, ...]:
    """Return the rows to convert together: all of them, or those of each field."""
    return (slice(0, None, 2), slice(1, None, 2)) if apart else (slice(None),)


def _planes(frame: VideoFrame) -> tuple[Array, Array, Array]:
    """Return views of the three planes, uint8, without the padding at the ends of the rows."""
    return plane(frame, 0), plane(frame, 1), plane(frame, 2)
