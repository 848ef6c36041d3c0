"""A planned film and what every step of its making opens: its place, plan, cast and exporter."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mien.assembly import factory, film_plan
from mien.assembly.cast_plan import CastPlan
from mien.assembly.film_parts import PartRecord, PartsFolder
from mien.assembly.film_plan import FilmPlan
from mien.assembly.job_places import store_of
from mien.assembly.job_store import Address, read_file
from mien.batch.export import Export
from mien.errors import UsageError
from mien.media.files import moving
from mien.media.files.moving import Kind
from mien.media.files.video_reader import VideoReader
from mien.models.library.store import Store
from mien.provenance.seal import Notary


@dataclass(frozen=True, slots=True)
class FilmJob:
    """A planned film in its folder; `digest` names the plan."""

    folder: PartsFolder
    plan: FilmPlan
    digest: str

    def about(self, number: int) -> Mapping[str, Any]:
        """Return what the files of a part are bound to."""
        return {"plan": self.digest, "part": number}

    def missing(self) -> tuple[int, ...]:
        """Return the numbers of the parts that are not made yet."""
        made = self.folder.numbers()
        numbers = range(1, len(self.plan.parts) + 1)
        return tuple(number for number in numbers if number not in made or self.record(number) is None)

    def record(self, number: int) -> PartRecord | None:
        """Return the record of a finished part, None where it is not made. Raises `UsageError` for one of another plan."""
        return self.folder.record(number, self.digest, self.plan.parts[number - 1].frames)


def open_job(place: Address) -> FilmJob:
    """Open a planned film. Raises `UsageError` when there is none, or it is of another version or damaged."""
    store = store_of(place)
    content = read_file(store, film_plan.PLAN, film_plan.LIMITS.plan_bytes)
    try:
        plan = film_plan.plan_of(content)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{store.named(film_plan.PLAN)} cannot be used: {error}", "make the plan again: mien plan") from error
    return FilmJob(PartsFolder(store), plan, film_plan.digest_of(content))


def cast_of_job(job: FilmJob) -> CastPlan:
    """Return who wears which face. Raises `UsageError` where that cannot be read or has changed."""
    name = job.folder.store.named(film_plan.CAST)
    content = read_file(job.folder.store, film_plan.CAST, film_plan.LIMITS.cast_bytes)
    if film_plan.digest_of(content) != job.plan.cast:
        raise UsageError(f"{name} has changed since the film was planned", "plan again")
    try:
        return film_plan.cast_of(content)
    except ValueError as error:
        raise UsageError(f"{name} cannot be used: {error}", "plan again") from error


def export_of(job: FilmJob, target: Path, reader: VideoReader, notary: Notary | None) -> Export:
    """Return the exporter of the film, or of parts of it without a `notary`."""
    plan = job.plan
    strength = moving.mark_strength(Kind.VIDEO, Path(plan.output), plan.settings, reader.info.content)
    check = factory.open_content_check(Store())
    return Export(
        target, (), plan.settings, plan.consents, check, notary, "video", strength=strength, mark_id=plan.mark_id
    )  # fmt: skip
