"""Transparency of video frames."""

import numpy as np
from av import VideoFrame
from av.codec import CodecContext
from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from mien.media.frames.planes import plane
from mien.types import Mask

_ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
"""Decoders for codecs with alpha in a second stream of each packet, which FFmpeg's own decoders drop."""


def alpha_decoder(stream: VideoStream) -> VideoCodecContext | None:
    """Return a decoder that keeps the alpha of VP8 and VP9, None for streams whose usual decoder is enough."""
    name = _ALPHA_DECODERS.get(stream.codec_context.codec.canonical_name)
    tagged = any(key.lower() == "alpha_mode" and value == "1" for key, value in stream.metadata.items())
    if name is None or not tagged:
        return None
    decoder = CodecContext.create(name, "r")
    assert isinstance(decoder, VideoCodecContext)
    tags = stream.codec_context
    decoder.thread_type = tags.thread_type
    decoder.color_range, decoder.colorspace = tags.color_range, tags.colorspace
    decoder.color_primaries, decoder.color_trc = tags.color_primaries, tags.color_trc
    return decoder


def has_alpha(frame: VideoFrame) -> bool:
    """Return True if the pixel format of the frame stores alpha."""
    return any(component.is_alpha for component in frame.format.components)


def alpha_of(frame: VideoFrame, width: int, height: int) -> Mask:
    """Return the alpha of a frame, uint8 (height, width), 255 = opaque, scaled to the given size."""
    if frame.format.name in {"yuva420p", "yuva422p", "yuva444p"} and (frame.width, frame.height) == (width, height):
        return plane(frame, 3).copy()
    packed = VideoReformatter().reformat(frame, width=width, height=height, format="bgra", threads=1)
    return np.ascontiguousarray(packed.to_ndarray()[:, :, 3], np.uint8)
