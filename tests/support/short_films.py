"""Short films of several shots with faces, cut into short parts, for tests of work in parts."""

import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from mien.swap import parts
from mien.swap.parts import PartTuning
from mien.types import Image
from tests.support.portraits import COLLINS, HOPPER, read

RATE, WIDTH, HEIGHT = 5, 480, 360
PARTS = PartTuning(least_s=1.0, most_s=1.5)
"""Lengths of parts in tests: a film of five seconds has four of them."""
SHOTS: tuple[tuple[Path, float], ...] = ((COLLINS, 2.75), (HOPPER, 1.25), (COLLINS, 1.25))
"""Faces and lengths of shots, in seconds; with `PARTS`, parts begin at 0, at 1.5 within a shot, and at both cuts."""


def short_film(path: Path, shots: Sequence[tuple[Path, float]] = SHOTS) -> Path:
    """Write a film with sound whose shots show one swaying face each."""
    path.write_bytes(_film(tuple(shots)))
    return path


@cache
def _film(shots: tuple[tuple[Path, float], ...]) -> bytes:
    made = io.BytesIO()
    with av.open(made, "w", format="mp4") as out:
        video = out.add_stream("libx264", rate=RATE, options={"crf": "18", "preset": "veryfast"})
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        sound = out.add_stream("aac", rate=48_000, layout="mono")
        count = 0
        for photo, length_s in shots:
            image = read(photo)
            for index in range(round(length_s * RATE)):
                frame = av.VideoFrame.from_ndarray(_swaying(image, index), format="bgr24")
                frame.pts = count
                out.mux(video.encode(frame))
                count += 1
        samples = np.zeros((1, 1024), np.float32)
        for index in range(count * 48_000 // RATE // 1024):
            heard = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
            heard.sample_rate, heard.pts = 48_000, index * 1024
            out.mux(sound.encode(heard))
        out.mux(video.encode(None))
        out.mux(sound.encode(None))
    return made.getvalue()


def _swaying(image: Image, index: int) -> Image:
    scale = HEIGHT / image.shape[0]
    shift = WIDTH / 2 - scale * image.shape[1] / 2 + 8 * np.sin(index / 4)
    to_frame = np.array([[scale, 0, shift], [0, scale, 3 * np.sin(index / 3)]])
    drawn = cv2.warpAffine(image, to_frame, (WIDTH, HEIGHT), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(drawn, np.uint8)


@pytest.fixture
def short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut films into short parts in this process; plans keep their borders in any other."""
    monkeypatch.setattr(parts, "TUNING", PARTS)
