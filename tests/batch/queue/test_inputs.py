"""Inputs of a job are recognised, or the job fails with words."""

import os
from pathlib import Path

import pytest

from mien.batch.queue.inputs import ChangedInput, input_file
from mien.errors import UnreadableMedia

_MIB = 1 << 20


def _film(folder: Path) -> Path:
    path = folder / "film.mp4"
    path.write_bytes(os.urandom(3 * _MIB + 17))
    return path


def test_an_untouched_file_is_itself(tmp_path: Path) -> None:
    path = _film(tmp_path)
    noted = input_file(path)
    noted.check()
    assert noted.size == 3 * _MIB + 17
    assert len(noted.sha256) == 64


@pytest.mark.parametrize(
    ("place", "what"), [(0, "content"), (3 * _MIB, "content"), (_MIB + 5, "time of change"), (None, "size")]
)
def test_a_changed_file_is_told(tmp_path: Path, place: int | None, what: str) -> None:
    path = _film(tmp_path)
    noted, times = input_file(path), path.stat()
    with path.open("r+b") as file:
        file.seek(0, os.SEEK_END) if place is None else file.seek(place)
        old = b"" if place is None else file.read(1)
        if place is not None:
            file.seek(place)
        file.write(bytes([255 - old[0]]) if old else b"more")
    stamp = times.st_mtime_ns + (1_000_000_000 if what == "time of change" else 0)
    os.utime(path, ns=(times.st_atime_ns, stamp))
    with pytest.raises(ChangedInput, match=rf"film\.mp4 has changed since the job was added: its {what}") as caught:
        noted.check()
    assert "add the job again" in caught.value.remedy


@pytest.mark.parametrize("size", [0, 1, _MIB, _MIB + 1, 2 * _MIB])
def test_small_files_count_whole(tmp_path: Path, size: int) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * size)
    input_file(path).check()


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    path = _film(tmp_path)
    noted = input_file(path)
    path.unlink()
    with pytest.raises(UnreadableMedia, match=r"film\.mp4 cannot be read: No such file"):
        noted.check()
