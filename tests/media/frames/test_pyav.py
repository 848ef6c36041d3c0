"""Differences between the PyAV releases that mien supports."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import pytest
from av import VideoFrame

from mien.media.frames.pyav import display_matrix, fraction, known_fraction, readable, readable_tags


@dataclass(frozen=True)
class _Ratio:
    """What PyAV 19 gives instead of a `Fraction`: no arithmetic is promised, and nothing is reduced."""

    numerator: int
    denominator: int


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Fraction(30000, 1001), Fraction(30000, 1001)),
        (_Ratio(60, 2), Fraction(30)),
        (_Ratio(0, 1), None),
        (_Ratio(1, 0), None),
        (_Ratio(0, 0), None),
        (None, None),
    ],
    ids=str,
)
def test_ratios_become_fractions(value: Any, expected: Fraction | None) -> None:
    assert fraction(value) == expected
    assert type(fraction(value)) in {Fraction, type(None)}
    assert known_fraction(value, Fraction(1, 25)) == (expected or Fraction(1, 25))


def test_a_codec_context_has_a_ratio_that_is_understood() -> None:
    context = av.CodecContext.create("mpeg4", "w")
    context.time_base = Fraction(1001, 30000)
    assert fraction(context.time_base) == Fraction(1001, 30000)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("plain", "plain"), ("Grüße", "Grüße"), ("f\udceate", "f\ufffdte")],
    ids=["ascii", "utf-8", "latin-1"],
)
def test_escaped_bytes_become_readable(text: str, expected: str) -> None:
    assert readable(text) == expected
    tags: Mapping[str, str] = readable_tags({text: text})
    assert tags == {expected: expected}


def test_a_frame_without_side_data_has_no_display_matrix() -> None:
    assert display_matrix(VideoFrame(16, 16, "yuv420p")) is None
