"""The name of a receipt: the credentials of a file that cannot hold them, in a file beside it."""

from pathlib import Path

SUFFIX = ".c2pa"
"""Added to the whole name."""


def receipt_path(path: Path) -> Path:
    """Where the receipt of a file lies, if it has one: `film.mkv.c2pa` beside `film.mkv`."""
    return path.with_name(path.name + SUFFIX)
