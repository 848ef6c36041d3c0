"""The output file: whole or absent, never somebody else's."""

import errno
import os
from pathlib import Path

import pytest

from mien.errors import OutputError, UsageError
from mien.media.files.output_file import OutputFile, output_error


def _names(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


def _fill(path: Path, *, overwrite: bool = False, content: bytes = b"new") -> None:
    with OutputFile(path, overwrite=overwrite) as output:
        output.temporary.write_bytes(content)
        output.commit()


def test_committed_it_has_its_name_and_nothing_else_remains(tmp_path: Path) -> None:
    _fill(tmp_path / "out.mp4")
    assert _names(tmp_path) == {"out.mp4"}
    assert (tmp_path / "out.mp4").read_bytes() == b"new"


def test_the_temporary_name_lies_beside_it_and_keeps_the_extension(tmp_path: Path) -> None:
    with OutputFile(tmp_path / f"{'long' * 50}.mp4", overwrite=False) as output:
        assert output.temporary.parent == tmp_path
        assert output.temporary.suffix == ".mp4"
        assert _names(tmp_path) == set(), "an interruption before the body of the `with` leaves nothing"


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_left_by_an_error_nothing_remains(tmp_path: Path, error: type[BaseException]) -> None:
    def fail() -> None:
        with OutputFile(tmp_path / "out.png", overwrite=False) as output:
            output.temporary.write_bytes(b"half")
            raise error

    with pytest.raises(error):
        fail()
    assert _names(tmp_path) == set()


def test_left_without_commit_the_old_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "out.png"
    path.write_bytes(b"old")
    with OutputFile(path, overwrite=True) as output:
        output.temporary.write_bytes(b"half")
    assert path.read_bytes() == b"old"
    assert _names(tmp_path) == {"out.png"}


def test_overwriting_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "out.png"
    path.write_bytes(b"old")
    with pytest.raises(OutputError, match="exists already"):
        _fill(path)
    _fill(path, overwrite=True)
    assert path.read_bytes() == b"new"


def test_a_file_that_appears_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "out.png"
    with OutputFile(path, overwrite=False) as output:
        output.temporary.write_bytes(b"new")
        path.write_bytes(b"theirs")
        with pytest.raises(OutputError, match="appeared"):
            output.commit()
    assert path.read_bytes() == b"theirs"
    assert _names(tmp_path) == {"out.png"}


def test_without_hard_links_it_still_arrives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*arguments: object, **options: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", no_links)
    _fill(tmp_path / "out.png")
    assert _names(tmp_path) == {"out.png"}


@pytest.mark.parametrize("how", ["same name", "hard link", "symbolic link", "another spelling"])
def test_an_input_is_never_the_output(tmp_path: Path, how: str) -> None:
    given = tmp_path / "in.png"
    given.write_bytes(b"old")
    path = tmp_path / "out.png"
    if how == "hard link":
        os.link(given, path)
    elif how == "symbolic link":
        path.symlink_to(given)
    else:
        path = given if how == "same name" else tmp_path / "." / "x" / ".." / "in.png"
    (tmp_path / "x").mkdir()
    with pytest.raises(UsageError, match="also an input"), OutputFile(path, overwrite=True, inputs=(given,)):
        pass
    assert given.read_bytes() == b"old"


@pytest.mark.parametrize(
    ("place", "words"),
    [("no/such/out.png", "does not exist"), ("folder", "is a folder"), (f"{'n' * 300}.png", "cannot write")],
)
def test_places_that_cannot_be(tmp_path: Path, place: str, words: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match=words), OutputFile(tmp_path / place, overwrite=True):
        pass
    assert _names(tmp_path) == {"folder"}


@pytest.mark.posix
def test_a_dangling_link_is_something_that_exists(tmp_path: Path) -> None:
    path = tmp_path / "out.png"
    path.symlink_to(tmp_path / "nowhere.png")
    with pytest.raises(OutputError, match="exists already"):
        _fill(path)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EDQUOT, errno.EFBIG, errno.EIO])
def test_every_error_says_what_to_do(number: int) -> None:
    error = output_error(OSError(number, os.strerror(number)), Path("x.png"))
    assert os.strerror(number) in str(error)
    assert error.remedy
