"""The filter takes jitter away and nothing else."""

import numpy as np
import pytest

from mien.face import landmark_sets
from mien.swap.tracking.smoothing import LandmarkFilter
from mien.types import Floats
from tests.support.portraits import COLLINS, portrait

STEP_S = 1 / 30
SIZE = 240.0


def _face() -> Floats:
    """A face about 240 pixels tall, round (640, 360)."""
    points = portrait(COLLINS).landmarks.points.copy()
    points[:, :2] -= points[:, :2].mean(0)
    points *= SIZE / np.ptp(points[:, 1])
    points[:, :2] += [640, 360]
    return points


def _run(raw: list[Floats], strength: float = 1.0, step_s: float = STEP_S) -> Floats:
    smoother = LandmarkFilter(strength)
    return np.array([smoother.update(points.astype(np.float32), step_s) for points in raw])


def _jittery(count: int, scale: float = 1.0, seed: int = 3) -> list[Floats]:
    """A face at rest as the landmarker sees it through sensor noise: measured on the bundled portrait with sigma 4."""
    random, face = np.random.default_rng(seed), _face()
    middle = face.mean(0)
    raw = []
    for _ in range(count):
        growth, turn = random.normal(0, 0.0017, 2)
        head = np.array([[1 + growth, -turn, 0], [turn, 1 + growth, 0], [0, 0, 1]])
        points = (face - middle) @ head.T + middle + random.normal(0, 0.08, (1, 3)) + random.normal(0, 0.19, face.shape)
        raw.append((scale * points).astype(np.float32))
    return raw


def test_strength_zero_changes_nothing() -> None:
    raw = _jittery(5)
    np.testing.assert_array_equal(_run(raw, 0.0), np.array(raw))


def test_the_first_landmarks_pass_as_they_are() -> None:
    np.testing.assert_array_equal(_run(_jittery(1))[0], _jittery(1)[0])


def test_jitter_at_rest_is_a_third_at_most() -> None:
    raw = np.array(_jittery(200))
    smooth = _run(list(raw))
    for axes in (slice(0, 2), slice(2, 3)):
        assert smooth[30:, :, axes].std(0).mean() < raw[30:, :, axes].std(0).mean() / 3


def test_more_strength_smooths_more() -> None:
    raw = _jittery(150)
    rest = [_run(raw, strength)[30:].std(0).mean() for strength in (0.0, 0.5, 1.0, 2.0, 4.0)]
    assert rest == sorted(rest, reverse=True)


def test_the_filter_means_the_same_at_every_size() -> None:
    small, large = _run(_jittery(60, 0.25)), _run(_jittery(60, 4.0))
    np.testing.assert_allclose(small * 16, large, atol=0.05)


def _shift(n: int) -> Floats:
    speed = np.minimum(8, 0.4 * np.arange(1, n + 1))
    return _face() + np.array([speed.sum(), 0, 0], np.float32)


def _zoom(n: int) -> Floats:
    face = _face()
    face[:, :2] = (face[:, :2] - [640, 360]) * 1.01**n + [640, 360]
    return face


def _turn(n: int) -> Floats:
    face, angle = _face(), np.radians(n)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    face[:, :2] = (face[:, :2] - [640, 360]) @ rotation.T + [640, 360]
    return face


@pytest.mark.parametrize("motion", [_shift, _zoom, _turn])
def test_motion_passes_without_lag(motion: object) -> None:
    raw = np.array([motion(n) for n in range(40)])  # type: ignore[operator]
    distance = np.linalg.norm((raw - _run(list(raw)))[..., :2], axis=2)
    assert distance.mean() < 0.5


def test_a_slow_drift_lags_less_than_half_a_pixel() -> None:
    raw = [_face() + np.array([0.3 * n, 0, 0], np.float32) for n in range(90)]
    assert np.abs((np.array(raw) - _run(raw))[..., :2]).mean() < 0.5


def _opening(points: Floats, above: int, below: int) -> Floats:
    return np.asarray(np.linalg.norm(points[:, above, :2] - points[:, below, :2], axis=1), np.float32)


@pytest.mark.parametrize(
    ("loop", "above", "below", "course"),
    [
        (landmark_sets.RIGHT_EYE, 159, 145, [0.3, 0.9, 0.4, 0.0]),
        (landmark_sets.INNER_LIPS, 13, 14, [-1.0, -3.0, -4.0, -3.0, -1.0, 0.0]),
    ],
)
def test_blinks_and_words_keep_their_height_and_their_time(
    loop: tuple[int, ...], above: int, below: int, course: list[float]
) -> None:
    shares = [0.0] * 30 + course + [0.0] * 10
    raw = _jittery(len(shares))
    for points, share in zip(raw, shares, strict=True):
        middle = points[list(loop), 1].mean()
        points[list(loop), 1] += share * (middle - points[list(loop), 1])
    before, after = _opening(np.array(raw), above, below), _opening(_run(raw), above, below)
    rest = before[:30].mean()
    peak = int(np.argmax(np.abs(before - rest)))
    assert int(np.argmax(np.abs(after - rest))) == peak
    assert abs(after[peak] - rest) > 0.95 * abs(before[peak] - rest)


@pytest.mark.parametrize("step_s", [0.0, -1.0, 1e-9])
def test_time_that_stands_still_does_no_harm(step_s: float) -> None:
    smooth = _run(_jittery(10), step_s=step_s)
    assert np.isfinite(smooth).all()
    assert np.abs(smooth - _face()).max() < 2


def test_a_long_gap_forgets_the_past() -> None:
    raw = _jittery(2)
    np.testing.assert_array_equal(_run(raw, step_s=1.0)[1], raw[1])


def test_reset_forgets_the_past() -> None:
    smoother, raw = LandmarkFilter(1.0), _jittery(2)
    smoother.update(raw[0], 0.0)
    smoother.reset()
    np.testing.assert_array_equal(smoother.update(raw[1], STEP_S), raw[1])


def test_the_given_landmarks_are_not_changed() -> None:
    raw = _jittery(3)
    copies = [points.copy() for points in raw]
    _run(raw)
    np.testing.assert_array_equal(raw, copies)
