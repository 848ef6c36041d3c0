"""Place of the page's files."""

from pathlib import Path

STATIC = Path(__file__).parent.parent / "static"
