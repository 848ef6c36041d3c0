"""Size and form of the code: short files and functions, documented names and numbers."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.support.places import ROOT

PACKAGE = ROOT / "src" / "mien"
SOURCES = sorted(PACKAGE.rglob("*.py"))
MOST_LINES, MOST_FUNCTION_LINES, MOST_TOP_FILES = 400, 60, 8
MOST_CONSTANTS_PER_LINE = 0.015
LEAST_DOCUMENTED = 0.95
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_NUMERIC = (
    ast.Constant, ast.BinOp, ast.UnaryOp, ast.Tuple, ast.List, ast.Set, ast.Name, ast.operator, ast.unaryop, ast.expr_context,
)  # fmt: skip


def _named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _constants(tree: ast.Module) -> Iterator[tuple[int, ast.stmt, list[str]]]:
    """Yield position, statement and names of each assignment of numbers to upper-case names of a module."""
    for number, node in enumerate(tree.body):
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
        names = [each.id for each in ast.walk(target) if isinstance(each, ast.Name)]
        parts = list(ast.walk(node.value))
        numbers = [each for each in parts if isinstance(each, ast.Constant) and isinstance(each.value, int | float)]
        plain = all(isinstance(each, _NUMERIC) for each in parts)
        words = any(isinstance(each, ast.Constant) and not isinstance(each.value, int | float) for each in parts)
        if numbers and plain and not words and all(re.fullmatch(r"_?[A-Z][A-Z0-9_]*", name) for name in names):
            yield number, node, names


def _is_documented(path: Path, tree: ast.Module, number: int, node: ast.stmt) -> bool:
    """Return True for a docstring after the assignment, or a comment on or right above its lines."""
    following = tree.body[number + 1] if number + 1 < len(tree.body) else None
    if isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
        return True
    lines = path.read_text("utf-8").splitlines()
    here = lines[node.lineno - 1 : node.end_lineno]
    return any("#" in line for line in here) or lines[node.lineno - 2].lstrip().startswith("#")


def test_files_and_functions_are_short() -> None:
    long: dict[str, int] = {}
    for path in SOURCES:
        text = path.read_text("utf-8")
        if (lines := text.count("\n")) > MOST_LINES:
            long[_named(path)] = lines
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, _FUNCTIONS) and (lines := (node.end_lineno or 0) - node.lineno + 1) > MOST_FUNCTION_LINES:
                long[f"{_named(path)}:{node.name}"] = lines
    assert long == {}


def test_every_numeric_constant_has_its_reason() -> None:
    bare = []
    for path in SOURCES:
        tree = ast.parse(path.read_text("utf-8"))
        for number, node, names in _constants(tree):
            if not _is_documented(path, tree, number, node):
                bare.append(f"{_named(path)}:{node.lineno}: {', '.join(names)}")
    assert bare == []


def test_numbers_live_in_tunings_rather_than_in_modules() -> None:
    lines = constants = 0
    for path in SOURCES:
        text = path.read_text("utf-8")
        lines += text.count("\n")
        constants += sum(len(names) for _, _, names in _constants(ast.parse(text)))
    assert constants / lines < MOST_CONSTANTS_PER_LINE


def _public(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, bool]]:
    for node in body:
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)) and not node.name.startswith("_"):
            yield f"{prefix}{node.name}", ast.get_docstring(node) is not None
            if isinstance(node, ast.ClassDef):
                yield from _public(node.body, f"{prefix}{node.name}.")


def test_public_names_are_documented() -> None:
    names = [each for path in SOURCES for each in _public(ast.parse(path.read_text("utf-8")).body, f"{_named(path)}:")]
    bare = [name for name, documented in names if not documented]
    assert len(bare) <= len(names) * (1 - LEAST_DOCUMENTED), "\n".join(bare)


def test_the_top_of_the_package_is_short() -> None:
    assert len(list(PACKAGE.glob("*.py"))) <= MOST_TOP_FILES
