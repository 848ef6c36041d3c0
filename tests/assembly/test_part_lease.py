"""Lease of a part: one owner at a time, whatever ends, hangs or sets a clock."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mien.assembly.part_lease import FileMark, LeaseTuning, PartLease
from mien.errors import NotYet, OutputError
from tests.support.places import ROOT

TUNING = LeaseTuning(renew_s=5.0, lapsed_s=30.0)


def _never(seconds: float) -> None:
    raise AssertionError(f"nothing is to be waited for, not {seconds} s")


def _owned(path: Path) -> None:
    """Write the lease of an owner on another machine."""
    path.write_text(json.dumps({"owner": "elsewhere/1/2:1:start", "token": "other"}))


def test_one_owner_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "part-0001.lease"
    with PartLease(FileMark(path), TUNING, _never) as lease:
        assert lease.is_held()
        lease.check()
        with (
            pytest.raises(NotYet, match=rf"part-0001 is being made by process {os.getpid()}"),
            PartLease(FileMark(path), TUNING, _never),
        ):
            raise AssertionError("two owners")
    assert list(tmp_path.iterdir()) == []
    with PartLease(FileMark(path), TUNING, _never):
        assert path.exists()


def test_an_owner_of_this_machine_that_has_ended_gives_way_at_once(tmp_path: Path) -> None:
    path = tmp_path / "part-0001.lease"
    code = (
        "import os, sys; from pathlib import Path; from mien.assembly.part_lease import FileMark, PartLease; "
        "PartLease(FileMark(Path(sys.argv[1]))).__enter__(); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(path)], cwd=ROOT, check=False).returncode == 9
    assert path.exists()
    with PartLease(FileMark(path), TUNING, _never) as lease:
        assert lease.is_held()


def test_an_owner_elsewhere_that_renews_its_lease_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "part-0001.lease"
    waited: list[float] = []
    _owned(path)

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 3:
            # Whatever its clock shows, it has changed.
            os.utime(path, (1, 1))

    with pytest.raises(NotYet, match="process 1 on elsewhere"), PartLease(FileMark(path), TUNING, sleep):
        raise AssertionError("two owners")
    assert waited == [5.0] * 3
    assert path.exists()


def test_an_owner_elsewhere_that_is_silent_gives_way(tmp_path: Path) -> None:
    path = tmp_path / "part-0001.lease"
    waited: list[float] = []
    _owned(path)
    # A clock that is set to any time is no reason.
    os.utime(path, (4e9, 4e9))
    with PartLease(FileMark(path), TUNING, waited.append) as lease:
        assert lease.is_held()
    assert sum(waited) == TUNING.lapsed_s
    assert list(tmp_path.iterdir()) == []


def test_a_lease_that_another_took_is_not_removed_and_nothing_is_handed_in(tmp_path: Path) -> None:
    path = tmp_path / "part-0001.lease"
    with PartLease(FileMark(path), TUNING, _never) as lease:
        _owned(path)
        assert not lease.is_held()
        with pytest.raises(NotYet, match="lapsed"):
            lease.check()
    assert "other" in path.read_text()


@pytest.mark.parametrize("content", ["", "[]", "{", '{"owner": 1}', '{"owner": "a:b:c"}'])
def test_a_damaged_lease_is_watched_like_any_other(content: str, tmp_path: Path) -> None:
    path = tmp_path / "part-0001.lease"
    waited: list[float] = []
    path.write_text(content)
    with PartLease(FileMark(path), TUNING, waited.append) as lease:
        assert lease.is_held()
    assert sum(waited) == TUNING.lapsed_s


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "write_text", refuse)
    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(OutputError, match="cannot write"), PartLease(FileMark(tmp_path / "part-0001.lease")):
        pass
