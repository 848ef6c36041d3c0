"""Language of the project: banned phrases, the form of docstrings."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.places import ROOT

BANNED = re.compile(
    r"\b(?:is said|are said|is told of|are told of|lets? go|stands? before|for so long|so many|from which on|as ever|anew"
    r"|reckon\w*|whoever|besides|nobody has|is kept of|(?<!here )is no (?:\w+ )?(?:file|folder|picture|video|number|name"
    r"|address|model|certificate|port|PNG|JSON|TOML))\b",
    re.IGNORECASE,
)
"""Phrases that a native technical writer would not use; docs/glossary.md has the terms."""
OPENERS = re.compile(r"(?:What|How|Whether|Where|Who|Whose|Told|Tells|Says)\b")
"""A docstring opens with an imperative or a noun phrase."""
SOURCES = sorted(
    path for folder in ("src", "tests", "benchmarks", "scripts", "examples") for path in (ROOT / folder).rglob("*.py")
)
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "src").rglob("static/*.js")])


def _named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _words(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the line number and text of each comment and string."""
    for token in tokenize.generate_tokens(io.StringIO(path.read_text("utf-8")).readline):
        if token.type in {tokenize.COMMENT, tokenize.STRING} or tokenize.tok_name[token.type] == "FSTRING_MIDDLE":
            yield token.start[0], token.string


@pytest.mark.parametrize("path", SOURCES, ids=_named)
def test_comments_and_strings_use_the_terms_of_the_field(path: Path) -> None:
    if path == Path(__file__):
        pytest.skip("holds the banned phrases")
    found = [f"{_named(path)}:{line}: {match[0]}" for line, text in _words(path) for match in BANNED.finditer(text)]
    assert found == []


@pytest.mark.parametrize("path", PAGES, ids=_named)
def test_pages_use_the_terms_of_the_field(path: Path) -> None:
    if path.name == "CHANGELOG.md":
        pytest.skip("a record of what was written at the time")
    lines = path.read_text("utf-8").splitlines()
    found = [f"{number}: {match[0]}" for number, line in enumerate(lines, 1) for match in BANNED.finditer(line)]
    assert found == []


@pytest.mark.parametrize("path", [path for path in SOURCES if path.is_relative_to(ROOT / "src")], ids=_named)
def test_docstrings_open_with_an_imperative_or_a_noun(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    documented = [(getattr(node, "lineno", 1), ast.get_docstring(node)) for node in ast.walk(tree) if isinstance(node, kinds)]
    found = [f"{_named(path)}:{line}: {text.splitlines()[0]}" for line, text in documented if text and OPENERS.match(text)]
    assert found == []
