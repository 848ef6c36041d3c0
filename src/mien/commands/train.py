"""`mien train`: train the harmonising network, or evaluate one."""

import argparse
from pathlib import Path

from rich.console import Console

from mien.commands.options import Commands
from mien.commands.tables import print_json
from mien.errors import UsageError
from mien.system.extras import install_command


def add(commands: Commands) -> None:
    """Add the command's parser."""
    train = commands.add_parser(
        "train",
        help="train the harmonising network on portraits that you may use",
        description="Train the harmonising network on a folder of portraits, or evaluate one (docs/finish.md).",
    )
    train.add_argument("what", choices=("finish",), help="network to train")
    train.add_argument("data", metavar="DATA", type=Path, help="portraits in flat light; NAME_expression.jpg shows NAME")
    train.add_argument("-o", "--output", metavar="FILE", type=Path, help="the network (default finish.onnx)")
    train.add_argument("--minutes", type=float, default=20.0, help="training time, all runs together (default 20)")
    train.add_argument("--resume", action="store_true", help="continue from the checkpoint beside FILE")
    train.add_argument(
        "--noncommercial", action="store_true", help="record in FILE that the portraits' licence forbids commercial use"
    )
    train.add_argument("--evaluate", action="store_true", help="do not train: evaluate FILE, or the bundled network without -o")
    train.add_argument("--swaps", type=int, default=100, help="number of swaps for --evaluate (default 100)")
    train.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    try:
        from mien.lab.training import finish
    except ModuleNotFoundError as error:
        reason = f"training needs {error.name}, which is not installed"
        raise UsageError(reason, f"install it with: {install_command('train')}") from error
    console = Console(stderr=True, highlight=False)
    if options.evaluate:
        figures = finish.run_comparison(options.data, options.output, options.swaps, console.print)
    else:
        figures = finish.run_training(
            options.data, options.output or Path("finish.onnx"), options.minutes, console.print,
            resume=options.resume, noncommercial=options.noncommercial,
        )  # fmt: skip
    print_json(figures)
    return 0
