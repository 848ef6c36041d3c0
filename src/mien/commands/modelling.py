"""The work of `mien models pull` and `mien models verify`, with their progress."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from mien.assembly import registry
from mien.errors import MienError, UsageError
from mien.models.library import download, https
from mien.models.library.inventory import ABSENT, list_models, state_of
from mien.models.library.store import ModelEntry, Store
from mien.models.runtime.session_cache import SessionCache


def pull_models(
    ids: Sequence[str],
    store: Store,
    agree: Callable[[ModelEntry], bool],
    console: Console,
    mirror: str | None = None,
    fetch: https.Fetch = https.open_url,
) -> tuple[Path, ...]:
    """Pull models one after another, whose licences are all agreed to before the first byte; raises a `MienError`.

    A part that others need (a recogniser, a converter) is not pulled along: `inventory.missing_for` names it.
    """
    entries = [store.entry(model_id) for model_id in dict.fromkeys(ids)]
    if mirror:
        https.check_address(mirror)
    for entry in entries:
        download.addresses(entry, mirror)
    for entry in entries:
        if not agree(entry):
            raise UsageError(f"{entry.id} was not pulled: you have not agreed to its licence", "nothing was changed")
    with bar(console) as report:
        return tuple(download.pull(entry, store, fetch, report, mirror) for entry in entries)


@dataclass(frozen=True, slots=True)
class Checked:
    """What `mien models verify` found of one model; an empty `fault` means that it is whole and what it should be."""

    model_id: str
    fault: str
    remedy: str = ""


def check_models(ids: Sequence[str], store: Store) -> Iterator[Checked]:
    """Read all of each model, compare its sha256, and open it as it is opened for use; without ids all that are there.

    Raises `ModelMissing` for a name that nobody knows.
    """
    rows = [state_of(store.entry(name), store) for name in ids] if ids else [
        row for row in list_models(store) if row.state != ABSENT
    ]  # fmt: skip
    sessions = SessionCache(store, device="cpu")
    for row in rows:
        try:
            registry.open_as_used(row.entry, sessions)
        except MienError as error:
            yield Checked(row.entry.id, str(error), error.remedy)
        else:
            yield Checked(row.entry.id, "")
        sessions.keep(())


@contextmanager
def bar(console: Console) -> Iterator[download.Report]:
    """A bar for each model that is pulled or taken over, where there is a terminal."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, refresh_per_second=4, disable=not console.is_terminal) as shown:
        tasks: dict[tuple[str, str], TaskID] = {}

        def report(progress: download.Progress) -> None:
            key = progress.model_id, progress.doing
            if key not in tasks:
                tasks[key] = shown.add_task(f"{progress.doing} {progress.model_id}", total=progress.total)
            shown.update(tasks[key], completed=progress.done, total=progress.total)

        yield report
