"""Comparison with one photo: distance alone, in the three words, with what a swap would do."""

import numpy as np
import pytest

from mien.check.requests.comparison import Comparison
from mien.testing import FakeRecogniser
from mien.types import Image, Landmarks
from tests.support.calls import sighting

POINTS = Landmarks(np.zeros((478, 3), np.float32), 1.0)


def grey(level: float) -> Image:
    return np.full((8, 8, 3), round(255 * level), np.uint8)


def compared(level: float, **changed: object) -> Comparison:
    """A photo of middle grey, and a call of another grey: they differ by sqrt(3) times the step."""
    comparison = Comparison(FakeRecogniser(), grey(0.4), POINTS)
    for number in range(12):
        comparison.add(grey(level), sighting(float(number), **changed), POINTS)  # type: ignore[arg-type]
    return comparison


@pytest.mark.parametrize(("level", "seen", "words"), [
    (0.42, "seen", "resembles the one photo"), (0.9, "not seen", "does not resemble"), (0.55, "cannot tell", "between"),
])  # fmt: skip
def test_the_distance_is_told_with_what_a_swap_would_do(level: float, seen: str, words: str) -> None:
    comparison = compared(level)
    row = comparison.row()
    assert row.seen == seen
    assert words in row.sentences[0]
    assert "A swap made from this photo" in row.sentences[1]
    assert "nothing is stored but the distance" in row.sentences[2]
    assert comparison.distance == pytest.approx(np.sqrt(3) * abs(level - 0.4), abs=0.01)
    assert comparison.is_full
    word = comparison.word_row()
    assert (word.subject, word.seen, word.sentences[1]) == (row.subject, seen, row.sentences[1])
    assert not any(sign.isdigit() for sentence in word.sentences for sign in sentence), "nothing that was measured"


@pytest.mark.parametrize("changed", [{"yaw": 40.0}, {"faces": 2}, {"eyes_px": 20.0}, {"covered": 0.2}])
def test_faces_that_compare_badly_are_left_out(changed: dict[str, object]) -> None:
    comparison = compared(0.42, **changed)
    assert comparison.distance is None
    assert comparison.row().seen == comparison.word_row().seen == "cannot tell"


def test_a_second_passes_between_two_looks() -> None:
    comparison = Comparison(FakeRecogniser(), grey(0.4), POINTS)
    for number in range(60):
        comparison.add(grey(0.5), sighting(number / 30), POINTS)
    assert not comparison.is_full
    assert comparison.distance is None
    comparison.add(grey(0.5), sighting(9.0), None)
    assert comparison.distance is None
