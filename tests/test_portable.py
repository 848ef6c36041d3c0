"""mien needs nothing that only Linux has: modules, names of `os` and `signal`, UTF-8, free use of open files."""

import ast
import os
import shlex
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import pytest

import mien
from mien.commands.demo import open_demo
from mien.commands.main import main
from mien.errors import OutputError
from tests.support import windows
from tests.support.places import EXAMPLES, ROOT
from tests.support.portraits import COLLINS, HOPPER

PACKAGE = Path(mien.__file__).parent
only_linux = pytest.mark.skipif(sys.platform != "linux", reason="NOT PRETENDED: Windows is simulated on Linux only")
_BELIEVER = """
import os, signal, sys
from pathlib import Path
assert (sys.platform, os.name) == ("win32", "nt")
for module, name in ((os, "fork"), (os, "getuid"), (os, "O_NONBLOCK"), (signal, "SIGHUP"), (signal, "pthread_sigmask")):
    assert not hasattr(module, name), name
for name in ("fcntl", "resource", "pwd", "grp", "termios"):
    try:
        exec(f"import {name}")
    except ModuleNotFoundError:
        continue
    raise AssertionError(name)
new, old = Path("new"), Path("old")
new.touch()
with old.open("wb") as held:
    for step in (lambda: new.replace(old), lambda: old.replace(new), old.unlink):
        try:
            step()
        except PermissionError:
            continue
        raise AssertionError(step)
new.replace(old)
try:
    old.read_text()
except EncodingWarning:
    old.unlink()
"""
"""Checks of the disguise of `tests.support.windows`, run as a module of mien."""


def _guarded(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> bool:
    """Return True below an `if` or a conditional expression that asks for the system, or after a return that does."""
    while node in parents:
        above = parents[node]
        if isinstance(above, ast.If | ast.IfExp) and _asks_for_the_system(above.test):
            return True
        if isinstance(above, ast.FunctionDef) and any(
            isinstance(line, ast.If) and _asks_for_the_system(line.test) and isinstance(line.body[-1], ast.Return)
            for line in above.body
        ):
            return True
        node = above
    return False


def _asks_for_the_system(test: ast.expr) -> bool:
    words = ast.unparse(test)
    return "sys.platform" in words or "os.name" in words or "hasattr(os" in words


def _needs(path: Path) -> list[str]:
    """Return names that Windows lacks and a module uses without asking for the system first."""
    tree = ast.parse(path.read_text("utf-8"), str(path))
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    found: list[tuple[ast.AST, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node, alias.name) for alias in node.names if alias.name.partition(".")[0] in windows.POSIX_MODULES]
        elif isinstance(node, ast.ImportFrom) and node.module:
            hidden = windows.HIDDEN.get(node.module, frozenset())
            found += [(node, f"{node.module}.{alias.name}") for alias in node.names if alias.name in hidden]
            found += [(node, node.module)] * (node.module.partition(".")[0] in windows.POSIX_MODULES)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found += [(node, f"{node.value.id}.{node.attr}")] * (node.attr in windows.HIDDEN.get(node.value.id, ()))
    return [f"{name} in line {getattr(node, 'lineno', 0)}" for node, name in found if not _guarded(node, parents)]


def test_no_module_needs_posix() -> None:
    needs = {str(path.relative_to(PACKAGE)): _needs(path) for path in sorted(PACKAGE.rglob("*.py"))}
    assert len(needs) > 100
    assert not {name: found for name, found in needs.items() if found}


def test_the_search_for_posix_sees_what_it_should(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(
        "import fcntl\nimport os, signal, sys\nfrom os import fork\n\n"
        "def unguarded():\n    signal.signal(signal.SIGHUP, None)\n    os.getuid()\n\n"
        "def guarded():\n    if sys.platform == 'win32':\n        return 0\n    import pwd\n    return os.getuid()\n",
        "utf-8",
    )
    assert [found.partition(" ")[0] for found in _needs(module)] == ["fcntl", "os.fork", "signal.SIGHUP", "os.getuid"]


def _start(lines: Sequence[str], folder: Path) -> "subprocess.Popen[str]":
    """Run command lines as if on Windows, in a C locale, with the terminal of a Western European Windows."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("LC_")}
    variables |= {"LC_ALL": "C", "PYTHONIOENCODING": "cp1252", "MIEN_DATA": str(folder / "data")}
    command = [sys.executable, "-X", "utf8=0", "-X", "warn_default_encoding", "-m", "tests.support.windows", *lines]
    return subprocess.Popen(
        command, cwd=ROOT, env=variables, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="cp1252",
    )  # fmt: skip


@only_linux
def test_the_disguise_holds(tmp_path: Path) -> None:
    code = f"from tests.support import windows; import os; os.chdir({str(tmp_path)!r}); windows.disguise()\n"
    code += f"exec(compile({_BELIEVER!r}, 'believer', 'exec'), {{'__name__': 'mien.believer'}})"
    subprocess.run([sys.executable, "-X", "warn_default_encoding", "-c", code], cwd=ROOT, check=True, timeout=60)
    assert not list(tmp_path.iterdir())


@only_linux
def test_swap_and_verify_run_as_if_on_windows(tmp_path: Path) -> None:
    picture, clip = tmp_path / "Grüße.png", tmp_path / "clip.mp4"
    picture.touch()
    lines = [
        ("swap", COLLINS, HOPPER, "-o", picture, "--consent", "public-domain", "--overwrite", "--quiet"),
        ("swap", COLLINS, EXAMPLES / "clip.mp4", "-o", clip, "--end", "0.2", "--quiet"),
        ("verify", "--quick", picture, clip),
    ]
    with _start([shlex.join(map(str, line)) for line in lines], tmp_path) as process:
        said, complaints = process.communicate()
    assert process.returncode == 0, complaints
    assert said.count("It carries mien's mark") == 2
    assert {entry.name for entry in tmp_path.iterdir()} == {picture.name, clip.name, "data"}


@only_linux
def test_the_doctor_and_the_studio_run_as_if_on_windows(tmp_path: Path) -> None:
    with _start(["doctor", "live --no-browser --port 0"], tmp_path) as process:
        assert process.stdout is not None
        address = next(line.split()[-1] for line in process.stdout if "the studio is open" in line)
        with urllib.request.urlopen(address, timeout=30) as page:
            assert b"<html" in page.read()
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate()
    assert process.returncode == 0, complaints


def test_the_demo_makes_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("mien.commands.demo._TARGETS", {"grace_hopper.jpg": "picture.png"})
    assert main(["demo", "-o", str(tmp_path / "-new" / "folder")]) == 0
    picture = tmp_path / "-new" / "folder" / "picture.png"
    said = capsys.readouterr().out
    assert "It carries mien's mark" in said
    assert said.rstrip().endswith(str(picture))
    before = picture.read_bytes()
    assert main(["demo", "-o", str(picture.parent)]) == OutputError.exit_code
    assert picture.read_bytes() == before


def test_the_demo_carries_the_examples_themselves(tmp_path: Path) -> None:
    with open_demo(tmp_path, overwrite=False) as demo:
        for bundled in (demo.photo, *(target for target, _ in demo.swaps)):
            assert bundled.read_bytes() == (EXAMPLES / bundled.name).read_bytes()
        assert demo.outputs == [tmp_path / "picture.png", tmp_path / "clip.mp4"]


def test_mien_is_a_module_too_and_takes_nothing_from_the_current_folder(tmp_path: Path) -> None:
    (tmp_path / "rich.py").write_text("raise SystemExit('a planted module was run')\n", "utf-8")
    result = subprocess.run(
        [sys.executable, "-m", "mien", "--version"], cwd=tmp_path, capture_output=True, encoding="utf-8", check=False
    )
    assert (result.returncode, result.stdout.split()) == (0, ["mien", mien.__version__]), result.stderr
