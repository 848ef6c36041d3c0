"""The parser: what it is fed, what is made of its answers, and the errors of broken ones."""

import numpy as np
import pytest

from mien.contracts import Parser
from mien.errors import ModelError, ModelMismatch
from mien.imaging import geometry
from mien.models.format.parsing import BEFORE_THE_FACE, SIDE, FaceClass
from mien.models.format.ports import Shape
from mien.models.networks.parser_net import ParserNet
from mien.testing import FakeSession
from mien.types import Array, Floats, Image

CLASSES = len(FaceClass)
INPUTS: dict[str, Shape] = {"crop": (None, 3, SIDE, SIDE)}


def _answer(count: int = 1, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).normal(0, 4, (count, 4 * CLASSES, SIDE // 2, SIDE // 2)).astype(np.float32)


def _softmax(logits: Floats) -> Floats:
    """Return the shares of one answer, (classes, side, side), the slow way."""
    cells = logits.reshape(CLASSES, 2, 2, SIDE // 2, SIDE // 2).transpose(0, 3, 1, 4, 2).reshape(CLASSES, SIDE, SIDE)
    powers = np.exp(cells.astype(np.float64) - cells.max(axis=0))
    return np.asarray(powers / powers.sum(axis=0), np.float32)


def _crop(seed: int = 1) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, 3), np.uint8)


def test_it_keeps_the_contract() -> None:
    net = ParserNet(FakeSession(INPUTS, {"logits": _answer()}))
    assert isinstance(net, Parser)
    assert net.template in geometry.TEMPLATES
    assert net.side == SIDE
    assert FaceClass.SKIN not in BEFORE_THE_FACE
    assert FaceClass.BEARD not in BEFORE_THE_FACE
    assert FaceClass.LENS not in BEFORE_THE_FACE


def test_it_is_fed_rgb_from_0_to_1_in_one_run() -> None:
    session = FakeSession(INPUTS, {"logits": _answer(2)})
    crops = [_crop(1), _crop(2)]
    ParserNet(session).parse(crops)
    (call,) = session.calls
    wanted = np.stack([crop[:, :, ::-1].transpose(2, 0, 1) / 255.0 for crop in crops])
    assert np.abs(call["crop"] - wanted).max() < 1e-6


def test_shares_become_levels() -> None:
    answer = _answer()
    answer[0, 0, 0, 0] = 200.0
    (levels,) = ParserNet(FakeSession(INPUTS, {"logits": answer})).parse([_crop()])
    assert levels.dtype == np.uint8
    assert levels.shape == (CLASSES, SIDE, SIDE)
    assert levels[:, 0, 0].tolist() == [255] + [0] * (CLASSES - 1)
    assert np.abs(levels - 255.0 * _softmax(answer[0])).max() < 1.0, "half a level, and the shares that are left out"
    assert np.abs(levels.astype(int).sum(axis=0) - 255).max() <= CLASSES // 2


def test_without_crops_nothing_runs() -> None:
    session = FakeSession(INPUTS, {"logits": _answer()})
    assert ParserNet(session).parse([]) == []
    assert not session.calls


@pytest.mark.parametrize(
    ("inputs", "answers", "message"),
    [
        ({"crop": (None, 3, 64, 64)}, {"logits": _answer()}, "64 x 64"),
        ({"image": (None, 3, SIDE, SIDE)}, {"logits": _answer()}, "no input 'crop'"),
        (INPUTS, {"logits": _answer()[:, :5]}, r"1 x 5 x 48 x 48"),
        (INPUTS, {"logits": _answer()[:, :, ::2, ::2]}, "24 x 24"),
        (INPUTS, {"mask": _answer()}, "no output 'logits'"),
    ],
)
def test_another_network_is_refused(inputs: dict[str, Shape], answers: dict[str, Array], message: str) -> None:
    with pytest.raises(ModelMismatch, match=message) as raised:
        ParserNet(FakeSession(inputs, answers))
    assert raised.value.remedy
    assert raised.value.exit_code == 7


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_an_error(number: float) -> None:
    answer = _answer()
    answer[0, 3, 7, 9] = number
    with pytest.raises(ModelError, match="parser gave numbers") as raised:
        ParserNet(FakeSession(INPUTS, {"logits": answer})).parse([_crop()])
    assert raised.value.remedy
