"""Options of `mien swap` that say who wears a face; light, because every command makes all parsers."""

import argparse
from typing import Literal, TypeAlias, get_args

Who: TypeAlias = Literal["everyone", "mapped", "largest", "centre", "me"]
WHO: tuple[Who, ...] = get_args(Who)
OTHERS = "leave", "blur", "cover"
"""Fates of a face that wears nothing, as in `mien.swap.cast`."""


def add_roles(parser: argparse.ArgumentParser) -> None:
    """Add the options of roles; `swap_roles.roles_of` reads them."""
    group = parser.add_argument_group("who wears a face (default: everyone wears PHOTO)")
    group.add_argument(
        "--map", metavar="PERSON=PHOTO", action="append", default=[],
        help="this person wears the face of this photo; PERSON is a number or name of a card of `mien people`, or a photo of "
        "the person; instead of both, a people.toml. May be repeated; then no PHOTO comes before the targets",
    )  # fmt: skip
    group.add_argument(
        "--people", metavar="FOLDER", help="folder of `mien people` whose numbers --map uses (default: TARGET's, TARGET.people)"
    )
    group.add_argument("--who", choices=WHO, help="faces that wear PHOTO; mapped = those of --map, me = that of --me")
    group.add_argument("--me", metavar="PHOTO", help="photo of the only person who is to wear a face")
    group.add_argument("--others", choices=OTHERS, help="what becomes of all other faces; default leave")
