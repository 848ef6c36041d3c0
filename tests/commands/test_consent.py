"""`mien consent` in a terminal."""

from pathlib import Path

import pytest

from mien.commands.main import main
from mien.provenance.consent import Consents
from mien.system.database import Database


def test_a_name_of_a_photo_does_not_reach_the_terminal_as_a_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Consents(Database(tmp_path / "data")).record_comparison("anna\x1b]0;title\x07\x1b[2J.jpg")
    assert main(["consent", "--data", str(tmp_path / "data")]) == 0
    said = capsys.readouterr().out
    assert "anna" in said
    assert "\x1b" not in said
