"""Folder of a review: made for its owner, gone again when nothing was written, and no trouble when others remove it."""

from pathlib import Path

import pytest

from mien.assembly.hiding_review import open_folder


@pytest.mark.parametrize("is_new", [True, False])
@pytest.mark.parametrize("is_used", [True, False])
def test_a_folder_stays_that_was_there_or_holds_something(tmp_path: Path, *, is_new: bool, is_used: bool) -> None:
    folder = tmp_path / "review"
    if not is_new:
        folder.mkdir(mode=0o700)
    with open_folder(folder):
        if is_used:
            (folder / "page").write_bytes(b"")
    assert folder.exists() == (is_used or not is_new)


def test_a_folder_that_was_removed_hides_no_error(tmp_path: Path) -> None:
    def fail() -> None:
        with open_folder(tmp_path / "review"):
            (tmp_path / "review").rmdir()
            raise ValueError("of the work")

    with pytest.raises(ValueError, match="of the work"):
        fail()
