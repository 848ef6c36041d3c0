"""Reader of animated pictures (GIF, WebP, APNG, AVIF): upright BGR frames with their own times, as of a video."""

import warnings
from collections.abc import Generator
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from pathlib import Path

import numpy as np
from av.stream import Disposition
from PIL import Image

from mien.errors import MediaTooLarge, UnreadableMedia
from mien.imaging.alpha import over_white
from mien.media.files.file_check import check_size
from mien.media.files.frame_delays import read_delays
from mien.media.files.media_file import MediaFileReader, part_bounds
from mien.media.files.picture_kind import ANIMATED_FORMATS, DAMAGE
from mien.media.files.video_info import VideoInfo
from mien.media.frames.colour_space import ColourSpace
from mien.types import Frame, Note
from mien.types import Image as Bgr

_TIME_BASES = {"GIF": Fraction(1, 100), "WEBP": Fraction(1, 1000), "PNG": Fraction(1, 90_000), "AVIF": Fraction(1, 1000)}
_MAX_FRAMES = 20_000
"""Bounds the time on a hostile file: 11 min at 30 frames a second."""
_MAX_TOTAL_PIXELS_RATIO = 1000
"""Pixels of all frames together, relative to `max_pixels`; a minute of 4K at 30 frames a second has 150."""
_SRGB = ColourSpace(1, 1, 13, full_range=False, tagged=True)
"""Tags of a video made from it: the matrix and primaries of BT.709, the transfer of sRGB."""
_ENDLESS = 0  # number of loops in WebP and APNG that never end


class AnimationReader(MediaFileReader):
    """A `contracts.FrameSource` of an animation: frames in order, on a clock that begins at 0.

    Disposal and blending are applied, so that every frame is whole. With `flatten`, transparent areas are composited over
    white; without it, frames with such areas carry an alpha, and only invisible pixels are white. The constructor decodes the
    first wanted frame; `start_s` and `end_s` bound the part. With `find_alpha`, `info` also covers transparency: frames are
    decoded up to the first transparent one. Raises as `VideoReader`.
    """

    def __init__(
        self,
        path: Path,
        *,
        max_pixels: int,
        max_bytes: int,
        start_s: float | None = None,
        end_s: float | None = None,
        flatten: bool = True,
        find_alpha: bool = False,
    ) -> None:
        self.path = path
        self._flatten, self._find_alpha = flatten, find_alpha
        self._limits = max_pixels, max_bytes
        self._part_s = start_s, end_s
        self._read = self._index = 0
        self._next: Frame | None = None
        check_size(path, max_bytes)
        begin, self._until = part_bounds(start_s or 0, end_s)
        self._begin = begin or Fraction(0)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._file = Image.open(path, formats=ANIMATED_FORMATS)
        except Image.DecompressionBombError:
            raise MediaTooLarge(f"{path} announces an absurd number of pixels", "use a smaller animation") from None
        except DAMAGE as error:
            raise UnreadableMedia(f"{path} is damaged or cut short: {error}", "fetch or save the file again") from None
        try:
            self._open(max_pixels)
        except BaseException:
            self._file.close()
            raise

    @property
    def info(self) -> VideoInfo:
        """Properties of the animation, known from the start."""
        return self._info

    @property
    def loops(self) -> int:
        """Number of loops, 0 = endless."""
        return self._loops

    @property
    def copied(self) -> tuple[()]:
        """No other streams."""
        return ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """Notes for the user; complete when the last frame has been read."""
        missing = self._announced - self._read
        if missing <= 0 or self._next is not None:
            return ()
        text = "{name} is damaged: {n} of its {announced} frames could not be read"
        return (Note.of("animation-damaged", text, name=self.path.name, n=missing, announced=self._announced),)

    def read(self) -> Frame | None:
        """Return the next frame, None at the end."""
        frame = self._next
        if frame is not None:
            self._next = next(self._frames, None)
        return frame

    def close(self) -> None:
        """Close the file; more than once is allowed."""
        self._next = None
        self._frames.close()
        self._file.close()

    def _open(self, max_pixels: int) -> None:
        width, height = self._canvas = self._file.size
        kind = str(self._file.format)
        self._first = 1 if self._file.info.get("default_image") else 0
        self._announced = int(getattr(self._file, "n_frames", 1)) - self._first
        if width * height > max_pixels:
            raise MediaTooLarge(
                f"{self.path} has {width} x {height} pixels, the limit is {max_pixels:,}",
                "use a smaller picture or raise --max-pixels",
            )
        if self._announced > _MAX_FRAMES or self._announced * width * height > _MAX_TOTAL_PIXELS_RATIO * max_pixels:
            raise MediaTooLarge(
                f"{self.path} has {self._announced:,} frames of {width} x {height} pixels, too many for an animation",
                "cut it, or convert it to a video first",
            )
        self._base = _TIME_BASES[kind]
        self._loops = _loops(self._file, kind)
        # The delay of an AVIF frame is known once it is decoded.
        self._delays = [] if kind == "AVIF" else read_delays(self.path, kind)
        self._frames = self._wanted()
        self._next = first = next(self._frames, None)
        if first is None:
            raise self._nothing(decoded_any=self._read > 0)
        self._info = self._describe(kind, first)

    def _describe(self, kind: str, first: Frame) -> VideoInfo:
        ends = list(accumulate(self._delays))
        starts = [Fraction(0), *ends[:-1]] if ends else []
        shown = [number for number, start in enumerate(starts) if self._is_wanted(start)]
        origin = first.pts * self._base
        end = ends[shown[-1]] if shown else None
        duration = end - origin if end is not None else None
        transparent = self._find_alpha and self._is_transparent(kind)
        return VideoInfo(
            width=first.image.shape[1],
            height=first.image.shape[0],
            time_base=self._base,
            rate=Fraction(len(shown) / duration).limit_denominator(1000) if duration else None,
            frame_count=len(shown) or self._announced,
            duration_s=None if duration is None else float(duration),
            codec=kind.lower(),
            stream_index=0,
            space=_SRGB,
            rotation=0,
            pixel_aspect=Fraction(1),
            interlaced=False,
            fields=None,
            deep=False,
            alpha=transparent and not self._flatten,
            flattened=transparent and self._flatten,
            dolby_vision=False,
            zero=Fraction(0),
            origin=origin,
            first=origin,
            begin=None,
            end=None,
            stream_end=end,
            animated=True,
        )

    def _is_transparent(self, kind: str) -> bool:
        """Return whether any wanted frame is transparent; a GIF's flag may also mean unchanged pixels."""
        if kind != "GIF" and self._file.mode == "RGB" and "transparency" not in self._file.info:
            return False
        max_pixels, max_bytes = self._limits
        start_s, end_s = self._part_s
        with AnimationReader(
            self.path, max_pixels=max_pixels, max_bytes=max_bytes, start_s=start_s, end_s=end_s, flatten=False
        ) as frames:
            return any(frame.alpha is not None for frame in iter(frames.read, None))

    def _is_wanted(self, start: Fraction) -> bool:
        # Half a tick of slack: users enter rounded times.
        slack = self._base / 2
        return start >= self._begin - slack and (self._until is None or start < self._until - slack)

    def _wanted(self) -> Generator[Frame, None, None]:
        time = Fraction(0)
        for number in range(self._announced):
            if self._until is not None and time >= self._until - self._base / 2:
                self._read = self._announced
                return
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    pixels = self._decoded(number + self._first)
                    delay = self._delay(number)
            except (*DAMAGE, Image.DecompressionBombError):
                return
            self._read += 1
            if self._is_wanted(time):
                yield self._frame(pixels, round(time / self._base))
            time += delay

    def _decoded(self, number: int) -> Bgr:
        """Return RGBA of a frame; a damaged one may exceed the canvas, and is cropped to it."""
        width, height = self._canvas
        self._file.seek(number)
        if self._file.size[0] * self._file.size[1] > 4 * width * height:
            raise ValueError("a frame reaches far beyond the canvas")
        self._file.load()
        pixels = np.asarray(self._file.convert("RGBA"))[:height, :width]
        if pixels.shape[:2] != (height, width):
            raise ValueError("a frame is smaller than the canvas")
        return pixels

    def _delay(self, number: int) -> Fraction:
        if number < len(self._delays):
            return self._delays[number]
        shown_ms = float(self._file.info.get("duration") or 100)
        return Fraction(round(shown_ms), 1000)

    def _frame(self, pixels: Bgr, pts: int) -> Frame:
        alpha = pixels[:, :, 3]
        image = np.ascontiguousarray(pixels[:, :, 2::-1])
        kept = None
        if alpha.min() < 255:
            image = over_white(image, alpha) if self._flatten else np.where(alpha[:, :, None] == 0, np.uint8(255), image)
            kept = None if self._flatten else np.ascontiguousarray(alpha)
        self._index += 1
        return Frame(image, self._index - 1, pts, self._base, kept)


def _loops(file: Image.Image, kind: str) -> int:
    """Return the number of loops; a GIF without one is shown once, the other formats always have one."""
    return int(file.info.get("loop", 1 if kind == "GIF" else _ENDLESS))


class NoStreams:
    """An empty stand-in for the `StreamCopier` of `VideoWriter`: an animation has no other streams."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.metadata: dict[str, str] = {}
        self.copies_cover = False
        self.video_stream = _NoStream({}, Disposition(0))

    def add_streams(self, out: object) -> None:
        """Do nothing."""

    def advance(self, time: Fraction, out: object) -> None:
        """Do nothing."""

    def finish(self, out: object) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class _NoStream:
    metadata: dict[str, str]
    disposition: Disposition
