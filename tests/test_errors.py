"""The error tree matches its drawing, and each kind has its own exit code."""

import inspect
import re

import pytest

from mien import errors
from mien.errors import MienError
from tests.support.places import ROOT

CLASSES = {
    name: entry
    for name, entry in vars(errors).items()
    if inspect.isclass(entry) and issubclass(entry, MienError) and entry.__module__ == errors.__name__
}


def _drawn() -> dict[str, str | None]:
    """Return each class of the drawing with its parent."""
    parents: dict[str, str | None] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"^((?:│   |    )*(?:├── |└── )?)([A-Z]\w+)", line.removeprefix("    "))
        if match and match[2] in CLASSES:
            depth = len(match[1]) // 4
            above = [*above[:depth], match[2]]
            parents[match[2]] = above[depth - 1] if depth else None
    return parents


def test_the_drawing_is_the_tree() -> None:
    assert _drawn() == {name: None if entry is MienError else entry.__mro__[1].__name__ for name, entry in CLASSES.items()}


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_every_error_carries_what_and_remedy(name: str) -> None:
    error = CLASSES[name]("it broke", "mend it")
    assert str(error) == "it broke"
    assert error.remedy == "mend it"
    assert CLASSES[name].__doc__


def test_exit_codes_tell_the_kinds_apart_and_are_documented() -> None:
    kinds = [entry for entry in CLASSES.values() if entry.__base__ is MienError]
    codes = [kind.exit_code for kind in kinds]
    assert len(set(codes)) == len(codes)
    page = (ROOT / "docs" / "commands.md").read_text("utf-8")
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)}
    assert documented == {0, *codes}
