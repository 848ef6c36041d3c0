"""Marked pictures and clips, and what a reader finds in them."""

import io
from fractions import Fraction
from itertools import islice

import av
import cv2
import numpy as np

from mien.media.files.encoders import candidates
from mien.provenance.mark.decoder import MarkFound, MarkReader
from mien.provenance.mark.pattern import Marker
from mien.settings import Settings
from mien.system.scheduling import ordinary_scheduling
from mien.types import Image
from tests.support.places import ROOT

ID = 0xA53C96


def marked(image: Image, mark_id: int = ID, strength: float = 1.0) -> Image:
    """Return a marked copy of a picture."""
    copy = image.copy()
    Marker(mark_id, strength=strength).mark(copy)
    return copy


def find(*images: Image, search: bool = False) -> MarkFound | None:
    """Return the mark that pictures carry together."""
    reader = MarkReader()
    for image in images:
        reader.add(image)
    return reader.read(search=search)


def id_of(*images: Image, search: bool = False) -> int | None:
    """Return the id that pictures carry together; None without one."""
    found = find(*images, search=search)
    return None if found is None else found.mark_id


def resized(image: Image, width: int, height: int) -> Image:
    """Return a picture resized, averaged when it shrinks."""
    how = cv2.INTER_AREA if width < image.shape[1] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, (width, height), interpolation=how), np.uint8)


def jpeg(image: Image, quality: int) -> Image:
    """Return a picture as it comes back from a JPEG file."""
    decoded = cv2.imdecode(cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, quality))[1], cv2.IMREAD_COLOR)
    return np.asarray(decoded, np.uint8)


def encoded(frames: list[Image], codec: str, options: dict[str, str]) -> list[Image]:
    """Return frames as they come back from a codec of FFmpeg."""
    buffer = io.BytesIO()
    height, width = frames[0].shape[:2]
    with av.open(buffer, "w", format="matroska") as out:
        stream = out.add_stream(codec, rate=Fraction(30), options=options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        with ordinary_scheduling():
            out.start_encoding()
        for frame in frames:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="bgr24")))
        out.mux(stream.encode(None))
    buffer.seek(0)
    with av.open(buffer, "r") as container:
        return [np.asarray(frame.to_ndarray(format="bgr24"), np.uint8) for frame in container.decode(video=0)]


def written(frames: list[Image], codec: str, quality: int) -> list[Image]:
    """Return frames as they come back from mien's own encoder settings."""
    encoder = candidates(codec, 640, 360, Settings(quality=quality))[-1]
    return encoded(frames, encoder.name, encoder.options)


def least_z(frames: list[Image], mark_id: int) -> float:
    """Return the least z of all windows, -inf when one of them does not carry this id."""
    found = [find(*frames[start : start + 24]) for start in range(0, len(frames) - 23, 13)]
    return min(each.z if each is not None and each.mark_id == mark_id else float("-inf") for each in found)


def clip_frames(first: int, count: int) -> list[Image]:
    """Return frames of the bundled clip, 1280 x 720: computed, soft and in motion, the hardest to mark of all."""
    with av.open(str(ROOT / "examples" / "clip.mp4")) as container:
        decoded = (np.asarray(frame.to_ndarray(format="bgr24"), np.uint8) for frame in container.decode(video=0))
        return list(islice(decoded, first, first + count))
