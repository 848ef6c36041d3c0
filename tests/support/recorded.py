"""Numbered frames and clicks of sound, and their readers for a recording."""

from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame

from mien.provenance.label import Labeller
from mien.provenance.mark.pattern import Marker
from mien.settings import Settings
from mien.types import LIVE_TIME_BASE, Frame, Image, LabelledFrame, Sound

WIDTH, HEIGHT = 320, 180
BITS, BLOCK = 8, 40
"""Bits of a barcode, and pixels of a side of each."""
START_S = 81_234.567_8
"""Monotonic time of the start of a recording; any number."""
RATE = 48_000
CLICK_EVERY_S, CLICK_S = 0.5, 0.004


def barcode(number: int, width: int = WIDTH, height: int = HEIGHT) -> Image:
    """Return a grey picture with the number, 0..255, in white and black blocks along its top."""
    image = np.full((height, width, 3), 90, np.uint8)
    for bit in range(BITS):
        image[:BLOCK, bit * BLOCK : (bit + 1) * BLOCK] = 255 * (number >> bit & 1)
    return image


def number_of(image: Image) -> int:
    """Return the number that `barcode` wrote."""
    middles = image[BLOCK // 2, BLOCK // 2 : BITS * BLOCK : BLOCK, 1]
    return sum(1 << bit for bit, value in enumerate(middles) if value > 127)


def labelled(number: int, time_s: float, image: Image | None = None) -> LabelledFrame:
    picture = barcode(number) if image is None else image
    return Labeller(Settings(), Marker(0xABCDEF)).label(Frame(picture, number, round((START_S + time_s) * 1e6), LIVE_TIME_BASE))


def clicks(time_s: float, length_s: float, rate: int = RATE, channels: int = 1) -> Sound:
    """Return sound that clicks every half second after the start of the recording, except at the start itself."""
    at = time_s + np.arange(round(length_s * rate)) / rate
    since = at % CLICK_EVERY_S
    on = (since < CLICK_S) & (at > CLICK_EVERY_S / 2)
    wave = np.where(on, 0.8 * np.sign(np.sin(2 * np.pi * 3000 * since) + 1e-9), 0)
    return Sound(np.repeat(wave[:, None], channels, 1).astype(np.float32), rate, START_S + time_s)


def frames_of(path: Path) -> list[tuple[float, int]]:
    """Return time and number of every frame."""
    with av.open(str(path)) as file:
        return [
            (float(frame.time or 0), number_of(frame.to_ndarray(format="bgr24").astype(np.uint8)))
            for frame in file.decode(video=0)
        ]


def click_times(path: Path) -> list[float]:
    """Return the beginnings of clicks, in seconds."""
    with av.open(str(path)) as file:
        found: list[float] = []
        for frame in file.decode(audio=0):
            assert isinstance(frame, AudioFrame)
            loud = np.flatnonzero(np.abs(frame.to_ndarray()[0]) > 0.3)
            found += [float(frame.time or 0) + int(place) / frame.sample_rate for place in loud]
    return [time for before, time in zip([-1.0, *found], found, strict=False) if time - before > CLICK_EVERY_S / 2]


def key_times(path: Path) -> list[float]:
    with av.open(str(path)) as file:
        return [
            float(packet.pts * packet.time_base)
            for packet in file.demux(video=0)
            if packet.is_keyframe and packet.pts is not None
        ]


def noisy(number: int) -> Image:
    """Return a barcode over pixels that cannot be compressed."""
    image = np.random.default_rng(number).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    image[:BLOCK] = barcode(number % 256)[:BLOCK]
    return image
