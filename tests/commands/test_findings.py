"""Findings of `mien doctor`: what they say of this machine's kernels."""

from pathlib import Path

import pytest

from mien.commands import findings
from mien.imaging.kernel_files import write_checked
from mien.imaging.kernel_library import Contents, library_bytes

_MADE = library_bytes(Contents({}, ()))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder where libraries of kernels may lie, on a machine that could load them."""
    own, packaged = tmp_path / "own.library", tmp_path / "packaged.library"
    monkeypatch.setattr(findings, "can_load", lambda: True)
    monkeypatch.setattr(findings, "described_flags", lambda: {"avx2"})
    monkeypatch.setattr(findings, "own_library", lambda _: own)
    monkeypatch.setattr(findings, "library_paths", lambda _: (own, packaged))
    return tmp_path


def test_the_library_in_use_is_named(folder: Path) -> None:
    write_checked(folder / "packaged.library", _MADE)
    assert findings.prepared_kernels(folder).state == "compiled beforehand, in the package, for x86-64-v3"
    write_checked(folder / "own.library", _MADE)
    assert findings.prepared_kernels(folder).state == "compiled beforehand, for this processor"
    (folder / "own.library").write_bytes(b"damaged")
    assert "in the package" in findings.prepared_kernels(folder).state


def test_why_kernels_are_compiled_at_the_first_call(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "mien doctor --prepare" in findings.prepared_kernels(folder).state
    monkeypatch.setattr(findings, "described_flags", lambda: frozenset())
    assert "hides what its processor can do" in findings.prepared_kernels(folder).state
    monkeypatch.setattr(findings, "can_load", lambda: False)
    assert "Linux and x86-64 alone" in findings.prepared_kernels(folder).state
