"""Damaged ledgers: whatever the file holds, its readers work or raise one `ProvenanceError` with the right remedy."""

import shutil
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from mien.commands.main import main
from mien.errors import ProvenanceError
from mien.media.files.temporary_files import Temporaries, temporary_path
from mien.provenance.consent import Consent, Consents
from mien.provenance.ledger import Ledger, Output
from mien.system import database as database_module
from mien.system.database import Database
from mien.types import Landmarks, SourceFace
from tests.support.portraits import COLLINS, HOPPER

FACE = SourceFace(
    np.arange(64 * 64 * 3, dtype=np.uint8).reshape(64, 64, 3), Landmarks(np.zeros((478, 3), np.float32), 1.0), "x"
)
NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a ledger with a row in each table, whose columns take any type."""
    folder = tmp_path_factory.mktemp("filled")
    database = Database(folder)
    Consents(database).record(FACE, "self", "me.png")
    ledger = Ledger(database)
    ledger.record(Output(5, "picture", "out.png", NOW, "00"), [7])
    ledger.begin_recording(folder / "r.mp4", "{}")
    Temporaries(database).begin(temporary_path(folder / "out.png"))
    with database.opened() as connection:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            names = ", ".join(_columns(connection, table))
            connection.execute(f"CREATE TABLE loose ({names})")
            connection.execute(f"INSERT INTO loose SELECT {names} FROM {table}")
            connection.execute(f"DROP TABLE {table}")
            connection.execute(f"ALTER TABLE loose RENAME TO {table}")
    return folder / "ledger.sqlite"


@pytest.fixture
def folder(filled: Path, tmp_path: Path) -> Path:
    shutil.copyfile(filled, tmp_path / filled.name)
    return tmp_path


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]


def readers(folder: Path) -> dict[str, Callable[[], object]]:
    database = Database(folder)
    consents, ledger, temporaries = Consents(database), Ledger(database), Temporaries(database)
    consent = Consent("0" * 8, 7, "self", "me.png", NOW)
    return {
        "all": consents.all,
        "find": lambda: consents.find(FACE),
        "check": lambda: consents.check(consent),
        "record consent": lambda: consents.record(FACE, "self", "me.png"),
        "with_mark": lambda: ledger.with_mark(5),
        "alike": lambda: ledger.alike([[7]]),
        "cut_off": ledger.cut_off,
        "record output": lambda: ledger.record(Output(6, "video", "o.mp4", NOW), [8]),
        "tidy": temporaries.tidy,
    }


VALUES = (
    None, b"blob", "text", "", "2026-01-02", "9999-12-31T23:59:59-14:00", "1" * 10_000, 5, 2**63 - 1, -1, float("inf"),
)  # fmt: skip


def test_every_column_may_hold_anything(folder: Path) -> None:
    path = folder / "ledger.sqlite"
    sound = path.read_bytes()
    with sqlite3.connect(path) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        places = [(table, column) for table in tables for column in _columns(connection, table)]
    connection.close()
    assert len(places) == 23
    refused = set()
    for table, column in places:
        for value in VALUES:
            path.write_bytes(sound)
            with sqlite3.connect(path) as connection:
                connection.execute("PRAGMA synchronous = OFF")
                connection.execute(f"UPDATE {table} SET {column} = ?", (value,))
            connection.close()
            for read in readers(folder).values():
                error = _refusal(read)
                if error is not None:
                    assert f"{table}.{column} holds " in str(error)
                    assert len(str(error).splitlines()) == 1
                    assert len(str(error)) < 300 + len(str(path))
                    assert "bring the file back from a backup" in error.remedy
                    refused.add((table, column))
    assert {("consents", "given_at"), ("outputs", "made_at"), ("fingerprints", "hash"), ("recordings", "claim")} <= refused


def _refusal(read: Callable[[], object]) -> ProvenanceError | None:
    try:
        read()
    except ProvenanceError as error:
        return error
    return None


def test_fingerprints_of_an_output_that_is_missing_say_nothing(folder: Path) -> None:
    with Database(folder).opened() as connection:
        connection.execute("DELETE FROM outputs")
    assert Ledger(Database(folder)).alike([[7]]) == []


def newer(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def without_tables(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {len(Database.SCHEMAS)}")
        connection.execute("CREATE TABLE others (a)")
    connection.close()


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "newer": (newer, "use the newer mien"),
    "truncated": (truncated, "bring the file back"),
    "not a database": (lambda path: path.write_bytes(b"no database" * 1000), "bring the file back"),
    "without tables": (without_tables, "bring the file back"),
    "a folder": (a_folder, "another folder in MIEN_DATA"),
}


@pytest.mark.parametrize("name", FILES)
def test_odd_files_are_refused_with_what_helps(folder: Path, name: str) -> None:
    harm, remedy = FILES[name]
    harm(folder / "ledger.sqlite")
    for reader, read in readers(folder).items():
        with pytest.raises(ProvenanceError) as told:
            read()
        assert remedy in told.value.remedy, reader


def test_an_empty_file_is_a_new_ledger(folder: Path) -> None:
    (folder / "ledger.sqlite").write_bytes(b"")
    for read in (readers(folder)["all"], readers(folder)["cut_off"], readers(folder)["record output"]):
        read()


def test_a_locked_ledger_names_the_lock(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "WAIT_S", 0.05)
    with sqlite3.connect(folder / "ledger.sqlite", isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        for read in (readers(folder)["all"], readers(folder)["with_mark"]):
            with pytest.raises(ProvenanceError, match="locked") as told:
                read()
            assert "close the other program" in told.value.remedy
    other.close()


def test_a_read_only_ledger_names_the_permission(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = sqlite3.connect

    def read_only(path: Path, **options: float | str | None) -> sqlite3.Connection:
        # As root, the tests may write to everything.
        return connect(f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None)

    monkeypatch.setattr(sqlite3, "connect", read_only)
    with pytest.raises(ProvenanceError, match="readonly") as told:
        readers(folder)["record output"]()
    assert "writable" in told.value.remedy


def test_a_ledger_of_the_first_version_goes_on(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "ledger.sqlite", isolation_level=None) as connection:
        connection.executescript(Database.SCHEMAS[0])
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    for read in readers(tmp_path).values():
        read()


@pytest.mark.parametrize("command", ["verify", "swap", "consent"])
def test_the_commands_say_it_in_one_line(
    folder: Path, tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with sqlite3.connect(folder / "ledger.sqlite") as connection:
        connection.execute("UPDATE consents SET given_at = x'00ff'")
        connection.execute("UPDATE fingerprints SET hash = 'odd'")
    connection.close()
    arguments = {
        "verify": ["verify", str(HOPPER), "--quick"],
        "swap": ["swap", str(COLLINS), str(HOPPER), "-o", str(tmp_path / "o.png"), "--consent", "self", "--quiet"],
        "consent": ["consent"],
    }
    code = main([*arguments[command], "--data", str(folder)])
    said = " ".join(capsys.readouterr())
    assert code == (0 if command == "verify" else 8)
    assert ("fingerprints.hash holds 'odd'" if command == "verify" else "consents.given_at holds b'\\x00\\xff'") in said
    assert "Traceback" not in said
    assert not (tmp_path / "o.png").exists()
