"""Receipt: the credentials of a file that cannot hold them, in a file beside it."""

from pathlib import Path

SUFFIX = ".c2pa"
"""Suffix of receipts, added to the whole name of the file."""


def receipt_path(path: Path) -> Path:
    """Return the path of the receipt of a file, if it has one: `film.mkv.c2pa` beside `film.mkv`."""
    return path.with_name(path.name + SUFFIX)
