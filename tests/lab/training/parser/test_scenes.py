"""Random examples of the parser: the same for a seed, of the kind that is asked for, with a truth that adds up."""

import numpy as np
import pytest

from mien.lab.training.parser.canvas import Example
from mien.lab.training.parser.scenes import KINDS, random_example
from mien.models.format.parsing import BEFORE_THE_FACE, FaceClass
from tests.support.parser_props import props

MARKED: dict[str, tuple[FaceClass, ...]] = {
    "bare": (FaceClass.SKIN,),
    "beard": (FaceClass.BEARD,),
    "hair": (FaceClass.HAIR,),
    "glasses": (FaceClass.RIM, FaceClass.LENS, FaceClass.SHADE),
    "cap": (FaceClass.THING,),
    "cloth": (FaceClass.THING,),
    "hand": (FaceClass.HAND,),
    "thing": (FaceClass.THING,),
}
OCCLUDERS: dict[str, set[FaceClass]] = {
    "glasses": {FaceClass.RIM, FaceClass.SHADE},
    "cap": {FaceClass.THING},
    "cloth": {FaceClass.THING},
    "hand": {FaceClass.HAND, FaceClass.THING},
    "thing": {FaceClass.THING},
}
"""Classes in front of the face that an example of a kind may hold; hair may be the person's own."""


def _some(kind: str | None, count: int, seed: int = 5) -> list[Example]:
    draw = np.random.default_rng(seed)
    return [random_example(props(), draw, kind) for _ in range(count)]


def test_a_seed_gives_the_same_examples() -> None:
    first, again, other = _some(None, 4), _some(None, 4), _some(None, 4, seed=6)
    for a, b in zip(first, again, strict=True):
        assert a.kind == b.kind
        for name in ("image", "truth", "known", "judged"):
            assert np.array_equal(getattr(a, name), getattr(b, name)), name
    assert not np.array_equal(first[0].image, other[0].image)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_marks_its_classes_and_no_other_occluder(kind: str) -> None:
    made = _some(kind, 8)
    for number in MARKED[kind]:
        assert max(np.count_nonzero(each.truth[:, :, number] > 127) for each in made) > 20, number.name
    foreign = set(BEFORE_THE_FACE) - OCCLUDERS.get(kind, set()) - {FaceClass.HAIR}
    assert not any(each.truth[:, :, number].any() for each in made for number in foreign)


@pytest.mark.parametrize("kind", KINDS)
def test_the_truth_sums_to_one_where_it_counts(kind: str) -> None:
    for each in _some(kind, 2):
        total = each.truth.astype(int).sum(axis=2)
        assert total.max() <= 255 + len(FaceClass)
        # Motion blurs the truth at the border of its known part, too.
        assert (total[each.judged > 250] > 255 - len(FaceClass)).mean() > 0.95


def test_one_example_may_have_two_kinds() -> None:
    kinds = {each.kind for each in _some(None, 24)}
    assert any("+" in kind for kind in kinds)
    assert len(kinds) > 5
