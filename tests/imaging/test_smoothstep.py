"""The cubic ramp."""

import numpy as np

from mien.imaging.smoothstep import smoothstep, smoothstep_between, smoothstep_of


def test_it_rises_from_0_to_1_with_level_ends() -> None:
    x = np.linspace(-0.5, 1.5, 201, dtype=np.float32)
    y = smoothstep(x)
    assert y.dtype == np.float32
    assert (y[x <= 0] == 0).all()
    assert (y[x >= 1] == 1).all()
    assert y[100] == 0.5
    assert (np.diff(y) >= 0).all()
    slope = np.diff(y) / np.diff(x)
    assert slope[[50, 149]].max() < 0.05
    assert slope.max() < 1.51


def test_one_number_rises_as_many_do() -> None:
    x = np.linspace(-0.5, 1.5, 201)
    np.testing.assert_allclose([smoothstep_of(each) for each in x.tolist()], smoothstep(x), atol=1e-7)


def test_between_two_numbers_it_rises_from_the_one_to_the_other() -> None:
    assert [smoothstep_between(2, 6, each) for each in (1, 2, 3, 4, 6, 7)] == [0, 0, 0.15625, 0.5, 1, 1]
    assert [smoothstep_between(6, 2, each) for each in (7, 5, 2)] == [0, 0.15625, 1]
