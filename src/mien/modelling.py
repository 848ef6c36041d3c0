"""`mien models`: what is known and what is installed, and the work of its commands."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from mien import families, signature
from mien.errors import MienError, ModelDamaged, ModelError, UsageError
from mien.models import pull
from mien.models.runtime import OnnxSession
from mien.models.store import ModelEntry, Store

EMBEDDED, INSTALLED, ABSENT, DAMAGED = "embedded", "installed", "not installed", "damaged"
_UNTOLD = "size not published"


@dataclass(frozen=True, slots=True)
class Listed:
    """One row of `mien models`. `state` is one of the four above; `note` says more of it, such as what is damaged."""

    entry: ModelEntry
    path: Path
    state: str
    note: str = ""

    @property
    def way(self) -> str:
        """How the model comes to this machine: "pull", "import", "import --trust", or nothing for an embedded one."""
        if self.entry.bundled:
            return ""
        if not self.entry.sha256:
            return "import --trust"
        return "pull" if self.entry.urls else "import"

    def described(self) -> dict[str, Any]:
        """All that is known, for programs."""
        return {**asdict(self.entry), "path": str(self.path), "state": self.state, "note": self.note, "way": self.way}


def list_models(store: Store, role: str | None = None) -> tuple[Listed, ...]:
    """All models, or those of a role, in the order of the catalogue; raises `UsageError` for a role that nobody has.

    The sha256 of embedded models is checked, of the others, which are large, only the size; `check_models` does more.
    """
    entries = store.entries()
    roles = sorted({entry.role for entry in entries})
    if role is not None and role not in roles:
        raise UsageError(f"no model is a {role!r}", f"choose one of: {', '.join(roles)}")
    return tuple(look_at(entry, store) for entry in entries if role in (None, entry.role))


def look_at(entry: ModelEntry, store: Store) -> Listed:
    """The state of one model, without reading more of it than of an embedded one."""
    path = store.path(entry.id)
    standin = "a stand-in with random weights, no real model" if entry.standin else ""
    if entry.bundled:
        try:
            store.read(entry.id)
        except ModelError as error:
            return Listed(entry, path, DAMAGED, str(error))
        return Listed(entry, path, EMBEDDED)
    try:
        size = path.stat().st_size
    except OSError:
        return Listed(entry, path, ABSENT, standin)
    if entry.bytes and size != entry.bytes:
        return Listed(entry, path, DAMAGED, f"it has {size} bytes instead of {entry.bytes}: remove it and bring it in again")
    return Listed(entry, path, INSTALLED, standin)


def shown_size(entry: ModelEntry) -> str:
    """The size for people."""
    return f"{entry.bytes / 1e6:.1f} MB" if entry.bytes else _UNTOLD


def pull_models(
    ids: Sequence[str],
    store: Store,
    agree: Callable[[ModelEntry], bool],
    console: Console,
    mirror: str | None = None,
    fetch: pull.Fetch = pull.open_url,
) -> tuple[Path, ...]:
    """Pull models one after another, whose licences are all agreed to before the first byte; raises a `MienError`.

    A part that others need (a recogniser, a converter) is not pulled along: `needed_by` names it.
    """
    entries = [store.entry(model_id) for model_id in dict.fromkeys(ids)]
    if mirror:
        pull.check_address(mirror)
    for entry in entries:
        pull.addresses(entry, mirror)
    for entry in entries:
        if not agree(entry):
            raise UsageError(f"{entry.id} was not pulled: you have not agreed to its licence", "nothing was changed")
    with bar(console) as report:
        return tuple(pull.pull(entry, store, fetch, report, mirror) for entry in entries)


_RECOGNISER = ("w600k_r50", "arcface_w600k_r50")
_NEEDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "inswapper": (_RECOGNISER,),
    "hyperswap": (_RECOGNISER,),
    "alphaface": (_RECOGNISER,),
    "simswap_256": (_RECOGNISER, ("crossface_simswap",)),
    "simswap_512": (_RECOGNISER, ("crossface_simswap",)),
    "ghost": (_RECOGNISER, ("crossface_ghost",)),
    "hififace": (_RECOGNISER, ("crossface_hififace",)),
}
"""What a family works with: one of each group."""


def needed_by(entry: ModelEntry) -> tuple[tuple[str, ...], ...]:
    """The models without which this one does not work, one of each group is enough."""
    return _NEEDS.get(entry.family, ())


def missing_for(entry: ModelEntry, store: Store) -> tuple[str, ...]:
    """Those of `needed_by` of which none is installed, in words such as `a or b`."""
    known = {each.id for each in store.entries()}
    return tuple(
        " or ".join(group)
        for group in needed_by(entry)
        if not any(name in known and store.path(name).is_file() for name in group)
    )


@dataclass(frozen=True, slots=True)
class Checked:
    """What `mien models verify` found of one model; an empty `fault` means that it is whole and what it should be."""

    model_id: str
    fault: str
    remedy: str = ""


def check_models(ids: Sequence[str], store: Store) -> Iterator[Checked]:
    """Read all of each model, compare its sha256, open it and bind it to its family; without ids all that are there.

    Raises `ModelMissing` for a name that nobody knows.
    """
    rows = [look_at(store.entry(name), store) for name in ids] if ids else [
        row for row in list_models(store) if row.state != ABSENT
    ]  # fmt: skip
    for row in rows:
        try:
            _check(row.entry, store)
        except MienError as error:
            yield Checked(row.entry.id, str(error), error.remedy)
        else:
            yield Checked(row.entry.id, "")


def _check(entry: ModelEntry, store: Store) -> None:
    session = OnnxSession(entry.id, store.read(entry.id))
    if entry.family:
        family = families.families()[entry.family]
        signature.bind(entry.id, session, family.inputs, family.outputs)


@contextmanager
def bar(console: Console) -> Iterator[pull.Report]:
    """A bar for each model that is pulled or taken over, where there is a terminal."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, refresh_per_second=4, disable=not console.is_terminal) as shown:
        tasks: dict[tuple[str, str], Any] = {}

        def report(progress: pull.Progress) -> None:
            key = progress.model_id, progress.doing
            if key not in tasks:
                tasks[key] = shown.add_task(f"{progress.doing} {progress.model_id}", total=progress.total)
            shown.update(tasks[key], completed=progress.done, total=progress.total)

        yield report


def page(entries: Iterable[ModelEntry]) -> str:
    """MODELS.md: a table of the models for each role, in the order of the catalogue."""
    raise NotImplementedError
