"""Conversion of sound for a container that cannot hold its codec, in step with the pictures."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from av import AudioFrame, AudioResampler
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.error import EOFError as EndOfFile
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream

from mien.media.files.voice_disguise import Disguise, VoiceDisguise
from mien.types import Floats

_SLACK_S = Fraction(1, 50)  # rounded times of Matroska and AVI wander by a millisecond; 20 ms do not look out of step
_SILENCE_PIECE_S = Fraction(1, 2)
_MAX_SILENCE_S = 6 * 3600  # encoded in about 2 minutes; a hostile file could ask for years
_LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "quad", 5: "5.0", 6: "5.1"}
"""Layout of speakers by their number, which every encoder used here accepts; more are mixed down to 5.1."""
MAX_CHANNELS = max(_LAYOUTS)
PREROLL_S = Fraction(1, 5)
"""Decoders need some packets before the first audible one."""


@dataclass(frozen=True, slots=True)
class SoundCodec:
    """An encoder of FFmpeg: its sample rates, the usual one first, and bits a second for each channel."""

    encoder: str
    name: str
    rates: tuple[int, ...]
    channel_bits: int


AAC = SoundCodec(
    "aac", "AAC", (48_000, 96_000, 88_200, 64_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000), 96_000
)
OPUS = SoundCodec("libopus", "Opus", (48_000,), 64_000)
AC3 = SoundCodec("ac3", "AC-3", (48_000, 44_100, 32_000), 96_000)


class SoundConverter:
    """Converter of packets on the clock of the output into a new stream of `out`.

    Gaps become silence and overlaps are cut, so that the sound stays in step with the pictures. Sound before zero, after
    `end_s`, or after a gap of more than 6 h is left out. `from_zero`: the container has no times of its own, so the sound
    must begin at zero. `disguise` changes the voices.
    """

    def __init__(
        self, source: AudioStream, out: OutputContainer, codec: SoundCodec, *, from_zero: bool, end_s: Fraction | None,
        disguise: Disguise | None = None,
    ) -> None:  # fmt: skip
        self._decoder = source.codec_context
        self._rate = self._decoder.rate if self._decoder.rate in codec.rates else codec.rates[0]
        self._layout = _LAYOUTS[min(self._decoder.channels, MAX_CHANNELS)]
        stream = out.add_stream(codec.encoder, rate=self._rate)
        assert isinstance(stream, AudioStream)
        self.stream: Stream = stream
        self._encoder = stream
        context = stream.codec_context
        context.layout = self._layout
        self._channels = len(context.layout.channels)
        context.bit_rate = codec.channel_bits * self._channels
        self._voices = None if disguise is None else VoiceDisguise(self._rate, self._channels, disguise)
        self._done = self._sent = 0
        self._from_zero, self._started = from_zero, False
        self._end = None if end_s is None else round(end_s * self._rate)
        self._resampler: AudioResampler | None = None
        self._from: tuple[str, str, int] | None = None
        self.damaged = 0

    def take(self, packet: "Packet[Stream]") -> "Iterator[Packet[Stream]]":
        """Encode one packet of the source; raises `FFmpegError` if the encoder fails."""
        for frame in self._decode(packet):
            at = None if frame.pts is None or frame.time_base is None else round(frame.pts * frame.time_base * self._rate)
            for samples in self._even(frame):
                yield from self._put(at, samples)
                at = None

    def finish(self) -> "Iterator[Packet[Stream]]":
        """Flush the decoder and the encoder."""
        for frame in self._decode(None):
            for samples in self._even(frame):
                yield from self._put(None, samples)
        if self._resampler is not None:
            for even in self._resampler.resample(None):
                yield from self._put(None, _floats(even))
        if self._voices is not None:
            yield from self._send(self._voices.finish())
        yield from self._encoder.encode(None)

    def _decode(self, packet: "Packet[Stream] | None") -> list[AudioFrame]:
        try:
            return self._decoder.decode(packet)
        except EndOfFile:
            return []
        except FFmpegError:
            self.damaged += 1
            return []

    def _even(self, frame: AudioFrame) -> Iterator[Floats]:
        """Yield the samples in the format, rate and layout of the output, float32 (channels, n)."""
        frame = _with_speakers(frame)
        now = frame.format.name, frame.layout.name, frame.sample_rate
        if self._resampler is None or now != self._from:
            if self._resampler is not None:
                yield from map(_floats, self._resampler.resample(None))
            self._resampler, self._from = AudioResampler("fltp", self._layout, self._rate), now
        yield from map(_floats, self._resampler.resample(frame))

    def _put(self, at: int | None, samples: Floats) -> "Iterator[Packet[Stream]]":
        """Encode the samples at number `at` of the output, or after the last ones."""
        if not self._started and not self._from_zero:
            self._done = self._sent = max(at or 0, 0)
        slack = round(_SLACK_S * self._rate) if self._started else 0
        hole = 0 if at is None else at - self._done
        if hole > _MAX_SILENCE_S * self._rate:
            self.damaged += 1
            return
        self._started = self._started or samples.shape[1] > -hole
        if hole > slack:
            yield from self._silence(self._done + hole)
        elif hole < -slack:
            samples = samples[:, -hole:]
        yield from self._encode(samples)

    def _silence(self, end: int) -> "Iterator[Packet[Stream]]":
        if self._end is not None:
            end = min(end, self._end)
        while self._done < end:
            count = min(end - self._done, round(_SILENCE_PIECE_S * self._rate))
            yield from self._encode(np.zeros((self._channels, count), np.float32))

    def _encode(self, samples: Floats) -> "Iterator[Packet[Stream]]":
        if self._end is not None:
            samples = samples[:, : max(self._end - self._done, 0)]
        if not samples.shape[1]:
            return
        self._done += samples.shape[1]
        # A disguise holds samples back and gives as many as it took, each at its own time.
        yield from self._send(samples if self._voices is None else self._voices.push(samples))

    def _send(self, samples: Floats) -> "Iterator[Packet[Stream]]":
        if not samples.shape[1]:
            return
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout=self._layout)
        frame.sample_rate, frame.pts, frame.time_base = self._rate, self._sent, Fraction(1, self._rate)
        self._sent += samples.shape[1]
        yield from self._encoder.encode(frame)


def _floats(frame: AudioFrame) -> Floats:
    return frame.to_ndarray().astype(np.float32, copy=False)


def _with_speakers(frame: AudioFrame) -> AudioFrame:
    """Return the frame itself, or with the usual layout if the file does not state one."""
    channels = len(frame.layout.channels)
    if "channels" not in frame.layout.name:
        return frame
    samples: Any = frame.to_ndarray()
    kept = min(channels, MAX_CHANNELS)
    if not frame.format.is_planar:
        samples = samples.reshape(-1, channels)[:, :kept].reshape(1, -1)
    named = AudioFrame.from_ndarray(
        np.ascontiguousarray(samples[:kept]), format=frame.format.name, layout=_LAYOUTS[kept]
    )  # fmt: skip
    named.sample_rate, named.pts = frame.sample_rate, frame.pts
    if frame.time_base is not None:
        named.time_base = frame.time_base
    return named
