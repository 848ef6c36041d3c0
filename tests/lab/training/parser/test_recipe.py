"""The recipe of the parser: from folders to the network, its figures and the contact sheet."""

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import pytest

from mien.errors import ModelDamaged, UsageError
from tests.support.portraits import COLLINS, HOPPER

if TYPE_CHECKING:
    from mien.lab.training.parser.learn import Trained
    from mien.lab.training.parser.scenes import Props

for _name in ("torch", "onnx"):
    pytest.importorskip(_name, reason=f"NOT TESTED: training needs {_name} (pip install '.[train]')")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a folder with portraits of two people, one of whom is held back."""
    folder = tmp_path / "people"
    folder.mkdir()
    shutil.copy(COLLINS, folder / "001_smiling.png")
    shutil.copy(HOPPER, folder / "002_neutral.jpg")
    return folder


@pytest.fixture
def learnt(monkeypatch: pytest.MonkeyPatch) -> list["Props"]:
    """Replace the training by an untrained network; return the material it was given."""
    from mien.lab.training.parser import learn, portraits, recipe
    from mien.lab.training.parser.network import ParserNetwork

    given: list[Props] = []

    def train(props: "Props", steps: int, checkpoint: Path, say: object, *, resume: bool) -> "Trained":
        given.append(props)
        return learn.Trained(ParserNetwork(), steps, 61.4)

    monkeypatch.setattr(learn, "train", train)
    monkeypatch.setattr(portraits, "_TURNS", portraits._TURNS[:1])
    monkeypatch.setattr(recipe, "_EXAMPLES_PER_KIND", 1)
    monkeypatch.setattr(recipe, "_SHEET_EXAMPLES", 1)
    return given


def test_a_training_leaves_network_figures_and_sheet(data: Path, tmp_path: Path, learnt: list["Props"]) -> None:
    import onnx

    from mien.lab.training.parser import recipe

    output = tmp_path / "parser.onnx"
    said: list[str] = []
    found = recipe.run_training(data, None, output, 3, said.append, resume=False)
    (given,) = learnt
    assert {each.person for each in given.portraits} == {"people/001"}
    assert len(given.portraits) == 3
    assert len(given.pictures) == 1
    assert json.loads(output.with_suffix(".json").read_text("utf-8")) == found
    assert (found["steps"], found["seconds"], found["seed"]) == (3, 61, "15")
    assert found["data"] == "1 portraits of 1 people in people"
    assert set(found["kinds"]["hand"]) == {"overlap", "kept", "given_back", "given_back_mean", "given_back_worst"}
    notes = {each.key: each.value for each in onnx.load(str(output)).metadata_props}
    assert {"data", "steps", "seed", "use", "hand", "bare"} <= set(notes)
    assert cv2.imread(str(output.with_suffix(".png"))) is not None
    assert {each.name for each in tmp_path.iterdir()} == {"people", "parser.onnx", "parser.json", "parser.png"}
    again = recipe.run_evaluation(data, None, output, said.append)
    assert again["kinds"] == found["kinds"]


def test_wrong_folders_are_refused_at_once(data: Path, tmp_path: Path) -> None:
    from mien.lab.training.parser import recipe

    missing = tmp_path / "missing"
    for folder, clips in ((missing, None), (data / "001_smiling.png", None), (data, missing)):
        with pytest.raises(UsageError, match="is not a folder") as raised:
            recipe.run_training(folder, clips, tmp_path / "parser.onnx", 3, print, resume=False)
        assert raised.value.remedy
    with pytest.raises(UsageError, match="does not exist"):
        recipe.run_training(data, None, missing / "parser.onnx", 3, print, resume=False)


def test_a_wrong_network_is_refused_before_anything_is_read(data: Path, tmp_path: Path) -> None:
    from mien.lab.training.parser import recipe

    with pytest.raises(UsageError, match="cannot read the network"):
        recipe.run_evaluation(data, None, tmp_path / "missing.onnx", print)
    (tmp_path / "broken.onnx").write_bytes(b"broken")
    with pytest.raises(ModelDamaged):
        recipe.run_evaluation(data, None, tmp_path / "broken.onnx", print)
