"""Folders of the checkout that tests read."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
"""The bundled pictures and the clip."""
DATA = ROOT / "tests" / "data"
"""Small files made by other programs (README.md there)."""
