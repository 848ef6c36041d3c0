"""Sampled windows of a file: the only way in which marks are searched for in pictures and videos.

The search before a swap, the seal after it and `mien verify` all read through `windows_of`, so that a file that is sealed is a
file that verifies.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import cv2
import numpy as np

from mien.errors import MediaError, UsageError
from mien.media.files.moving import Kind, MovingReader, kind_of, open_moving
from mien.media.files.picture_read import Picture, read_picture
from mien.provenance.mark.decoder import MarkFound, MarkReader
from mien.types import Image

WINDOW_FRAMES = 24  # consecutive frames that are read together; from 24 on, docs/mark.md promises the mark
MAX_WINDOWS = 4  # of a video, evenly spread; the first begins and the last ends with the video


@dataclass(frozen=True, slots=True)
class WindowTuning:
    """Limits of windows."""

    max_pixels: int = 120_000_000
    """Pixels of a window, held at once; large pictures need fewer frames, because each carries more of the mark."""
    flat_below_levels: float = 4.0
    """Standard deviation of grey levels below which a picture has no features; black and plain cards have less than 1."""
    usual_rate_hz: float = 25.0
    """Frame rate assumed when a container gives none; an error only moves the later windows."""


_TUNING = WindowTuning()


def windows_of(
    path: Path, *, max_pixels: int, max_bytes: int, start_s: float | None = None, end_s: float | None = None
) -> Iterator[list[Image]]:
    """Yield the windows of a picture or of a part of a video, BGR uint8 (h, w, 3), one at a time; no window is empty.

    A picture has one window; a transparent one has two: the picture on white, then its colours without the transparency.
    Raises `MediaError`, possibly after some windows.
    """
    if kind_of(path) is Kind.PICTURE:
        yield from _windows_of_picture(read_picture(path, max_pixels=max_pixels, max_bytes=max_bytes))
        return
    with open_moving(path, max_pixels=max_pixels, max_bytes=max_bytes, start_s=start_s, end_s=end_s) as reader:
        window, at_end = _window(reader)
        starts = [] if at_end else _later_starts(reader, len(window), start_s or 0.0)
    yield window
    for begin_s in starts:
        try:
            with open_moving(path, max_pixels=max_pixels, max_bytes=max_bytes, start_s=begin_s, end_s=end_s) as reader:
                window, _ = _window(reader)
        except UsageError:
            # No frame lies there: a header may be wrong about the length, and the last frame may be shown for a long time.
            continue
        yield window


def readable(windows: Iterable[list[Image]]) -> Iterator[list[Image]]:
    """Yield the windows up to the first that cannot be read, which may be a damaged part. Raises `MediaError` when none can."""
    any_read = False
    try:
        for window in windows:
            yield window
            any_read = True
    except MediaError:
        if not any_read:
            raise


def find_mark(images: Iterable[Image], *, search: bool = False) -> MarkFound | None:
    """Return the mark that pictures of one size carry together, None when there is none. `search` as in `MarkReader.read`."""
    reader = MarkReader()
    for image in images:
        reader.add(image)
    return reader.read(search=search)


def is_flat(image: Image) -> bool:
    """Return whether a picture has no features: black, a plain card."""
    return float(cv2.meanStdDev(image)[1].max()) < _TUNING.flat_below_levels


def _windows_of_picture(picture: Picture) -> Iterator[list[Image]]:
    image = picture.frame.image
    if picture.alpha is not None:
        alpha = picture.alpha.astype(np.float32)[:, :, None] / np.iinfo(picture.alpha.dtype).max
        yield [np.asarray(image * alpha + 255 * (1 - alpha), np.uint8)]
    yield [image]


def _window(reader: MovingReader) -> tuple[list[Image], bool]:
    """Return the next frames, and whether they are the last ones."""
    count = max(1, min(WINDOW_FRAMES, _TUNING.max_pixels // (reader.info.width * reader.info.height)))
    images: list[Image] = []
    while len(images) < count:
        frame = reader.read()
        if frame is None:
            return images, True
        images.append(frame.image)
    return images, False


def _later_starts(reader: MovingReader, frames: int, start_s: float) -> list[float]:
    """Return the starts of the windows after the first one, each of `frames` frames, in seconds on a player's clock."""
    length_s = reader.info.duration_s
    if length_s is None:
        return []
    window_s = frames / float(reader.info.rate or _TUNING.usual_rate_hz)
    count = min(MAX_WINDOWS, ceil(length_s / window_s - 1e-6))
    return [start_s + (length_s - window_s) * number / (count - 1) for number in range(1, count)]
