"""Profile of a frame: its stages are those of the pipeline, and time and memory go to the right one."""

import importlib
import inspect
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mien
from mien.commands.main import main
from mien.lab import profile as module
from mien.lab.profile import REST, STAGES, stage_of


@pytest.mark.parametrize(("ending", "function"), list(STAGES))
def test_every_stage_is_a_function_of_the_main_path(ending: str, function: str) -> None:
    package = Path(mien.__file__).parent
    (path,) = [each for each in package.rglob(Path(ending).name) if each.as_posix().endswith(ending)]
    name = "mien." + ".".join(path.relative_to(package).with_suffix("").parts)
    members = vars(importlib.import_module(name)).values()
    methods = [getattr(each, function, None) for each in members if inspect.isclass(each) and each.__module__ == name]
    assert any(callable(each) for each in [vars(importlib.import_module(name)).get(function), *methods])
    assert stage_of(str(path), function) == STAGES[ending, function]


def test_a_stage_counts_where_it_is_outermost() -> None:
    run, compose = ("a.py", "run"), ("/mien/swap/stages/compose.py", "compose")
    reshape, swap = ("/mien/swap/stages/reshape.py", "reshape_each"), ("/mien/swap/pipeline.py", "swap")
    seconds = {
        (run,): 3.0,
        (run, reshape): 3.0,
        (run, reshape, compose): 1.0,
        (run, swap): 0.5,
        (run, swap, compose): 2.0,
        (run, compose): 0.5,
    }
    assert module._times(seconds) == {"reshape": 4.0, "compose": 2.5, REST: 3.5}


def test_working_memory_is_the_most_of_a_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STAGES, ("lab/test_profile.py", "_stage"), "test")
    assert 8e6 <= module._working_memory(_stage_twice)["test"] < 9e6


def _stage_twice() -> None:
    _stage()
    _stage()


def _stage() -> None:
    values: Any = np.zeros(500_000)
    del values
    values = np.zeros(1_000_000)
    assert values.nbytes == 8_000_000


def test_the_command(
    examples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_WARM_FRAMES", 2)
    monkeypatch.setattr(module, "_MEMORY_FRAMES", 1)
    pictures = ["--portrait", str(examples / "grace_hopper.jpg"), "--photo", str(examples / "eileen_collins.png")]
    files = ["--flame", str(tmp_path / "flame.json"), "--json", str(tmp_path / "figures.json")]
    assert main(["bench", *pictures, "--consent", "public-domain", "--profile", "--frames", "4", *files]) == 0
    printed = capsys.readouterr().out
    figures = json.loads((tmp_path / "figures.json").read_text())
    stages = {each["stage"]: each for each in figures["stages"]}
    assert {REST, "track: detector and landmarks", "engine: the new face"} <= set(stages)
    assert figures["ms"] == pytest.approx(sum(each["ms"] for each in figures["stages"]))
    assert stages["engine: the new face"]["bytes"] > 100_000
    assert all(stage in printed for stage in stages)
    flame = json.loads((tmp_path / "flame.json").read_text())
    assert "swap_faces" in {each["name"] for each in flame["shared"]["frames"]}
