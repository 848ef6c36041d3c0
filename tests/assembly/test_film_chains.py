"""Chains of parts: what needs what, what is made first, and the template for other farms."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from mien.assembly.film_chains import Chain, chains_of, openjd_template
from mien.assembly.film_job import FilmJob
from mien.errors import UsageError


def _job(fresh: str, missing: tuple[int, ...] | None = None) -> FilmJob:
    """Return a job of parts of 10, 20, 30 ... frames; `fresh` has an f for each part that begins at a cut."""
    parts = [SimpleNamespace(fresh=letter == "f", frames=10 * number) for number, letter in enumerate(fresh, 1)]
    all_of_them = tuple(range(1, len(parts) + 1))
    plan = SimpleNamespace(parts=parts)
    return cast("FilmJob", SimpleNamespace(plan=plan, missing=lambda: all_of_them if missing is None else missing))


@pytest.mark.parametrize(
    ("fresh", "missing", "chains"),
    [
        ("f", None, [Chain(1, 1, 10)]),
        ("f--", None, [Chain(1, 3, 60)]),
        ("f-ff-", None, [Chain(4, 5, 90), Chain(1, 2, 30), Chain(3, 3, 30)]),
        # What is made already is left out; a chain goes on from its state.
        ("f---", (3, 4), [Chain(3, 4, 70)]),
        ("f---", (1, 3, 4), [Chain(3, 4, 70), Chain(1, 1, 10)]),
        ("ff", (), []),
    ],
)
def test_a_chain_is_what_one_machine_makes_longest_first(
    fresh: str, missing: tuple[int, ...] | None, chains: list[Chain]
) -> None:
    assert list(chains_of(_job(fresh, missing))) == chains


def test_a_chain_is_named_by_its_parts() -> None:
    assert (Chain(7, 7, 1).name, Chain(7, 9, 1).name) == ("7", "7-9")


def test_the_template_joins_after_all_parts(tmp_path: Path) -> None:
    text = openjd_template(str(tmp_path / "job"), tmp_path / "out.mp4", [Chain(1, 2, 30), Chain(3, 3, 30)], tmp_path / "data")
    parts, join = json.loads(text)["steps"]
    assert parts["parameterSpace"]["taskParameterDefinitions"][0]["range"] == ["1-2", "3"]
    assert parts["script"]["actions"]["onRun"] == {
        "command": "mien", "args": ["part", str(tmp_path / "job"), "{{Task.Param.Parts}}"],
    }  # fmt: skip
    assert join["dependencies"] == [{"dependsOn": "parts"}]
    assert join["script"]["actions"]["onRun"]["args"][-2:] == ["--data", str(tmp_path / "data")]


def test_the_template_of_a_made_film_only_joins(tmp_path: Path) -> None:
    (join,) = json.loads(openjd_template(str(tmp_path / "job"), tmp_path / "out.mp4", [], None))["steps"]
    assert join["name"] == "join"
    assert "dependencies" not in join


@pytest.mark.parametrize("name", ["{{Job.Name}}.mp4", "two\nlines.mp4"])
def test_names_that_the_format_would_take_for_its_own_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot hold the name"):
        openjd_template(str(tmp_path / "job"), tmp_path / name, [], None)
