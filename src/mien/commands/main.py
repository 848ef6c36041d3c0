"""The command line: run a command, turn every error into an exit code."""

import argparse
import io
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from mien.commands import standard_output
from mien.commands.messages import error_console, print_error
from mien.commands.parser import build_parser
from mien.commands.stopping import terminating_like_interrupting
from mien.errors import MienError, UsageError
from mien.system.allocator import return_large_blocks
from mien.system.programs import harden

_INTERRUPTED = 130  # exit code; what a shell reports of a program that Ctrl-C ended


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; a `MienError` becomes one line and its remedy."""
    standard_output.watch()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A character that the terminal cannot show is no reason to end.
        sys.stdout.reconfigure(errors="backslashreplace")
    if sys.stdin is None:
        # Closed by the program that started this one: nobody is there.
        sys.stdin = io.StringIO()
    harden()
    for library in ("PIL", "tifffile"):
        # They log what is wrong with a damaged file; the error that follows says it in our words.
        logging.getLogger(library).setLevel(logging.CRITICAL)
    hook = sys.unraisablehook
    try:
        return _outcome(sys.argv[1:] if arguments is None else arguments)
    finally:
        sys.unraisablehook = hook


def _outcome(typed: Sequence[str]) -> int:
    """Run the chosen command and return its exit code, with every error told."""
    try:
        options = _options(typed)
        with terminating_like_interrupting():
            _check_current_folder()
            if getattr(options, "computes", False):
                return_large_blocks()
                _check_machine()
            result: int = options.run(options)
            if sys.stdout is not None:
                sys.stdout.flush()
            return result
    except MienError as error:
        print_error(error)
        if error.exit_code == _INTERRUPTED:
            sys.unraisablehook = _ignored
        return error.exit_code
    except KeyboardInterrupt:
        error_console().print("mien: stopped; nothing was written")
        sys.unraisablehook = _ignored
        return _INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has gone (`mien models | head`); Python would complain again while it exits.
        sys.stderr.close()
        return 1


def _options(typed: Sequence[str]) -> argparse.Namespace:
    """Return what was typed, or print the help and leave. Raises `OutputError` for a help that cannot be written."""
    try:
        return build_parser(typed[0] if typed else None).parse_args(typed)
    finally:
        if sys.stdout is not None:
            sys.stdout.flush()


def _ignored(_: "sys.UnraisableHookArgs") -> None:
    """Say nothing of objects that the interruption left half made, such as a kernel in compilation."""


def _check_machine() -> None:
    """Raise `MienError` where this machine computes wrong numbers; looked at by the first command that draws faces."""
    from mien.imaging import kernels

    # What compares imports all that draws.
    if kernels.are_checked():
        return
    from mien.assembly.machine_check import check_once
    from mien.models.library.store import Store

    check_once(Store())


def _check_current_folder() -> None:
    """Raise `UsageError` when the current folder has been deleted: no relative name means anything there."""
    try:
        Path.cwd()
    except OSError:
        raise UsageError("the current folder no longer exists or may not be read", "change to another one: cd") from None


if __name__ == "__main__":
    sys.exit(main())
