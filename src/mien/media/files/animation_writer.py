"""Writer of animated pictures: labelled frames as GIF, WebP or APNG, with the delays of the input and the statement."""

import errno
import io
import os
import struct
import zlib
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import av
import numpy as np
from av import VideoFrame
from av.error import FFmpegError
from av.packet import Packet
from av.video.stream import VideoStream
from PIL import Image

from mien.errors import OutputError, UsageError
from mien.imaging.alpha import with_opaque
from mien.media.files import statement
from mien.media.files.animation_reader import AnimationReader
from mien.media.files.encoders import ANIMATIONS
from mien.media.files.media_file import MediaFileWriter
from mien.media.files.output_file import OutputFile, output_error
from mien.media.files.picture_metadata import png_statement
from mien.settings import Settings
from mien.types import Array, LabelledFrame, Mask, Note
from mien.types import Image as Bgr

_ENCODERS = {"gif": ("gif", "pal8"), "webp": ("libwebp_anim", "bgra"), "apng": ("apng", "rgba")}
_TIME_BASES = {"gif": Fraction(1, 100), "webp": Fraction(1, 1000), "apng": Fraction(1, 90_000)}
_GIF_ONCE = -1  # value of FFmpeg's option `loop` that writes no block of loops
_MAX_SIDE_PIXELS = {"gif": 65535, "webp": 16383, "apng": 65535}
_GIF_COLOURS = 256
"""Colours of a palette."""
_GIF_OPAQUE_ALPHA = 128
"""Smallest alpha that becomes opaque: GIF has no half transparency."""
_WEBP_XMP_FLAG = 0x04
"""Flag in the chunk VP8X: the file has an XMP chunk."""
_COPY_BYTES = 1 << 20
"""Size of the pieces in which the end of a file is moved; bounds memory."""


class AnimationWriter(MediaFileWriter):
    """A `contracts.FrameSink` into `output.temporary`; the caller commits the output after leaving without an error.

    Frames are encoded one by one. The constructor opens the encoder; it raises `UsageError` or `OutputError`.
    """

    def __init__(self, reader: AnimationReader, output: OutputFile, settings: Settings, engine: str) -> None:
        self._reader, self._output, self._engine = reader, output, engine
        self._kind = ANIMATIONS[output.path.suffix.lower()]
        self._info = info = reader.info
        self._base = _TIME_BASES[self._kind]
        self._waiting: VideoFrame | None = None
        self._last_pts = -1
        self._rounded = self._hardened = self._finished = False
        if max(info.width, info.height) > _MAX_SIDE_PIXELS[self._kind]:
            raise UsageError(
                f"a {output.path.suffix} holds at most {_MAX_SIDE_PIXELS[self._kind]} pixels a side", "write a .mp4"
            )
        try:
            self._open(settings)
        except (FFmpegError, OSError, ValueError) as error:
            raise self._failure(error) from error

    @property
    def warnings(self) -> tuple[str, ...]:
        """Notes for the user; complete when the last frame has been written."""
        found, name = [], self._output.path.name
        if self._rounded:
            text = "{name} has times in steps of 10 ms: they were rounded; .webp and .png preserve them"
            found.append(Note.of("rounded-times", text, name=name))
        if self._hardened:
            text = "{name} has no half transparency: every pixel is clear or opaque; .webp and .png preserve it"
            found.append(Note.of("hardened", text, name=name))
        return tuple(found)

    def write(self, labelled: LabelledFrame) -> None:
        """Encode one frame; raises `OutputError`."""
        if not isinstance(labelled, LabelledFrame):
            raise TypeError("only a LabelledFrame leaves mien")
        frame = labelled.frame
        alpha = None if frame.alpha is None else with_opaque(frame.alpha, labelled.badge_xyxy)
        picture = self._paletted(frame.image, alpha) if self._kind == "gif" else self._coloured(frame.image, alpha)
        picture.pts, picture.time_base = self._ticks(frame.pts * frame.time_base - self._info.origin), self._base
        # A frame waits for the next one, whose time ends it.
        self._encode_waiting(until=picture.pts)
        self._waiting = picture

    def finish(self) -> None:
        """Flush the encoder, write the end of the file and the statement, once."""
        if self._finished:
            return
        self._finished = True
        shown = self._encode_waiting(until=None)
        try:
            self._mux(self._video.encode(None), shown)
            self._container.close()
            _STATED[self._kind](self._output.temporary, self._engine, shown * self._base)
        except (FFmpegError, OSError, ValueError) as error:
            raise self._failure(error) from error

    def _open(self, settings: Settings) -> None:
        info = self._info
        codec, pixel_format = _ENCODERS[self._kind]
        self._container = av.open(
            str(self._output.temporary.absolute()), "w", format=self._kind, options=self._container_options()
        )
        options = {
            "gif": {"global_palette": "0"},
            "webp": {"quality": str(min(100, 50 + settings.quality // 2)), "lossless": str(int(settings.quality == 100))},
            "apng": {"pred": "mixed"},
        }[self._kind]
        video = self._container.add_stream(codec, rate=info.rate or 10, options=options, time_base=self._base)
        assert isinstance(video, VideoStream)
        video.width, video.height, video.pix_fmt = info.width, info.height, pixel_format
        self._video = video
        self._container.start_encoding()

    def _container_options(self) -> dict[str, str]:
        loops = self._reader.loops
        if self._kind == "gif":
            # A GIF that is shown once has no block of loops; FFmpeg writes none for -1.
            return {"loop": str(_GIF_ONCE if loops == 1 else min(loops, 65535))}
        if self._kind == "webp":
            return {"loop": str(min(loops, 65535))}
        return {"plays": str(min(loops, 65535))}

    def _paletted(self, image: Bgr, alpha: Mask | None) -> VideoFrame:
        """Return the frame in its own 256 colours, dithered (Floyd and Steinberg), which preserves the mean of the mark."""
        clear = None if alpha is None else alpha < _GIF_OPAQUE_ALPHA
        self._hardened |= alpha is not None and bool(((alpha > 0) & (alpha < 255)).any())
        count = _GIF_COLOURS if clear is None else _GIF_COLOURS - 1
        rgb = Image.fromarray(np.ascontiguousarray(image[:, :, ::-1]))
        palette = rgb.quantize(count, method=Image.Quantize.MEDIANCUT)
        numbers = np.array(rgb.quantize(count, palette=palette, dither=Image.Dither.FLOYDSTEINBERG))
        colours = np.frombuffer(bytes(palette.getpalette("RGB") or b""), np.uint8).reshape(-1, 3)[:count]
        bgra = np.full((_GIF_COLOURS, 4), (0, 0, 0, 255), np.uint8)
        bgra[: len(colours), :3] = colours[:, ::-1]
        if clear is not None:
            bgra[count] = 0
            numbers[clear] = count
        frame = VideoFrame(self._info.width, self._info.height, "pal8")
        _fill(frame, numbers)
        frame.planes[1].update(bgra.tobytes())
        return frame

    def _coloured(self, image: Bgr, alpha: Mask | None) -> VideoFrame:
        opaque = np.full(image.shape[:2], 255, np.uint8) if alpha is None else alpha
        order = [2, 1, 0] if self._kind == "apng" else [0, 1, 2]
        frame = VideoFrame(self._info.width, self._info.height, _ENCODERS[self._kind][1])
        _fill(frame, np.dstack([image[:, :, order], opaque]).reshape(len(image), -1))
        return frame

    def _ticks(self, time: Fraction) -> int:
        """Return the time in ticks of the output, later than the frame before."""
        exact = time / self._base
        ticks = max(round(exact), self._last_pts + 1)
        self._rounded |= self._kind == "gif" and ticks != exact
        self._last_pts = ticks
        return ticks

    def _encode_waiting(self, until: int | None) -> int:
        """Encode the waiting frame; return its duration in ticks."""
        picture = self._waiting
        if picture is None or picture.pts is None:
            return 0
        shown = until - picture.pts if until is not None else self._last_shown(picture.pts)
        picture.duration = shown
        self._waiting = None
        try:
            self._mux(self._video.encode(picture), shown)
        except (FFmpegError, OSError, ValueError) as error:
            raise self._failure(error) from error
        return shown

    def _last_shown(self, pts: int) -> int:
        if self._info.stream_end is not None:
            left = round((self._info.stream_end - self._info.origin) / self._base) - pts
            if left > 0:
                return left
        return max(1, round(1 / ((self._info.rate or 10) * self._base)))

    def _mux(self, packets: "Sequence[Packet[VideoStream]]", shown: int) -> None:
        for packet in packets:
            if not packet.duration:
                packet.duration = shown
            self._container.mux_one(packet)

    def _failure(self, error: Exception) -> OutputError:
        number: int = getattr(error, "errno", None) or 0
        if number in errno.errorcode:
            return output_error(OSError(number, os.strerror(number)), self._output.path)
        return OutputError(f"cannot write {self._output.path}: {getattr(error, 'strerror', None) or error}", "write a .mp4")


def _fill(frame: VideoFrame, rows: Array) -> None:
    """Copy uint8 (h, bytes) into the first plane, whose lines may be longer."""
    plane = frame.planes[0]
    padded = np.zeros((len(rows), plane.line_size), np.uint8)
    padded[:, : rows.shape[1]] = rows
    plane.update(padded.tobytes())


# The statement, for which FFmpeg's muxers have no field.


def _state_gif(path: Path, engine: str, shown: Fraction) -> None:
    """Insert a comment and an XMP packet before the first picture."""
    with path.open("rb") as file:
        head = file.read(13)
    at = 13 + (3 << ((head[10] & 7) + 1) if head[10] & 0x80 else 0)
    # The packet is text without zeros; from anywhere in it, the 256 bytes after it lead a reader of blocks to the end.
    magic = b"\x01" + bytes(range(255, -1, -1)) + b"\0"
    packet = b"!\xff\x0bXMP DataXMP" + statement.xmp(engine) + magic
    _insert(path, at, b"!\xfe" + _blocks(statement.sentence(engine).encode("ascii", "replace")) + packet)


def _blocks(data: bytes) -> bytes:
    pieces = [data[at : at + 255] for at in range(0, len(data), 255)]
    return b"".join(bytes([len(piece)]) + piece for piece in pieces) + b"\0"


def _state_png(path: Path, engine: str, shown: Fraction) -> None:
    _insert(path, 33, png_statement(engine))
    _show_last_apng(path, shown)


def _insert(path: Path, at: int, data: bytes) -> None:
    """Insert `data` into the file; the rest is moved in pieces, from the end on."""
    with path.open("r+b") as file:
        end = file.seek(0, io.SEEK_END)
        while end > at:
            start = max(at, end - _COPY_BYTES)
            _write_at(file, start + len(data), _at(file, start, end - start))
            end = start
        _write_at(file, at, data)


def _show_last_apng(path: Path, shown: Fraction) -> None:
    """Set the delay of the last picture, for which the muxer repeats that of the one before."""
    with path.open("r+b") as file:
        last, at = None, 8
        while len(head := _at(file, at, 8)) == 8:
            size, kind = struct.unpack(">I4s", head)
            if kind == b"fcTL":
                last = at
            at += 12 + size
        if last is None:
            return
        body = bytearray(_at(file, last + 8, 26))
        struct.pack_into(">HH", body, 20, *_sixteen_bits(shown))
        file.seek(last + 8)
        file.write(bytes(body) + struct.pack(">I", zlib.crc32(b"fcTL" + body)))


def _sixteen_bits(shown: Fraction) -> tuple[int, int]:
    """Return numerator and denominator, both below 65536."""
    near = shown.limit_denominator(65535)
    if near.numerator > 65535:
        near = Fraction(min(round(shown), 65535))
    return near.numerator, near.denominator


def _state_webp(path: Path, engine: str, shown: Fraction) -> None:
    """Append an XMP chunk, and set the delay of the last picture, which the encoder guesses."""
    xmp = statement.xmp(engine)
    with path.open("r+b") as file:
        last, at = None, 12
        while len(head := _at(file, at, 8)) == 8:
            kind, size = struct.unpack("<4sI", head)
            if kind == b"VP8X":
                flags = _at(file, at + 8, 1)[0] | _WEBP_XMP_FLAG
                _write_at(file, at + 8, bytes([flags]))
            if kind == b"ANMF":
                last = at
            at += 8 + size + size % 2
        if last is not None:
            _write_at(file, last + 8 + 12, min(round(shown * 1000), 0xFFFFFF).to_bytes(3, "little"))
        _write_at(file, at, b"XMP " + struct.pack("<I", len(xmp)) + xmp + b"\0" * (len(xmp) % 2))
        _write_at(file, 4, struct.pack("<I", file.seek(0, io.SEEK_END) - 8))


def _at(file: BinaryIO, at: int, size: int) -> bytes:
    file.seek(at)
    return file.read(size)


def _write_at(file: BinaryIO, at: int, data: bytes) -> None:
    file.seek(at)
    file.write(data)


_STATED: dict[str, Any] = {"gif": _state_gif, "webp": _state_webp, "apng": _state_png}
