"""Small pictures of a film: the nearest is found, they stay few, and none stands in for a time that was not seen."""

import cv2
import numpy as np

from mien.studio.session.film_strip import FilmStrip, StripTuning
from mien.types import Image

STEP_S, MOST = 0.5, 10
TUNING = StripTuning(STEP_S, MOST, width_pixels=32)


def _frame(level: int) -> Image:
    return np.full((60, 80, 3), level, np.uint8)


def _level(picture: bytes | None) -> int | None:
    if picture is None:
        return None
    decoded = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    assert decoded.shape == (24, 32, 3)
    return round(float(decoded.mean()))


def test_the_nearest_picture_is_returned_and_frames_between_steps_are_not_kept() -> None:
    strip = FilmStrip(TUNING)
    for index in range(9):
        strip.offer(_frame(10 * index), 0.25 * index)
    # Kept: 0, 0.5, 1.0, 1.5 and 2.0 s.
    assert [_level(strip.nearest(time_s)) for time_s in (0.0, 0.2, 0.3, 1.1, 2.0, 2.4)] == [0, 0, 20, 40, 80, 80]


def test_a_time_that_was_not_seen_has_no_picture() -> None:
    strip = FilmStrip(TUNING)
    assert strip.nearest(0.0) is None
    strip.offer(_frame(10), 0.0)
    assert strip.nearest(0.6) is None


def test_a_long_film_has_no_more_pictures_only_wider_steps() -> None:
    strip = FilmStrip(TUNING)
    for index in range(200):
        strip.offer(_frame(index), 0.5 * index)
    assert len(strip._times) <= MOST
    assert strip._step_s == 16.0
    assert [_level(strip.nearest(0.5 * index)) is not None for index in (0, 90, 199)] == [True, True, True]
    assert abs((_level(strip.nearest(45.0)) or 0) - 90) <= 16
