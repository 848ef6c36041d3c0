"""Threat model: the tests that it names exist, and every row names one or admits that there is none."""

import ast
import re

import pytest

from tests.support.places import ROOT

_TEXT = (ROOT / "docs" / "threat-model.md").read_text("utf-8")
_NAMED = re.compile(r"`((?:\w+/)*test_\w+\.py(?:::\w+)+)`")
_ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for section in _TEXT.split("\n## ")
    for number, line in enumerate([line for line in section.splitlines() if line.startswith("|")])
    if number > 1 and not section.startswith("Assets")
]


def _tests(file: str) -> set[str]:
    """Names of the tests of a file, as pytest writes them after the file's own."""
    tree = ast.parse((ROOT / "tests" / file).read_text("utf-8"))
    found = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    return found | {f"{each.name}::{node.name}" for each in classes for node in each.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("file", sorted({name.partition("::")[0] for name in _NAMED.findall(_TEXT)}))
def test_every_test_that_is_named_exists(file: str) -> None:
    named = {name.partition("::")[2] for name in _NAMED.findall(_TEXT) if name.startswith(f"{file}::")}
    assert named - _tests(file) == set()


def test_every_row_names_a_test_or_admits_that_there_is_none() -> None:
    assert len(_ROWS) > 40
    bare = [row[0] for row in _ROWS if len(row) != 3 or not (_NAMED.search(row[2]) or row[2] == "no test yet")]
    assert bare == []
