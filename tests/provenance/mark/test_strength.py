"""Strength of the mark: it is read in every window of what mien writes, at every quality."""

from itertools import pairwise

import cv2
import numpy as np
import pytest

from mien.media.files.mark_strength import MarkNeed, picture_need, video_need
from mien.provenance.mark.pattern import Marker
from mien.types import Image
from tests.support.marked import ID, least_z, marked, written


@pytest.mark.parametrize(
    ("codec", "quality"),
    [
        ("h264", 1),
        ("h264", 50),
        ("h264", 55),
        ("h264", 60),
        ("hevc", 1),
        ("hevc", 70),
        ("vp9", 50),
        ("vp9", 70),
        ("av1", 1),
        ("mpeg4", 1),
        ("mpeg4", 80),
    ],
)
def test_every_window_of_an_output_carries_the_mark(small_frames: list[Image], codec: str, quality: int) -> None:
    strength = video_need(codec).strength(quality)
    marker, card = Marker(ID, strength=strength, headroom=True), np.zeros((360, 640, 3), np.uint8)
    cv2.putText(card, "Directed by A. Person", (150, 200), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (230, 230, 230), 1, cv2.LINE_AA)
    marker.mark(card)
    for frames in ([marked(frame, strength=strength) for frame in small_frames], [card] * 24):
        assert least_z(written(frames, codec, quality), ID) > 9


@pytest.mark.parametrize(
    "need", [*map(video_need, ("h264", "hevc", "vp9", "av1", "mpeg4")), *map(picture_need, ("JPEG", "WEBP", "PNG"))]
)
def test_the_strength_falls_with_the_quality_and_has_no_hole(need: MarkNeed) -> None:
    strengths = [need.strength(quality) for quality in range(1, 101)]
    assert strengths == sorted(strengths, reverse=True)
    assert strengths[need.least_quality - 1] == strengths[0] == need.strength_at_least
    assert strengths[79] == (1.6 if need == video_need("mpeg4") else 1.0), "the default quality has the usual mark"
    assert max(before - after for before, after in pairwise(strengths)) < 0.1
    assert strengths[0] <= 2.5, "40 dB"


@pytest.mark.parametrize(("codec", "usual"), [("vp9", 1.6), ("av1", 1.9), ("h264", 1.0)])
def test_small_short_files_need_a_stronger_mark(codec: str, usual: float) -> None:
    strengths = [video_need(codec, scant=True).strength(quality) for quality in range(1, 101)]
    assert strengths[79] == pytest.approx(usual)
    assert max(strengths) <= 2.5, "40 dB"
    assert all(
        there >= video_need(codec).strength(quality)
        for quality, there in enumerate(strengths, 1)
        if quality >= video_need(codec, scant=True).least_quality
    )
