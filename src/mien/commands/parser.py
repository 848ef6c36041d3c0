"""The parser of the command line, made of the parsers of the commands.

A command's file holds its options beside its work; slow modules are imported when the command runs.
"""

import argparse
from collections.abc import Sequence
from types import ModuleType

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

_IN_ORDER: tuple[ModuleType, ...] = (
    swap,
    anonymise,
    film_parts,
    demo,
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
)
"""Modules in the order of the help; each is called like its command, but for `film_parts`."""
_FILM_PARTS = ("plan", "part", "join")


def build_parser(first_word: str | None = None) -> argparse.ArgumentParser:
    """Return the parser; the parsed options carry the function to `run`.

    `first_word` of the command line = add this command alone, where it is one: all of them take 20 ms.
    """
    parser = argparse.ArgumentParser(
        prog="mien",
        description="One photo of a face that you may use, worn in a picture or video: on this machine, always labelled.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"mien {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for module in [each for each in _IN_ORDER if first_word in _names_of(each)] or _IN_ORDER:
        if module is demo:
            demo.add(commands, _run_line)
        else:
            module.add(commands)
    return parser


def _names_of(module: ModuleType) -> tuple[str, ...]:
    return _FILM_PARTS if module is film_parts else (module.__name__.rpartition(".")[2],)


def _run_line(arguments: Sequence[str]) -> int:
    """Run a command as if it had been typed; errors pass."""
    options = build_parser(arguments[0]).parse_args(arguments)
    code: int = options.run(options)
    return code
