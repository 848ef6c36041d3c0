"""Ages of source faces at the command line: children are refused, adulthood is stated once."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mien.assembly import embedded_networks
from mien.commands.main import main
from mien.provenance.consent import Consents
from mien.system.database import Database
from mien.testing import FakeAgeEstimator
from tests.support.portraits import CLIP, COLLINS, HOPPER
from tests.support.terminal import answered

Run = Callable[..., int]


@pytest.fixture
def swap(tmp_path: Path) -> Run:
    """Return a swap into a folder of its own, without a terminal."""
    files = [str(COLLINS), str(HOPPER), "-o", str(tmp_path / "o.png"), "--data", str(tmp_path / "data"), "--quiet"]
    return lambda *flags: main(["swap", *files, "--overwrite", *flags])


def _looks(monkeypatch: pytest.MonkeyPatch, *ages: float) -> None:
    monkeypatch.setattr(embedded_networks, "AgeNet", lambda session: FakeAgeEstimator(*ages))


def _said(capsys: pytest.CaptureFixture[str]) -> str:
    said = capsys.readouterr().err
    assert "Traceback" not in said
    return " ".join(said.split())


@pytest.mark.parametrize("flags", [(), ("--dry-run",), ("--adult",)], ids=" ".join)
def test_a_child_is_refused_whatever_is_stated(
    swap: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], flags: tuple[str, ...]
) -> None:
    _looks(monkeypatch, 9.0)
    assert swap("--consent", "self", *flags) == 3
    said = _said(capsys)
    assert COLLINS.name in said
    assert "about 9 years old, which is a rough estimate" in said
    assert not (tmp_path / "o.png").exists()
    assert Consents(Database(tmp_path / "data")).all() == []


def test_a_clip_beside_the_photo_is_looked_at_with_a_word(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = ["-o", str(tmp_path / "o.png"), "--data", str(tmp_path / "data"), "--consent", "public-domain"]
    assert main(["swap", str(HOPPER), str(COLLINS), *wanted, "--also", str(CLIP)]) == 0
    assert f"looking at {CLIP.name}" in _said(capsys)
    assert (tmp_path / "o.png").exists()
    assert main(["swap", str(COLLINS), str(HOPPER), *wanted, "--also", str(CLIP), "--overwrite"]) == 3
    assert CLIP.name in _said(capsys)
    assert main(["swap", str(CLIP), str(COLLINS), *wanted, "--overwrite", "--quiet"]) == 0
    assert "looking at" not in _said(capsys)
    assert main(["swap", str(CLIP), str(COLLINS), *wanted, "--overwrite", "--number-faces", str(tmp_path / "n.png")]) == 2
    assert "only a photo can be numbered" in _said(capsys)


def test_a_further_photo_of_a_child_is_refused_by_name(
    swap: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _looks(monkeypatch, 30.0, 9.0)
    further = tmp_path / "further.png"
    further.write_bytes(COLLINS.read_bytes())
    assert swap("--consent", "self", "--adult", "--also", str(further)) == 3
    assert "further.png: the face looks like a child's" in _said(capsys)


def test_adulthood_is_stated_once_for_a_face_that_looks_young(
    swap: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _looks(monkeypatch, 16.0)
    assert swap("--consent", "self") == 2
    said = _said(capsys)
    assert f"{COLLINS.name}: the face looks about 16 years old, which is a rough estimate" in said
    assert "--adult" in said
    assert not (tmp_path / "o.png").exists()
    assert swap("--adult") == 2
    assert "--consent" in _said(capsys), "adulthood alone is not consent"
    assert Consents(Database(tmp_path / "data")).all() == []
    assert swap("--dry-run") == 0, "nothing is worn, nothing is asked"
    assert swap("--consent", "self", "--adult") == 0
    assert swap() == 0, "asked once"
    capsys.readouterr()
    assert main(["consent", "--json", "--data", str(tmp_path / "data")]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert list(row) == ["id", "statement", "photo", "given_at", "adult_at", "revoked_at"]
    assert row["adult_at"] == row["given_at"]
    assert main(["consent", "revoke", row["id"], "--data", str(tmp_path / "data")]) == 0
    assert swap("--consent", "self") == 2, "both statements were revoked"


def test_an_earlier_consent_does_not_state_adulthood(
    swap: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _looks(monkeypatch, 40.0)
    assert swap("--consent", "self") == 0
    (given,) = Consents(Database(tmp_path / "data")).all()
    assert given.adult_at is None
    _looks(monkeypatch, 16.0)
    assert swap() == 2
    assert swap("--consent", "self") == 2
    assert swap("--adult") == 0
    (stated,) = Consents(Database(tmp_path / "data")).all()
    assert (stated.id, stated.adult_at is None) == (given.id, False)


_LOOKING_16 = """
import sys
from mien.assembly import embedded_networks
from mien.commands.main import main
from mien.testing import FakeAgeEstimator
embedded_networks.AgeNet = lambda session: FakeAgeEstimator(16.0)
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.posix
@pytest.mark.parametrize(("typed", "code"), [("y\n", 0), ("\n", 2), ("perhaps\nn\n", 2), ("\x04", 2)])
def test_a_person_at_a_terminal_states_adulthood(tmp_path: Path, typed: str, code: int) -> None:
    files = [str(COLLINS), str(HOPPER), "-o", str(tmp_path / "o.png"), "--data", str(tmp_path / "data")]
    command = [sys.executable, "-c", _LOOKING_16, "swap", *files, "--consent", "self"]
    ended, said = answered(command, "[y/n] (n):", typed)
    assert ended == code, said.decode()
    assert b"about 16 years old" in said
    assert (tmp_path / "o.png").exists() == (code == 0)
    assert len(Consents(Database(tmp_path / "data")).all()) == (code == 0)
