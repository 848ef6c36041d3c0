"""`mien train`: train the harmonising network or the parser, or evaluate one; make the stand-ins."""

import argparse
from pathlib import Path
from typing import TypeAlias

from rich.console import Console

from mien.commands.options import Commands, path_of
from mien.commands.tables import print_json
from mien.errors import UsageError
from mien.system.extras import install_command

_Networks: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add(commands: Commands) -> None:
    """Add the command's parser."""
    train = commands.add_parser(
        "train",
        help="train the embedded networks on pictures that you may use",
        description="Train the harmonising network or the parser on a folder of portraits, or evaluate one.",
    )
    networks = train.add_subparsers(title="networks", metavar="NETWORK", required=True)
    _add_finish(networks)
    _add_parser(networks)
    _add_stand_ins(networks)


def _add_finish(networks: _Networks) -> None:
    finish = networks.add_parser(
        "finish",
        help="the harmonising network (docs/finish.md)",
        description="Train the harmonising network on a folder of portraits, or evaluate one (docs/finish.md).",
    )
    _add_common(finish, "finish.onnx")
    finish.add_argument("--minutes", type=float, default=20.0, help="training time, all runs together (default 20)")
    finish.add_argument(
        "--noncommercial", action="store_true", help="record in FILE that the portraits' licence forbids commercial use"
    )
    finish.add_argument("--swaps", type=int, default=100, help="number of swaps for --evaluate (default 100)")
    _refuse(finish, "parser", "--clips", "--steps")
    finish.set_defaults(run=_run_finish)


def _add_parser(networks: _Networks) -> None:
    parser = networks.add_parser(
        "parser",
        help="the parser of faces and occluders (docs/parser.md)",
        description="Train the parser on a folder of portraits and one of clips, or evaluate one (docs/parser.md).",
    )
    _add_common(parser, "parser.onnx")
    parser.add_argument(
        "--clips", metavar="FOLDER", type=path_of, help="videos of one person each, of which hands and bare faces are cut"
    )
    parser.add_argument("--steps", type=_steps, default=14000, help="training steps, all runs together (default 14000)")
    _refuse(parser, "finish", "--minutes", "--swaps", "--noncommercial")
    parser.set_defaults(run=_run_parser)


def _add_stand_ins(networks: _Networks) -> None:
    stand_ins = networks.add_parser(
        "stand-ins",
        help="no network: the faces of no one person (docs/stand-ins.md)",
        description="Mix stand-ins out of a folder of portraits: faces of no one person (docs/stand-ins.md).",
    )
    stand_ins.add_argument("data", metavar="DATA", type=path_of, help="portraits NAME_neutral.jpg in flat light, before grey")
    stand_ins.add_argument(
        "-o", "--output", metavar="FOLDER", type=path_of, default=Path("stand-ins"),
        help="folder for the pictures and their distances, sheet.csv (default stand-ins)",
    )  # fmt: skip
    stand_ins.add_argument(
        "--unlike", metavar="FOLDER", type=path_of, action="append", default=[],
        help="more portraits that no stand-in may resemble; may be repeated",
    )  # fmt: skip
    stand_ins.add_argument("--seed", type=_count, default=11, help="number that decides all draws (default 11)")
    stand_ins.add_argument("--draws", type=_count, default=200, help="number of mixtures to choose from (default 200)")
    stand_ins.set_defaults(run=_run_stand_ins)


def _add_common(parser: argparse.ArgumentParser, name: str) -> None:
    parser.add_argument("data", metavar="DATA", type=path_of, help="portraits in flat light; NAME_expression.jpg shows NAME")
    parser.add_argument("-o", "--output", metavar="FILE", type=path_of, help=f"the network (default {name})")
    parser.add_argument("--resume", action="store_true", help="continue from the checkpoint beside FILE")
    parser.add_argument(
        "--evaluate", action="store_true", help="do not train: evaluate FILE, or the bundled network without -o"
    )


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 2**31):
        raise argparse.ArgumentTypeError(f"invalid number {text!r}; use 1 or more")
    return int(text)


def _steps(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"invalid number of steps {text!r}; use 1 or more")
    return int(text)


class _OfTheOther(argparse.Action):
    """An option of another network, whose name is `const`: an error that says so."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        parser.error(f"{option_string} belongs to `mien train {self.const}` alone")


def _refuse(parser: argparse.ArgumentParser, owner: str, *options: str) -> None:
    """Refuse the options of another network by their name."""
    for option in options:
        parser.add_argument(option, action=_OfTheOther, nargs="?", const=owner, help=argparse.SUPPRESS)


def _run_finish(options: argparse.Namespace) -> int:
    try:
        from mien.lab.training import finish
    except ModuleNotFoundError as error:
        raise _missing(error) from error
    say = Console(stderr=True, highlight=False).print
    if options.evaluate:
        figures = finish.run_comparison(options.data, options.output, options.swaps, say)
    else:
        figures = finish.run_training(
            options.data, options.output or Path("finish.onnx"), options.minutes, say,
            resume=options.resume, noncommercial=options.noncommercial,
        )  # fmt: skip
    print_json(figures)
    return 0


def _run_parser(options: argparse.Namespace) -> int:
    try:
        from mien.lab.training.parser import recipe
    except ModuleNotFoundError as error:
        raise _missing(error) from error
    say = Console(stderr=True, highlight=False).print
    if options.evaluate:
        figures = recipe.run_evaluation(options.data, options.clips, options.output, say)
    else:
        output = options.output or Path("parser.onnx")
        figures = recipe.run_training(options.data, options.clips, output, options.steps, say, resume=options.resume)
    print_json(figures)
    return 0


def _run_stand_ins(options: argparse.Namespace) -> int:
    from mien.lab.training.stand_ins import recipe

    say = Console(stderr=True, highlight=False).print
    print_json(recipe.run(options.data, options.unlike, options.output, say, options.seed, options.draws))
    return 0


def _missing(error: ModuleNotFoundError) -> UsageError:
    return UsageError(f"training needs {error.name}, which is not installed", f"install it with: {install_command('train')}")
