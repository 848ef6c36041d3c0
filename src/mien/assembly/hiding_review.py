"""Review of an anonymised file: pictures of its risky moments, taken while it is written."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from mien.assembly.review_page import Shown, Subject, page
from mien.batch.export import PartExporter, PartNotes
from mien.errors import UsageError
from mien.imaging import geometry
from mien.media.files.output_file import OutputFile, output_error
from mien.swap.hiding.risks import Moment
from mien.types import Frame, Image, LabelledFrame

NAME = "review.html"
_CROP_FACES, _CROP_SIDE = 2.2, 200  # side of a crop in face sizes, and in pixels at most
_WHOLE_SIDE = 640  # pixels of the longer side of a whole picture
_QUALITY = 82  # of JPEG; chosen by eye


@dataclass(slots=True)
class Review:
    """Pictures of moments: `take` gets each frame before its faces are hidden, the exporter that `around` returns each after.

    `folder` is made readable by its owner alone; it must be new or empty of all but an earlier page.
    """

    folder: Path
    moments: Sequence[Moment]
    times: Sequence[float]
    left_out: int = 0
    _crops: dict[int, bytes] = field(default_factory=dict)
    _wholes: dict[int, bytes] = field(default_factory=dict)
    _due: dict[int, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for number, moment in enumerate(self.moments):
            self._due.setdefault(moment.frame, []).append(number)

    def take(self, frame: int, image: Image) -> None:
        """Keep the crops of the moments of this frame."""
        for number in self._due.get(frame, ()):
            self._crops[number] = _jpeg(_crop(image, self.moments[number]), _CROP_SIDE)

    def around(self, exporter: PartExporter) -> PartExporter:
        """Return the exporter, with an eye on what it labels."""
        return _Watched(exporter, self)

    def see(self, frame: int, image: Image) -> None:
        """Keep the whole picture of the moments of this frame, as it leaves."""
        if frame in self._due:
            self._wholes[frame] = _jpeg(image, _WHOLE_SIDE)

    def write(self, subject: Subject) -> Path:
        """Write the page and return its path. Raises `OutputError`."""
        shown = [
            Shown(moment, self.times[moment.frame], self._crops[number], self._wholes[moment.frame])
            for number, moment in enumerate(self.moments)
            if number in self._crops and moment.frame in self._wholes
        ]
        path = self.folder / NAME
        with OutputFile(path, overwrite=True) as output:
            try:
                with open(output.temporary, "xb", opener=_private) as file:
                    file.write(page(subject, shown, self.left_out))
            except OSError as error:
                raise output_error(error, path) from error
            output.commit()
        return path


@contextmanager
def open_folder(folder: Path) -> Iterator[None]:
    """Make a folder that only its owner can read; one that was made here and is still empty at the end is removed.

    Raises `UsageError` for one that others can read, or `OutputError`.
    """
    is_new = not folder.exists()
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        if os.name == "posix" and folder.stat().st_mode & 0o077:
            raise UsageError(
                f"{folder} can be read by others, and the review shows faces as they are",
                f"name a new folder, or run: chmod 700 {folder}",
            )
    except OSError as error:
        raise output_error(error, folder) from error
    try:
        yield
    finally:
        if is_new:
            # One that holds something stays, and one that has gone meanwhile is no error.
            with suppress(OSError):
                folder.rmdir()


@dataclass(slots=True)
class _Watched:
    exporter: PartExporter
    review: Review
    _next: int = 0

    def begin_part(self) -> None:
        """Treat the next frame as the first of all."""
        self.exporter.begin_part()

    def end_part(self) -> PartNotes:
        """Return the notes of the part."""
        return self.exporter.end_part()

    def label(self, frame: Frame) -> LabelledFrame:
        """Return the frame as it may leave."""
        labelled = self.exporter.label(frame)
        self.review.see(self._next, labelled.frame.image)
        self._next += 1
        return labelled

    def seal(self, output: OutputFile) -> tuple[str, ...]:
        """Sign and read back."""
        return self.exporter.seal(output)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _crop(image: Image, moment: Moment) -> Image:
    x1, y1, x2, y2 = moment.box_xyxy
    half = _CROP_FACES / 2 * max(x2 - x1, y2 - y1)
    x, y = (x1 + x2) / 2, (y1 + y2) / 2
    height, width = image.shape[:2]
    left, top, right, bottom = geometry.clipped_box((x - half, y - half, x + half, y + half), width, height)
    return image[top:bottom, left:right] if right > left and bottom > top else image[:1, :1]


def _jpeg(image: Image, most: int) -> bytes:
    scale = most / max(image.shape[:2])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    size_wh = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    _, coded = cv2.imencode(".jpg", cv2.resize(np.ascontiguousarray(image), size_wh, interpolation=how), _OPTIONS)
    return coded.tobytes()


_OPTIONS = [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
