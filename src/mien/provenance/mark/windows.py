"""Sampled windows of a file: the only way in which marks are searched for in pictures and videos.

The search before a swap, the seal after it and `mien verify` all read through `windows_of`, so that a file that is sealed is a
file that verifies.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
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
MAX_WINDOWS = 4  # of a video, evenly spread, but for key frames; the first begins and the last ends with the video


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
    for window in open_windows(path, max_pixels=max_pixels, max_bytes=max_bytes, start_s=start_s, end_s=end_s):
        yield list(window)


def open_windows(
    path: Path, *, max_pixels: int, max_bytes: int, start_s: float | None = None, end_s: float | None = None
) -> Iterator[Iterator[Image]]:
    """Yield the windows as `windows_of`, each as an iterator that reads a picture when it is asked for, until the next window.

    A window need not be read to its end. Raises as `windows_of`, also between the pictures of a window.
    """
    if kind_of(path) is Kind.PICTURE:
        yield from (iter([image]) for image in _pictures_of(read_picture(path, max_pixels=max_pixels, max_bytes=max_bytes)))
        return
    open_at = partial(open_moving, path, max_pixels=max_pixels, max_bytes=max_bytes, end_s=end_s)
    with open_at(start_s=start_s, skim=True) as reader:
        window = _Window(reader)
        yield window
        starts = [] if window.at_end else _later_starts(reader, window.most, start_s or 0.0)
    for start in starts:
        try:
            later = _at_key(open_at, start) or open_at(start_s=start.exact_s, skim=True)
        except UsageError:
            # No frame lies there: a header may be wrong about the length, and the last frame may be shown for a long time.
            continue
        with later as reader:
            yield _Window(reader)


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


def _pictures_of(picture: Picture) -> Iterator[Image]:
    image = picture.frame.image
    if picture.alpha is not None:
        alpha = picture.alpha.astype(np.float32)[:, :, None] / np.iinfo(picture.alpha.dtype).max
        yield np.asarray(image * alpha + 255 * (1 - alpha), np.uint8)
    yield image


class _Window(Iterator[Image]):
    """The next pictures of a video, at most `most`; `at_end` tells whether the video was read to its end."""

    def __init__(self, reader: MovingReader) -> None:
        self.most = max(1, min(WINDOW_FRAMES, _TUNING.max_pixels // (reader.info.width * reader.info.height)))
        self.at_end = False
        self._reader, self._left = reader, self.most

    def __next__(self) -> Image:
        frame = self._reader.read() if self._left else None
        if frame is None:
            self.at_end = self._left > 0
            raise StopIteration
        self._left -= 1
        return frame.image


@dataclass(frozen=True, slots=True)
class _Start:
    """Start of a window, in seconds on a player's clock; a key frame from `first_s` until `last_s` is taken in its place."""

    exact_s: float
    first_s: float
    last_s: float


def _at_key(open_at: Callable[..., MovingReader], start: _Start) -> "MovingReader | None":
    """Return a reader at a key frame near the start, from which decoding can begin; None where there is none."""
    if start.first_s == start.last_s:
        return None
    try:
        reader = open_at(start_s=start.last_s, from_key=True)
    except UsageError:
        # Of an animation that has no frame after its start: there is one at the start itself, or none.
        return None
    if start.first_s <= float(reader.info.first - reader.info.zero) < start.last_s:
        return reader
    reader.close()
    return None


def _later_starts(reader: MovingReader, frames: int, start_s: float) -> list[_Start]:
    """Return the starts of the windows after the first one, each of `frames` frames; the last one is exact."""
    length_s = reader.info.duration_s
    if length_s is None:
        return []
    window_s = frames / float(reader.info.rate or _TUNING.usual_rate_hz)
    count = min(MAX_WINDOWS, ceil(length_s / window_s - 1e-6))
    step_s = (length_s - window_s) / max(count - 1, 1)
    # Half a step later, and a window less than that earlier, no two windows meet.
    later_s = step_s / 2 if step_s >= 2 * window_s else 0.0
    earlier_s = max(later_s - window_s, 0.0)
    exact_s = [start_s + step_s * number for number in range(1, count)]
    middle = [_Start(each, each - earlier_s, each + later_s) for each in exact_s[:-1]]
    return [*middle, *(_Start(each, each, each) for each in exact_s[-1:])]
