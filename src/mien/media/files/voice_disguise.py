"""Disguise of voices: another pitch and other formants in the same time, a phase vocoder (Flanagan & Golden 1966).

Words, pace and accent stay: a person who knows the speaker, or a linguist, may still tell who it is.
"""

import random
import secrets
from dataclasses import dataclass

import numpy as np

from mien.types import Array, Floats


@dataclass(frozen=True, slots=True)
class DisguiseTuning:
    """Sizes of the vocoder and bounds of a random disguise."""

    window_s: float = 0.036  # four periods of a deep voice
    overlap: int = 8
    envelope_s: float = 0.0015  # quefrencies below it are formants, above it pitch
    block: int = 16  # frames with the same shift
    floor: float = 1e-7  # magnitude that counts as silence
    pitch: tuple[float, float] = (1.2, 1.35)  # times as high or as deep: three to five semitones
    formants: tuple[float, float] = (1.08, 1.16)  # times as high or as deep: the vocal tract of another person
    most_gain: float = 4.0  # that keeps a frame as loud as it was
    wander: float = 0.04  # deviations of both by time, so that no one shift takes the disguise off
    wander_s: float = 3.0  # within which they change


TUNING = DisguiseTuning()


@dataclass(frozen=True, slots=True)
class Disguise:
    """Factors by which pitch and formants rise, below 1 = fall, and the seed of their wander."""

    pitch: float
    formants: float
    seed: int
    wander: float = TUNING.wander


def random_disguise() -> Disguise:
    """Return factors that nobody knows afterwards; pitch and formants go the same way, as between two people."""
    chance = secrets.SystemRandom()
    pitch, formants = chance.uniform(*TUNING.pitch), chance.uniform(*TUNING.formants)
    if chance.random() < 0.5:
        pitch, formants = 1 / pitch, 1 / formants
    return Disguise(pitch, formants, chance.getrandbits(64))


class VoiceDisguise:
    """Converter of a continuous stream of sound: as many samples come out as went in, each at its own time.

    It holds back at most a window and a block of frames, 0.11 s, until `finish`.
    """

    def __init__(self, rate: int, channels: int, disguise: Disguise) -> None:
        self._size = 2 ** round(np.log2(TUNING.window_s * rate))
        self._hop = self._size // TUNING.overlap
        self._rate, self._disguise = rate, disguise
        self._window = np.hanning(self._size + 1)[:-1].astype(np.float32)
        self._random = random.Random(disguise.seed)
        self._wander = [0.0, 0.0]
        bins = self._size // 2 + 1
        # Before the first sample is silence, so that it lies under as many windows as any other.
        self._waiting = np.zeros((channels, self._size - self._hop), np.float32)
        self._sum = np.zeros((channels, self._size), np.float32)
        self._before = np.zeros((channels, bins))
        self._phase = np.zeros((channels, bins))
        self._early = self._size - self._hop
        self._owed = 0

    def push(self, samples: Floats) -> Floats:
        """Take samples float32 (channels, n) and return those that are ready, float32 (channels, m)."""
        self._owed += samples.shape[1]
        self._waiting = np.concatenate([self._waiting, samples], axis=1)
        ready = [self._waiting[:, :0]]
        span = self._size + (TUNING.block - 1) * self._hop
        while self._waiting.shape[1] >= span:
            ready.append(self._block(TUNING.block))
        return self._given(np.concatenate(ready, axis=1))

    def finish(self) -> Floats:
        """Return the samples that are left, float32 (channels, n)."""
        frames = -(-(self._owed + self._early) // self._hop)
        missing = self._size + (frames - 1) * self._hop - self._waiting.shape[1]
        self._waiting = np.pad(self._waiting, ((0, 0), (0, max(missing, 0))))
        ready = [self._waiting[:, :0]]
        while frames > 0:
            ready.append(self._block(min(frames, TUNING.block)))
            frames -= TUNING.block
        return self._given(np.concatenate(ready, axis=1)[:, : self._owed + self._early])

    def _given(self, samples: Floats) -> Floats:
        """Drop what lies before the first sample."""
        skipped = min(self._early, samples.shape[1])
        self._early -= skipped
        self._owed -= samples.shape[1] - skipped
        return samples[:, skipped:]

    def _block(self, frames: int) -> Floats:
        """Convert the next frames and return as many hops of samples."""
        starts = np.arange(frames) * self._hop
        cut = self._waiting[:, starts[:, None] + np.arange(self._size)]
        self._waiting = self._waiting[:, frames * self._hop :]
        spectra = self._shifted(np.fft.rfft(cut * self._window, axis=2))
        parts = np.fft.irfft(spectra, n=self._size, axis=2).astype(np.float32) * self._window
        whole = np.concatenate([self._sum, np.zeros((len(cut), frames * self._hop), np.float32)], axis=1)
        for number, start in enumerate(starts):
            whole[:, start : start + self._size] += parts[:, number]
        self._sum = whole[:, frames * self._hop :]
        # The squares of the overlapping windows add up to 3/8 of their number.
        return np.asarray(whole[:, : frames * self._hop] / np.float32(0.375 * TUNING.overlap), np.float32)

    def _shifted(self, spectra: Array) -> Array:
        """Return spectra (channels, frames, bins) with another pitch under another envelope."""
        pitch, formants = self._factors(spectra.shape[1])
        bins = np.arange(spectra.shape[2])
        # Phases count from the middle of the window: there the bins of one tone agree.
        size, phases = np.abs(spectra), np.angle(spectra) + np.pi * (bins % 2)
        step = 2 * np.pi * self._hop / self._size
        moved = np.diff(np.concatenate([self._before[:, None], phases], axis=1), axis=1) - step * bins
        self._before = phases[:, -1]
        frequency = bins + (moved - 2 * np.pi * np.round(moved / (2 * np.pi))) / step
        envelope = self._envelope(size)
        source = bins / pitch
        taken = np.minimum(np.round(source).astype(np.int64), len(bins) - 1)
        audible = source <= len(bins) - 1
        tone = (size / envelope)[:, :, taken] * audible
        shifted = tone * _stretched(envelope, formants)
        power = np.sqrt(np.square(size).sum(axis=2) / np.maximum(np.square(shifted).sum(axis=2), TUNING.floor**2))
        loudness = shifted * np.minimum(power, TUNING.most_gain)[:, :, None]
        turned = self._turned(shifted, step * pitch * frequency[:, :, taken], phases[:, :, taken])
        return np.asarray(loudness * np.exp(1j * (turned - np.pi * (bins % 2))))

    def _turned(self, size: Array, steps: Array, phases: Array) -> Array:
        """Return the phases of the new spectra: each peak goes on from the frame before, its surroundings keep their places."""
        tops, found = _peaks(size), np.empty_like(phases)
        for frame in range(phases.shape[1]):
            on, own, top = self._phase + steps[:, frame], phases[:, frame], tops[:, frame]
            self._phase = np.take_along_axis(on, top, 1) + own - np.take_along_axis(own, top, 1)
            found[:, frame] = self._phase
        self._phase %= 2 * np.pi
        return found

    def _envelope(self, size: Array) -> Array:
        """Return the smooth envelope of magnitudes by their cepstrum."""
        cepstrum = np.fft.irfft(np.log(size + TUNING.floor), axis=2)
        kept = round(TUNING.envelope_s * self._rate)
        cepstrum[:, :, kept:-kept] = 0
        return np.asarray(np.exp(np.fft.rfft(cepstrum, axis=2).real))

    def _factors(self, frames: int) -> tuple[float, float]:
        """Return the factors of the next frames: they wander slowly."""
        share = min(1.0, frames * self._hop / self._rate / TUNING.wander_s)
        for number in range(2):
            self._wander[number] += share * (self._random.gauss(0, 1) * share**-0.5 - self._wander[number])
        pitch, formants = (np.exp(self._disguise.wander * np.clip(each, -2, 2)) for each in self._wander)
        return float(self._disguise.pitch * pitch), float(self._disguise.formants * formants)


def _peaks(size: Array) -> Array:
    """Return the bin of the nearest peak for each bin of magnitudes (channels, frames, bins)."""
    bins = np.arange(size.shape[2])
    inner, high = size[:, :, 1:-1], np.zeros(size.shape, bool)
    high[:, :, 1:-1] = (inner > size[:, :, :-2]) & (inner >= size[:, :, 2:])
    high[:, :, 0] = True
    before = np.maximum.accumulate(np.where(high, bins, 0), axis=2)
    after = np.minimum.accumulate(np.where(high, bins, 2 * len(bins))[:, :, ::-1], axis=2)[:, :, ::-1]
    return np.asarray(np.where(after - bins < bins - before, after, before))


def _stretched(envelope: Array, factor: float) -> Array:
    """Return envelopes (channels, frames, bins) whose frequencies are `factor` times as high."""
    bins = np.arange(envelope.shape[2])
    places = np.minimum(bins / factor, len(bins) - 1)
    low = np.minimum(places.astype(np.int64), len(bins) - 2)
    share = places - low
    return np.asarray(envelope[:, :, low] * (1 - share) + envelope[:, :, low + 1] * share)
