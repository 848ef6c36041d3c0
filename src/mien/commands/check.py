"""`mien check`: look at a call from the other side: mien's mark and label, live; requests; one photo; words and a list."""

import argparse
from pathlib import Path

from mien.commands.options import Commands, add_data, add_json, path_of
from mien.errors import UsageError
from mien.provenance.consent import COMPARISON


def add(commands: Commands) -> None:
    """Add the command's parser."""
    check = commands.add_parser(
        "check",
        help="look at a call from the other side: mien's mark and label, live",
        description="Look for mien's mark and badge in a window, a part of the screen, a camera, a stream or a file; show "
        "requests to read aloud, and say what was seen after them.",
    )
    check.add_argument(
        "source", metavar="SOURCE",
        help="window:TITLE, screen, screen:DISPLAY, screen:X,Y,W,H, camera:0, a device, a URL, or a file",
    )  # fmt: skip
    check.add_argument("--region", metavar="X,Y,W,H", type=_region, help="part of the screen, in pixels (default: all of it)")
    check.add_argument("--told", action="store_true", help="state that the other person has been told; asked otherwise")
    check.add_argument("--seconds", metavar="S", type=float, help="end after so long (default: Ctrl-C, or the end of the file)")
    check.add_argument(
        "--report", metavar="FILE", type=path_of, action="append", default=[],
        help="write signed notes: notes.html or notes.json; may be repeated",
    )  # fmt: skip
    _add_parts(check)
    add_json(check)
    add_data(check)
    check.set_defaults(run=_run)


def _add_parts(check: argparse.ArgumentParser) -> None:
    parts = check.add_argument_group("further parts, for the host alone; each may be declined")
    parts.add_argument(
        "--requests", action="store_true", help="show requests to read aloud, in random order, and measure what follows"
    )
    parts.add_argument("--ask", metavar="KINDS", help="requests of these kinds: hand, profile, up, cheek, blink, colours")
    parts.add_argument(
        "--keep", action="store_true",
        help="keep the seconds of the requests in notes.html, for a slow repeat; states that the other person has agreed",
    )  # fmt: skip
    parts.add_argument("--reference", metavar="PHOTO", type=path_of, help="compare the face with one photo, one to one")
    parts.add_argument("--consent", choices=(COMPARISON,), help="state that the person in the photo has agreed to it")
    parts.add_argument("--words", metavar="NAME", help="ask for the pair of words that NAME says (mien words)")
    parts.add_argument("--checklist", action="store_true", help="go through what helps: a call back, a second person")


def _region(text: str) -> tuple[int, int, int, int]:
    parts = text.split(",")
    try:
        left, top, width, height = map(int, parts)
    except ValueError:
        raise argparse.ArgumentTypeError("write X,Y,W,H: four whole numbers") from None
    return left, top, width, height


def _run(options: argparse.Namespace) -> int:
    from mien.assembly.check_requests import Asking
    from mien.check.requests.asks import USUAL, kinds_of
    from mien.commands.check_host import host_at_terminal
    from mien.commands.check_run import Request, run_check
    from mien.commands.options import data_of
    from mien.commands.verify_report import check_names

    reports: list[Path] = options.report
    check_names(reports)
    if options.seconds is not None and not options.seconds > 0:
        raise UsageError(f"invalid time of {options.seconds:g} s", "give more than 0 seconds")
    if options.consent and options.reference is None:
        raise UsageError("--consent is for a photo", "name the photo: --reference PHOTO")
    kinds = kinds_of(options.ask) if options.ask is not None else USUAL if options.requests else ()
    if options.keep and not kinds:
        raise UsageError("--keep is for requests", "add --requests")
    asking = Asking(kinds, options.keep, options.reference, options.consent)
    request = Request(
        options.source, options.region, options.seconds, tuple(reports), options.json, data_of(options), options.told, asking,
        options.words, options.checklist,
    )  # fmt: skip
    return run_check(request, host_at_terminal())
