"""The packages of an installation: locked, hashed, licensed, named."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.support.places import ROOT

LOCKS = sorted(path.name for path in ROOT.glob("requirements*.lock"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
_PIN = re.compile(
    r"(?P<name>[\w.-]+)==(?P<version>[\w.]+)(?: ; [^\\]+?)? \\\n(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+",
)


def pins(lock: str) -> dict[str, list[Version]]:
    """Return versions by canonical name; a package that differs between systems has several."""
    found: dict[str, list[Version]] = {}
    for pin in _PIN.finditer((ROOT / lock).read_text("utf-8")):
        found.setdefault(canonicalize_name(pin["name"]), []).append(Version(pin["version"]))
    return found


def _packages() -> dict[str, str]:
    """Return the installed packages of requirements.lock: canonical name to name of the distribution."""
    locked = pins("requirements.lock")
    installed: dict[str, metadata.Distribution] = {canonicalize_name(each.name): each for each in metadata.distributions()}
    return {
        name: installed[name].name for name in locked if name in installed and Version(installed[name].version) in locked[name]
    }


@pytest.mark.parametrize("lock", LOCKS)
def test_every_line_of_a_lock_file_is_an_exact_version_with_hashes(lock: str) -> None:
    text = (ROOT / lock).read_text("utf-8")
    rest = [line for line in _PIN.sub("", text).splitlines() if line and not line.lstrip().startswith("#")]
    assert rest == [], "neither a loose requirement, nor an option such as an index, nor an address"
    assert len(pins(lock)) > 10


def test_there_is_a_lock_for_every_way_to_install() -> None:
    variants = {"requirements-cuda.lock", "requirements-openvino.lock"}
    assert set(LOCKS) == {"requirements.lock", "requirements-dev.lock", "requirements-tools.lock", *variants}
    runtimes = {
        lock: [name for name in pins(lock) if name.startswith("onnxruntime")] for lock in ("requirements.lock", *variants)
    }
    assert runtimes == {
        "requirements.lock": ["onnxruntime"],
        "requirements-cuda.lock": ["onnxruntime-gpu"],
        "requirements-openvino.lock": ["onnxruntime-openvino"],
    }


@pytest.mark.parametrize("lock", [lock for lock in LOCKS if lock not in {"requirements.lock", "requirements-tools.lock"}])
def test_what_locks_share_has_one_version(lock: str) -> None:
    base = pins("requirements.lock")
    assert {name: found for name, found in pins(lock).items() if found != base.get(name, found)} == {}


def test_direct_dependencies_are_locked_within_their_bounds() -> None:
    locked = pins("requirements.lock") | pins("requirements-dev.lock")
    wanted = [
        *PROJECT["build-system"]["requires"],
        *PROJECT["project"]["dependencies"],
        *PROJECT["project"]["optional-dependencies"]["dev"],
    ]
    for requirement in map(Requirement, wanted):
        versions = locked[canonicalize_name(requirement.name)]
        assert [version for version in versions if version not in requirement.specifier] == [], requirement


def test_the_build_back_end_is_pinned() -> None:
    requirement, *_ = map(Requirement, PROJECT["build-system"]["requires"])
    assert requirement.name == "setuptools"
    assert [each.operator for each in requirement.specifier] == ["=="]
    assert f"=={pins('requirements.lock')['setuptools'][0]}" == str(requirement.specifier)


def test_kernels_are_compiled_with_packages_that_mien_runs_with() -> None:
    _, *others = PROJECT["build-system"]["requires"]
    assert set(others) <= set(PROJECT["project"]["dependencies"])
    assert any(Requirement(each).name == "numba" for each in others)


def test_a_package_without_kernels_holds_none_of_an_earlier_build(tmp_path: Path) -> None:
    earlier = tmp_path / "mien" / "imaging" / "prebuilt" / "kernels-x86-64-v3.library"
    earlier.parent.mkdir(parents=True)
    earlier.touch()
    # In a process of its own: setuptools takes the place of Python's distutils, if that was not imported before.
    code = """
import runpy, sys, setuptools
from setuptools.command.build_py import build_py
setuptools.setup, build_py.run = lambda **_: None, lambda _: None
command = runpy.run_path(sys.argv[1])["BuildWithKernels"](setuptools.Distribution())
command.build_lib = sys.argv[2]
command.run()
"""
    command = [sys.executable, "-P", "-c", code, str(ROOT / "setup.py"), str(tmp_path)]
    subprocess.run(command, env={**os.environ, "MIEN_SOURCE_ONLY": "1"}, check=True)
    assert not earlier.exists()


@pytest.mark.parametrize(
    ("arguments", "locks"),
    [
        ([], ["requirements.lock"]),
        (["--dev"], ["requirements.lock", "requirements-dev.lock"]),
        (["--dev", "--later"], ["requirements.lock", "requirements-dev.lock"]),
        (["--runtime", "cuda"], ["requirements-cuda.lock"]),
        (["--runtime", "openvino", "--dev"], ["requirements-openvino.lock", "requirements-dev.lock"]),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="scripts/install is for POSIX shells")
def test_the_install_script_takes_hashed_files_only_and_builds_without_fetching(
    tmp_path: Path, arguments: list[str], locks: list[str]
) -> None:
    """A fake Python records its calls, and with them the requests of the script to pip."""
    (tmp_path / "scripts").mkdir()
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    shutil.copy(ROOT / "scripts" / "install", tmp_path / "scripts")
    for name in (*LOCKS, "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    python = tmp_path / ".venv" / "bin" / "python"
    python.write_text(f'#!/bin/sh\n[ "$1" = -c ] || echo "$*" >>{tmp_path}/calls\n')
    python.chmod(0o755)
    mien = python.with_name("mien")
    mien.write_text(f'#!/bin/sh\necho "mien $*" >>{tmp_path}/calls\n')
    mien.chmod(0o755)
    subprocess.run([tmp_path / "scripts" / "install", *arguments], check=True, capture_output=True)
    calls = (tmp_path / "calls").read_text().splitlines()
    packages, itself = (call.split() for call in calls if " install " in call)
    assert {"--require-hashes", "--only-binary"} <= set(packages)
    assert [word for word in packages if word.endswith(".lock")] == locks
    assert not [word for word in packages if "==" in word], "nothing but the lock files"
    assert {"--no-deps", "--no-build-isolation"} <= set(itself)
    assert (calls[-1] == "mien doctor --prepare") != ("--later" in arguments)


def _licences(tmp_path: Path, *lines: str) -> "subprocess.CompletedProcess[str]":
    """Run the check with an extra package whose metadata holds these lines."""
    made = tmp_path / "site" / "odd_package-1.0.dist-info"
    made.mkdir(parents=True)
    (made / "METADATA").write_text("\n".join(("Metadata-Version: 2.4", "Name: odd-package", "Version: 1.0", *lines, "")))
    check = tmp_path / "checkout" / "scripts" / "licences"
    check.parent.mkdir(parents=True)
    shutil.copy(ROOT / "scripts" / "licences", check)
    (tmp_path / "checkout" / ".venv").symlink_to(sys.prefix)
    environment = {"PYTHONPATH": str(tmp_path / "site"), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    return subprocess.run([check], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.skipif(shutil.which("pip-licenses", path=f"{sys.prefix}/bin") is None, reason="NOT TESTED: needs pip-licenses")
@pytest.mark.parametrize(
    ("lines", "named"),
    [
        (["License-Expression: MIT"], None),
        (["License-Expression: AGPL-3.0-only"], "AGPL-3.0-only"),
        (["Classifier: License :: Other/Proprietary License"], "Other/Proprietary License"),
        ([], "UNKNOWN"),
    ],
    ids=["allowed", "not allowed", "proprietary", "unknown"],
)
def test_a_package_under_another_licence_fails_the_check(tmp_path: Path, lines: list[str], named: str | None) -> None:
    done = _licences(tmp_path, *lines)
    if named is None:
        assert done.returncode == 0, done.stderr
        assert "odd-package" in done.stdout
    else:
        assert done.returncode != 0
        assert "odd-package" in done.stderr
        assert named in done.stderr


def test_notice_names_every_native_library_inside_the_packages() -> None:
    notice = (ROOT / "NOTICE").read_text("utf-8")
    named = set(re.findall(r"[\w-]+", notice))
    found = {
        (package, match[1])
        for package, name in _packages().items()
        for file in metadata.files(name) or ()
        if (match := re.fullmatch(r"lib(.+?)-[0-9a-f]{6,}.*\.(?:so|dylib|dll).*", file.name))
    }
    if sys.platform == "linux" and "av" in _packages():
        assert {("av", "x264"), ("av", "x265"), ("av", "avcodec")} <= found
    assert sorted(pair for pair in found if pair[1] not in named) == []
