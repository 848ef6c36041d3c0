"""The parser of the command line, made of the parsers of the commands.

A command's file holds its options beside its work; slow modules are imported when the command runs.
"""

import argparse
from collections.abc import Sequence

from mien import __version__
from mien.commands import (
    anonymise,
    batch,
    bench,
    certificate,
    check,
    consent,
    demo,
    devices,
    doctor,
    evaluate,
    film_parts,
    jobs,
    live,
    models,
    people,
    settings,
    swap,
    tokens,
    train,
    trust,
    verify,
    words,
)
from mien.commands.options import EXIT_CODES


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; the parsed options carry the function to `run`."""
    parser = argparse.ArgumentParser(
        prog="mien",
        description="One photo of a face that you may use, worn in a picture or video: on this machine, always labelled.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"mien {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    swap.add(commands)
    anonymise.add(commands)
    film_parts.add(commands)
    demo.add(commands, _run_line)
    for command in (
        people,
        jobs,
        batch,
        live,
        devices,
        consent,
        tokens,
        verify,
        check,
        words,
        trust,
        certificate,
        doctor,
        settings,
        models,
        bench,
        evaluate,
        train,
    ):
        command.add(commands)
    return parser


def _run_line(arguments: Sequence[str]) -> int:
    """Run a command as if it had been typed; errors pass."""
    options = build_parser().parse_args(arguments)
    code: int = options.run(options)
    return code
