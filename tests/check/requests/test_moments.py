"""Slow repeats: the right seconds, at a quarter of their speed, beside the face; forgotten once they are a film."""

import io

import av
import numpy as np
import pytest

from mien.check.requests.moments import Moments
from mien.types import Image
from tests.support.calls import call, sighting


def picture(at_s: float) -> Image:
    """A picture whose brightness is its time, with a bright square where the face is."""
    image = np.full((180, 320, 3), min(round(20 * at_s), 200), np.uint8)
    image[70:110, 140:180] = 250
    return image


def times_of(film: bytes) -> tuple[list[float], list[Image]]:
    with av.open(io.BytesIO(film), "r") as opened:
        frames = list(opened.decode(video=0))
        return [float(frame.time or 0) for frame in frames], [
            np.asarray(frame.to_ndarray(format="bgr24"), np.uint8) for frame in frames
        ]


def taken(length_s: float, asked_s: float) -> Moments:
    moments = Moments()
    for each in call(length_s, lambda at_s: sighting(at_s, middle_xy=(160.0, 90.0), eyes_px=20.0), rate_hz=8):
        moments.add(picture(each.at_s), each, asked=each.at_s >= asked_s)
    return moments


def test_the_film_is_slow_and_shows_the_face_beside_the_picture() -> None:
    film = taken(6, 2.0).film(4.0)
    assert film is not None
    times, images = times_of(film)
    # From second 3 to the end: 3 s in 12 s.
    assert times[-1] == pytest.approx(4 * (6 - 3 - 1 / 8), abs=0.6)
    assert len(times) == 24
    height, width = images[0].shape[:2]
    assert (height, width) == (480, 854 + 480)
    # 40 of 180 lines of the picture; 40 of 64 pixels of the enlarged part.
    bright = images[0][:, :, 1] > 200
    assert bright[240, :854].mean() == pytest.approx(40 / 320, abs=0.02)
    assert bright[240, 854:].mean() == pytest.approx(40 / 64, abs=0.03)
    assert images[-1][5, 5, 0] > images[0][5, 5, 0] + 30


@pytest.mark.parametrize("sizes", [((180, 320), (90, 160)), ((3, 400), (3, 400)), ((400, 4), (180, 320))])
def test_pictures_of_other_sizes_are_fitted(sizes: tuple[tuple[int, int], ...]) -> None:
    moments = Moments()
    for number in range(8):
        height, width = sizes[number % 2]
        moments.add(np.full((height, width, 3), 99, np.uint8), sighting(number / 8), asked=True)
    film = moments.film(0.0)
    assert film is not None
    assert len({image.shape for image in times_of(film)[1]}) == 1


def test_nothing_stays_after_a_film_or_outside_of_a_request() -> None:
    moments = taken(6, 2.0)
    assert moments.film(4.0) is not None
    assert moments.film(4.0) is None
    quiet = taken(60, 1000.0)
    assert len(quiet._kept) <= 10
