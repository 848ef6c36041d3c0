"""Chains of parts: what one machine makes of a film without waiting for another, and how a farm is told to make it."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mien.assembly.film_job import FilmJob
from mien.errors import UsageError


@dataclass(frozen=True, slots=True)
class Chain:
    """Parts from `first` to `last`, each of which needs what is known at the end of the one before; `frames` of all of them."""

    first: int
    last: int
    frames: int

    @property
    def name(self) -> str:
        """Return the chain as `mien part` takes it: 7, or 7-9."""
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


def chains_of(job: FilmJob) -> tuple[Chain, ...]:
    """Return the chains of the parts that are missing, longest first: so no long one begins when all others end."""
    return tuple(sorted(_chains(job), key=lambda chain: (-chain.frames, chain.first)))


def _chains(job: FilmJob) -> Iterator[Chain]:
    missing = job.missing()
    first = last = frames = 0
    for number in missing:
        part = job.plan.parts[number - 1]
        if last and (part.fresh or number != last + 1):
            yield Chain(first, last, frames)
            first = frames = 0
        first, last, frames = first or number, number, frames + part.frames
    if last:
        yield Chain(first, last, frames)


def openjd_template(place: str, output: Path, chains: Sequence[Chain], data: Path | None) -> str:
    """Return an Open Job Description of the missing parts and the join, as JSON; its tasks start `mien` from the PATH.

    The signing key of the machine that joins is used, so the step `join` has to run where the data folder is. Raises
    `UsageError` for names that the format would take for its own.
    """
    given = [] if data is None else ["--data", str(data)]
    for name in (place, str(output), *given):
        if "{{" in name or not name.isprintable():
            raise UsageError(f"an Open Job Description cannot hold the name {name}", "rename the file or its folder")
    steps: list[dict[str, Any]] = []
    if chains:
        steps.append({
            "name": "parts",
            "parameterSpace": {
                "taskParameterDefinitions": [
                    {"name": "Parts", "type": "STRING", "range": [chain.name for chain in chains]},
                ]
            },
            "script": _run("mien", "part", place, "{{Task.Param.Parts}}"),
        })  # fmt: skip
    join: dict[str, Any] = {"name": "join", "script": _run("mien", "join", place, "-o", str(output), *given)}
    if chains:
        join["dependencies"] = [{"dependsOn": "parts"}]
    steps.append(join)
    template = {"specificationVersion": "jobtemplate-2023-09", "name": f"mien {output.name}"[:128], "steps": steps}
    return json.dumps(template, indent=2)


def _run(command: str, *arguments: str) -> dict[str, Any]:
    return {"actions": {"onRun": {"command": command, "args": list(arguments)}}}
