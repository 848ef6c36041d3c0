"""The layers: arrows point only to the left, native libraries have one door each, and only the command line prints."""

import ast
from functools import cache
from pathlib import Path

import pytest

import mien
from tests.support.places import ROOT

PACKAGE = Path(mien.__file__).parent
LAYERS: tuple[tuple[str, ...], ...] = (
    ("mien", "types", "errors"),
    ("system", "contracts", "settings"),
    ("imaging",),
    ("face",),
    ("models", "media"),
    ("swap", "provenance"),
    ("safety",),
    ("live", "batch", "check", "testing"),
    ("assembly",),
    ("studio", "lab", "api"),
    ("commands",),
    ("__main__",),
)
"""Each row may import the rows above it, and files of its own room. A folder's name stands for all in it."""
ROOMS: dict[str, tuple[tuple[str, ...], ...]] = {
    "models": (("format",), ("library", "networks"), ("runtime",)),
    "media": (("address", "frames"), ("files",), ("capture", "broadcast")),
    "swap": (
        ("source", "tracking"),
        ("memory", "people", "stages"),
        ("engines", "persona"),
        ("cast",),
        ("casting", "hidden_heads"),
        ("parts", "stream_memory", "stream_state"),
        ("pipeline",),
        ("hiding",),
    ),
    "studio": (("session",), ("server",)),
    "lab": (
        ("sightings", "fault_script", "meshes", "beards", "stack_sampler"),
        ("bench", "evaluate", "faults", "training"),
        ("profile",),
    ),
}
"""The same rule inside a room."""
ONLY_FORMATS = "swap", "batch"
"""Rooms that see `models.format` and no other part of `models`: they know Protocols, not networks."""
MEASURING = {"commands", "lab", "__main__"}
"""Rooms that may import `lab` or `testing`."""
PRINTING = {
    f"commands.{name}" for name in ("bench", "certificate", "consent", "evaluate", "live", "models", "tables", "tokens")
}
DOORS = {"onnxruntime": "models.runtime.onnx_session", "c2pa": "provenance.credentials.library"}


@cache
def _modules() -> dict[str, ast.Module]:
    """Parse the package once, in the process that runs these tests: every process collects them."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(part for part in parts if part != "__init__") or "mien"
        found[name] = ast.parse(path.read_text("utf-8"), str(path))
    # All modules may take the version from the package; what the package offers is loaded at first use (`mien.api`).
    found["mien"].body = [node for node in found["mien"].body if not isinstance(node, ast.If | ast.FunctionDef)]
    return found


def _row_of(module: str, rows: tuple[tuple[str, ...], ...]) -> tuple[int, str]:
    """Return the number of the row and the name in it that covers the module."""
    for number, row in enumerate(rows):
        for name in row:
            if module == name or module.startswith(f"{name}."):
                return number, name
    raise AssertionError(f"{module} is in no layer: add it to LAYERS or ROOMS")


def _imports(tree: ast.Module) -> set[str]:
    """Modules of mien that a module imports, anywhere in it, without the leading `mien.`."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                names.add(whole if whole.removeprefix("mien.") in _modules() else str(node.module))
    ours = {name for name in names if name == "mien" or name.startswith("mien.")}
    return {name.removeprefix("mien.") for name in ours}


def _check(module: str, imported: str, rows: tuple[tuple[str, ...], ...]) -> None:
    row, own = _row_of(module, rows)
    other_row, other = _row_of(imported, rows)
    assert other_row < row or own == other, f"{module} ({own}) must not import {imported} ({other})"


def test_arrows_point_to_the_left() -> None:
    for module, tree in _modules().items():
        room, _, name = module.partition(".")
        for imported in _imports(tree):
            _check(module, imported, LAYERS)
            if room in ROOMS and name and imported.startswith(f"{room}."):
                _check(name, imported.removeprefix(f"{room}."), ROOMS[room])


def test_the_swap_knows_protocols_not_networks() -> None:
    for module in (name for name in _modules() if name.split(".")[0] in ONLY_FORMATS):
        for imported in _imports(_modules()[module]):
            assert not imported.startswith("models.") or imported.startswith("models.format."), (module, imported)


def test_nothing_that_runs_imports_what_measures() -> None:
    for module in (name for name in _modules() if name.split(".")[0] not in MEASURING | {"testing"}):
        assert not {name for name in _imports(_modules()[module]) if name.split(".")[0] in {"lab", "testing"}}, module


def test_packages_form_no_cycles() -> None:
    """Packages, not only modules: the folders that hold files, each as one node."""
    folders = {name for name in _modules() if any(other.startswith(f"{name}.") for other in _modules())} - {"mien"}

    def folder_of(module: str) -> str:
        return module if module in folders or "." not in module else module.rpartition(".")[0]

    graph: dict[str, set[str]] = {}
    for module, tree in _modules().items():
        graph.setdefault(folder_of(module), set()).update(folder_of(each) for each in _imports(tree))
    _assert_no_cycles({name: others - {name} for name, others in graph.items()})


def test_modules_form_no_cycles() -> None:
    _assert_no_cycles({name: _imports(tree) - {name} for name, tree in _modules().items()})


def _assert_no_cycles(graph: dict[str, set[str]]) -> None:
    done: set[str] = set()

    def visit(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, " -> ".join((*above, name))
        if name not in done:
            for imported in graph.get(name, ()):
                visit(imported, (*above, name))
            done.add(name)

    for name in graph:
        visit(name, ())


@pytest.mark.parametrize("package", DOORS)
def test_native_libraries_have_one_door_each(package: str) -> None:
    importers = {
        module
        for module, tree in _modules().items()
        for node in ast.walk(tree)
        if (isinstance(node, ast.Import) and any(alias.name.split(".")[0] == package for alias in node.names))
        or (isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] == package)
    }
    assert importers == {DOORS[package]}


def test_only_the_command_line_prints() -> None:
    printers = {
        module
        for module, tree in _modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    }
    assert printers <= PRINTING


def test_nobody_keeps_globals() -> None:
    for module, tree in _modules().items():
        assert not [node for node in ast.walk(tree) if isinstance(node, ast.Global)], module


TESTS = sorted((ROOT / "tests").rglob("*.py"))


def test_tests_share_helpers_through_support_only() -> None:
    imported = {
        (path.relative_to(ROOT).as_posix(), str(node.module))
        for path in TESTS
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] == "tests"
    }
    assert {each for each in imported if not each[1].startswith("tests.support")} == set()
