"""File names that Windows takes for something else."""

import os
from pathlib import Path

import pytest

from mien.errors import OutputError
from mien.media.files.file_names import windows_fault
from mien.media.files.output_file import OutputFile


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("CON.png", "device"),
        ("clips/nul", "device"),
        ("com1.mp4", "device"),
        ("LPT².jpg", "device"),
        ("aux .png", "device"),
        ("con/out.png", "device"),
        ("result.png:hidden", "':'"),
        ("C:/pictures/12:30.png", "':'"),
        ("what?.png", "'?'"),
        ("out.png.", "dot"),
        ("folder /out.png", "dot"),
        ("tab\t.png", "contains"),
    ],
)
def test_names_that_windows_takes_otherwise_are_found(path: str, word: str) -> None:
    fault = windows_fault(path)
    assert fault is not None
    assert word in fault


@pytest.mark.parametrize(
    "path",
    [
        r"C:\Films\Grace\out.png", r"\\server\share\out.png", "../out.png", "./a/out.png", "console.png", "com10.png",
        "Grüße 1.mp4", ".hidden.png", r"\\?\C:\long\out.png", "out.v1.png",
    ],
)  # fmt: skip
def test_names_that_windows_takes_as_they_are_pass(path: str) -> None:
    assert windows_fault(path) is None


def test_an_output_is_refused_on_windows_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = OutputFile(tmp_path / "aux.png", overwrite=False)
    output.check()
    monkeypatch.setattr("mien.media.files.output_file._IS_WINDOWS", os.sep == "/")
    with pytest.raises(OutputError, match="device"):
        output.check()
