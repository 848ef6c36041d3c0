"""Hair on a photo's face: beards stay hair, red shadows and beards of one side do not."""

import numpy as np

from mien.models.format.parsing import FaceClass
from mien.swap.source.fill import HOLE_SIDE
from mien.swap.source.hair import beard_share, hair_share, without_deep_shadows, without_shadows
from mien.swap.source.regions import GRID
from mien.types import Array, Floats

_SEEN = np.ones((GRID, GRID), np.float32)


def _classes(share: int, *, both: bool = True) -> Array:
    """Classes with a beard of this share, 0..255, on one half of the lower face or on both."""
    classes = np.zeros((len(FaceClass), GRID, GRID), np.uint8)
    classes[FaceClass.BEARD, 80:110, 20 : GRID - 20 if both else 50] = share
    return classes


def _apart(red: float) -> Floats:
    """A difference from even light in red alone, natural logarithm."""
    return np.full((HOLE_SIDE, HOLE_SIDE, 3), (0.0, 0.0, red), np.float32)


def _left(share: int, red: float) -> float:
    beard = beard_share(_classes(share), _SEEN)
    hairy = np.asarray(np.kron(beard, np.ones((2, 2))), np.float32)
    return float(without_shadows(hairy, beard, _apart(red))[190, 90])


def test_a_beard_grows_on_both_sides() -> None:
    assert beard_share(_classes(120), _SEEN)[95, 40] > 0.45
    assert beard_share(_classes(120, both=False), _SEEN)[95, 40] == 0
    turned = _SEEN.copy()
    turned[:, GRID // 2 :] = 0
    assert beard_share(_classes(120, both=False), turned)[95, 40] > 0.45, "the other side is not seen"


def test_what_is_redder_than_skin_is_a_shadow() -> None:
    assert _left(110, 0.0) > 0.4
    assert _left(110, 0.1) < 0.02
    assert _left(230, 0.1) > 0.85, "a sure beard may be ginger"


def test_brows_and_hair_count_on_one_side_alone() -> None:
    classes = _classes(0)
    classes[FaceClass.HAIR, 40:60, 10:30] = 255
    classes[FaceClass.BROW, 40:45, 40:55] = 128
    found = hair_share(classes, _SEEN)
    assert found[50, 20] == 1
    assert abs(found[42, 45] - 0.5) < 0.01


def test_deep_red_folds_in_hard_light_are_no_hair() -> None:
    deviation, hairy = np.full((HOLE_SIDE, HOLE_SIDE, 3), 0.1, np.float32), np.full((HOLE_SIDE, HOLE_SIDE), 0.35, np.float32)
    fold = np.full((HOLE_SIDE, HOLE_SIDE, 3), (-0.5, 0.0, 0.4), np.float32)
    assert float(without_deep_shadows(hairy, fold, deviation, 1.0).max()) == 0
    assert np.array_equal(without_deep_shadows(hairy, fold, deviation, 0.0), hairy), "even light"
    assert np.array_equal(without_deep_shadows(hairy, -fold, deviation, 1.0), hairy), "bright and pale"
