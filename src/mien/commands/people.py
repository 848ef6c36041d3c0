"""`mien people`: find who is in films, once, so that a swap can be told who wears what."""

import argparse
from pathlib import Path

from mien.commands.options import EXIT_CODES, Commands, add_settings, path_of, settings_of

_SETTINGS = "tracking", "device", "precision", "limits"
"""Groups and names of the settings that count here: those of finding and following faces, and of opening files."""


def add(commands: Commands) -> None:
    """Add the command's parser."""
    people = commands.add_parser(
        "people",
        help="find who is in films and pictures: a card for each person, and a file to correct by hand",
        description="Find the people in each FILM (a video, an animation or a picture), and write FOLDER: contact.jpg with "
        "everybody, a card for each person, and people.toml to name them and correct the result. The folder holds faces: it is "
        "readable by you alone.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    people.add_argument("films", metavar="FILM", nargs="+", help="videos, animations and pictures; * and ? are expanded")
    people.add_argument(
        "-o", "--output", metavar="FOLDER", type=path_of, required=True, help="folder for the cards, such as film.people"
    )
    people.add_argument(
        "--recogniser", metavar="NAME", default="face_id_128",
        help="model that tells people apart: face_id_128 (built in), or an installed one whose limits were measured "
        "(mien evaluate --only people); runs with the cards use the same",
    )  # fmt: skip
    people.add_argument("--overwrite", action="store_true", help="replace the folder of an earlier run; your own files stay")
    people.add_argument("--quiet", action="store_true", help="print warnings and errors only")
    add_settings(people, _SETTINGS)
    people.set_defaults(run=_run, computes=True)


def _run(options: argparse.Namespace) -> int:
    from mien.commands.people_run import run_people
    from mien.commands.targets import expand, named_output

    output: Path = named_output(str(options.output))
    return run_people(
        expand(options.films), output, settings_of(options), str(options.recogniser),
        overwrite=options.overwrite, quiet=options.quiet,
    )  # fmt: skip
