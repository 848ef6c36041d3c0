"""`mien jobs`: the queue of files that are done one after the other, and that survives whatever ends mien."""

import argparse
from collections.abc import Callable
from pathlib import Path

from mien.commands import anonymise, swap
from mien.commands.options import EXIT_CODES, Commands, add_data, add_json, add_signing, job_of, path_of
from mien.provenance.consent import ADULT_STATEMENT, STATEMENTS

_IDS = "numbers of jobs, as `mien jobs list` shows them, or all"
_THEN = """\
--then runs a program when nothing is left to do. Its words are split as a shell splits them, at spaces outside quotes:
  mien jobs run --then "notify-send 'mien is done'"
No shell runs: variables, pipes and > mean nothing; name a script for these. MIEN_JOBS_DONE and MIEN_JOBS_FAILED hold counts.

"""


def add(commands: Commands) -> None:
    """Add the command's parser."""
    jobs = commands.add_parser(
        "jobs",
        help="queue files, run them, pause, retry: survives a crash or a restart",
        description="Queue files to be swapped or anonymised. The queue is kept on the disk; the studio shares it.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = jobs.add_subparsers(title="actions", required=True, metavar="ACTION")
    _add_add(actions)
    _add_list(actions)
    for name, words in (
        ("cancel", "cancel jobs; one that is running stops, and nothing is written"),
        ("pause", "pause jobs; one that is running stops, a long film goes on there after resume"),
        ("resume", "let paused jobs wait again"),
        ("retry", "let jobs that failed or were cancelled wait again"),
        ("remove", "take jobs off the list; the files that they wrote stay"),
    ):
        parser = actions.add_parser(name, help=words, description=f"{words[0].upper()}{words[1:]}.")
        ended = ", ended" if name == "remove" else ""
        parser.add_argument("ids", metavar="ID", nargs="+", help=f"{_IDS}{ended}")
        add_data(parser)
        parser.set_defaults(run=_later("jobs_control", "run_change"), action=name)
    _add_reorder(actions)
    _add_run(actions)
    template = actions.add_parser(
        "template", help="print a template for mien batch and --watch", description="Print a template, to be edited."
    )
    template.add_argument("kind", nargs="?", choices=("swap", "anonymise"), default="swap")
    template.set_defaults(run=_later("jobs_template", "run_template"))
    reset = actions.add_parser(
        "reset",
        help="move a damaged queue aside",
        description="Move a queue that cannot be read aside; the next job makes one.",
    )
    add_data(reset)
    reset.set_defaults(run=_later("jobs_control", "run_reset"))


def _add_add(actions: Commands) -> None:
    adding = actions.add_parser(
        "add",
        help="add files to the queue: mien jobs add swap ..., mien jobs add anonymise ...",
        description="Add files to the queue, with the arguments of `mien swap` and `mien anonymise`. The photo is read and "
        "consent is stated now; both are checked again when the job runs.",
    )
    kinds = adding.add_subparsers(title="kinds of jobs", required=True, metavar="KIND")
    to_swap = kinds.add_parser("swap", help="as mien swap", description="Add a job for each TARGET, as mien swap.")
    swap.add_arguments(to_swap, signing=False)
    to_swap.set_defaults(run=_later("jobs_add", "run_add_swap"))
    to_hide = kinds.add_parser(
        "anonymise", help="as mien anonymise", description="Add a job for each TARGET: arguments as for mien anonymise."
    )
    anonymise.add_arguments(to_hide, signing=False)
    to_hide.set_defaults(run=_later("jobs_add", "run_add_hiding"))


def _add_list(actions: Commands) -> None:
    listing = actions.add_parser("list", help="list the jobs in their order", description="List the jobs in their order.")
    listing.add_argument("--skipped", action="store_true", help="list instead what was left out of watched folders, and why")
    add_json(listing)
    add_data(listing)
    listing.set_defaults(run=_later("jobs_control", "run_list"))
    show = actions.add_parser("show", help="show a job: its files, settings and report", description="Show one job.")
    show.add_argument("id", metavar="ID", help="number of the job")
    add_json(show)
    add_data(show)
    show.set_defaults(run=_later("jobs_control", "run_show"))


def _add_reorder(actions: Commands) -> None:
    reorder = actions.add_parser(
        "reorder",
        help="move jobs in the queue",
        description="Move jobs that wait or are paused, in the order in which they are named.",
    )
    reorder.add_argument("ids", metavar="ID", nargs="+", help="numbers of jobs")
    place = reorder.add_mutually_exclusive_group(required=True)
    place.add_argument("--first", action="store_true", help="to the front")
    place.add_argument("--last", action="store_true", help="to the end")
    place.add_argument("--before", metavar="ID", help="before this job")
    place.add_argument("--after", metavar="ID", help="after this job")
    add_data(reorder)
    reorder.set_defaults(run=_later("jobs_control", "run_reorder"))


def _add_run(actions: Commands) -> None:
    run = actions.add_parser(
        "run",
        help="do the jobs that wait",
        description="Do the jobs that wait, until none is left. Ctrl-C lets the running one wait again.",
        epilog=_THEN + EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    run.add_argument(
        "film", metavar="JOB", nargs="?", type=job_of, help="make the missing parts of this film of `mien plan` instead"
    )
    run.add_argument(
        "--on", metavar="WHERE",
        help="with JOB: where its parts are made. local:N are N processes, ray:N a Ray cluster made here, ray://HOST:PORT one "
        "that runs; commands prints a command a line, openjd a job template, for other farms (default: as --workers says)",
    )  # fmt: skip
    add_run_options(run)
    run.add_argument(
        "--watch", metavar="FOLDER", type=path_of,
        help="go on until Ctrl-C, and add each file that appears in this folder and stays the same for 5 s",
    )  # fmt: skip
    run.add_argument(
        "--template", metavar="FILE", type=path_of, help="what is done with the files of --watch (`mien jobs template`)"
    )
    run.add_argument(
        "-o", "--output", metavar="FOLDER", type=path_of, help="folder for the results of --watch; with JOB, the film"
    )
    add_consent(run)
    # For the processes of --workers: say nothing at the end; stay when nothing waits.
    run.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    run.add_argument("--stay", action="store_true", help=argparse.SUPPRESS)
    run.set_defaults(run=_later("jobs_run", "run_jobs"), computes=True)


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of running jobs."""
    parser.add_argument("--workers", metavar="N", type=_count, default=1, help="processes that work side by side (default 1)")
    parser.add_argument("--then", metavar="COMMAND", help="run this program at the end; no shell is used, see below")
    parser.add_argument("--quiet", action="store_true", help="print warnings and errors only")
    add_signing(parser)


def add_consent(parser: argparse.ArgumentParser) -> None:
    """Add `--consent` and `--adult` for the photos of a template."""
    parser.add_argument(
        "--consent", metavar="[PHOTO=]WHY", action="append", default=[],
        help=f"why you may use the faces of the template: {', '.join(STATEMENTS)}",
    )  # fmt: skip
    parser.add_argument("--adult", action="store_true", help=f"state that {ADULT_STATEMENT}")


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _MOST_WORKERS:
        raise argparse.ArgumentTypeError(f"not a number from 1 to {_MOST_WORKERS}")
    return int(text)


_MOST_WORKERS = 64  # each takes 500 MB and a core


def _later(module: str, name: str) -> Callable[[argparse.Namespace], int]:
    """Return a function of a module of commands that is imported when it runs."""

    def run(options: argparse.Namespace) -> int:
        from importlib import import_module

        code: int = getattr(import_module(f"mien.commands.{module}"), name)(options)
        return code

    return run


def folder_of(path: Path) -> Path:
    """Return the absolute folder. Raises `UsageError` for anything else."""
    from mien.errors import UsageError

    if not path.is_dir():
        raise UsageError(f"{path} is not a folder", "name the folder that holds the files")
    return path.absolute()
