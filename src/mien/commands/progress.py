"""Progress of a long job: a bar on a terminal, now and then a line in a log."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from mien.batch.job import Progress as Step
from mien.system.printable import printable

_LINE_AFTER_S = 60.0
_TENTH_AFTER_S = 10.0
"""Lines in a log are so far apart at least, also when the tenths go by faster."""


@contextmanager
def shown_progress(
    console: Console, name: str, *, quiet: bool, clock: Callable[[], float] = time.monotonic
) -> Iterator[Callable[[Step], None]]:
    """Give a function that is told how far the job of `name` is (empty: the only one)."""
    if quiet:
        yield lambda step: None
    elif not console.is_terminal or console.is_dumb_terminal:
        yield LogLines(console, name, clock).report
    else:
        with _bar(console, name) as report:
            yield report


class LogLines:
    """One line at each tenth and at least every minute, without any control characters."""

    def __init__(self, console: Console, name: str, clock: Callable[[], float]) -> None:
        self._console, self._clock = console, clock
        self._what = f"swapping {name}" if name else "swapping"
        self._began = self._said_at = clock()
        self._tenth = 0

    def report(self, step: Step) -> None:
        now = self._clock()
        tenth = min(10 * step.frames // step.total, 10) if step.total else 0
        since = now - self._said_at
        if since < _TENTH_AFTER_S or (tenth <= self._tenth and since < _LINE_AFTER_S):
            return
        self._tenth, self._said_at = tenth, now
        rate = step.frames / max(now - self._began, 1e-6)
        if step.total:
            left_s = max(step.total - step.frames, 0) / max(rate, 1e-6)
            share = min(100 * step.frames // step.total, 100)
            words = f"{share} %, {step.frames} of {step.total} frames, {rate:.1f} frames a second, {_time(left_s)} left"
        else:
            words = f"{step.frames} frames, {rate:.1f} frames a second"
        self._console.print(f"{escape(printable(self._what))}: {words}")


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


@contextmanager
def _bar(console: Console, name: str) -> Iterator[Callable[[Step], None]]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]} fps"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, refresh_per_second=4) as bar:
        task = bar.add_task(escape(printable(f"swapping {name}".rstrip())), total=None, rate="–")

        def report(step: Step) -> None:
            speed = bar.tasks[0].speed
            bar.update(task, completed=step.frames, total=step.total, rate=f"{speed:.0f}" if speed else "–")

        yield report
