"""Facts of a job of the queue for the page, beside its progress: from its spec, its error and its report."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from mien.batch.queue.job import Job
from mien.errors import MienError, NoFaceFound
from mien.media.files import moving
from mien.media.files.moving import Kind
from mien.studio.session.told import stored


@dataclass(frozen=True, slots=True)
class JobFacts:
    """Lasting facts of a job: its file, whether that is a picture, the name of the result for people.

    `mapped`: there are people who wear a face of their own.
    """

    target: Path
    picture: bool
    title: str
    mapped: bool


def facts_of(spec: Mapping[str, Any], job: Job) -> JobFacts:
    """Return the facts in a spec, which may be damaged: then those of the job."""
    file, title = spec.get("target"), spec.get("title")
    target = Path(str(file.get("path", ""))) if isinstance(file, dict) else Path()
    try:
        picture = moving.kind_of(target) is Kind.PICTURE
    except MienError:
        picture = False
    work = spec.get("work")
    mapped = isinstance(work, dict) and bool(work.get("members"))
    return JobFacts(target, picture, title if isinstance(title, str) and title else Path(job.output).name, mapped)


def code_of(job: Job, facts: JobFacts) -> str:
    """Return the code of the error of a job, empty for none; a queue of an earlier version kept exit codes only."""
    is_old = job.state == "failed" and not job.error_code and job.exit_code == NoFaceFound.exit_code
    if (is_old or job.error_code == "no-face-found") and job.kind == "swap":
        return "person-not-found" if facts.mapped else "no-face-found"
    return job.error_code


def notes_of(report: Mapping[str, Any], job: Job, facts: JobFacts) -> list[dict[str, Any]]:
    """Return the notes in the report of a job, with the names that people gave to its files."""
    texts, keys = (each if isinstance(each := report.get(name), list) else [] for name in ("notes", "note_keys"))
    names = {facts.target.name: job.name, Path(job.output).name: facts.title}
    return [_named(stored(text, key), names) for text, key in zip_longest(texts, keys[: len(texts)])]


def _named(note: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    text = note["text"]
    for ours, theirs in names.items():
        text = text.replace(ours, theirs) if ours else text
    return {**note, "text": text, "values": {key: names.get(value, value) for key, value in note["values"].items()}}
