"""Marks of this installation, by which a check knows its own pictures."""

from collections.abc import Callable
from pathlib import Path

from mien.errors import ProvenanceError
from mien.provenance.ledger import Ledger
from mien.system.database import Database


def own_marks(data: Path) -> Callable[[int], bool]:
    """Return the test whether an id belongs to this installation; without a ledger none does."""
    database = Database(data)
    if not database.exists():
        return lambda mark_id: False
    ledger = Ledger(database)

    def is_own(mark_id: int) -> bool:
        try:
            return bool(ledger.with_mark(mark_id))
        except ProvenanceError:
            return False

    return is_own
