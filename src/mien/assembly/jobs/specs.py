"""Specs of jobs out of what is opened: who wears which face, and the files behind it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from mien.assembly.cast_plan import CastPlan, check_embedded
from mien.assembly.hiding_work import HidingOrder
from mien.batch.queue.inputs import input_file
from mien.batch.queue.job import NewJob, Origin
from mien.batch.queue.spec import FaceSpec, HidingSpec, JobSpec, MemberSpec, SwapSpec, written
from mien.provenance.consent import Consent
from mien.settings import Settings
from mien.swap.people.corrections import SHEET_NAME
from mien.swap.people.roster import FILE_NAME
from mien.types import SourceFace


def face_spec(name: str, files: Sequence[Path], number: int | None, consent: Consent) -> FaceSpec:
    """Return the spec of a face to wear, from its photo and further ones. Raises `UnreadableMedia`."""
    return FaceSpec(name, tuple(map(input_file, files)), number, consent.id)


def swap_spec(plan: CastPlan, faces: Mapping[str, FaceSpec]) -> SwapSpec:
    """Return the spec of a plan; `faces` are those of its sources, by their digest.

    Raises `UsageError` for people told apart by an installed recogniser: who continues the queue may not have it.
    """
    digests = list(faces)
    check_embedded(plan, "queued")

    def number(source: SourceFace) -> int:
        return digests.index(source.digest)

    members = tuple(MemberSpec(person, number(worn) if isinstance(worn, SourceFace) else worn) for person, worn in plan.members)
    everyone = None if plan.everyone is None else number(plan.everyone)
    return SwapSpec(tuple(faces.values()), everyone, plan.choice, plan.others, members)


def hiding_spec(order: HidingOrder) -> JobSpec:
    """Return the spec of an order. Raises `UnreadableMedia`."""
    inputs = [*(file for name in order.keep for file in _files_of(Path(name)))]
    if order.decisions is not None:
        inputs.append(order.decisions)
    work = HidingSpec(
        order.style,  # type: ignore[arg-type]
        tuple(str(Path(name).absolute()) for name in order.keep),
        order.sound,  # type: ignore[arg-type]
        None if order.review is None else order.review.absolute(),
        None if order.decisions is None else order.decisions.absolute(),
        order.write_if_none,
        tuple(map(input_file, inputs)),
    )
    return JobSpec(
        input_file(order.target),
        order.output.absolute(),
        work,
        order.settings,
        order.overwrite,
        order.start_s,
        order.end_s,
    )


def _files_of(kept: Path) -> list[Path]:
    """Return the files behind a name of `--keep`: a photo, or the roster and the corrections of a folder of people."""
    return [kept] if kept.is_file() else [each for name in (FILE_NAME, SHEET_NAME) if (each := kept.parent / name).is_file()]


def swap_job_spec(
    target: Path, output: Path, work: SwapSpec, settings: Settings, *, overwrite: bool,
    part_s: tuple[float | None, float | None] = (None, None), titles: tuple[str | None, str | None] = (None, None),
) -> JobSpec:  # fmt: skip
    """Return the spec of a swap; `titles` are the names of result and target in the credentials. Raises `UnreadableMedia`."""
    return JobSpec(input_file(target), output.absolute(), work, settings, overwrite, *part_s, *titles)


def new_job(spec: JobSpec, origin: Origin, name: str | None = None) -> NewJob:
    """Return the job of a spec, to be added to the queue."""
    return NewJob(spec.kind, name or spec.target.path.name, origin, str(spec.output), written(spec))
