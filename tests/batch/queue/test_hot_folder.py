"""A watched folder: files are taken once, when they are whole; junk is left alone."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mien.batch.queue.hot_folder import STABLE_S, HotFolder, skipped_files
from mien.batch.queue.store import JobStore
from mien.errors import UsageError
from tests.support.queues import Times


@pytest.fixture
def times() -> Times:
    return Times()


@pytest.fixture
def store(tmp_path: Path, times: Times) -> Iterator[JobStore]:
    made = times.store(tmp_path / "data")
    yield made
    made.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "in"
    made.mkdir()
    return made


def test_a_file_is_taken_once_when_it_has_stopped_growing(store: JobStore, times: Times, folder: Path) -> None:
    hot, path = HotFolder(store, folder), folder / "a.jpg"
    path.write_bytes(b"half")
    assert hot.ready() == []
    times.pass_by(STABLE_S - 1)
    path.write_bytes(b"half and half")
    assert hot.ready() == []
    times.pass_by(STABLE_S - 0.1)
    assert hot.ready() == [], "it grew since"
    times.pass_by(0.1)
    assert hot.ready() == [path]
    hot.take(path)
    times.pass_by(60)
    assert hot.ready() == []
    assert path.read_bytes() == b"half and half", "the original stays"


def test_what_was_taken_is_remembered_by_the_next_run(store: JobStore, times: Times, folder: Path) -> None:
    path = folder / "a.jpg"
    path.write_bytes(b"one")
    for expected in ([path], []):
        hot = HotFolder(store, folder)
        hot.ready()
        times.pass_by(STABLE_S)
        assert hot.ready() == expected
        for each in expected:
            hot.take(each, "not a picture")
    assert skipped_files(store) == [(path, "not a picture")]
    path.write_bytes(b"another file of this name")
    hot.ready()
    times.pass_by(STABLE_S)
    assert hot.ready() == [path]


def test_a_clock_that_jumps_does_not_make_a_file_whole(store: JobStore, times: Times, folder: Path) -> None:
    (folder / "a.jpg").write_bytes(b"x")
    hot = HotFolder(store, folder)
    assert hot.ready() == []
    times.wall_s += 10_000
    assert hot.ready() == []


def test_a_time_of_change_that_moves_counts_as_a_change(store: JobStore, times: Times, folder: Path) -> None:
    path = folder / "a.jpg"
    path.write_bytes(b"x")
    hot = HotFolder(store, folder)
    hot.ready()
    times.pass_by(STABLE_S)
    os.utime(path, ns=(1, 1))
    assert hot.ready() == []


def test_junk_folders_and_empty_files_are_left_alone(store: JobStore, times: Times, folder: Path) -> None:
    for name in (".hidden.jpg", "Thumbs.db", "film.mp4.part", "film.crdownload", ".film.mien-0123456789abcdef.part.mp4"):
        (folder / name).write_bytes(b"x")
    (folder / "empty.jpg").touch()
    (folder / "more").mkdir()
    (folder / "gone.jpg").symlink_to(folder / "nowhere")
    hot = HotFolder(store, folder)
    hot.ready()
    times.pass_by(STABLE_S)
    assert hot.ready() == []


def test_a_folder_that_is_gone_is_told(store: JobStore, folder: Path) -> None:
    hot = HotFolder(store, folder)
    folder.rmdir()
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        hot.ready()


@pytest.mark.posix
def test_a_name_that_is_no_text_is_taken_once(store: JobStore, times: Times, folder: Path) -> None:
    path = folder / os.fsdecode(b"\xff.jpg")
    try:
        path.write_bytes(b"one")
    except OSError:
        pytest.skip("this file system has no such names")
    hot = HotFolder(store, folder)
    hot.ready()
    times.pass_by(STABLE_S)
    assert hot.ready() == [path]
    hot.take(path, f"why not {path.name}")
    assert HotFolder(store, folder).ready() == []
    times.pass_by(STABLE_S)
    assert hot.ready() == []
    assert skipped_files(store) == [(folder / r"\xff.jpg", r"why not \xff.jpg")]
