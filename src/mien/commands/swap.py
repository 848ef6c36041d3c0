"""`mien swap`: its options, and the request they make."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.prompt import Confirm, Prompt

from mien.commands.messages import print_error, print_terms_once
from mien.commands.options import EXIT_CODES, Commands, add_settings, add_trust, data_of, settings_of, signing_of
from mien.commands.swap_options import add_roles
from mien.commands.times import seconds_of
from mien.errors import UsageError
from mien.provenance.consent import ADULT_STATEMENT, STATEMENTS

if TYPE_CHECKING:
    from mien.commands.swap_request import Request


_OUT = "OUT", "output file, or a folder for it; several targets need a folder"


def add(commands: Commands) -> None:
    """Add the command's parser."""
    swap = commands.add_parser(
        "swap",
        help="put the face of a photo onto the people in pictures and videos",
        usage="mien swap PHOTO TARGET... -o OUT [options]\n       mien swap --map PERSON=PHOTO TARGET... -o OUT [options]",
        description="Put the face of PHOTO onto the people in each TARGET (a picture, an animation or a video), or onto each "
        "person that --map names a face of their own, and write OUT.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_arguments(swap)
    swap.set_defaults(run=_run, computes=True)


def add_arguments(
    swap: argparse.ArgumentParser, *, signing: bool = True, place: tuple[str, str] = _OUT, one_film: bool = False
) -> None:
    """Add the arguments of a swap, for now or for later; `signing` has the options of the key. `request_of` reads them.

    `place` is the name of the output, and what it is; a plan is of `one_film`, and its help leaves out what it refuses.
    """
    targets = "the film" if one_film else "the pictures, animations and videos to swap faces in; * and ? are expanded"
    swap.add_argument(
        "files", metavar="[PHOTO] FILM" if one_film else "[PHOTO] TARGET", nargs="+",
        help="photo of the face to wear (jpeg, png, webp, tiff, bmp, gif, heic or avif), a short clip of one person, or a face "
        "of no one person that comes with mien: stand-in-1 to stand-in-16; omitted with --map. Then "
        + targets,
    )  # fmt: skip
    swap.add_argument("-o", "--output", metavar=place[0], required=True, help=place[1])
    swap.add_argument("--overwrite", action="store_true", help=_unless(one_film, "replace existing outputs"))
    swap.add_argument(
        "--also", metavar="PHOTO|CLIP", action="append", default=[],
        help="another photo of the same person, for what PHOTO does not show, or a clip of some 20 seconds in which the person "
        "talks, smiles and turns; may be repeated",
    )  # fmt: skip
    swap.add_argument("--source-face", metavar="N", type=int, help="which face of PHOTO, counted from the left")
    swap.add_argument(
        "--number-faces",
        metavar="PICTURE",
        type=Path,
        help="also write PHOTO with its faces numbered, for --source-face",
    )
    swap.add_argument("--start", metavar="TIME", help="start of the part to swap: seconds, MM:SS or HH:MM:SS")
    swap.add_argument("--end", metavar="TIME", help="end of the part to swap")
    add_roles(swap)
    add_trust(swap, several=True, signing=signing)
    swap.add_argument("--dry-run", action="store_true", help=_unless(one_film, "print what would be done; write nothing"))
    swap.add_argument("--quiet", action="store_true", help="print warnings and errors only")
    add_settings(swap)


def _unless(refused: bool, words: str) -> str:
    return argparse.SUPPRESS if refused else words


def _run(options: argparse.Namespace) -> int:
    request = request_of(options)
    from mien.assembly.embedded_networks import EmbeddedNetworks
    from mien.models.library.store import Store

    with EmbeddedNetworks(Store()) as networks:
        # Meanwhile: half of a start are imports.
        from mien.commands.swap_run import run_swap

        return run_swap(request, networks, quiet=options.quiet, report=print_error)


def request_of(options: argparse.Namespace) -> "Request":
    """Return the request of the parsed arguments. Raises a `MienError`."""
    from mien.assembly import stand_ins
    from mien.commands.swap_request import Request
    from mien.commands.swap_roles import consent_of, roles_of
    from mien.commands.targets import expand, is_folder_name, named_file, named_output

    roles, photo, names = roles_of(options)
    consent = consent_of(options)
    targets = expand(names)
    data = data_of(options)
    print_terms_once(data)
    terminal = sys.stdin.isatty() and sys.stderr.isatty()
    return Request(
        photo=None if photo is None else stand_ins.named(named_file(photo)),
        roles=roles,
        also=tuple(named_file(name) for name in options.also),
        targets=targets,
        output=named_output(options.output),
        into_folder=is_folder_name(options.output, len(targets)),
        overwrite=options.overwrite,
        source_face=options.source_face,
        number_faces=options.number_faces,
        start_s=seconds_of(options.start),
        end_s=seconds_of(options.end),
        dry_run=options.dry_run,
        settings=settings_of(options),
        data=data,
        signing=signing_of(options),
        consent=consent,
        adult=options.adult,
        ask=_ask_consent if terminal else None,
        ask_adult=_ask_adult if terminal else None,
    )


def _ask_consent(photo: Path) -> str:
    """Ask at the terminal for the reason; raises `UsageError` at the end of input."""
    console = Console(stderr=True, highlight=False)
    console.print(f"Why may the face in {escape(str(photo))} be used?")
    keys = list(STATEMENTS)
    for number, key in enumerate(keys, 1):
        console.print(f"  {number}  {STATEMENTS[key]}")
    try:
        answer = Prompt.ask("number", console=console, choices=[str(number) for number in range(1, len(keys) + 1)])
    except EOFError:
        raise UsageError("no consent was given for this face", f"add --consent {'|'.join(keys)}") from None
    return keys[int(answer) - 1]


def _ask_adult(photo: Path, why: str) -> bool:
    """Ask at the terminal whether the person is an adult; the end of input means no."""
    console = Console(stderr=True, highlight=False)
    console.print(f"{escape(str(photo))}: {escape(why)}.")
    try:
        return Confirm.ask(f"Do you state that {ADULT_STATEMENT}?", console=console, default=False)
    except EOFError:
        return False
