"""Consents: one statement for each photo, recognised when it was saved again, revocable, shared by all instances."""

import json
import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.assembly import factory
from mien.commands.main import main
from mien.errors import AdulthoodNeeded, ProvenanceError, UsageError
from mien.models.library.store import Store
from mien.provenance.consent import Consents
from mien.provenance.fingerprint import distance, fingerprint
from mien.settings import Settings
from mien.system.database import Database
from mien.types import Image, SourceFace
from tests.support.portraits import COLLINS, HOPPER
from tests.support.terminal import answered


@pytest.fixture(scope="module")
def models() -> factory.Models:
    return factory.open_models(Settings(), Store())


@pytest.fixture
def consents(tmp_path: Path) -> Consents:
    return Consents(Database(tmp_path / "data"))


def read(path: Path) -> Image:
    return np.asarray(cv2.imread(str(path)), np.uint8)


def saved_again(image: Image, scale: float, quality: int) -> Image:
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    _, content = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(content, cv2.IMREAD_COLOR), np.uint8)


def face_of(image: Image, models: factory.Models) -> SourceFace:
    return factory.open_source(image, models)


def test_nothing_is_known_at_first(consents: Consents, models: factory.Models) -> None:
    assert consents.all() == []
    assert consents.find(face_of(read(COLLINS), models)) is None


@pytest.mark.parametrize(("scale", "quality"), [(1.0, 95), (0.6, 80), (0.9, 40), (1.4, 70)])
def test_a_photo_is_known_again_when_it_was_saved_anew(
    consents: Consents, models: factory.Models, scale: float, quality: int
) -> None:
    given = consents.record(face_of(read(COLLINS), models), "public-domain", "collins.png")
    found = consents.find(face_of(saved_again(read(COLLINS), scale, quality), models))
    assert found is not None
    assert found.id == given.id
    assert found.given_at.utcoffset() is not None
    assert consents.find(face_of(read(HOPPER), models)) is None, "another person"


def test_the_same_statement_is_kept_once_and_another_one_takes_its_place(consents: Consents, models: factory.Models) -> None:
    face = face_of(read(COLLINS), models)
    first = consents.record(face, "public-domain", "a.png")
    assert consents.record(face, "public-domain", "b.png").id == first.id
    second = consents.record(face, "permission", "c.png")
    found = consents.find(face)
    assert found is not None
    assert (found.id, found.statement) == (second.id, "permission")
    assert [each.revoked_at is None for each in consents.all()] == [False, True]


def test_a_revoked_statement_holds_no_more_until_a_new_one_is_given(consents: Consents, models: factory.Models) -> None:
    face = face_of(read(COLLINS), models)
    given = consents.record(face, "self", "a.png")
    assert consents.revoke(given.id).revoked_at is not None
    assert consents.find(face) is None
    assert consents.record(face, "self", "a.png").id != given.id
    assert consents.find(face) is not None


def test_what_is_no_statement_is_refused(consents: Consents, models: factory.Models) -> None:
    with pytest.raises(UsageError, match="no valid consent"):
        consents.record(face_of(read(COLLINS), models), "finders keepers", "a.png")
    with pytest.raises(UsageError, match="no consent"):
        consents.revoke("00000000")
    assert consents.all() == []


@pytest.fixture(scope="module")
def young(models: factory.Models) -> SourceFace:
    """Return a face whose age is estimated as 16."""
    return replace(face_of(read(COLLINS), models), age=16.0)


def test_a_face_that_looks_young_needs_a_statement_of_adulthood(consents: Consents, young: SourceFace) -> None:
    for ask in (lambda: consents.record(young, "self", "a.png"), lambda: consents.check_adulthood(young)):
        with pytest.raises(AdulthoodNeeded, match="about 16 years") as caught:
            ask()
        assert "--adult" in caught.value.remedy
        assert caught.value.exit_code == 2
    assert consents.all() == [], "nothing is recorded by half"
    assert consents.find(young) is None, "consent is asked first"
    given = consents.record(young, "self", "a.png", adult=True)
    assert given.adult_at == given.given_at
    consents.check_adulthood(young)
    assert consents.find(young) == given == consents.record(young, "self", "b.png")
    assert consents.all() == [given]


@pytest.mark.parametrize("age", [18.0, 40.0, None])
def test_others_are_not_asked_and_may_be_stated_adult(consents: Consents, young: SourceFace, age: float | None) -> None:
    face = replace(young, age=age)
    consents.check_adulthood(face)
    assert consents.record(face, "self", "a.png").adult_at is None
    found = consents.find(face)
    assert found is not None
    assert found.adult_at is None
    stated = consents.record(face, "self", "a.png", adult=True)
    assert stated.adult_at is not None


def test_adulthood_is_added_to_an_earlier_statement_which_stays_the_same(consents: Consents, young: SourceFace) -> None:
    """The face may be worn on it at this moment; it must not come off."""
    first, second = (consents.record(replace(young, age=None), "self", name) for name in ("a.png", "a.png"))
    assert second == first
    with pytest.raises(AdulthoodNeeded):
        consents.find(young)
    with pytest.raises(AdulthoodNeeded):
        consents.record(young, "permission", "a.png")
    assert consents.all() == [first], "a refused statement does not revoke the one before"
    stated = consents.record(young, "self", "a.png", adult=True)
    assert (stated.id, stated.revoked_at) == (first.id, None)
    assert consents.find(young, adult=True) == stated, "the first time counts"


def test_adulthood_outlives_another_statement_and_ends_with_the_revoked_one(consents: Consents, young: SourceFace) -> None:
    first = consents.record(young, "self", "a.png", adult=True)
    second = consents.record(young, "permission", "a.png")
    assert (second.id != first.id, second.adult_at) == (True, first.adult_at)
    consents.revoke(second.id)
    assert consents.find(young, adult=True) is None
    with pytest.raises(AdulthoodNeeded):
        consents.check_adulthood(young)
    with pytest.raises(AdulthoodNeeded):
        consents.record(young, "permission", "a.png")


def test_a_ledger_of_an_earlier_version_keeps_its_statements(consents: Consents, young: SourceFace, tmp_path: Path) -> None:
    hashed = consents.record(young, "self", "a.png", adult=True).fingerprint
    file = tmp_path / "data" / "ledger.sqlite"
    file.unlink()
    with sqlite3.connect(file) as connection:
        for commands in Database.SCHEMAS[:2]:
            connection.executescript(commands)
        row = "0a1b2c3d", f"{hashed:x}", "self", "me.png", datetime(2025, 1, 2, tzinfo=UTC).isoformat()
        connection.execute("INSERT INTO consents VALUES (?, ?, ?, ?, ?, NULL)", row)
        connection.execute("PRAGMA user_version = 2")
    connection.close()
    found = consents.find(replace(young, age=30.0))
    assert found is not None
    assert (found.id, found.statement, found.adult_at, found.revoked_at) == ("0a1b2c3d", "self", None, None)
    with pytest.raises(AdulthoodNeeded):
        consents.find(young)
    assert not consents.is_revoked(found)
    stated = consents.find(young, adult=True)
    assert stated is not None
    assert (stated.id, stated.adult_at is not None) == ("0a1b2c3d", True)


def test_the_photo_is_not_kept(consents: Consents, models: factory.Models, tmp_path: Path) -> None:
    consents.record(face_of(read(COLLINS), models), "self", "a.png")
    kept = [path for path in (tmp_path / "data").iterdir() if path.is_file()]
    assert [path.name for path in kept] == ["ledger.sqlite"]
    assert kept[0].stat().st_mode & 0o077 == 0, "for its owner only"
    assert kept[0].stat().st_size < 100_000


def test_a_damaged_or_newer_ledger_is_refused_and_left_alone(consents: Consents, tmp_path: Path) -> None:
    consents.all()
    file = tmp_path / "data" / "ledger.sqlite"
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(ProvenanceError, match="newer mien"):
        consents.all()
    file.write_bytes(b"this was a database once" * 100)
    with pytest.raises(ProvenanceError, match="cannot be used"):
        consents.all()
    assert file.read_bytes().startswith(b"this was")


def test_many_processes_at_once_lose_nothing(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom datetime import UTC, datetime\nfrom pathlib import Path\n"
        "from mien.system.database import Database\nfrom mien.provenance.ledger import Ledger, Output\n"
        "ledger = Ledger(Database(Path(sys.argv[1])))\n"
        "for n in range(25): ledger.record(Output(int(sys.argv[2]), 'picture', f'{n}', datetime.now(UTC)), [n])\n"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "data"), str(n)]) for n in range(4)]
    assert [process.wait(60) for process in processes] == [0, 0, 0, 0]
    with sqlite3.connect(tmp_path / "data" / "ledger.sqlite") as connection:
        assert connection.execute("SELECT COUNT(*) FROM outputs").fetchone() == (100,)
    connection.close()


def test_the_command_lists_and_revokes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = ["--data", str(tmp_path / "data")]
    swap = ["swap", str(COLLINS), str(HOPPER), *data, "--quiet", "--overwrite", "-o", str(tmp_path / "o.png")]
    assert main(swap) == 2
    assert "--consent" in capsys.readouterr().err
    assert main([*swap, "--consent", "public-domain"]) == 0
    assert main(swap) == 0, "asked once"
    assert main(["consent", "--json", *data]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["statement"], row["photo"], row["revoked_at"]) == ("the photo is in the public domain", COLLINS.name, "")
    assert main(["consent", *data]) == 0
    assert row["id"] in capsys.readouterr().out
    assert main(["consent", "revoke", *data]) == 2
    assert main(["consent", "revoke", "nonsense", *data]) == 2
    assert main(["consent", "revoke", row["id"], *data]) == 0
    assert main(swap) == 2
    assert main([*swap, "--consent", "public-domain"]) == 0


def test_fingerprints_stay_and_tell_scenes_apart() -> None:
    one, other = read(COLLINS), read(HOPPER)
    assert fingerprint(one).bit_length() <= 63
    assert distance(fingerprint(one), fingerprint(saved_again(one, 0.5, 30))) <= 4
    assert distance(fingerprint(one), fingerprint(other)) >= 15
    assert fingerprint(np.zeros((96, 96, 3), np.uint8)) == 0


@pytest.mark.posix
@pytest.mark.parametrize(("typed", "code"), [("4\n", 0), ("9\nno\n1\n", 0), ("\x03", 130), ("\x04", 2)])
def test_a_person_at_a_terminal_is_asked(tmp_path: Path, typed: str, code: int) -> None:
    files = [str(COLLINS), str(HOPPER), "-o", str(tmp_path / "o.png"), "--data", str(tmp_path / "data")]
    command = [sys.executable, "-m", "mien.commands.main", "swap", *files]
    ended, said = answered(command, "[1/2/3/4]:", typed)
    assert ended == code, said.decode()
    assert (tmp_path / "o.png").exists() == (code == 0)
    statements = [each.statement for each in Consents(Database(tmp_path / "data")).all()]
    assert len(statements) == (code == 0)
