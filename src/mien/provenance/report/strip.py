"""Mark of a file second by second, and pictures of the same seconds.

A long file is sampled: evenly spread seconds, so that a report on four hours takes as long as one on four minutes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import cv2
import numpy as np

from mien.errors import MediaError, UsageError
from mien.media.files.moving import Kind, MovingReader, kind_of, open_moving
from mien.provenance.mark.decoder import MarkFound, MarkReader
from mien.provenance.mark.windows import WINDOW_FRAMES, is_flat, windows_of
from mien.provenance.report.words import CANNOT_TELL, NOT_SEEN, SEEN, Seen
from mien.types import Image


@dataclass(frozen=True, slots=True)
class StripTuning:
    """Limits of the strip."""

    max_cells: int = 240
    """Seconds that are looked at; a film of four minutes is looked at whole."""
    max_searches: int = 12
    """Seconds in which a cropped or zoomed mark is searched for: a search takes a second of a core."""
    pictures: int = 12
    """Pictures of the contact sheet."""
    picture_side: int = 320
    """Longer side of a picture of the sheet, in pixels."""


_TUNING = StripTuning()


@dataclass(frozen=True, slots=True)
class Cell:
    """One second: its start, whether the mark was seen in it, and the id if it could be read."""

    start_s: float
    seen: Seen
    mark_id: int | None
    z: float | None


@dataclass(frozen=True, slots=True)
class SheetPicture:
    """Picture of the contact sheet: its time and its JPEG bytes."""

    time_s: float
    jpeg: bytes


@dataclass(frozen=True, slots=True)
class Strip:
    """Seconds of a file in order, and pictures of them. `length_s` is None where the container does not tell."""

    cells: tuple[Cell, ...]
    pictures: tuple[SheetPicture, ...]
    length_s: float | None

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids that were read, hexadecimal, in order of their first second."""
        return tuple(dict.fromkeys(f"{cell.mark_id:06x}" for cell in self.cells if cell.mark_id is not None))


def strip_of(
    path: Path, *, max_pixels: int, max_bytes: int, search: bool = True, tuning: StripTuning = _TUNING
) -> Strip:  # fmt: skip
    """Return the mark by the second, and pictures. `search` also looks for cropped, zoomed and mirrored marks.

    Raises `MediaError` when not even the beginning can be read."""
    limits = {"max_pixels": max_pixels, "max_bytes": max_bytes}
    if kind_of(path) is Kind.PICTURE:
        images = next(iter(windows_of(path, **limits)))
        return Strip((_cell(0.0, images, search=search),), _pictures([(0.0, images[0])], tuning), None)
    cells: list[Cell] = []
    shown: list[tuple[float, Image]] = []
    searches = 0
    length_s: float | None = None
    for start_s, images, length in _seconds(path, max_pixels, max_bytes, tuning):
        length_s = length
        may_search = search and searches < tuning.max_searches
        cell = _cell(start_s, images, search=may_search)
        searches += may_search and cell.seen != SEEN
        cells.append(cell)
        shown.append((start_s, _small(images[0], tuning.picture_side)))
    step = max(1, ceil(len(shown) / tuning.pictures))
    return Strip(tuple(cells), _pictures(shown[::step], tuning), length_s)


def _seconds(
    path: Path, max_pixels: int, max_bytes: int, tuning: StripTuning
) -> Iterator[tuple[float, list[Image], float | None]]:
    """Yield start, first frames and length of the file for each second that is looked at."""
    with open_moving(path, max_pixels=max_pixels, max_bytes=max_bytes) as reader:
        length_s = reader.info.duration_s
        if length_s is None or length_s <= tuning.max_cells:
            yield from ((start, images, length_s) for start, images in _in_one_pass(reader, tuning))
            return
    for number in range(tuning.max_cells):
        start_s = (length_s - 1) * number / (tuning.max_cells - 1)
        try:
            with open_moving(path, max_pixels=max_pixels, max_bytes=max_bytes, start_s=start_s) as reader:
                images = _next(reader, WINDOW_FRAMES)
        except (UsageError, MediaError):
            # A header may be wrong about the length, a place may be damaged.
            continue
        if images:
            yield start_s, images, length_s


def _in_one_pass(reader: MovingReader, tuning: StripTuning) -> Iterator[tuple[float, list[Image]]]:
    rate = float(reader.info.rate or WINDOW_FRAMES)
    second = max(1, round(rate))
    for number in range(tuning.max_cells):
        try:
            images = _next(reader, min(second, WINDOW_FRAMES))
            for _ in range(second - WINDOW_FRAMES):
                reader.read()
        except MediaError:
            if not number:
                raise
            return
        if not images:
            return
        yield number * second / rate, images


def _next(reader: MovingReader, count: int) -> list[Image]:
    images: list[Image] = []
    while len(images) < count and (frame := reader.read()) is not None:
        images.append(frame.image)
    return images


def _cell(start_s: float, images: list[Image], *, search: bool) -> Cell:
    marks = MarkReader()
    for image in images:
        marks.add(image)
    found: MarkFound | None = marks.read(search=search)
    if found is not None:
        return Cell(start_s, SEEN, found.mark_id, round(found.z, 1))
    return Cell(start_s, CANNOT_TELL if all(map(is_flat, images)) else NOT_SEEN, None, None)


def _pictures(shown: list[tuple[float, Image]], tuning: StripTuning) -> tuple[SheetPicture, ...]:
    found = []
    for time_s, image in shown:
        fine, content = cv2.imencode(".jpg", _small(image, tuning.picture_side), (cv2.IMWRITE_JPEG_QUALITY, 82))
        if fine:
            found.append(SheetPicture(time_s, content.tobytes()))
    return tuple(found)


def _small(image: Image, side: int) -> Image:
    scale = min(1.0, side / max(image.shape[:2]))
    size_wh = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    return np.asarray(cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA), np.uint8)
