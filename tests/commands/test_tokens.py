"""`mien tokens` in a terminal."""

from dataclasses import replace
from pathlib import Path

import pytest

from mien.commands.main import main
from mien.studio.session.tokens import Tokens


def test_a_name_in_the_database_does_not_reach_the_terminal_as_a_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["tokens", "add", "obs", "--data", str(tmp_path)]) == 0
    stored = Tokens.all
    monkeypatch.setattr(Tokens, "all", lambda tokens: [replace(each, name="obs\x1b[2J") for each in stored(tokens)])
    capsys.readouterr()
    assert main(["tokens", "--data", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "obs" in said
    assert "\x1b" not in said
