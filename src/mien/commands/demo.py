"""`mien demo`: swap and verify the bundled examples."""

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from mien.commands.options import Commands, add_data, data_of, path_of
from mien.errors import OutputError, UsageError
from mien.system.printable import printable

_CONSENT = "public-domain"
_PHOTO = "eileen_collins.png"
_TARGETS = {"grace_hopper.jpg": "picture.png", "clip.mp4": "clip.mp4"}


def add(commands: Commands, run_line: Callable[[Sequence[str]], int]) -> None:
    """Add the command's parser; `run_line` runs a command line and returns its exit code."""
    demo = commands.add_parser(
        "demo",
        help="try mien on the bundled examples: one photo, a picture and a clip",
        description="Swap a bundled photo into a bundled picture and a clip, verify the results and print where they are. "
        "All three are in the public domain.",
    )
    demo.add_argument(
        "-o", "--output", metavar="FOLDER", type=path_of, default=Path("mien-demo"),
        help="folder for the results (default mien-demo)",
    )  # fmt: skip
    demo.add_argument("--overwrite", action="store_true", help="replace the results of an earlier run")
    add_data(demo)
    demo.set_defaults(run=lambda options: _run(options, run_line), computes=True)


def _run(options: argparse.Namespace, run_line: Callable[[Sequence[str]], int]) -> int:
    """Run `mien swap` and `mien verify` as a person would type them."""
    common = ["--data", str(data_of(options))]
    with open_demo(options.output, overwrite=options.overwrite) as demo:
        for target, output in demo.swaps:
            out = [f"--output={output}", "--overwrite"]
            # After `--` a name that begins with a dash is still a name.
            run_line(["swap", "--consent", _CONSENT, *common, *out, "--", str(demo.photo), str(target)])
        code = run_line(["verify", *common, "--", *map(str, demo.outputs)])
    console = Console(highlight=False, soft_wrap=True, emoji=False)
    console.print("\nThe face of Eileen Collins (NASA) is now worn by Grace Hopper (United States Navy) in")
    for output in demo.outputs:
        console.print(f"  {escape(printable(str(output.absolute())))}")
    return code


@dataclass(frozen=True, slots=True)
class Demo:
    """The photo, and the swaps to make: (target, output) pairs."""

    photo: Path
    swaps: tuple[tuple[Path, Path], ...]

    @property
    def outputs(self) -> list[Path]:
        """The files that the swaps write."""
        return [output for _, output in self.swaps]


@contextmanager
def open_demo(folder: Path, *, overwrite: bool) -> Iterator[Demo]:
    """Make the output folder and yield the bundled examples as files.

    Raises `OutputError` when the folder cannot be made, or holds one of the outputs already and `overwrite` is off, and
    `UsageError` when this installation lacks the examples.
    """
    from mien.media.files.output_file import output_error

    outputs = {name: folder / output for name, output in _TARGETS.items()}
    made = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(error, folder) from error
    existing = next((output for output in outputs.values() if output.exists()), None)
    if existing is not None and not overwrite:
        raise OutputError(f"{existing} exists already", "name another folder with -o, or replace it with --overwrite")
    with ExitStack() as stack:
        examples = {name: stack.enter_context(_example(name)) for name in (_PHOTO, *outputs)}
        try:
            yield Demo(examples[_PHOTO], tuple((examples[name], output) for name, output in outputs.items()))
        finally:
            if made:
                with suppress(OSError):
                    # Succeeds only for an empty folder.
                    folder.rmdir()


@contextmanager
def _example(name: str) -> Iterator[Path]:
    try:
        with resources.as_file(resources.files("mien") / "assets" / "demo" / name) as path:
            yield path
    except FileNotFoundError as error:
        raise UsageError(f"the bundled example {name} is missing", "reinstall mien") from error
