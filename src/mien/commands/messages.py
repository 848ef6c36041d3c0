"""Lines on the error stream: what went wrong, and the acceptable use at the first start."""

import contextlib
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from mien.errors import MienError
from mien.media.files.statement import ACCEPTABLE_USE
from mien.system.folders import make_private
from mien.system.printable import printable


def error_console(*, emoji: bool = True) -> Console:
    """Return a console on the error stream that neither highlights nor wraps."""
    return Console(stderr=True, highlight=False, soft_wrap=True, emoji=emoji)


def print_error(error: MienError) -> None:
    """Print what happened and what to do, a line each, on the error stream."""
    console = error_console()
    console.print(f"[bold red]mien:[/] {escape(printable(str(error)))}", emoji=False)
    if error.remedy:
        console.print(f"      {escape(printable(error.remedy))}", emoji=False)


def print_terms_once(data: Path) -> None:
    """Print the acceptable use at the first start of this installation."""
    shown = data / "terms-told"
    if shown.exists():
        return
    error_console().print(f"{ACCEPTABLE_USE}\n")
    with contextlib.suppress(OSError):
        # A folder that cannot be written to is reported by the first thing that has to be stored in it.
        make_private(data)
        shown.touch()
