"""The parser's network: its file answers as the trained network does, is small, and opens as a parser."""

from typing import TYPE_CHECKING

import numpy as np
import pytest

from mien.models.format.parsing import SIDE, FaceClass
from mien.models.networks.parser_net import ParserNet
from mien.models.runtime.onnx_session import OnnxSession

if TYPE_CHECKING:
    from mien.lab.training.parser.network import ParserNetwork

for _name in ("torch", "onnx"):
    pytest.importorskip(_name, reason=f"NOT TESTED: training needs {_name} (pip install '.[train]')")

MOST_BYTES = 1_500_000
MOST_DIFFERENCE = 1e-3  # of a share; large weights are stored as float16


def _lively() -> "ParserNetwork":
    """Return a network whose normalisations have seen something, so that folding them matters."""
    import torch

    from mien.lab.training.parser.network import ParserNetwork

    torch.manual_seed(3)
    network = ParserNetwork()
    network.train()
    with torch.no_grad():
        for _ in range(3):
            network(torch.rand(2, 3, SIDE, SIDE))
    network.eval()
    return network


def test_the_file_answers_as_the_network_does() -> None:
    import torch

    from mien.lab.training.parser.network import to_onnx

    network = _lively()
    content = to_onnx(network, {"data": "made up"})
    assert len(content) < MOST_BYTES
    crops = np.random.default_rng(0).integers(0, 256, (3, SIDE, SIDE, 3), np.uint8)
    found = np.stack(ParserNet(OnnxSession("parser", content)).parse(list(crops))) / 255
    blob = np.ascontiguousarray(crops[:, :, :, ::-1].transpose(0, 3, 1, 2), np.float32) / 255
    with torch.no_grad():
        wanted = torch.softmax(network(torch.from_numpy(blob)), 1).numpy()
    assert found.shape == (3, len(FaceClass), SIDE, SIDE)
    assert np.abs(found - wanted).max() < MOST_DIFFERENCE + 1 / 255
    assert np.ptp(wanted, axis=(2, 3)).max() > 10 / 255, "the test sees differences"


def test_the_file_carries_its_notes() -> None:
    import onnx

    from mien.lab.training.parser.network import to_onnx

    model = onnx.load_from_string(to_onnx(_lively(), {"data": "two portraits", "steps": "3"}))
    assert {each.key: each.value for each in model.metadata_props} == {"data": "two portraits", "steps": "3"}
