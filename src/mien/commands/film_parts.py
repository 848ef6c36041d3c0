"""`mien plan`, `mien part` and `mien join`: a film made in parts, on one machine or several."""

import argparse

from mien.commands.options import EXIT_CODES, Commands, add_signing, data_of, job_of, path_of, signing_of
from mien.commands.swap import add_arguments, request_of
from mien.errors import UsageError

_PLACE = "JOB", "new folder for the plan and its parts, or s3://BUCKET/NAME in an object store"
_JOB = "place of mien plan: a folder, or s3://BUCKET/NAME"


def add(commands: Commands) -> None:
    """Add the parsers of the three commands."""
    plan = commands.add_parser(
        "plan",
        help="plan a film to be made in parts",
        usage="mien plan PHOTO FILM -o JOB [options of mien swap]\n       mien plan --map PERSON=PHOTO FILM -o JOB [options]",
        description="Decode FILM once, cut it into parts, and write what all parts share into the new folder JOB: settings, "
        "the faces to wear, the statements of consent, and digests of the film and all models. JOB holds faces: it is private.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_arguments(
        plan,
        signing=False,
        place=("JOB", "new folder for the plan and its parts, or s3://BUCKET/NAME in an object store"),
        one_film=True,
    )
    plan.add_argument("--format", metavar="SUFFIX", help="format of the output, such as .mp4 (default: that of FILM)")
    plan.add_argument(
        "--estimate", action="store_true", help="make one part, which is kept, and say from it how long the film takes"
    )
    plan.add_argument("--machines", metavar="N", type=int, default=1, help="machines of --estimate, each like this one")
    plan.set_defaults(run=_plan, computes=True)
    part = commands.add_parser(
        "part",
        help="make parts of a planned film",
        description="Make part N, or parts N to M, of the film that was planned in JOB. A part that begins within a shot needs "
        "the one before it: until that is made, the exit code is 10. A part that is made already is kept.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    part.add_argument("job", metavar="JOB", type=job_of, help=_JOB)
    part.add_argument("numbers", metavar="N[-M]", type=_numbers, help="numbers of the parts, from 1")
    part.add_argument(
        "--second", action="store_true",
        help="make parts that another process is making, too: the first result counts, and the other ends",
    )  # fmt: skip
    part.add_argument(
        "--until-eof", action="store_true",
        help="stop when standard input ends, as a pipe does when the program that started this one is gone",
    )  # fmt: skip
    part.add_argument("--quiet", action="store_true", help="print errors only")
    part.set_defaults(run=_part, computes=True)
    join = commands.add_parser(
        "join",
        help="join the parts of a planned film",
        description="Join all parts of the film that was planned in JOB with the sound and all else of the film, sign the "
        "result and write OUT; then JOB is removed.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    join.add_argument("job", metavar="JOB", type=job_of, help=_JOB)
    join.add_argument("-o", "--output", metavar="OUT", required=True, type=path_of, help="output file")
    join.add_argument("--overwrite", action="store_true", help="replace an existing output")
    join.add_argument("--make", action="store_true", help="first make the parts that are missing: go on after a run ended")
    join.add_argument("--keep", action="store_true", help="keep JOB with its parts")
    join.add_argument("--quiet", action="store_true", help="print warnings and errors only")
    add_signing(join)
    join.set_defaults(run=_join, computes=True)


def _numbers(text: str) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    if not all(each.isdecimal() for each in (first, *([last] if dash else []))):
        raise argparse.ArgumentTypeError("not a part, such as 7, nor parts, such as 7-9")
    return int(first), int(last if dash else first)


def _plan(options: argparse.Namespace) -> int:
    from mien.commands.film_parts_run import PlanRequest, run_plan

    place = job_of(options.output)
    if options.dry_run:
        raise UsageError("a plan is a dry run already", "omit --dry-run")
    if options.overwrite:
        raise UsageError("a plan replaces nothing", "omit --overwrite; remove the folder, or choose a new one")
    # The name of the output says its format; the folder is checked by itself.
    options.output, options.overwrite = "film.mp4", True
    if options.machines != 1 and not options.estimate:
        raise UsageError("--machines is for --estimate", "add it")
    machines = options.machines if options.estimate else None
    return run_plan(PlanRequest(request_of(options), place, options.format, machines), quiet=options.quiet)


def _part(options: argparse.Namespace) -> int:
    from mien.commands.film_parts_run import PartRequest, run_part

    first, last = options.numbers
    request = PartRequest(options.job, first, last, second=options.second, until_eof=options.until_eof)
    return run_part(request, quiet=options.quiet)


def _join(options: argparse.Namespace) -> int:
    from mien.commands.film_parts_run import JoinRequest, run_join

    request = JoinRequest(
        options.job, options.output, options.overwrite, options.make, options.keep, data_of(options), signing_of(options)
    )
    return run_join(request, quiet=options.quiet)
