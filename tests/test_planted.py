"""Hostile folders: nothing in the current one is run, whatever its name, and whatever the environment says of it.

The names are not guessed: a clean run tells which libraries the loader looks for and which modules Python imports. Stubs of all
of them are planted, and each records when it is run.
"""

import ast
import ctypes
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

import mien
from mien.commands.main import main
from mien.errors import SigningFailed
from mien.media.capture.network import NetworkStream
from mien.models.library.store import Store
from mien.provenance.signing import given
from mien.system import programs
from tests.support.places import ROOT

_NATIVES = ROOT / "tests" / "support" / "natives.py"
_PATIENCE_S = 300
_LIBRARY_FOLDERS = (
    "", "libs", "artifacts", "lib", "lib64", "x86_64-unknown-linux-gnu", "unknown-linux-gnu", "libs/x86_64-unknown-linux-gnu",
    "artifacts/x86_64-unknown-linux-gnu", "glibc-hwcaps/x86-64-v2", "glibc-hwcaps/x86-64-v3",
)  # fmt: skip
_NEVER_ASKED_HERE = (
    "libc2pa_c.so", "planted.so", "libsvml.so", "libtbb.so.12", "libiomp5.so", "libOpenCL.so", "libOpenCL.so.1", "libcuda.so.1",
    "libportaudio.so.2", "libv4l2.so.0", "libcamera.so", "libnvinfer.so.10", "libcudnn.so.9", "libopenblas.so",
)  # fmt: skip
"""Names that machines with other hardware, packages or a variable of c2pa search for."""
_STUB = """\
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
__attribute__((constructor)) static void run(void) {
    Dl_info own;
    int file = open(RECORD, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (file >= 0 && dladdr((void *)run, &own)) {
        (void)!write(file, own.dli_fname, strlen(own.dli_fname));
        (void)!write(file, "\\n", 1);
    }
}
"""
_linux = pytest.mark.skipif(sys.platform != "linux", reason="NOT TESTED: the loader of this system tells nothing of its search")


@dataclass(frozen=True)
class Ground:
    """Return a folder full of stubs, the file in which they record that they were run, and folders that are not hostile."""

    hostile: Path
    record: Path
    fakes: Path
    model: Path

    def run(self, command: list[str], **variables: str) -> "subprocess.CompletedProcess[str]":
        self.record.unlink(missing_ok=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("LD_", "C2PA_", "PYTHON"))}
        clean = {**kept, "PYTHONPATH": str(self.fakes), "PYTHONDONTWRITEBYTECODE": "1", **variables}
        return subprocess.run(
            command, cwd=self.hostile, env=clean, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_PATIENCE_S,
            check=False,
        )  # fmt: skip

    def executed(self) -> list[str]:
        """Stubs that were run since `run` began."""
        return self.record.read_text().split() if self.record.exists() else []


def _natives(model: Path, fakes: Path) -> list[str]:
    return [sys.executable, "-P", str(_NATIVES), str(model), str(fakes)]


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """Stubs of everything that a clean run looks for; the clean run has to find nothing in its current folder."""
    base = tmp_path_factory.mktemp("planted")
    fakes, hostile, calm = base / "fakes", base / "downloads", base / "calm"
    for folder in (fakes, hostile, calm):
        folder.mkdir()
    (fakes / "keyring.py").write_text(f"import pathlib; pathlib.Path({str(base / 'asked')!r}).touch()\n")
    # With PyYAML, numba would take settings from the current folder.
    (fakes / "yaml.py").write_text(f"def safe_load(file):\n    open({str(base / 'record')!r}, 'a').write(file.name)\n")
    made = Ground(calm, base / "record", fakes, Store().path("yunet"))
    told = base / "loader"
    done = made.run(_natives(made.model, fakes), LD_DEBUG="libs", LD_DEBUG_OUTPUT=str(told))
    assert done.returncode == 0, done.stderr
    said = "".join(file.read_text(errors="replace") for file in base.glob("loader.*"))
    libraries = set(re.findall(r"find library=(\S+)", said))
    assert {"libc.so.6", "libm.so.6"} <= libraries
    tried = re.findall(r"trying file=(\S+)", said)
    assert [path for path in tried if not path.startswith("/") or path.startswith(str(base))] == []
    _plant(hostile, made.record, libraries, json.loads(done.stdout))
    (base / "asked").unlink()
    return Ground(hostile, made.record, fakes, made.model)


def _plant(folder: Path, record: Path, libraries: Iterable[str], modules: Iterable[str]) -> None:
    stub = folder / "stub.so"
    _build(stub, record)
    for place in _LIBRARY_FOLDERS:
        (folder / place).mkdir(parents=True, exist_ok=True)
        for name in {*libraries, *_NEVER_ASKED_HERE}:
            (folder / place / name).hardlink_to(stub)
    running = f"with open({str(record)!r}, 'a') as file:\n    file.write(__file__ + '\\n')\n"
    for name in {*modules, "keyring", "onnx", "torch", "sitecustomize", "usercustomize"} - {"mien", "__main__"}:
        (folder / f"{name}.py").write_text(running)
    (folder / ".numba_config.yaml").write_text("cache_dir: .\n")
    for name in ("ffmpeg", "sign", "xdg-open"):
        (folder / name).write_text(f"#!/bin/sh\necho $0 >>{record}\n")
        (folder / name).chmod(0o755)


def _build(stub: Path, record: Path) -> None:
    """Build a library that records its name when it is loaded; without a compiler, one whose loading fails the run."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        stub.write_bytes(b"no library")
        return
    options = ["-shared", "-fPIC", "-x", "c", f'-DRECORD="{record}"', "-o", str(stub), "-"]
    subprocess.run([compiler, *options], input=_STUB, text=True, check=True)


@_linux
def test_the_stubs_record_that_they_are_run(ground: Ground) -> None:
    """Control: libraries and modules that are loaded on purpose are recorded."""
    load = "import ctypes, sys; ctypes.CDLL('./libs/libc2pa_c.so'); sys.path.insert(0, '.'); import keyring"
    ground.run([sys.executable, "-P", "-c", load])
    assert [Path(name).name for name in ground.executed()] == ["libc2pa_c.so", "keyring.py"]


@_linux
@pytest.mark.parametrize(
    "variables", [{}, {"C2PA_LIBRARY_NAME": "planted.so", "PATH": f":.:{os.environ['PATH']}"}], ids=["plain", "set"]
)
def test_no_library_and_no_module_comes_from_the_current_folder(ground: Ground, variables: dict[str, str]) -> None:
    done = ground.run(_natives(ground.model, ground.fakes), **variables)
    assert ground.executed() == []
    assert done.returncode == 0, done.stderr
    assert (ground.fakes.parent / "asked").exists(), "the key store's child has run"


@_linux
@pytest.mark.parametrize("options", [["-P"], []], ids=["safe", "plain"])
def test_the_module_mien_is_run_without_the_current_folder(
    ground: Ground, examples: Path, tmp_path: Path, options: list[str]
) -> None:
    """Without -P, Python takes a few modules of its own from there before any line of mien: those are put aside."""
    look = "import importlib.util, runpy, sys; print(*sys.modules)"
    own = subprocess.run([sys.executable, "-P", "-c", look], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    aside = [ground.hostile / f"{name}.py" for name in own.split() if (ground.hostile / f"{name}.py").exists() and not options]
    assert len(aside) < 60
    for stub in aside:
        stub.rename(tmp_path / stub.name)
    try:
        done = ground.run([sys.executable, *options, "-m", "mien", "verify", "--json", str(examples / "grace_hopper.jpg")])
    finally:
        for stub in aside:
            (tmp_path / stub.name).rename(stub)
    assert ground.executed() == []
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Return a hostile current folder and one that the PATH names after it; both hold `sign` and `ffmpeg`."""
    hostile, proper = tmp_path / "downloads", tmp_path / "bin"
    for folder, words in ((hostile, "planted"), (proper, "proper")):
        folder.mkdir()
        for name in ("sign", "ffmpeg"):
            (folder / name).write_text(f"#!/bin/sh\necho {words}\n")
            (folder / name).chmod(0o755)
    monkeypatch.chdir(hostile)
    monkeypatch.setenv("PATH", f":.:../downloads:{proper}:{os.environ['PATH']}")
    return hostile, proper


@pytest.mark.skipif(os.name == "nt", reason="the scripts of this test need a POSIX shell")
def test_programs_come_from_absolute_folders_of_the_path(folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    _, proper = folders
    assert programs.find_program("ffmpeg") == str(proper / "ffmpeg")
    assert programs.find_program("no-such-program") is None
    assert programs.resolved(["sign", "-x"]) == [str(proper / "sign"), "-x"]
    assert programs.resolved(["./sign", "-x"]) == ["./sign", "-x"], "a folder in the name is the person's wish"
    assert given._run(["sign"], b"", 10) == b"proper\n"
    monkeypatch.setenv("PATH", ":.")
    assert programs.find_program("ffmpeg") is None
    with pytest.raises(SigningFailed, match="No such file"):
        given._run(["sign"], b"", 10)


@pytest.mark.skipif(os.name == "nt", reason="the scripts of this test need a POSIX shell")
def test_srt_takes_ffmpeg_from_the_path_alone(folders: tuple[Path, Path]) -> None:
    _, proper = folders
    stream = NetworkStream("srt://127.0.0.1:9/")
    child = stream._start_child()
    assert child.args[0] == str(proper / "ffmpeg")  # type: ignore[index]
    assert child.stdout is not None
    assert child.stdout.read() == b"proper\n"
    stream._released()


@pytest.mark.parametrize(
    ("inherited", "kept"),
    [
        ("/opt/lib", "/opt/lib"),
        ("/opt/lib:", "/opt/lib"),
        (":/opt/lib::/usr/lib", "/opt/lib:/usr/lib"),
        ("lib:/opt/lib:.:../lib", "/opt/lib"),
        (":", None),
        ("", None),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="the folders are those of POSIX")
def test_children_inherit_absolute_folders_only(inherited: str, kept: str | None) -> None:
    given = {"LD_LIBRARY_PATH": inherited, "DYLD_LIBRARY_PATH": inherited, "PATH": inherited, "HOME": "relative"}
    found = programs.environment(given)
    assert found.get("LD_LIBRARY_PATH") == found.get("DYLD_LIBRARY_PATH") == kept
    assert found["PATH"] == (kept or "/bin:/usr/bin")
    assert found["HOME"] == "relative", "nothing else is touched"


@pytest.mark.skipif(os.name == "nt", reason="the folders are those of POSIX")
def test_the_command_line_hardens_its_own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program that opens the browser comes from the PATH."""
    monkeypatch.setenv("PATH", ".::/usr/bin:bin")
    monkeypatch.setenv("LD_LIBRARY_PATH", ":")
    monkeypatch.setenv("DYLD_LIBRARY_PATH", "/opt/lib:")
    assert main(["settings"]) == 0
    assert os.environ["PATH"] == "/usr/bin"
    assert "LD_LIBRARY_PATH" not in os.environ
    assert os.environ["DYLD_LIBRARY_PATH"] == "/opt/lib"


def test_windows_leaves_the_current_folder_out_of_its_library_search(monkeypatch: pytest.MonkeyPatch) -> None:
    class Kernel:
        asked: tuple[str, ...] = ()

        def SetDllDirectoryW(self, folder: str) -> None:  # noqa: N802 - the name of the system
            self.asked += (folder,)

    class Systems:
        kernel32 = Kernel()

    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(ctypes, "windll", Systems(), raising=False)
    for name in (*programs.SEARCH_PATHS, "NoDefaultCurrentDirectoryInExePath"):
        monkeypatch.setenv(name, os.environ.get(name, ""))  # so that it comes back
    programs.harden()
    assert Systems.kernel32.asked == ("",)
    assert os.environ["NoDefaultCurrentDirectoryInExePath"] == "1"  # noqa: SIM112 - the name that Windows knows


def test_every_child_of_mien_gets_a_clean_environment() -> None:
    """OpenCV puts the current folder into LD_LIBRARY_PATH; a child that is started without `env` would inherit it."""
    calls = [
        (path.name, node)
        for path in Path(mien.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and (node.func.attr == "Popen" or (node.func.attr == "run" and ast.unparse(node.func.value) == "subprocess"))
    ]
    assert len(calls) > 6
    bare = [f"{name}:{node.lineno}" for name, node in calls if "env" not in {keyword.arg for keyword in node.keywords}]
    assert bare == []
    modules = [path.name for path in Path(mien.__file__).parent.rglob("*.py") if '"-m", ' in path.read_text("utf-8")]
    assert modules == ["programs.py"], "python_module is the only way to run a module"
