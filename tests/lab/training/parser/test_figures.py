"""Figures and contact sheet of a parser, with parsers whose answers are known."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from mien.contracts import Parser
from mien.lab.training.parser.figures import examples_of, measure, predicted
from mien.lab.training.parser.scenes import KINDS
from mien.lab.training.parser.sheet import contact_sheet, encoded
from mien.models.format.parsing import SIDE, TEMPLATE, FaceClass
from mien.types import Array, Image
from tests.support.parser_props import props

_COUNT = 2


class _Knowing:
    """A parser that knows the truth of its pictures and answers what `told` makes of it."""

    template, side = TEMPLATE, SIDE

    def __init__(self, told: Callable[[Array], Array]) -> None:
        made = [each for kind in KINDS for each in examples_of(props(), kind, _COUNT)]
        self._truths = {each.image.tobytes(): told(each.truth).transpose(2, 0, 1) for each in made}

    def parse(self, crops: Sequence[Image]) -> list[Array]:
        return [self._truths[crop.tobytes()] for crop in crops]


def _all(kind: FaceClass) -> Callable[[Array], Array]:
    def told(truth: Array) -> Array:
        shares = np.zeros_like(truth)
        shares[:, :, kind] = 255
        return shares

    return told


def test_the_truth_is_perfect() -> None:
    parser: Parser = _Knowing(lambda truth: truth)
    said: list[str] = []
    found = measure(props(), parser, _COUNT, said.append)
    assert found.examples_per_kind == _COUNT
    assert list(found.kinds) == list(KINDS)
    for kind in ("glasses", "hand", "thing", "cap", "cloth"):
        assert found.kinds[kind].kept == found.kinds[kind].overlap == 100
    assert {each.given_back_worst for each in found.kinds.values()} == {0}
    assert set(found.classes.values()) <= {100, None}
    assert set(found.classes) == {each.name.lower() for each in FaceClass}
    assert any(text.startswith("hand: kept 100.0 %, given back 0.00 %") for text in said)


def test_one_that_sees_skin_everywhere_keeps_nothing() -> None:
    found = measure(props(), _Knowing(_all(FaceClass.SKIN)), _COUNT, lambda text: None)
    assert found.kinds["hand"].kept == 0
    assert found.kinds["hand"].given_back == 0
    assert found.classes["hand"] == 0


def test_one_that_sees_hands_everywhere_gives_everything_back() -> None:
    found = measure(props(), _Knowing(_all(FaceClass.HAND)), _COUNT, lambda text: None)
    assert found.kinds["hand"].kept == 100
    assert found.kinds["bare"].given_back == 100
    assert found.kinds["bare"].given_back_worst > 90
    assert found.kinds["bare"].given_back_mean <= found.kinds["bare"].given_back_worst


def test_predictions_keep_the_order_of_many_examples() -> None:
    made = examples_of(props(), "bare", _COUNT) * 20
    found = predicted(_Knowing(lambda truth: truth), made)
    assert np.array_equal(found, np.stack([each.truth for each in made]))


def test_the_contact_sheet_has_a_row_a_kind() -> None:
    sheet = contact_sheet(props(), _Knowing(lambda truth: truth), _COUNT)
    assert sheet.shape == (len(KINDS) * SIDE, 4 * _COUNT * SIDE, 3)
    assert sheet.dtype == np.uint8
    assert encoded(sheet).startswith(b"\x89PNG")
    row = sheet[KINDS.index("hand") * SIDE :][:SIDE]
    truth, found = row[:, SIDE : 2 * SIDE], row[:, 2 * SIDE : 3 * SIDE]
    assert np.array_equal(truth, found)
    assert pytest.approx(row[:, :SIDE]) != row[:, 3 * SIDE : 4 * SIDE], "occluders are marked"
