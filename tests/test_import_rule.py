"""The layers: arrows point only to the left, native libraries have one door each, and only the command line prints."""

import ast
from pathlib import Path

import pytest

import mien

PACKAGE = Path(mien.__file__).parent
LAYERS: tuple[tuple[str, ...], ...] = (
    ("mien", "types", "errors"),
    ("folders",),
    ("contracts", "settings", "topology", "kernel", "programs", "extras", "tried", "printable"),
    ("signature",),
    ("families", "geometry", "facemodel", "colour", "raster", "yuv", "provenance"),
    ("unwrap", "profile", "gaze", "hdr"),
    ("shading", "grain", "focus", "photo", "detail", "crop", "tensor"),
    ("models", "media", "texture"),
    ("windows",),
    ("engines", "stages", "seal"),
    ("pipeline", "source", "verify"),
    ("live", "batch", "fakes", "trust", "warmup"),
    ("openers",),
    ("build", "doctor"),
    ("sightings",),
    ("bench", "evaluate", "faults"),
    ("targets", "progress"),
    ("demo", "measuring", "modelling", "swapping", "training"),
    ("studio",),
    ("cli",),
    ("__main__",),
)
"""Each row may import the rows above it, and files of its own row's package. A folder's name stands for all in it."""
SIBLINGS_APART = {frozenset({"models", "media"})}
PRINTING = {"cli"}
DOORS = {"onnxruntime": "models.runtime", "c2pa": "provenance.credentials"}


def _modules() -> dict[str, ast.Module]:
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(part for part in parts if part != "__init__") or "mien"
        found[name] = ast.parse(path.read_text("utf-8"), str(path))
    return found


MODULES = _modules()


def _layer_of(module: str) -> tuple[int, str]:
    """The number of the row and the name in it that covers the module."""
    for number, row in enumerate(LAYERS):
        for name in row:
            if module == name or module.startswith(f"{name}."):
                return number, name
    raise AssertionError(f"{module} is in no layer: add it to LAYERS")


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
                names.add(whole if whole.removeprefix("mien.") in MODULES else str(node.module))
    ours = {name for name in names if name == "mien" or name.startswith("mien.")}
    return {name.removeprefix("mien.") for name in ours}


@pytest.mark.parametrize("module", [name for name in MODULES if not name.startswith("provenance") or "." in name])
def test_arrows_point_to_the_left(module: str) -> None:
    layer, own = _layer_of(module)
    for imported in _imports(MODULES[module]):
        other_layer, other = _layer_of(imported)
        inside_package = own == other and own not in {"mien"}
        assert other_layer < layer or inside_package, f"{module} ({own}) must not import {imported} ({other})"
        assert frozenset({own, other}) not in SIBLINGS_APART


def test_stages_and_pipeline_know_protocols_not_models() -> None:
    for module, tree in MODULES.items():
        if module.split(".")[0] in {"stages", "engines", "pipeline", "source", "batch"}:
            assert not {name for name in _imports(tree) if name.split(".")[0] == "models"}, module


def test_there_are_no_cycles() -> None:
    graph = {name: _imports(tree) - {name} for name, tree in MODULES.items()}
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
        for module, tree in MODULES.items()
        for node in ast.walk(tree)
        if (isinstance(node, ast.Import) and any(alias.name.split(".")[0] == package for alias in node.names))
        or (isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] == package)
    }
    assert importers == {DOORS[package]}


def test_only_the_command_line_prints() -> None:
    printers = {
        module
        for module, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    }
    assert printers <= PRINTING


def test_nobody_keeps_globals() -> None:
    for module, tree in MODULES.items():
        assert not [node for node in ast.walk(tree) if isinstance(node, ast.Global)], module
