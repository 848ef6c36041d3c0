"""Temporary files: none is left by an interruption at any step, and those of killed runs go at the next start, no others."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from mien.media.files.output_file import OutputFile
from mien.media.files.receipt import receipt_path
from mien.media.files.temporary_files import Temporaries, is_temporary, temporary_path
from mien.provenance.trust import Signing, open_trust
from mien.system.database import Database


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path / "data")


def interrupted_at(step: int, work: Callable[[], None]) -> bool:
    """Run `work` with a `KeyboardInterrupt` at the given executed instruction of it or of the output file; False = it ended."""
    left = step

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal left
        if frame.f_code.co_filename not in {__file__, OutputFile.__enter__.__code__.co_filename}:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            left -= 1
            if left == 0:
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    # Python 3.12 reports opcodes only if a frame asked for them before.
    sys._getframe().f_trace_opcodes = True
    sys.settrace(trace)
    try:
        work()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


def test_no_interruption_leaves_a_temporary_file(tmp_path: Path, database: Database) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    temporaries = Temporaries(database)

    def work() -> None:
        with temporaries.cleaned(), OutputFile(folder / "k.mp4", overwrite=True, journal=temporaries) as output:
            output.temporary.write_bytes(b"half")
            receipt_path(output.temporary).write_bytes(b"half")

    step = 0
    while interrupted_at(step := step + 1, work):
        assert list(folder.iterdir()) == [], f"left by an interruption at step {step}"
    assert step > 100, "the steps of entering and leaving were gone through"
    assert list(folder.iterdir()) == []
    with sqlite3.connect(database.folder / "ledger.sqlite") as connection:
        assert connection.execute("SELECT COUNT(*) FROM temporaries").fetchone() == (0,)
    connection.close()


def killed(database: Database, path: Path) -> Path:
    """A temporary file of a process that was killed, with its receipt and a half-signed draft."""
    code = (
        "import os, signal, sys\nfrom pathlib import Path\n"
        "from mien.media.files.output_file import OutputFile\nfrom mien.system.database import Database\n"
        "from mien.media.files.receipt import receipt_path\n"
        "from mien.media.files.temporary_files import Temporaries, temporary_path\n"
        "journal = Temporaries(Database(Path(sys.argv[1])))\n"
        "with OutputFile(Path(sys.argv[2]), overwrite=True, journal=journal) as output:\n"
        "    for each in (output.temporary, receipt_path(output.temporary), temporary_path(output.temporary)):\n"
        "        each.write_bytes(b'half')\n"
        "    print(output.temporary, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL if hasattr(signal, 'SIGKILL') else signal.SIGTERM)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(database.folder), str(path)], capture_output=True, text=True, check=False
    )
    return Path(done.stdout.strip())


def test_the_next_start_removes_what_a_killed_run_left_wherever_it_lies(tmp_path: Path, database: Database) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    theirs = [folder / name for name in ("k.mp4", ".k.part.mp4", ".k.mien-0123456789abcdef.part.mp4")]
    for path in theirs:
        path.write_bytes(b"theirs")
    left = killed(database, folder / "k.mp4")
    assert left.exists()
    open_trust(database.folder, Signing())
    assert sorted(folder.iterdir()) == sorted(theirs), "nothing that was not noted"
    with database.opened() as connection:
        assert connection.execute("SELECT COUNT(*) FROM temporaries").fetchone() == (0,)


@pytest.mark.parametrize(
    ("change", "stays"),
    [
        ("process = 1", True),  # A number that is in use, for all we know by that run.
        ("machine = 'another'", True),
        ("path = CAST('/etc/hostname' AS BLOB)", True),
        ("process = process", False),
    ],
)
def test_only_what_is_surely_stale_goes(tmp_path: Path, database: Database, change: str, stays: bool) -> None:
    left = killed(database, tmp_path / "k.mp4")
    with database.opened() as connection:
        connection.execute(f"UPDATE temporaries SET {change}")
    Temporaries(database).tidy()
    assert left.exists() == stays


def test_a_file_of_a_run_that_goes_on_stays(tmp_path: Path, database: Database) -> None:
    with OutputFile(tmp_path / "k.mp4", overwrite=False, journal=Temporaries(database)) as output:
        output.temporary.write_bytes(b"half")
        Temporaries(database).tidy()
        assert output.temporary.exists()


def test_a_folder_that_is_missing_may_come_back(tmp_path: Path, database: Database) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    left = killed(database, folder / "k.mp4")
    folder.rename(tmp_path / "away")
    Temporaries(database).tidy()
    (tmp_path / "away").rename(folder)
    assert left.exists()
    Temporaries(database).tidy()
    assert not left.exists()


@pytest.mark.parametrize(
    "name",
    ["out.mp4", "n" * 200 + ".png", ".hidden.jpg", "a.mien-b.webp", "é" * 90 + ".mkv", "no-end", os.fsdecode(b"\xff.png")],
)
def test_names_are_ours_and_short_enough(tmp_path: Path, name: str) -> None:
    path = temporary_path(tmp_path / name)
    draft = temporary_path(path)
    for each in (path, draft):
        assert is_temporary(each)
        assert each.suffix == ((tmp_path / name).suffix or ".part")
        each.touch()
    assert not is_temporary(tmp_path / name)
