"""The versions that mien was run with, and what the doctor says of others."""

import re
import tomllib
from importlib import metadata

import pytest

from mien.commands import findings
from mien.system.tried_versions import PYTHON, Tried, numbers, read_tried
from tests.support.places import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def _requirement(line: str) -> tuple[str, str]:
    name = re.split(r"[<>=!~;\[ ]", line, maxsplit=1)[0]
    lowest = re.search(r">=([\d.]+)", line)
    return name, lowest[1] if lowest else "0"


@pytest.mark.parametrize("line", [line for line in PROJECT["dependencies"] if ";" not in line])
def test_the_lower_bound_of_each_dependency_was_tried(line: str) -> None:
    name, lowest = _requirement(line)
    tried = read_tried()[name]
    assert numbers(tried.lowest)[: len(numbers(lowest))] == numbers(lowest), "run scripts/bounds.py"
    assert numbers(tried.newest) >= numbers(tried.lowest)


def test_the_least_python_was_tried() -> None:
    assert f">={read_tried()[PYTHON].lowest}" == PROJECT["requires-python"]


@pytest.mark.parametrize(
    ("version", "covered"),
    [
        ("18.0.0", True),
        ("18.1.0", True),
        ("19.0.2", True),
        ("19.0.2.post1", True),
        ("19.0.2+local.20", True),
        ("19.0.10", False),
        ("20.0.0rc1", False),
        ("17.9", False),
        ("9.0", False),
    ],
)
def test_versions_are_compared_by_their_numbers(version: str, covered: bool) -> None:
    assert Tried("18.0.0", "19.0.2").covers(version) == covered


def test_every_release_of_a_tried_python_is_covered() -> None:
    tried = Tried("3.11", "3.13")
    assert [tried.covers(version) for version in ("3.10.9", "3.11.0", "3.13.99", "3.14.0")] == [False, True, True, False]


def test_the_doctor_names_a_version_that_was_never_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "version", lambda name: "99.0" if name == "av" else read_tried()[name].newest)
    found = {finding.name: finding for finding in findings.versions()}
    assert found["av"].untried
    assert found["av"].fine, "it may well work"
    assert found["av"].state.startswith("99.0, never tried with mien")
    assert read_tried()["av"].newest in found["av"].state
    assert [name for name, finding in found.items() if finding.untried and name != PYTHON] == ["av"]
