"""Films of the queue, made in parts: a job that was interrupted goes on with the part in which it ended."""

import shutil
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from mien.assembly import film_plan
from mien.assembly.file_swap import FileSwap, Watch
from mien.assembly.film_job import open_job, plan_film, run_parts
from mien.assembly.jobs.watcher import Watcher, sealed_as
from mien.batch.job import JobResult
from mien.errors import UsageError
from mien.media.files.moving import Kind, MovingReader
from mien.media.files.output_file import OutputFile, output_error
from mien.provenance.credentials.claim import Claim
from mien.provenance.seal import Notary
from mien.settings import Settings
from mien.swap.people.roster import film_at
from mien.system.folders import make_private

RESUMABLE_FROM_S = 60.0
"""Length from which a film is made in parts. Its plan costs a decoding of all of it; shorter ones begin again instead."""


def can_resume(kind: Kind, reader: MovingReader, settings: Settings) -> bool:
    """Return whether a film is worth a plan of its parts, and can be made in parts."""
    long_enough = (reader.info.duration_s or 0.0) >= RESUMABLE_FROM_S
    return kind is Kind.VIDEO and long_enough and not reader.info.alpha and settings.encoder != "hardware"


def swap_in_parts(swap: FileSwap, output: OutputFile, folder: Path, watcher: Watcher, watch: Watch) -> JobResult:
    """Swap a film into `output`, which is not entered yet, with its parts in `folder` until it is done.

    What an earlier attempt at the same has left there is used. Raises a `MienError`.
    """
    if not _is_planned(folder, swap, output):
        shutil.rmtree(folder, ignore_errors=True)
        _make_room(folder.parent)
        plan_film(swap, output.path, folder, lambda step: watcher.progress("planning", step), watcher.cancel)
    notary = _JobNotary(
        swap.notary.signer, swap.notary.ledger, swap.notary.consents, swap.notary.timestamp_url,
        watcher=watcher, title=swap.title, target_title=swap.target_title,
    )  # fmt: skip
    result, _ = run_parts(
        folder, notary, output, lambda step: watcher.progress("swapping", step), watcher.cancel, watch=watch
    )  # fmt: skip
    return result


def _make_room(folder: Path) -> None:
    """Make the folder of all parts, which hold faces, readable by the user alone. Raises `OutputError`."""
    try:
        make_private(folder)
    except OSError as error:
        raise output_error(error, folder) from error


def _is_planned(folder: Path, swap: FileSwap, output: OutputFile) -> bool:
    """Return True for a folder with a whole plan of this work.

    One that was interrupted while it was planned has none; that of another job of the same number, from a queue that was moved
    aside or removed, has another one. So has a job whose consent was revoked and given again since.
    """
    try:
        plan = open_job(folder).plan
    except UsageError:
        return False
    film, cast = film_at(swap.target, 0.0), film_plan.digest_of(film_plan.cast_bytes(swap.worn))
    work = replace(
        plan, film=film.path, size=film.size, samples=film.digest, start_s=swap.start_s, end_s=swap.end_s,
        output=output.path.name, settings=swap.settings, cast=cast,
    )  # fmt: skip
    return plan == work and {each.id for each in plan.consents} == {each.id for each in swap.consents}


@dataclass(frozen=True, slots=True, kw_only=True)
class _JobNotary(Notary):
    """A notary that gives the names of the job in the credentials, and tells a watcher of the sealed file."""

    watcher: Watcher
    title: str | None
    target_title: str | None

    def seal(
        self,
        path: Path,
        claim: Claim,
        kind: str,
        fingerprints: Iterable[int],
        parent: Path | None,
        parent_title: str | None = None,
        mark_ids: Collection[int] = (),
    ) -> tuple[str, ...]:
        claim = replace(claim, title=self.title or claim.title)
        notes = Notary.seal(self, path, claim, kind, fingerprints, parent, self.target_title or parent_title, mark_ids)
        self.watcher.sealed(sealed_as(path))
        return notes
