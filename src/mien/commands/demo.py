"""`mien demo`: the examples that ship with mien, and what is made of them."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from mien.errors import OutputError, UsageError
from mien.media.files.output_file import output_error

CONSENT = "public-domain"
_PHOTO = "eileen_collins.png"
_TARGETS = {"grace_hopper.jpg": "picture.png", "clip.mp4": "clip.mp4"}


@dataclass(frozen=True, slots=True)
class Demo:
    """The photo, and the swaps to make with it: (target, output) pairs."""

    photo: Path
    swaps: tuple[tuple[Path, Path], ...]

    @property
    def outputs(self) -> list[Path]:
        return [output for _, output in self.swaps]


@contextmanager
def open_demo(folder: Path, *, overwrite: bool) -> Iterator[Demo]:
    """Make the output folder and lend the bundled examples as files.

    Raises `OutputError` when the folder cannot be made, or holds one of the outputs already and `overwrite` is off, and
    `UsageError` when this installation lacks the examples.
    """
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
                    # Only an empty one goes.
                    folder.rmdir()


@contextmanager
def _example(name: str) -> Iterator[Path]:
    try:
        with resources.as_file(resources.files("mien") / "assets" / "demo" / name) as path:
            yield path
    except FileNotFoundError as error:
        raise UsageError(f"the bundled example {name} is missing", "install mien again") from error
