"""Recording of live frames and sound; a crash or a full disk costs at most a second of it."""

import contextlib
import errno
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from av.error import FFmpegError

from mien.errors import OutputError, UsageError
from mien.media.broadcast.live_muxer import MIN_SIDE_PIXELS, LiveFormat, LiveMuxer
from mien.media.files import statement
from mien.media.files.encoders import recording_options
from mien.media.files.output_file import output_error
from mien.settings import Settings
from mien.types import LabelledFrame, Sound

_CANNOT_SYNC = {errno.EINVAL, errno.ENOTSUP}


class Recorder:
    """A `contracts.FrameSink` and `SoundSink` into a .mp4 or .mkv that can be played at any moment, even if it is cut off.

    Pieces of `keyframe_s` seconds go to the disk as soon as they are complete. The recording remains even if the `with` is
    left by an error; one without a single frame is removed. `sound` is (samples a second, channels). Raises `UsageError` for
    any other extension, `OutputError` when the name is taken, the folder is missing or the disk is full.
    """

    def __init__(
        self,
        path: Path,
        width: int,
        height: int,
        settings: Settings,
        *,
        sound: tuple[int, int] | None = None,
        keyframe_s: float = 1.0,
    ) -> None:
        if min(width, height) < MIN_SIDE_PIXELS:
            raise UsageError(f"{width}x{height} is too small for a video", f"use at least {MIN_SIDE_PIXELS} pixels a side")
        self._path, self._width, self._height, self._sound, self._keyframe_s = path, width, height, sound, keyframe_s
        self._format = _format_of(path, settings, keyframe_s)
        self._lock = threading.Lock()
        self._failure: OutputError | None = None
        self._muxer: LiveMuxer | None = None

    def write(self, labelled: LabelledFrame) -> None:
        """Record one frame; raises `OutputError`."""
        with self._lock, self._watched():
            self._opened().write(labelled)
            self._disk.complete()

    def write_sound(self, sound: Sound) -> None:
        """Record one stretch of sound; raises `OutputError`."""
        with self._lock, self._watched():
            self._opened().write_sound(sound)
            self._disk.complete()

    def __enter__(self) -> Self:
        try:
            self._disk = _Disk(self._path)
        except FileExistsError:
            raise OutputError(f"{self._path} exists already", "choose another name for the recording") from None
        except OSError as error:
            raise output_error(error, self._path) from error
        try:
            with self._watched():
                self._muxer = LiveMuxer(
                    self._disk, self._format, self._width, self._height, sound=self._sound, keyframe_s=self._keyframe_s
                )
                self._disk.complete()
        except BaseException:
            self._disk.close()
            self._path.unlink(missing_ok=True)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._lock:
            muxer, self._muxer = self._opened(), None
            try:
                self._finish(muxer)
            except (FFmpegError, OSError) as problem:
                # A failure is reported once, and must not hide the error of the `with`.
                if kind is None and self._failure is None:
                    raise self._translated(problem) from problem
            finally:
                if not muxer.frames:
                    self._path.unlink(missing_ok=True)

    def _finish(self, muxer: LiveMuxer) -> None:
        try:
            muxer.close()
            self._disk.complete()
        finally:
            self._disk.close()

    def _opened(self) -> LiveMuxer:
        if self._muxer is None:
            raise RuntimeError("the recorder is used outside its `with`")
        return self._muxer

    @contextlib.contextmanager
    def _watched(self) -> Iterator[None]:
        """Translate errors to an `OutputError`; after one, nothing more is recorded."""
        if self._failure is not None:
            raise self._failure
        try:
            yield
        except (FFmpegError, OSError) as error:
            self._failure = self._translated(error)
            raise self._failure from error

    def _translated(self, error: FFmpegError | OSError) -> OutputError:
        number = getattr(error, "errno", None)
        if isinstance(number, int) and number in errno.errorcode:
            return output_error(OSError(number, os.strerror(number)), self._path)
        return OutputError(f"cannot record {self._path}: {error}", "record into another place")


class _Disk:
    """New file that takes its bytes in whole pieces; a thread flushes them to the disk, so that they survive a power cut.

    The first failure removes the incomplete piece; later writes are ignored.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("xb", buffering=0)
        self._pending = bytearray()
        self._whole = 0
        self._failure: OSError | None = None
        self._due, self.closed = threading.Event(), False
        self._thread = threading.Thread(target=self._sync, name="mien-recorder-sync", daemon=True)
        self._thread.start()

    def write(self, data: bytes, /) -> int:
        if self._failure is None:
            self._pending += data
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._write_pending()
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell() + len(self._pending)

    def complete(self) -> None:
        """End a piece: all that was written so far. Raises the first `OSError`, at every call."""
        if self._pending:
            self._write_pending()
            self._whole = max(self._whole, self._file.tell())
            self._due.set()
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """Close the file; raises nothing, because `complete` has reported any failure."""
        self.closed = True
        self._due.set()
        self._thread.join()
        with contextlib.suppress(OSError):
            os.fsync(self._file.fileno())
        with contextlib.suppress(OSError):
            self._file.close()

    def _write_pending(self) -> None:
        left = memoryview(bytes(self._pending))
        self._pending.clear()
        try:
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            self._failure = error
            with contextlib.suppress(OSError):
                self._file.truncate(self._whole)
            raise

    def _sync(self) -> None:
        """Flush pieces to the disk, which can take long; the frames do not wait for it."""
        while self._due.wait() and not self.closed:
            self._due.clear()
            try:
                os.fsync(self._file.fileno())
            except OSError as error:
                if error.errno not in _CANNOT_SYNC:
                    self._failure = error


def _format_of(path: Path, settings: Settings, keyframe_s: float) -> LiveFormat:
    video = recording_options(settings)
    tags = {"comment": statement.sentence(settings.engine)}
    # Silence in one stream must not hold back the other.
    common = {"max_interleave_delta": "1000000"}
    milliseconds = max(1, round(keyframe_s * 1000))
    if path.suffix.lower() == ".mp4":
        fragments = {"movflags": "+frag_keyframe+empty_moov+default_base_moof", "frag_duration": str(2000 * milliseconds)}
        return LiveFormat("mp4", {**common, **fragments}, video, tags)
    if path.suffix.lower() == ".mkv":
        return LiveFormat("matroska", {**common, "cluster_time_limit": str(milliseconds)}, video, tags)
    raise UsageError(f"{path.name!r} does not name a recording", "end it in .mp4 or .mkv")
