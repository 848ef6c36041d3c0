"""`mien batch`: many files by one template, through the queue."""

import argparse

from mien.commands.jobs import add_consent, add_run_options
from mien.commands.options import EXIT_CODES, Commands, path_of


def add(commands: Commands) -> None:
    """Add the command's parser."""
    batch = commands.add_parser(
        "batch",
        help="swap or anonymise many files by a template, through the queue",
        description="Add a job for each file to the queue, by a template (`mien jobs template`), and do them. What was not "
        "done when mien ended is done by `mien jobs run`.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    batch.add_argument("template", metavar="TEMPLATE", type=path_of, help="TOML file that says what is done")
    batch.add_argument("targets", metavar="FILE|FOLDER", nargs="+", help="files and folders; * and ? are expanded")
    batch.add_argument("-o", "--output", metavar="OUT", type=path_of, required=True, help="folder for the results")
    batch.add_argument("--add-only", action="store_true", help="add the jobs, and leave them to mien jobs run or the studio")
    add_consent(batch)
    add_run_options(batch)
    batch.set_defaults(run=_run, computes=True, worker=False, stay=False)


def _run(options: argparse.Namespace) -> int:
    from mien.commands.batch_run import run_batch

    return run_batch(options)
