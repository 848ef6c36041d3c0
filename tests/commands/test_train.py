"""`mien train`: options of each network, and clear errors."""

from pathlib import Path

import pytest

from mien.commands.main import main


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "the following arguments are required: NETWORK"),
        (("faces", "DATA"), "invalid choice: 'faces'"),
        (("parser",), "the following arguments are required: DATA"),
        (("parser", "DATA", "--minutes", "3"), "--minutes belongs to `mien train finish` alone"),
        (("parser", "DATA", "--swaps", "3"), "--swaps belongs to `mien train finish` alone"),
        (("parser", "DATA", "--noncommercial"), "--noncommercial belongs to `mien train finish` alone"),
        (("finish", "DATA", "--clips", "CLIPS"), "--clips belongs to `mien train parser` alone"),
        (("finish", "DATA", "--steps", "3"), "--steps belongs to `mien train parser` alone"),
        (("parser", "DATA", "--steps", "0"), "invalid number of steps '0'; use 1 or more"),
        (("parser", "DATA", "--steps", "many"), "invalid number of steps 'many'; use 1 or more"),
        (("parser", "DATA", "-o", ""), "empty name"),
        (("stand-ins", "DATA", "--draws", "0"), "invalid number '0'; use 1 or more"),
        (("stand-ins", "DATA", "--seed", "x"), "invalid number 'x'; use 1 or more"),
    ],
)
def test_a_wrong_request_is_explained(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(SystemExit) as raised:
        main(["train", *arguments])
    assert raised.value.code == 2
    assert message in capsys.readouterr().err


def test_stand_ins_need_portraits(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["train", "stand-ins", str(tmp_path), "-o", str(tmp_path / "made")]) == 2
    assert "0 even faces named NAME_neutral.jpg, 30 are needed" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("network", ["finish", "parser"])
@pytest.mark.parametrize("evaluate", [False, True])
def test_a_missing_folder_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path, network: str, evaluate: bool) -> None:
    for name in ("torch", "onnx"):
        pytest.importorskip(name, reason=f"NOT TESTED: training needs {name} (pip install '.[train]')")
    more = ["--evaluate"] if evaluate else ["-o", str(tmp_path / "made.onnx")]
    assert main(["train", network, str(tmp_path / "missing"), *more]) == 2
    assert "missing is not a folder" in capsys.readouterr().err.replace("\n", "")


def test_portraits_of_nobody_are_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for name in ("torch", "onnx"):
        pytest.importorskip(name, reason=f"NOT TESTED: training needs {name} (pip install '.[train]')")
    assert main(["train", "parser", str(tmp_path), "-o", str(tmp_path / "made.onnx")]) == 2
    assert "fewer than two people" in " ".join(capsys.readouterr().err.split())
