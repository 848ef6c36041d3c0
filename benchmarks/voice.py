"""Benchmark of the disguise of voices: pitch before and after, loudness, length and speed. A command, never a test.

    .venv/bin/python benchmarks/voice.py SPEECH.wav [-o DISGUISED.wav]

It takes a WAV file of 16 bits and compares twenty random disguises; -o writes the first one, to be listened to.
"""

import argparse
import sys
import time
import wave
from pathlib import Path

import numpy as np

from mien.media.files.voice_disguise import VoiceDisguise, random_disguise
from mien.types import Array, Floats

_RUNS = 20
_PIECE_S = 0.02  # of sound that is handed over at once, as decoders do
_WINDOW_S = 0.06
_VOICED = 0.6  # autocorrelation from which a window has a pitch


def pitches(sound: Floats, rate: int) -> Array:
    """Return the pitch of each voiced window of one channel, in hertz."""
    size = round(_WINDOW_S * rate)
    windows = np.lib.stride_tricks.sliding_window_view(sound, size)[:: size // 2] * np.hanning(size)
    loud = windows[windows.std(axis=1) > 0.2 * windows.std()]
    likeness = np.fft.irfft(np.abs(np.fft.rfft(loud, 2 * size, axis=1)) ** 2)[:, :size]
    likeness /= likeness[:, :1]
    shortest, longest = rate // 400, rate // 60
    best = likeness[:, shortest:longest].argmax(axis=1) + shortest
    voiced = likeness[np.arange(len(best)), best] > _VOICED
    return np.asarray(rate / best[voiced])


def main() -> int:
    """Read the command line and print the figures."""
    parser = argparse.ArgumentParser(description="Measure the disguise of voices on a WAV file.")
    parser.add_argument("speech", type=Path, help="WAV, 16 bits")
    parser.add_argument("-o", "--output", type=Path, help="WAV of the first disguise")
    given = parser.parse_args()
    with wave.open(str(given.speech), "rb") as file:
        rate, channels = file.getframerate(), file.getnchannels()
        levels = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    sound = np.ascontiguousarray(levels.reshape(-1, channels).T / np.float32(32768), np.float32)
    piece = round(_PIECE_S * rate)
    before = float(np.median(pitches(sound[0], rate)))
    print(f"{sound.shape[1] / rate:.1f} s at {rate} Hz, {channels} channels; median pitch {before:.0f} Hz")
    for run in range(_RUNS):
        disguise = random_disguise()
        voice, start = VoiceDisguise(rate, channels, disguise), time.process_time()
        pieces = [voice.push(sound[:, at : at + piece]) for at in range(0, sound.shape[1], piece)]
        found = np.concatenate([*pieces, voice.finish()], axis=1)
        speed = sound.shape[1] / rate / (time.process_time() - start)
        after = float(np.median(pitches(found[0], rate)))
        print(
            f"pitch x {disguise.pitch:.2f}: {after:.0f} Hz, x {after / before:.2f}; formants x {disguise.formants:.2f}; "
            f"loudness x {found.std() / sound.std():.2f}; {found.shape[1] - sound.shape[1]} samples more; {speed:.0f} x speed"
        )
        if run == 0 and given.output is not None:
            with wave.open(str(given.output), "wb") as file:
                file.setnchannels(channels)
                file.setsampwidth(2)
                file.setframerate(rate)
                file.writeframes((np.clip(found.T, -1, 1) * 32767).astype("<i2").tobytes())
    return 0


if __name__ == "__main__":
    sys.exit(main())
