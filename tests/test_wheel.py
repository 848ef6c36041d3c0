"""The wheel holds all that mien needs, and nothing else: built from a copy, without network and without isolation."""

import shutil
import subprocess
import sys
import zipfile
from email import message_from_bytes
from importlib import metadata
from pathlib import Path

import pytest

import mien
from tests.support.places import ROOT

_MAX_BYTES = 60_000_000
_MIN_SETUPTOOLS = 77  # the first that takes `license = "Apache-2.0"`
_NOT_SHIPPED = shutil.ignore_patterns("__pycache__", "*.egg-info", "*.nbi", "*.nbc")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if int(metadata.version("setuptools").partition(".")[0]) < _MIN_SETUPTOOLS:
        pytest.fail("the locked setuptools is missing: run scripts/install --dev")
    copy, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, copy)
    shutil.copytree(ROOT / "src", copy / "src", ignore=_NOT_SHIPPED)
    build = f"from setuptools import build_meta; build_meta.build_wheel({str(out)!r})"
    result = subprocess.run([sys.executable, "-c", build], cwd=copy, capture_output=True, encoding="utf-8", check=False)
    assert result.returncode == 0, result.stderr
    (built,) = out.glob("*.whl")
    return built


def test_the_wheel_holds_the_package_byte_for_byte(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        shipped = {name: archive.read(name) for name in archive.namelist() if ".dist-info/" not in name}
    package = ROOT / "src" / "mien"
    expected = {
        f"mien/{path.relative_to(package).as_posix()}": path.read_bytes()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert set(shipped) == set(expected)
    assert [name for name, content in expected.items() if shipped[name] != content] == []


def test_the_wheel_names_its_licence_command_and_python(wheel: Path) -> None:
    assert wheel.stat().st_size < _MAX_BYTES
    assert wheel.name == f"mien-{mien.__version__}-py3-none-any.whl"
    info = f"mien-{mien.__version__}.dist-info"
    with zipfile.ZipFile(wheel) as archive:
        about = message_from_bytes(archive.read(f"{info}/METADATA"))
        for name in ("LICENSE", "NOTICE"):
            assert archive.read(f"{info}/licenses/{name}") == (ROOT / name).read_bytes()
        assert "mien = mien.__main__:run" in archive.read(f"{info}/entry_points.txt").decode()
    assert (about["License-Expression"], about["Requires-Python"]) == ("Apache-2.0", ">=3.11")
    assert about.get_all("License-File") == ["LICENSE", "NOTICE"]
