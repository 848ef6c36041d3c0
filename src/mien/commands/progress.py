"""Progress of a long job: a bar on a terminal, a line at intervals in a log."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from mien.batch.job import Progress as Step
from mien.system.printable import printable

_MAX_LINE_INTERVAL_S = 60.0  # a log shows that the job is alive; not measured
_MIN_LINE_INTERVAL_S = 10.0  # also when tenths pass faster: a short job writes no line


@contextmanager
def shown_progress(
    console: Console, name: str, *, quiet: bool, clock: Callable[[], float] = time.monotonic, doing: str = "swapping"
) -> Iterator[Callable[[Step], None]]:
    """Yield a function that takes the progress of the job `name`, what it is `doing`; an empty name = the only job."""
    what = f"{doing} {name}" if name else doing
    if quiet:
        yield lambda step: None
    elif not console.is_terminal or console.is_dumb_terminal:
        yield LogLines(console, what, clock).report
    else:
        with _bar(console, what) as report:
            yield report


class LogLines:
    """Writer of a line at each tenth and at least every minute, without control characters."""

    def __init__(self, console: Console, what: str, clock: Callable[[], float]) -> None:
        self._console, self._clock = console, clock
        self._what = what
        self._started_s = self._written_s = clock()
        self._tenth = 0

    def report(self, step: Step) -> None:
        """Write a line when one is due."""
        now = self._clock()
        tenth = min(10 * step.frames // step.total, 10) if step.total else 0
        since = now - self._written_s
        if since < _MIN_LINE_INTERVAL_S or (tenth <= self._tenth and since < _MAX_LINE_INTERVAL_S):
            return
        self._tenth, self._written_s = tenth, now
        rate = step.frames / max(now - self._started_s, 1e-6)
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
def _bar(console: Console, what: str) -> Iterator[Callable[[Step], None]]:
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
        task = bar.add_task(escape(printable(what)), total=None, rate="–")

        def report(step: Step) -> None:
            speed = bar.tasks[0].speed
            bar.update(task, completed=step.frames, total=step.total, rate=f"{speed:.0f}" if speed else "–")

        yield report


@contextmanager
def clip_progress(console: Console, path: Path, *, quiet: bool) -> Iterator[Callable[[float, float], None]]:
    """Yield a function that takes the seconds of a source clip that were looked at, and all; a bar, or one line in a log."""
    words = escape(printable(f"looking at {path.name}"))
    if quiet:
        yield lambda done_s, all_s: None
    elif not console.is_terminal or console.is_dumb_terminal:
        console.print(words)
        yield lambda done_s, all_s: None
    else:
        columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task(words, total=None)
            yield lambda done_s, all_s: bar.update(task, completed=done_s, total=all_s)


@contextmanager
def counted_steps(name: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar on the error stream and yield a function that takes the number of steps done."""
    columns = (TextColumn(name), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=total)

        def report(done: int) -> None:
            bar.update(task, completed=done)

        yield report
