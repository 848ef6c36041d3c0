"""Live sound from a microphone."""

import errno
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError

from mien.errors import SourceLost, UsageError
from mien.media.capture.devices import SYSTEMS
from mien.media.capture.live_input import NOT_WAITING, SILENCE_S, Opening, gone_error, open_live, silence_error, translated
from mien.types import Floats, Sound

_ALSA_CONFIG = "/usr/share/alsa/alsa.conf"


@dataclass(frozen=True, slots=True)
class MicrophoneTuning:
    """Times of a microphone; chosen, not measured."""

    chunk_s: float = 0.02  # length of a stretch of sound
    max_discard_s: float = 0.05  # time spent on discarding sound from before the opening
    poll_s: float = 0.004  # between two questions to a device that has nothing yet
    gap_s: float = 0.25  # after a longer gap the arrival alone decides the time
    gain: float = 0.02  # share of the difference to the arrival that one stretch corrects
    max_slip: float = 0.005  # the same at most, as a share of the stretch


_DEFAULT = MicrophoneTuning()


class SoundClock:
    """Clock that gives stretches of sound their times, one after the other, and follows their arrival slowly.

    A stretch begins at the end of the last one, moved by at most 0.5 % of its length towards its arrival; after a gap of more
    than 0.25 s the arrival alone decides.
    """

    def __init__(self, rate: int, tuning: MicrophoneTuning = _DEFAULT) -> None:
        self._rate, self._tuning = rate, tuning
        self._end_s: float | None = None

    def stamp(self, arrival_s: float, samples: int) -> float:
        """Return the time of the first sample, for a last one heard at `arrival_s`."""
        length_s = samples / self._rate
        begin_s = arrival_s - length_s
        if self._end_s is not None and abs(begin_s - self._end_s) <= self._tuning.gap_s:
            max_slip_s = self._tuning.max_slip * length_s
            slip = min(max(self._tuning.gain * (begin_s - self._end_s), -max_slip_s), max_slip_s)
            begin_s = self._end_s + slip
        self._end_s = begin_s + length_s
        return begin_s


class Microphone:
    """A `contracts.SoundSource` of a microphone: ALSA on Linux, AVFoundation on macOS, DirectShow on Windows.

    `device` is a `MicrophoneDevice.id`. Sound comes in stretches of about 20 ms in the wanted rate and channels (1 or 2).
    Entering and `read` raise `SourceLost` (missing, busy, gone, silent for 5 s; a muted microphone still sends zeros).
    """

    def __init__(
        self,
        device: str,
        *,
        rate: int = 48_000,
        channels: int = 1,
        platform: str = sys.platform,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if channels not in {1, 2} or not 8_000 <= rate <= 192_000:
            raise UsageError(
                f"invalid sound format: {channels} channels at {rate} Hz", "choose 1 or 2 channels at 8 to 192 kHz"
            )
        self.rate, self.channels = rate, channels
        self._device = device
        self._what = f"the microphone {device}"
        self._platform = platform
        self._clock = clock
        self._stopped = threading.Event()
        self._stamps = SoundClock(rate)
        self._container: InputContainer | None = None
        self._pieces: Iterator[Floats] = iter(())

    def read(self) -> Sound | None:
        """Return the next stretch of sound; None after `stop`."""
        pieces: list[Floats] = []
        while sum(map(len, pieces)) < _DEFAULT.chunk_s * self.rate:
            try:
                piece = next(self._pieces, None)
            except (FFmpegError, OSError) as error:
                raise self._lost(error) from None
            if piece is None or self._stopped.is_set():
                return None
            pieces.append(piece)
        samples = np.concatenate(pieces)
        return Sound(samples, self.rate, self._stamps.stamp(self._clock(), len(samples)))

    def stop(self) -> None:
        """Make a waiting `read` and all later ones return None; may be called from any thread."""
        self._stopped.set()

    def __enter__(self) -> Self:
        if self._platform.startswith("linux"):
            # The ALSA in PyAV looks for its configuration where it was built.
            os.environ.setdefault("ALSA_CONFIG_PATH", _ALSA_CONFIG)
        try:
            self._container = container = open_live(self._opening(), SILENCE_S)
            sound = next(iter(container.streams.audio), None)
            if sound is None:
                raise SourceLost(f"{self._what} has no sound", "choose another device")
            self._discard_start(container, sound)
        except (FFmpegError, OSError, ValueError) as error:
            self._close()
            raise self._lost(error) from None
        except SourceLost:
            self._close()
            raise
        self._pieces = self._heard(container, sound)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._close()

    def _opening(self) -> Opening:
        plain = {"fflags": NOT_WAITING}
        if self._platform == "darwin":
            return Opening(f":{self._device}", SYSTEMS["darwin"], plain)
        if self._platform == "win32":
            return Opening(f"audio={self._device}", SYSTEMS["win32"], plain | {"audio_buffer_size": "20"})
        layout = "mono" if self.channels == 1 else "stereo"
        return Opening(self._device, "alsa", plain | {"sample_rate": str(self.rate), "ch_layout": layout})

    def _discard_start(self, container: InputContainer, sound: AudioStream) -> None:
        """Discard the sound from before the opening: its age is unknown."""
        until_s = self._clock() + _DEFAULT.max_discard_s
        with suppress(BlockingIOError):
            for _ in container.demux(sound):
                if self._clock() > until_s:
                    return

    def _heard(self, container: InputContainer, sound: AudioStream) -> Iterator[Floats]:
        """Yield samples, float32 (n, channels), as they arrive."""
        resampler = av.AudioResampler("flt", "mono" if self.channels == 1 else "stereo", self.rate)
        heard_s = self._clock()
        while not self._stopped.is_set():
            try:
                for packet in container.demux(sound):
                    if self._stopped.is_set():
                        return
                    heard_s = self._clock()
                    for frame in packet.decode() if packet.size else ():
                        for even in resampler.resample(frame):
                            yield even.to_ndarray().astype(np.float32, copy=False).reshape(-1, self.channels)
                raise gone_error(self._what)
            except BlockingIOError:
                if self._clock() - heard_s > SILENCE_S:
                    raise silence_error(self._what, SILENCE_S) from None
                self._stopped.wait(_DEFAULT.poll_s)

    def _lost(self, error: Exception) -> SourceLost:
        if getattr(error, "errno", None) == errno.EIO:
            # The error of ALSA and DirectShow for every cause.
            return SourceLost(
                f"{self._what} cannot be opened: it is not there, or is used by another program",
                "plug it in, close the other program, or choose another device",
            )
        return translated(self._what, error, SILENCE_S)

    def _close(self) -> None:
        self.stop()
        self._pieces = iter(())
        if self._container is not None:
            self._container.close()
            self._container = None
