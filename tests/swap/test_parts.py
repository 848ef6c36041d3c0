"""Borders between the parts of a film: a causal rule of the frames alone."""

from fractions import Fraction

import cv2
import numpy as np

from mien.swap.parts import Border, PartBorders, WholeFilm, with_borders
from mien.types import Frame, Image

RATE = 10


def _scene(number: int) -> Image:
    coarse = np.random.default_rng(number).integers(0, 255, (9, 16, 3), np.uint8)
    return np.asarray(cv2.resize(coarse, (160, 90), interpolation=cv2.INTER_CUBIC), np.uint8)


def _film(*scenes_s: float) -> list[Frame]:
    """Scenes of these lengths in seconds, each unlike the others."""
    images = [_scene(number) for number, length_s in enumerate(scenes_s) for _ in range(round(length_s * RATE))]
    return [Frame(image, index, 100 * index, Fraction(1, 100 * RATE)) for index, image in enumerate(images)]


def _borders(frames: list[Frame]) -> list[tuple[float, bool]]:
    rule = PartBorders()
    found = [border for frame in frames if (border := rule.at(frame)) is not None]
    assert [border.number for border in found] == list(range(1, len(found) + 1))
    return [(border.pts / 1000, border.fresh) for border in found]


def test_a_shot_is_cut_every_twelve_seconds() -> None:
    assert _borders(_film(30)) == [(0, True), (12, False), (24, False)]


def test_the_first_cut_after_eight_seconds_begins_a_fresh_part() -> None:
    assert _borders(_film(3, 4, 3, 9)) == [(0, True), (10, True)]
    assert _borders(_film(7.9, 5)) == [(0, True), (12, False)]
    assert _borders(_film(12, 5)) == [(0, True), (12, True)]
    assert _borders(_film(13, 7, 5)) == [(0, True), (12, False), (20, True)]


def test_later_frames_change_no_earlier_border() -> None:
    frames = _film(9, 20, 9)
    whole = _borders(frames)
    for count in range(1, len(frames), 7):
        assert _borders(frames[:count]) == [each for each in whole if each[0] * RATE < count]


def test_long_gaps_and_a_clock_that_begins_anywhere_are_no_obstacle() -> None:
    image = _scene(1)
    times = (500_000, 500_100, 900_000, 900_100)
    frames = [Frame(image, index, pts, Fraction(1, 1000)) for index, pts in enumerate(times)]
    assert _borders(frames) == [(500, True), (900, False)]


def test_borders_come_before_their_frames() -> None:
    frames = _film(9, 9)
    items = list(with_borders(iter(frames), PartBorders()))
    assert [each for each in items if isinstance(each, Frame)] == frames
    assert [items[items.index(each) + 1] for each in items if isinstance(each, Border)] == [frames[0], frames[90]]
    assert [each for each in with_borders(iter(frames), WholeFilm()) if isinstance(each, Border)] == [Border(1, 0, fresh=True)]
