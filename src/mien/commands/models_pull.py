"""Download of models for `mien models pull`, with a progress bar."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from mien.errors import UsageError
from mien.models.library import download, https
from mien.models.library.store import ModelEntry, Store


def pull_models(
    ids: Sequence[str],
    store: Store,
    agree: Callable[[ModelEntry], bool],
    console: Console,
    mirror: str | None = None,
    fetch: https.Fetch = https.open_url,
) -> tuple[Path, ...]:
    """Pull models one after another and return their files; raises a `MienError`.

    All licences are agreed to before the first byte. The recogniser or converter that a model needs is not pulled along:
    `inventory.missing_for` names it.
    """
    entries = [store.entry(model_id) for model_id in dict.fromkeys(ids)]
    if mirror:
        https.check_address(mirror)
    for entry in entries:
        download.addresses(entry, mirror)
    for entry in entries:
        if not agree(entry):
            raise UsageError(f"{entry.id} was not pulled: its licence was not accepted", "nothing was changed")
    with _bar(console) as report:
        return tuple(download.pull(entry, store, fetch, report, mirror) for entry in entries)


@contextmanager
def _bar(console: Console) -> Iterator[download.Report]:
    """Show a bar for each model on a terminal; nothing elsewhere."""
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
