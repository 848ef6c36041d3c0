"""Language of the project: banned phrases, the form of docstrings."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

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


def test_comments_and_strings_use_the_terms_of_the_field() -> None:
    checked = [path for path in SOURCES if path != Path(__file__)]
    found = [
        f"{_named(path)}:{line}: {match[0]}"
        for path in checked
        for line, text in _words(path)
        for match in BANNED.finditer(text)
    ]
    assert found == []


def test_pages_use_the_terms_of_the_field() -> None:
    # The changelog is a record of what was written at the time.
    checked = [path for path in PAGES if path.name != "CHANGELOG.md"]
    found = [
        f"{_named(path)}:{number}: {match[0]}"
        for path in checked
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        for match in BANNED.finditer(line)
    ]
    assert found == []


def test_docstrings_open_with_an_imperative_or_a_noun() -> None:
    """Those of attributes and constants, too."""
    found = [
        f"{_named(path)}:{node.lineno}: {node.value.value.splitlines()[0]}"
        for path in SOURCES
        if path.is_relative_to(ROOT / "src")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        if OPENERS.match(node.value.value)
    ]
    assert found == []
