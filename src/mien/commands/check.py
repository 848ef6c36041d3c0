"""`mien check`: look at a call from the other side: mien's mark and label, live."""

import argparse
import sys
from pathlib import Path

from mien.commands.options import Commands, add_data, add_json, path_of
from mien.errors import UsageError


def add(commands: Commands) -> None:
    """Add the command's parser."""
    check = commands.add_parser(
        "check",
        help="look at a call from the other side: mien's mark and label, live",
        description="Look for mien's mark and badge in a part of the screen, a camera, a stream or a file.",
    )
    check.add_argument("source", metavar="SOURCE", help="screen, screen:DISPLAY, camera:0, a device, a URL, or a file")
    check.add_argument("--region", metavar="X,Y,W,H", type=_region, help="part of the screen, in pixels (default: all of it)")
    check.add_argument("--told", action="store_true", help="state that the other person has been told; asked otherwise")
    check.add_argument("--seconds", metavar="S", type=float, help="end after so long (default: Ctrl-C, or the end of the file)")
    check.add_argument(
        "--report", metavar="FILE", type=path_of, action="append", default=[],
        help="write signed notes: notes.html or notes.json; may be repeated",
    )  # fmt: skip
    add_json(check)
    add_data(check)
    check.set_defaults(run=_run)


def _region(text: str) -> tuple[int, int, int, int]:
    parts = text.split(",")
    try:
        left, top, width, height = map(int, parts)
    except ValueError:
        raise argparse.ArgumentTypeError("write X,Y,W,H: four whole numbers") from None
    return left, top, width, height


def _run(options: argparse.Namespace) -> int:
    from mien.commands.check_run import Request, run_check
    from mien.commands.options import data_of
    from mien.commands.verify_report import check_names

    reports: list[Path] = options.report
    check_names(reports)
    if options.seconds is not None and not options.seconds > 0:
        raise UsageError(f"invalid time of {options.seconds:g} s", "give more than 0 seconds")
    request = Request(options.source, options.region, options.seconds, tuple(reports), options.json, data_of(options))
    return run_check(request, lambda: options.told or _asked())


def _asked() -> bool:
    """Ask whether the other person knows of the check; an answer needs a terminal."""
    if not sys.stdin.isatty():
        raise UsageError("the other person must be told of the check first", "tell them, then add --told")
    sys.stderr.write("Have you told the other person that you check this call? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
