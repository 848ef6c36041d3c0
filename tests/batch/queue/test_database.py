"""The file of the queue: newer, damaged, on a network disk, on a full disk."""

import sqlite3
from pathlib import Path

import psutil
import pytest

from mien.batch.queue import database as database_module
from mien.batch.queue.database import QueueDatabase, is_local, move_aside
from mien.batch.queue.store import JobStore
from mien.errors import OutputError, UsageError
from tests.support.queues import a_job


def _filled(folder: Path) -> Path:
    store = JobStore(folder)
    store.add([a_job("a")])
    store.close()
    return folder / QueueDatabase.FILE


def test_a_newer_queue_is_refused_and_left_untouched(tmp_path: Path) -> None:
    path = _filled(tmp_path)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(OutputError, match="newer mien") as caught:
        JobStore(tmp_path).add([a_job("b")])
    assert "use the newer mien" in caught.value.remedy
    with pytest.raises(OutputError, match="newer mien"):
        JobStore(tmp_path).all()
    with pytest.raises(OutputError, match="newer mien"):
        move_aside(tmp_path)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("damage", ["text", "page"])
def test_a_damaged_queue_is_moved_aside_on_request_only(tmp_path: Path, damage: str) -> None:
    path = _filled(tmp_path)
    content = path.read_bytes()
    path.write_bytes(b"no database at all " * 400 if damage == "text" else content[:4096] + b"\xff" * (len(content) - 4096))
    damaged = path.read_bytes()
    with pytest.raises(OutputError, match="cannot be used") as caught:
        JobStore(tmp_path).claim("x")
    assert "mien jobs reset" in caught.value.remedy
    assert path.read_bytes() == damaged
    aside = move_aside(tmp_path)
    assert aside.read_bytes() == damaged
    _filled(tmp_path)
    with pytest.raises(UsageError, match="not damaged; nothing was moved"):
        move_aside(tmp_path)


def test_wrong_values_in_a_row_are_refused(tmp_path: Path) -> None:
    path = _filled(tmp_path)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE jobs SET state = 'asleep'")
    connection.close()
    store = JobStore(tmp_path)
    with pytest.raises(OutputError, match=r"jobs\.state holds 'asleep'"):
        store.all()
    store.close()
    assert move_aside(tmp_path).exists(), "the remedy that was told"
    assert JobStore(tmp_path).all() == []


def test_a_full_disk_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    _filled(tmp_path)
    store = JobStore(tmp_path)
    with store.database.opened() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
    with store.database.reading() as connection:
        connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(OutputError, match="full") as caught:
        store.add([a_job("x" * 100_000)])
    assert "free some space" in caught.value.remedy
    assert [job.name for job in store.all()] == ["a"]
    store.close()


def test_the_log_stays_off_on_a_network_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def mode() -> str:
        store = JobStore(tmp_path / "data")
        store.add([a_job(str(len(list(tmp_path.iterdir()))))])
        with store.database.reading() as connection:
            found = str(connection.execute("PRAGMA journal_mode").fetchone()[0])
        (tmp_path / f"next-{found}").touch()
        store.close()
        return found

    class Part:
        mountpoint, fstype = str(tmp_path), "nfs4"

    with monkeypatch.context() as patch:
        patch.setattr(psutil, "disk_partitions", lambda **kinds: [Part()])
        assert not is_local(tmp_path / "data")
        assert mode() == "delete"
    monkeypatch.setattr(database_module, "is_local", lambda folder: True)
    assert mode() == "wal"


def test_the_queue_is_private(tmp_path: Path) -> None:
    path = _filled(tmp_path / "data")
    assert path.stat().st_mode & 0o077 == 0
