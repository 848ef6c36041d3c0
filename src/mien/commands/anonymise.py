"""`mien anonymise`: its options, and the request they make."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mien.commands.messages import print_error, print_terms_once
from mien.commands.options import (
    EXIT_CODES,
    Commands,
    add_data,
    add_settings,
    add_signing,
    data_of,
    path_of,
    settings_of,
    signing_of,
)
from mien.commands.times import seconds_of

if TYPE_CHECKING:
    from mien.commands.anonymise_run import HidingRequest

_GROUPS = "label", "output", "limits"
"""Groups of settings that matter here."""
_KNOWN_LIMITS = """\
What is not hidden: plates, tattoos, name badges, clothes, gait, voices, backs of heads, reflections, faces under 10 pixels.
A stand-in is another face, not anonymity: hair, ears, body, clothes, gait and voice stay, and so do expressions.
Watch all of the output before you pass it on (docs/anonymise.md).

"""


def add(commands: Commands) -> None:
    """Add the command's parser."""
    parser = commands.add_parser(
        "anonymise",
        help="hide the faces in pictures and videos under covers",
        description="Hide every face in each TARGET (a picture, an animation, a video, or a folder of them), and write OUT.",
        epilog=_KNOWN_LIMITS + EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_arguments(parser)
    parser.set_defaults(run=_run, computes=True)


def add_arguments(parser: argparse.ArgumentParser, *, signing: bool = True) -> None:
    """Add the arguments of anonymising; `signing` adds the options of the key. `request_of` reads them."""
    parser.add_argument(
        "targets", metavar="TARGET", nargs="+", help="pictures, animations, videos, folders; * and ? are expanded"
    )
    parser.add_argument(
        "-o", "--output", metavar="OUT", required=True, help="output file, or a folder for it; several targets need a folder"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace existing outputs")
    parser.add_argument(
        "--with", dest="style", choices=("solid", "blur", "stand-in"), default="solid",
        help="cover: solid (default, nothing is left), blur (6 x 8 noisy colours, from which skin and hair can be guessed), "
        "stand-in (a blur, and over it a face of no one person where the face is sure: another face, not anonymity)",
    )  # fmt: skip
    parser.add_argument(
        "--keep", metavar="PHOTO|person-N", action="append", default=[],
        help="photo of a person whose face stays, or person N of a folder of `mien people` (FOLDER/N names one of another "
        "folder); may be repeated. Where the face is small, turned or unsure it is hidden all the same",
    )  # fmt: skip
    parser.add_argument(
        "--people", metavar="FOLDER", type=path_of,
        help="folder of `mien people` whose numbers --keep uses (default: TARGET's, TARGET.people)",
    )  # fmt: skip
    parser.add_argument(
        "--sound",
        choices=("keep", "drop", "disguise"),
        default="keep",
        help="sound of videos: keep (default; people can be told by their voices), drop, disguise (other pitch and formants)",
    )
    parser.add_argument(
        "--review", metavar="FOLDER", type=path_of,
        help="also write a local page of the risky moments, to be decided by hand; it shows faces as they are",
    )  # fmt: skip
    parser.add_argument(
        "--decisions", metavar="FILE", type=path_of, help="decisions saved on the review page of the same target and part"
    )
    parser.add_argument(
        "--if-none", choices=("refuse", "write"), default="refuse",
        help="a target in which no face was found: refuse (default), or write it unchanged but labelled",
    )  # fmt: skip
    parser.add_argument("--start", metavar="TIME", help="start of the part to write: seconds, MM:SS or HH:MM:SS")
    parser.add_argument("--end", metavar="TIME", help="end of the part to write")
    if signing:
        add_signing(parser)
    else:
        add_data(parser)
    parser.add_argument("--quiet", action="store_true", help="print warnings and errors only")
    add_settings(parser, _GROUPS)


def _run(options: argparse.Namespace) -> int:
    from mien.commands.anonymise_run import run_anonymise

    return run_anonymise(request_of(options), quiet=options.quiet, report=print_error)


def request_of(options: argparse.Namespace) -> "HidingRequest":
    """Return the request of the parsed arguments. Raises a `MienError`."""
    from mien.commands.anonymise_run import HidingRequest
    from mien.commands.targets import expand, files_of, is_folder_name, named_output, skipped_folders

    folders = any(Path(name).is_dir() for name in options.targets)
    named = expand(options.targets)
    targets = files_of(named)
    data = data_of(options)
    print_terms_once(data)
    return HidingRequest(
        targets=targets,
        output=named_output(options.output),
        into_folder=folders or is_folder_name(options.output, len(targets)),
        skipped=skipped_folders(named),
        overwrite=options.overwrite,
        style=options.style,
        keep=tuple(options.keep),
        people=options.people,
        sound=options.sound,
        review=options.review,
        decisions=options.decisions,
        write_if_none=options.if_none == "write",
        start_s=seconds_of(options.start),
        end_s=seconds_of(options.end),
        settings=settings_of(options),
        data=data,
        signing=signing_of(options),
    )
