"""Write MODELS.md out of the catalogue: `.venv/bin/python scripts/models_page.py`. A test holds that it is up to date."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from mien.models.library.inventory import needed_by, shown_size, way_to
from mien.models.library.store import ModelEntry, Store

PAGE = Path(__file__).parent.parent / "MODELS.md"
_INTRODUCTION = """\
# Models

Generated from `src/mien/models/catalogue.toml` by `scripts/models_page.py`; do not edit.

The embedded models ship with mien. All others are third-party weights, each under its own terms, and none of them ships:
`mien models pull` fetches one after it has shown you the licence, `mien models import` takes over a file that you have.
[docs/models.md](docs/models.md) describes both, and what is refused. A model may have several rows: exports with different
bytes.

In the column "how": *pull* = it has an address; *import* = its sha256 is known, but it lies in an archive or has no address
of its own; *import --trust* = no sha256 is published, so you have to say that you trust your file.
"""
_TITLES = {
    "swapper": "Swappers",
    "enhancer": "Enhancers",
    "segmenter": "Segmenters: occluders, and the regions of a face",
    "recogniser": "Recognisers: embeddings for most swappers",
    "converter": "Converters: from one recogniser's embeddings to another's",
    "detector": "Detectors",
}
_COLUMNS = "model", "what it is", "size", "licence", "in plain words", "how", "input"


def page(entries: Sequence[ModelEntry]) -> str:
    """Return the text of MODELS.md."""
    embedded = [entry for entry in entries if entry.bundled]
    others = [entry for entry in entries if not entry.bundled]
    parts = [_INTRODUCTION, "## Embedded\n", _table(("model", "role", "size", "licence", "by", "input"), [
        (f"`{entry.id}`", entry.role, shown_size(entry), entry.licence, entry.credit, entry.feed) for entry in embedded
    ])]  # fmt: skip
    for role, group in groupby(others, key=lambda entry: entry.role):
        parts += [f"## {_TITLES[role]}\n", _table(_COLUMNS, [_row(entry) for entry in group])]
    digests = [(f"`{entry.id}`", f"`{entry.sha256}`" if entry.sha256 else "not published") for entry in entries]
    parts += ["## sha256\n", _table(("model", "sha256"), digests)]
    return "\n".join(parts)


def _row(entry: ModelEntry) -> tuple[str, ...]:
    needs = " and ".join(" or ".join(f"`{name}`" for name in group) for group in needed_by(entry))
    what = f"{entry.origin}; by {entry.credit}" + (f"; works with {needs}" if needs else "")
    return f"`{entry.id}`", what, shown_size(entry), entry.licence, entry.terms, way_to(entry), entry.feed


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = (columns, ["---"] * len(columns), *rows)
    return "".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |\n" for line in lines)


if __name__ == "__main__":
    PAGE.write_text(page(Store().entries()), "utf-8")
