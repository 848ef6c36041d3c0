"""Muxer of live frames and sound: H.264 and AAC in one container, both timed by the moment of capture."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.packet import Packet
from av.video.frame import PictureType
from av.video.reformatter import ColorRange
from av.video.stream import VideoStream

from mien.media.frames.colour_space import ColourSpace, FromBgr
from mien.media.frames.fitting import fitted
from mien.types import Floats, LabelledFrame, Sound

_BT709 = ColourSpace(matrix=1, primaries=1, transfer=1, full_range=False, tagged=True)
_TICK = Fraction(1, 90_000)
_USUAL_RATE = Fraction(30)
MIN_SIDE_PIXELS = 16
"""Smallest side of a live video: one macroblock of H.264."""
_MAX_WAITING_SOUNDS = 1000
"""Stretches of sound that wait for the first frame; bounds memory: 20 s in stretches of 20 ms."""


@dataclass(frozen=True, slots=True)
class _Aac:
    """Numbers of FFmpeg's AAC encoder."""

    rates: frozenset[int] = frozenset({96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350})
    usual_rate: int = 48_000  # for sound of another rate
    block_samples: int = 1024
    channel_bits_per_s: int = 96_000  # as in files (`sound_conversion.AAC`)


_AAC = _Aac()


@dataclass(frozen=True, slots=True)
class SoundTuning:
    """Numbers by which live sound is kept in step with the frames."""

    tolerance_s: float = 0.03  # sound further off was lost or came twice; less is jitter and drift of two clocks
    settling_s: float = 2.0  # in which the drift is measured and corrected
    max_stretch: float = 0.003  # share of the length; a change of pitch that nobody hears
    patience_s: float = 0.5  # by which sound may arrive after its frames before silence takes its place
    max_filled_s: float = 10.0  # longer pauses are left out of the track instead of filled


_DEFAULT = SoundTuning()


class Written(Protocol):
    """Target of a container: a file object, with `seek` and `tell` where the container may look back."""

    def write(self, data: bytes, /) -> int:
        """Take bytes; return their number."""
        ...


@dataclass(frozen=True, slots=True)
class LiveFormat:
    """A container by FFmpeg's name with its options, the options of the H.264 encoder and the tags of the container."""

    container: str
    container_options: Mapping[str, str]
    video_options: Mapping[str, str]
    tags: Mapping[str, str]


class LiveMuxer:
    """Encoder of frames and sound as they come; the first frame is at second 0. Not thread-safe: the owner locks.

    `sound` is (samples a second, channels), `deliver` takes the packets instead of the container, which then has its
    head only. Sides are rounded down to even numbers. The constructor writes the head. Every call may raise the errors of
    FFmpeg and of `file`: `av.FFmpegError`, `OSError`. `frames` counts the written frames.
    """

    def __init__(
        self,
        file: Written,
        live: LiveFormat,
        width: int,
        height: int,
        *,
        sound: tuple[int, int] | None = None,
        keyframe_s: float = 1.0,
        deliver: "Callable[[Packet[Any]], None] | None" = None,
    ) -> None:
        self._width, self._height = width - width % 2, height - height % 2
        self._keyframe = Fraction(keyframe_s)
        self._origin: Fraction | None = None
        self._last = 0
        self._shown = round(1 / _USUAL_RATE / _TICK)
        self._key_number = -1
        self.frames = 0
        self._waiting: deque[Sound] = deque(maxlen=_MAX_WAITING_SOUNDS)
        self._convert = FromBgr(_BT709, "yuv420p")
        self._container = av.open(file, "w", format=live.container, container_options=dict(live.container_options))
        self._deliver = deliver or self._container.mux_one
        self._video = self._add_video(live.video_options)
        self._sound = None if sound is None else _SoundEncoder(*sound, self._add_sound)
        self._container.metadata.update(live.tags)
        self._container.start_encoding()

    def write(self, labelled: LabelledFrame) -> None:
        """Encode one frame, scaled to fit if it has another size."""
        if not isinstance(labelled, LabelledFrame):
            raise TypeError("only a LabelledFrame leaves mien")
        frame = labelled.frame
        time = frame.pts * frame.time_base
        if self._origin is None:
            self._origin = time
        exact = time - self._origin
        pts = round(exact / _TICK)
        if self.frames:
            # Muxers refuse a time that does not increase.
            pts = max(pts, self._last + 1)
            self._shown = pts - self._last
        picture = self._convert.convert(fitted(frame.image, self._width, self._height))
        picture.pts, picture.time_base, picture.duration = pts, _TICK, self._shown
        key_number = int(exact / self._keyframe)
        picture.pict_type = PictureType.I if key_number > self._key_number else PictureType.NONE
        self._key_number = max(key_number, self._key_number)
        self._last = pts
        self.frames += 1
        for packet in self._video.encode(picture):
            self._deliver(packet)
        self._write_waiting()

    def write_sound(self, sound: Sound) -> None:
        """Encode the part of the sound that is not before the first frame; without a sound track, do nothing."""
        if not isinstance(sound, Sound):
            raise TypeError(f"a Sound is written, not a {type(sound).__name__}")
        if self._sound is None:
            return
        self._waiting.append(sound)
        self._write_waiting()

    def close(self) -> None:
        """Flush the encoders and write the container's end, once; also to be called after an error."""
        try:
            for packet in self._sound.finish() if self._sound else ():
                self._deliver(packet)
            for packet in self._video.encode(None):
                self._deliver(packet)
        finally:
            self._container.close()

    def _write_waiting(self) -> None:
        """Encode the waiting sound once the time of the first frame is known."""
        if self._sound is None or self._origin is None:
            return
        while self._waiting:
            sound = self._waiting.popleft()
            for packet in self._sound.encode(sound, sound.time_s - float(self._origin)):
                self._deliver(packet)
        for packet in self._sound.keep_up(float(self._last * _TICK) - _DEFAULT.patience_s):
            self._deliver(packet)

    def _add_video(self, options: Mapping[str, str]) -> VideoStream:
        live = {"preset": "veryfast", "tune": "zerolatency", "bf": "0", "sc_threshold": "0", "forced-idr": "1", "g": "36000"}
        # The tuning assumes evenly spaced frames, which live frames are not.
        timed = {"x264-params": "force-cfr=0"}
        video = self._container.add_stream("libx264", rate=_USUAL_RATE, options={**live, **timed, **options}, time_base=_TICK)
        assert isinstance(video, VideoStream)
        video.width, video.height, video.pix_fmt = self._width, self._height, "yuv420p"
        context = video.codec_context
        context.max_b_frames = 0
        context.color_range, context.colorspace = ColorRange.MPEG, _BT709.matrix
        context.color_primaries, context.color_trc = _BT709.primaries, _BT709.transfer
        return video

    def _add_sound(self, rate: int, channels: int) -> AudioStream:
        stream = self._container.add_stream("aac", rate=rate, time_base=Fraction(1, rate))
        assert isinstance(stream, AudioStream)
        stream.layout = "stereo" if channels == 2 else "mono"
        stream.bit_rate = _AAC.channel_bits_per_s * channels
        return stream


class SoundLine:
    """Timeline of stretches of sound, each at its own time, without gaps and without overlaps.

    Lost sound becomes silence, repeated sound is cut off, and the drift of the sound card's clock against the machine's is
    corrected by a stretch too small to be heard.
    """

    def __init__(self, rate: int, channels: int, tuning: SoundTuning = _DEFAULT) -> None:
        self._rate, self._channels, self._tuning = rate, channels, tuning
        self._drift = 0.0
        self.position = 0
        """Number of the next sample, from second 0."""

    def place(self, sound: Sound, time_s: float) -> Iterator[Floats]:
        """Yield the samples that continue the line, float32 (n, channels), for sound that begins at `time_s`."""
        samples = self._mixed(sound.samples)
        length = round(len(samples) * self._rate / sound.rate)
        error = round(time_s * self._rate) - self.position
        limit = 0 if self.position == 0 else round(self._tuning.tolerance_s * self._rate)
        if abs(error) > limit:
            self._drift = 0.0
            if error > 0:
                yield from self.silence(error)
            else:
                samples = samples[round(-error * sound.rate / self._rate) :]
                length = max(0, length + error)
        else:
            length += self._stretch(error, length)
        if length > 0 and len(samples):
            yield self._moved(_resampled(samples, length))

    def silence(self, count: int) -> Iterator[Floats]:
        """Yield `count` samples of silence, in pieces; skip a long pause."""
        if count > self._tuning.max_filled_s * self._rate:
            self.position += count
            return
        while count > 0:
            piece = min(count, self._rate)
            count -= piece
            yield self._moved(np.zeros((piece, self._channels), np.float32))

    def _stretch(self, error: int, length: int) -> int:
        """Return the number of samples by which to lengthen a stretch of `length`, so that the mean error goes to 0."""
        share = min(1.0, length / self._rate / self._tuning.settling_s)
        self._drift += (error - self._drift) * share
        most = self._tuning.max_stretch * length
        change = round(min(max(self._drift * share, -most), most))
        self._drift -= change
        return change

    def _mixed(self, samples: Floats) -> Floats:
        if samples.shape[1] != self._channels:
            if self._channels == 1:
                samples = samples.mean(1, keepdims=True, dtype=np.float32)
            else:
                samples = np.repeat(samples, 2, 1) if samples.shape[1] == 1 else samples[:, : self._channels]
        # Some drivers deliver NaN or infinity; the encoder would stop at the first.
        return np.clip(np.nan_to_num(samples, posinf=0, neginf=0), -1, 1)

    def _moved(self, samples: Floats) -> Floats:
        self.position += len(samples)
        return samples


class _SoundEncoder:
    """Encoder of a line of sound in blocks of AAC."""

    def __init__(self, rate: int, channels: int, add_stream: Callable[[int, int], AudioStream]) -> None:
        self._rate = rate if rate in _AAC.rates else _AAC.usual_rate
        self._channels = min(channels, 2)
        self._stream = add_stream(self._rate, self._channels)
        self._line = SoundLine(self._rate, self._channels)
        self._rest = np.zeros((0, self._channels), np.float32)
        self._next = 0

    def encode(self, sound: Sound, time_s: float) -> "Iterator[Packet[AudioStream]]":
        yield from self._blocks(self._line.place(sound, time_s))

    def keep_up(self, time_s: float) -> "Iterator[Packet[AudioStream]]":
        """Fill with silence up to this time, unless there was sound."""
        missing = round(time_s * self._rate) - self._line.position
        if missing > 0:
            yield from self._blocks(self._line.silence(missing))

    def finish(self) -> "Iterator[Packet[AudioStream]]":
        yield from self._fill_up()
        yield from self._stream.encode(None)

    def _blocks(self, pieces: Iterator[Floats]) -> "Iterator[Packet[AudioStream]]":
        before = self._line.position
        for piece in pieces:
            start = self._line.position - len(piece)
            if start > before:
                yield from self._fill_up()
                self._next = start
            self._rest = np.concatenate((self._rest, piece))
            while len(self._rest) >= _AAC.block_samples:
                block, self._rest = self._rest[: _AAC.block_samples], self._rest[_AAC.block_samples :]
                yield from self._encode(block)
            before = self._line.position
        if self._line.position > before:
            yield from self._fill_up()
            self._next = self._line.position

    def _fill_up(self) -> "Iterator[Packet[AudioStream]]":
        if len(self._rest):
            block = np.zeros((_AAC.block_samples, self._channels), np.float32)
            block[: len(self._rest)] = self._rest
            self._rest = self._rest[:0]
            yield from self._encode(block)

    def _encode(self, block: Floats) -> "list[Packet[AudioStream]]":
        layout = "stereo" if self._channels == 2 else "mono"
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(block.T), format="fltp", layout=layout)
        frame.sample_rate, frame.time_base, frame.pts = self._rate, Fraction(1, self._rate), self._next
        self._next += _AAC.block_samples
        # AAC starts with an empty block before second 0, for which containers would shift all other times.
        return [packet for packet in self._stream.encode(frame) if packet.pts is None or packet.pts >= 0]


def _resampled(samples: Floats, length: int) -> Floats:
    """Return samples float32 (n, channels) interpolated linearly to another number."""
    if length == len(samples):
        return samples
    at = np.arange(length) * (len(samples) / length)
    before = np.arange(len(samples))
    return np.stack([np.interp(at, before, channel) for channel in samples.T], axis=1).astype(np.float32)
