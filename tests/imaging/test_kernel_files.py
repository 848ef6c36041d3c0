"""Files of compiled code: whole or not at all, and in a folder of a known place."""

import hashlib
import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.imaging import kernel_files
from mien.imaging.kernel_files import code_digest, read_checked, write_checked
from mien.imaging.kernels import Instructions, Part


def test_the_content_is_what_was_written(tmp_path: Path) -> None:
    write_checked(tmp_path / "deep" / "file", b"content")
    assert read_checked(tmp_path / "deep" / "file") == b"content"
    assert (tmp_path / "deep" / "file").read_bytes()[:32] == hashlib.sha256(b"filecontent").digest()
    assert read_checked(tmp_path / "missing") is None


@pytest.mark.parametrize(("named", "known"), [("", "home"), ("relative", None), ("/var/kernels", "/var/kernels")])
def test_the_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, named: str, known: str | None) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", named)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    found = kernel_files.kernel_folder()
    if known == "home":
        assert found is not None
        assert found.name == "kernels"
    else:
        assert found == (None if known is None else Path(known))


@pytest.mark.posix
def test_what_lies_in_the_package_is_trusted_as_its_modules_are(tmp_path: Path) -> None:
    write_checked(tmp_path / "file", b"content")
    (tmp_path / "file").chmod(0o664)
    assert read_checked(tmp_path / "file") is None
    assert read_checked(tmp_path / "file", packaged=True) == b"content"
    (tmp_path / "file").write_bytes(b"damaged")
    assert read_checked(tmp_path / "file", packaged=True) is None


@pytest.mark.posix
def test_a_link_is_followed_in_the_package_alone(tmp_path: Path) -> None:
    write_checked(tmp_path / "store" / "file", b"content")
    (tmp_path / "file").symlink_to(tmp_path / "store" / "file")
    assert read_checked(tmp_path / "file") is None
    assert read_checked(tmp_path / "file", packaged=True) == b"content"


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_a_write_that_is_interrupted_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    def interrupted(*arguments: object) -> None:
        raise error

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(error):
        write_checked(tmp_path / "file", b"content")
    assert list(tmp_path.iterdir()) == []


STEP: object = 3
"""Factor that `_add` takes from its module."""


def _add(values: "np.ndarray[Any, Any]") -> None:
    values[0] += STEP


def test_instructions_of_another_file_are_in_the_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    digests = [code_digest(_add)]
    for number in range(2):
        (tmp_path / f"writer_{number}.py").write_text(f"def write():\n    return {number}\n")
        monkeypatch.setitem(globals(), "STEP", Instructions("write", "mien", f"writer_{number}"))
        digests.append(code_digest(_add))
    assert len(set(digests)) == 3


def test_a_part_of_another_file_is_in_the_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    digests = []
    for text in (
        "STEP = 4\ndef part():\n    return STEP\n",
        "STEP = 5\ndef part():\n    return STEP\n",
        "def part():\n    return 4\n",
    ):
        (tmp_path / "part_file.py").write_text(text)
        sys.modules.pop("part_file", None)
        importlib.invalidate_caches()
        monkeypatch.setattr(sys, "dont_write_bytecode", True)
        monkeypatch.setitem(globals(), "STEP", Part(importlib.import_module("part_file").part))
        digests.append(code_digest(_add))
    sys.modules.pop("part_file", None)
    assert len(set(digests)) == 3


def test_constants_of_one_name_in_two_modules_are_both_in_the_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    digests = []
    for number in range(2):
        place: dict[str, Any] = {"__name__": "elsewhere", "STEP": number}
        exec(compile("def part():\n    return STEP\n", __file__, "exec"), place)
        monkeypatch.setitem(globals(), "STEP", Part(place["part"]))
        digests.append(code_digest(_add))
    assert len(set(digests)) == 2


def test_a_kernel_in_pythons_words_cannot_run_instructions() -> None:
    with pytest.raises(NotImplementedError, match="write runs in kernels alone"):
        Instructions("write", "mien")(1)
