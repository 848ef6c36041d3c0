"""The test picture: colour bars, a counter and the time of day, at an even pace."""

from datetime import datetime

import numpy as np

from mien.media.capture.test_picture import TestPicture


class _FakeTime:
    def __init__(self) -> None:
        self.now_s = 5.0

    def clock(self) -> float:
        return self.now_s

    def wait(self, seconds: float) -> None:
        self.now_s += seconds


def test_frames_are_due_at_an_even_pace_and_differ_in_the_counter_alone() -> None:
    fake = _FakeTime()
    picture = TestPicture(
        width=320, height=180, rate=10, clock=fake.clock, now=lambda: datetime(2026, 1, 1, 12, 34, 56), wait=fake.wait
    )
    with picture:
        frames = [frame for _ in range(3) if (frame := picture.read()) is not None]
        fake.now_s += 1.0
        late = [frame for _ in range(2) if (frame := picture.read()) is not None]
    times_s = [float(frame.pts * frame.time_base) for frame in (*frames, *late)]
    np.testing.assert_allclose(np.diff(times_s), [0.1, 0.1, 1.0, 0.1], atol=1e-3)
    first, second = frames[0].image, frames[1].image
    assert first.shape == (180, 320, 3)
    assert tuple(int(value) for value in first[5, 5]) == (191, 191, 191)
    assert tuple(int(value) for value in first[5, 315]) == (191, 0, 0), "the last bar is blue"
    changed = np.flatnonzero((first != second).any((1, 2)))
    assert 90 < changed.min() <= changed.max() < 135, "only the row of the counter"


def test_it_ends_when_it_is_stopped() -> None:
    picture = TestPicture(width=64, height=48)
    with picture:
        picture.stop()
        assert picture.read() is None
