"""Lips in proportion: at rest and rounded a change stays as it is; pressed or stretched, it goes with them."""

import numpy as np
import pytest

from mien.face import landmark_sets
from mien.face.landmark_sets import LOWER_LIP, UPPER_LIP
from mien.face.lips import TUNING, in_proportion
from mien.face.mean_face import face_model
from mien.types import Floats


def _with_thickness(factor: float) -> Floats:
    """The mean face with lips as thick as this, times their own."""
    shape = face_model().shape.copy()
    for lines in (UPPER_LIP, LOWER_LIP):
        inner = np.array(lines[-1])
        for line in lines[:-1]:
            shape[list(line), 1] += (factor - 1) * (shape[list(line), 1] - shape[inner, 1])
    return shape


def _thickness(shape: Floats) -> tuple[float, float]:
    return float(shape[13, 1] - shape[0, 1]), float(shape[17, 1] - shape[14, 1])


def test_lips_at_rest_take_the_change_as_it_is() -> None:
    rest = face_model().shape
    change = _with_thickness(1.5) - rest
    assert np.array_equal(in_proportion(change, rest, rest), change)


@pytest.mark.parametrize("pressed", [0.5, 0.8])
def test_the_sources_lips_thin_as_the_targets(pressed: float) -> None:
    rest, now = face_model().shape, _with_thickness(pressed)
    change = _with_thickness(1.5) - rest
    made = in_proportion(change, now, rest)
    for before, after in zip(_thickness(change), _thickness(made), strict=True):
        assert after == pytest.approx(before * pressed**TUNING.power, rel=0.02)


@pytest.mark.parametrize("rounded", [1.05, 1.3, 2.0])
@pytest.mark.parametrize("full", [0.6, 1.8])
def test_rounded_lips_neither_balloon_nor_vanish(rounded: float, full: float) -> None:
    rest, now = face_model().shape, _with_thickness(rounded)
    change = _with_thickness(full) - rest
    assert np.allclose(in_proportion(change, now, rest), change, atol=1e-6)


def test_nothing_moves_but_the_thickness_of_the_lips() -> None:
    rest, now = face_model().shape, _with_thickness(0.6)
    change = np.asarray(np.random.default_rng(1).normal(0, 0.02, rest.shape), np.float32)
    moved = np.flatnonzero((in_proportion(change, now, rest) != change).any(axis=1))
    lips = {number for lines in (UPPER_LIP, LOWER_LIP) for line in lines[:-1] for number in line}
    assert set(moved.tolist()) == lips
    assert not set(moved.tolist()) & set(landmark_sets.INNER_LIPS)


def test_lines_run_from_the_outline_to_the_mouth_and_mirror_themselves() -> None:
    mirror = face_model().mirror
    for lines in (UPPER_LIP, LOWER_LIP):
        assert set(lines[0]) <= set(landmark_sets.OUTER_LIPS)
        assert set(lines[-1]) <= set(landmark_sets.INNER_LIPS)
        for line in lines:
            assert [int(mirror[number]) for number in line] == list(reversed(line))


def test_lips_without_any_thickness_break_nothing() -> None:
    flat = _with_thickness(0.0)
    made = in_proportion(np.zeros_like(flat), flat, flat)
    assert np.isfinite(made).all()
